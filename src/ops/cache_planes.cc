#include "ops/cache_planes.h"

namespace tael {

uint8_t* PlaneEntry(const BatchSequence& sequence, PlaneId id, int64_t index, int ratio,
                    KvCache& cache) {
  const int64_t last = (index + 1) * ratio - 1;
  const BlockId block = sequence.blocks[static_cast<size_t>(last / kKvBlockPositions)];
  return cache.PlaneRow(id.layer, id.plane, block, index % EntriesPerBlock(ratio));
}

}  // namespace tael
