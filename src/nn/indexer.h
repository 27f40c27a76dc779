// The indexer of sparse attention: small queries and keys of its own that say which positions a row
// attends to (docs/numerics.md, 11).
#pragma once

#include <optional>
#include <vector>

#include "nn/attention_gqa.h"
#include "ops/attention.h"
#include "ops/compute_context.h"
#include "ops/rope.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct IndexerWeights {
  Weight query;                                // [Hi * Di, Rq]
  Weight key;                                  // [Di, D]
  std::vector<float> key_norm, key_norm_bias;  // [Di]
  Weight head_weights;                         // [Hi, D]
  RopeFrequencies rope;                        // of the first elements of queries and keys
};

// What the indexer sees of the layer.
struct IndexerInput {
  MatrixView<const float> x;             // [T, D], normed
  MatrixView<const float> query_source;  // [T, Rq]: what the queries of attention are made of
  const RopeTables& tables;
};

// Stores the batch's index keys, then chooses; nullopt when every row sees all of its positions.
std::optional<Selection> IndexerForward(const IndexerSpec& spec, const IndexerWeights& weights,
                                        const AttentionStep& step, const IndexerInput& input,
                                        ComputeContext& ctx);

}  // namespace tael
