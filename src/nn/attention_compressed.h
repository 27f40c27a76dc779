// Attention with entries: one cache row per position is key and value of all heads; a row sees
// the last positions as they are and what lies behind them as entries that sum up runs of
// positions.
#pragma once

#include <vector>

#include "nn/attention_gqa.h"
#include "nn/compressor.h"
#include "ops/compute_context.h"
#include "ops/rope.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Finds the entries that a row sees.
struct EntryIndexWeights {
  Weight query;         // [Hi * Di, Rq]
  Weight head_weights;  // [Hi, D]
  CompressorWeights compressor;
};

struct CompressedWeights {
  Weight query_down, query;            // [Rq, D], [H * Dh, Rq]
  std::vector<float> query_down_norm;  // [Rq]
  std::vector<float> query_norm;       // [Dh] of ones: queries are normalised without gains
  Weight shared;                       // [Dh, D]: key and value
  std::vector<float> shared_norm;      // [Dh]
  std::vector<float> sinks;            // [H]
  std::vector<Weight> output_down;     // per group of heads [Ro, H * Dh / G]
  Weight output;                       // [D, G * Ro]
  RopeFrequencies rope;
  CompressorWeights compressor;  // empty where the spec has no entries
  EntryIndexWeights index;       // empty where the spec has no indexer
};

// What a layer stores beside the rows of positions.
std::vector<KvPlane> PlanesOf(const CompressedSpec& spec);

// Floats that a sequence keeps between steps: what unfinished entries are made of.
int64_t StateSize(const CompressedSpec& spec);

// x [T, D] (normed) -> out [T, D]. Brings the states of the batch's sequences to the end of the
// step. Order: docs/numerics.md, 16.
void CompressedForward(const CompressedSpec& spec, const CompressedWeights& weights,
                       const AttentionStep& step, MatrixView<const float> x, MatrixView<float> out,
                       ComputeContext& ctx);

}  // namespace tael
