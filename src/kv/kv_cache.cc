#include "kv/kv_cache.h"

#include <new>

#include "base/error.h"

namespace tael {
namespace {

// 64 positions of one head.
int64_t HeadBytes(const KvLayout& layout, DType dtype) {
  TAEL_CHECK(layout.head_dim % Info(dtype).block_size == 0);
  return kKvBlockPositions * *StorageBytes(dtype, layout.head_dim);
}

}  // namespace

int64_t KvCache::Bytes(const std::vector<KvLayout>& layers, DType dtype, int num_blocks) {
  int64_t bytes = 0;
  for (const KvLayout& layout : layers) {
    bytes += 2 * HeadBytes(layout, dtype) * layout.num_kv_heads * num_blocks;
  }
  return bytes;
}

KvCache::KvCache(const std::vector<KvLayout>& layers, DType dtype, int num_blocks)
    : dtype_(dtype), num_blocks_(num_blocks) {
  TAEL_CHECK(num_blocks > 0);
  for (const KvLayout& layout : layers) {
    Layer layer{.layout = layout, .offset = bytes_};
    layer.head_bytes = HeadBytes(layout, dtype);
    layers_.push_back(layer);
    bytes_ += 2 * layer.head_bytes * layout.num_kv_heads * num_blocks;
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
  return memory_.data() + l.offset +
         (int64_t{2} * block * l.layout.num_kv_heads + kv_head) * l.head_bytes;
}

uint8_t* KvCache::Values(int layer, BlockId block, int kv_head) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  return Keys(layer, block, kv_head) + l.layout.num_kv_heads * l.head_bytes;
}

int64_t KvCache::row_bytes(int layer) const {
  return layers_[static_cast<size_t>(layer)].head_bytes / kKvBlockPositions;
}

}  // namespace tael
