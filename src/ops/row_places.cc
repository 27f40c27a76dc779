#include "ops/row_places.h"

#include <algorithm>

namespace tael {

RowPlace* PlaceRows(const Batch& batch, ComputeContext& ctx) {
  auto* places = ctx.arena.Allocate<RowPlace>(static_cast<int64_t>(batch.tokens.size()));
  const auto sequences = static_cast<int64_t>(batch.sequences.size());
  ctx.pool.ParallelFor(sequences, sequences, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const BatchSequence& sequence = batch.sequences[static_cast<size_t>(s)];
      for (int i = 0; i < sequence.count; ++i) {
        places[sequence.first_row + i] = {&sequence, sequence.begin + i};
      }
    }
  });
  return places;
}

int64_t LongestSequence(const Batch& batch) {
  int64_t longest = 0;
  for (const BatchSequence& s : batch.sequences) {
    longest = std::max<int64_t>(longest, s.begin + s.count);
  }
  return longest;
}

}  // namespace tael
