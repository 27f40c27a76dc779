// The gated delta rule over the tokens of each sequence: a matrix per head that forgets, learns and
// answers, kept as state between steps.
#pragma once

#include <cstdint>

#include "kv/batch.h"
#include "ops/causal_conv.h"
#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

struct DeltaRuleShape {
  int num_key_heads = 0, num_value_heads = 0;
  int key_dim = 0, value_dim = 0;  // of one head
  // Value head j reads key head j mod num_key_heads; else j / (num_value_heads / num_key_heads).
  bool tiled_value_heads = false;

  // Floats of state per sequence: [Hv, Dv, Dk].
  int64_t state() const { return int64_t{num_value_heads} * value_dim * key_dim; }
};

// What the tokens bring, one row each. Borrowed.
struct DeltaRuleInput {
  MatrixView<const float> query, key;  // [T, Hk * Dk], normalised
  MatrixView<const float> value;       // [T, Hv * Dv]
  MatrixView<const float> decay;       // [T, Hv], what is left of the state, 0 to 1
  MatrixView<const float> beta;        // [T, Hv], how much is learned, 0 to 1
};

// For each token and value head: S = decay S + beta (v - decay S k) k^T, out = S q. Tokens one
// after the other. out [T, Hv * Dv]. Brings the states of the batch's sequences to the end of the
// step and writes its snapshots. Order: docs/numerics.md, 14.
void DeltaRule(const DeltaRuleShape& shape, const Batch& batch, const DeltaRuleInput& input,
               const StatePlace& place, MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
