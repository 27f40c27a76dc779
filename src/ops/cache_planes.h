// Rows of the cache beside keys and values: planes that hold what a layer derives from positions.
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"

namespace tael {

// One plane of one layer (KvLayout::planes).
struct PlaneId {
  int layer = 0, plane = 0;
};

// Entry `index` of a plane whose entries each sum up `ratio` positions: it lies in the block of the
// last of them.
uint8_t* PlaneEntry(const BatchSequence& sequence, PlaneId id, int64_t index, int ratio,
                    KvCache& cache);

// Rows that such a plane needs per block: as many entries as can end in it.
constexpr int EntriesPerBlock(int ratio) { return (kKvBlockPositions + ratio - 1) / ratio; }

}  // namespace tael
