#include "ops/cache_planes.h"

#include "ops/row_places.h"

namespace tael {

uint8_t* PlaneRow(const BatchSequence& sequence, PlaneId id, int64_t position, KvCache& cache) {
  const BlockId block = sequence.blocks[static_cast<size_t>(position / kKvBlockPositions)];
  return cache.PlaneRow(id.layer, id.plane, block, position % kKvBlockPositions);
}

uint8_t* PlaneEntry(const BatchSequence& sequence, PlaneId id, int64_t index, int ratio,
                    KvCache& cache) {
  const int64_t last = (index + 1) * ratio - 1;
  const BlockId block = sequence.blocks[static_cast<size_t>(last / kKvBlockPositions)];
  return cache.PlaneRow(id.layer, id.plane, block, index % EntriesPerBlock(ratio));
}

void StorePlaneRows(const Batch& batch, PlaneId id, MatrixView<const float> x, KvCache& cache,
                    ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const RowPlace* places = PlaceRows(batch, ctx);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      ctx.kernels.to_cache(x.row(t), static_cast<size_t>(x.cols), cache.dtype(),
                           PlaneRow(*places[t].sequence, id, places[t].position, cache));
    }
  });
  ctx.arena.Release(mark);
}

}  // namespace tael
