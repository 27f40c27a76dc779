#include "kv/kv_cache.h"

#include <sys/mman.h>

#include "base/error.h"

namespace tael {

void UnmapMemory::operator()(uint8_t* memory) const { munmap(memory, static_cast<size_t>(bytes)); }

KvCache::KvCache(const std::vector<KvLayout>& layers, DType dtype, int num_blocks)
    : dtype_(dtype), num_blocks_(num_blocks) {
  TAEL_CHECK(num_blocks > 0);
  for (const KvLayout& layout : layers) {
    Layer layer{.layout = layout, .offset = bytes_};
    TAEL_CHECK(layout.head_dim % Info(dtype).block_size == 0);
    layer.head_bytes = kKvBlockPositions * *StorageBytes(dtype, layout.head_dim);
    layers_.push_back(layer);
    bytes_ += 2 * layer.head_bytes * layout.num_kv_heads * num_blocks;
  }
  void* memory = mmap(nullptr, static_cast<size_t>(bytes_), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    Fail(ErrorCode::kExhausted,
         "the cache of keys and values needs {} bytes for {} positions, and the system gives no "
         "such "
         "memory. Hint: use a smaller context (--ctx) or a smaller cache type (--kv f16, q8_0)",
         bytes_, int64_t{num_blocks} * kKvBlockPositions);
  }
  memory_ =
      std::unique_ptr<uint8_t, UnmapMemory>(static_cast<uint8_t*>(memory), UnmapMemory{bytes_});
}

uint8_t* KvCache::Keys(int layer, BlockId block, int kv_head) {
  const Layer& l = layers_[static_cast<size_t>(layer)];
  TAEL_DCHECK(block >= 0 && block < num_blocks_ && kv_head < l.layout.num_kv_heads);
  return memory_.get() + l.offset +
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
