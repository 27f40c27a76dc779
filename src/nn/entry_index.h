// Which summed-up entries a row sees: those whose own small keys fit its small queries best.
#pragma once

#include "nn/compressor.h"
#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Of the rows of a batch. Arena memory.
struct EntryChoice {
  const uint64_t* bits = nullptr;  // [T, words]: bit j of word w is entry 64 w + j
  int64_t words = 0;
  const uint8_t* limited = nullptr;  // [T]; 0: the row sees all entries that are complete

  bool Has(int64_t t, int64_t entry) const {
    return limited[t] == 0 || (bits[t * words + entry / 64] >> (entry % 64) & 1) != 0;
  }
};

class EntryIndex {
 public:
  // REQUIRES: Compress() was called with `shape`. Borrows its arguments.
  EntryIndex(const IndexerSpec& spec, const CompressorShape& shape, const AttentionStep& step)
      : spec_(spec), shape_(shape), step_(step) {}

  // Whether a row of the batch has more entries than it may see.
  bool NeedsChoice() const;

  // Memory for [T, Hi * Di].
  MatrixView<float> NewQueries(ComputeContext& ctx) const;

  // queries [T, Hi * Di], rotated; x [T, D] the input of the layer, of which head_weights [Hi, D]
  // make what each head counts. Of equal scores the earlier entry. Order: docs/numerics.md, 16.
  EntryChoice Choose(MatrixView<const float> queries, const Weight& head_weights,
                     MatrixView<const float> x, ComputeContext& ctx) const;

 private:
  const IndexerSpec& spec_;
  const CompressorShape& shape_;
  const AttentionStep& step_;
};

}  // namespace tael
