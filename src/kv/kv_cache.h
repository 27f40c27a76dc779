// Paged keys and values of all layers: blocks of 64 positions, any sequence may own any block.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/memory.h"
#include "quant/dtype.h"

namespace tael {

using BlockId = int32_t;
inline constexpr int kKvBlockPositions = 64;  // = kKvBlockSize of the kernels

// Further rows of a layer, for what it derives from positions.
struct KvPlane {
  int rows = 0;  // in a block of 64 positions
  int width = 0;
};

// Row sizes of one layer: what attention stores per position.
struct KvLayout {
  int num_kv_heads = 0, head_dim = 0;
  // Above 0: there are no rows of values; a value is the first `latent_dim` elements of its key.
  int latent_dim = 0;
  // Above 0: one more row of this width, the key by which an indexer finds positions.
  int index_dim = 0;
  std::vector<KvPlane> planes = {};
  // Above 0: only so many elements of a row of values are used.
  int value_part = 0;

  int value_dim() const {
    return latent_dim > 0 ? latent_dim : value_part > 0 ? value_part : head_dim;
  }
  bool FitsBlocksOf(DType dtype) const;  // every row is a whole number of blocks
  // Of one position: keys, values and index key. REQUIRES: FitsBlocksOf(dtype).
  int64_t PositionBytes(DType dtype) const;
  int64_t BlockBytes(DType dtype) const;  // of 64 positions, planes included
};

// The memory of a block, per layer: K [num_kv_heads, 64, head_dim], then V the same, then index
// keys [64, index_dim], then the planes [rows, width], in `dtype`; the layout says which there are.
class KvCache {
 public:
  // Bytes of `num_blocks` blocks for each of `layers`. REQUIRES: `dtype` is kF32, kF16, kBF16 or
  // kQ8_0, and every layout FitsBlocksOf() it.
  static int64_t Bytes(const std::vector<KvLayout>& layers, DType dtype, int num_blocks);
  // A cache of that size. Memory is reserved, not touched. Throws kExhausted.
  KvCache(const std::vector<KvLayout>& layers, DType dtype, int num_blocks);

  DType dtype() const { return dtype_; }
  int num_blocks() const { return num_blocks_; }
  // First position of the block for one head of one layer.
  uint8_t* Keys(int layer, BlockId block, int kv_head);
  uint8_t* Values(int layer, BlockId block, int kv_head);  // the keys, where a layer has no others
  uint8_t* IndexKeys(int layer, BlockId block);            // REQUIRES: index_dim > 0
  uint8_t* PlaneRow(int layer, int plane, BlockId block, int64_t row);
  const KvLayout& layout(int layer) const { return layers_[static_cast<size_t>(layer)].layout; }
  int head_dim(int layer) const { return layout(layer).head_dim; }
  // Of one position of one head; rows of values lie as far apart.
  int64_t row_bytes(int layer) const;
  int64_t bytes() const { return bytes_; }
  std::span<uint8_t> memory() const { return memory_.bytes(); }  // all of it, for populating

 private:
  struct Layer {
    KvLayout layout;
    int64_t offset = 0;
    int64_t head_bytes = 0, block_bytes = 0;  // 64 positions: of one head, of all there is
    std::vector<int64_t> plane_offsets;       // in a block
  };
  DType dtype_;
  int num_blocks_;
  int64_t bytes_ = 0;
  std::vector<Layer> layers_;
  SystemMemory memory_;
};

}  // namespace tael
