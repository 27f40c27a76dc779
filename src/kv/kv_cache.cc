#include "kv/kv_cache.h"

#include <new>

#include "base/error.h"

namespace tael {
bool KvLayout::FitsBlocksOf(DType dtype) const {
  const int block = Info(dtype).block_size;
  for (const KvPlane& plane : planes) {
    if (plane.width % block != 0) return false;
  }
  return head_dim % block == 0 && value_part % block == 0 && latent_dim % block == 0 &&
         index_dim % block == 0;
}

int64_t KvLayout::PositionBytes(DType dtype) const {
  TAEL_CHECK(FitsBlocksOf(dtype));
  const int64_t rows = num_kv_heads * (latent_dim > 0 ? 1 : 2);
  return rows * *StorageBytes(dtype, head_dim) + *StorageBytes(dtype, index_dim);
}

int64_t KvLayout::BlockBytes(DType dtype) const {
  int64_t bytes = kKvBlockPositions * PositionBytes(dtype);
  for (const KvPlane& plane : planes) bytes += plane.rows * *StorageBytes(dtype, plane.width);
  return bytes;
}

int64_t KvCache::Bytes(const std::vector<KvLayout>& layers, DType dtype, int num_blocks) {
  int64_t bytes = 0;
  for (const KvLayout& layout : layers) {
    bytes += layout.BlockBytes(dtype) * num_blocks;
  }
  return bytes;
}

KvCache::KvCache(const std::vector<KvLayout>& layers, DType dtype, int num_blocks)
    : dtype_(dtype), num_blocks_(num_blocks) {
  TAEL_CHECK(num_blocks > 0);
  for (const KvLayout& layout : layers) {
    layers_.push_back({.layout = layout,
                       .offset = bytes_,
                       .head_bytes = kKvBlockPositions * *StorageBytes(dtype, layout.head_dim),
                       .block_bytes = layout.BlockBytes(dtype),
                       .plane_offsets = {}});
    int64_t offset = kKvBlockPositions * layout.PositionBytes(dtype);
    for (const KvPlane& plane : layout.planes) {
      layers_.back().plane_offsets.push_back(offset);
      offset += plane.rows * *StorageBytes(dtype, plane.width);
    }
    bytes_ += layers_.back().block_bytes * num_blocks;
  }
  try {
    memory_ = SystemMemory(bytes_);
  } catch (const std::bad_alloc&) {
    Fail(ErrorCode::kExhausted,
         "the cache of keys and values needs {} bytes for {} positions, and the system gives no "
         "such memory. Hint: use a smaller context (--ctx) or a smaller cache type (--kv f16, "
         "q8_0)",
         bytes_, int64_t{num_blocks} * kKvBlockPositions);
  }
}

uint8_t* KvCache::Keys(int layer, BlockId block, int kv_head) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  TAEL_DCHECK(block >= 0 && block < num_blocks_ && kv_head < l.layout.num_kv_heads);
  return memory_.data() + l.offset + block * l.block_bytes + kv_head * l.head_bytes;
}

uint8_t* KvCache::Values(int layer, BlockId block, int kv_head) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  uint8_t* keys = Keys(layer, block, kv_head);
  return l.layout.latent_dim > 0 ? keys : keys + l.layout.num_kv_heads * l.head_bytes;
}

uint8_t* KvCache::IndexKeys(int layer, BlockId block) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  TAEL_DCHECK(l.layout.index_dim > 0);
  return Values(layer, block, 0) + l.layout.num_kv_heads * l.head_bytes;
}

uint8_t* KvCache::PlaneRow(int layer, int plane, BlockId block, int64_t row) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  const KvPlane& shape = l.layout.planes[static_cast<size_t>(plane)];
  TAEL_DCHECK(block >= 0 && block < num_blocks_ && row >= 0 && row < shape.rows);
  return memory_.data() + l.offset + block * l.block_bytes +
         l.plane_offsets[static_cast<size_t>(plane)] + row * *StorageBytes(dtype_, shape.width);
}

int64_t KvCache::row_bytes(int layer) const {
  return layers_[static_cast<size_t>(layer)].head_bytes / kKvBlockPositions;
}

}  // namespace tael
