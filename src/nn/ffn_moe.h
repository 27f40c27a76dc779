// Mixture of experts: tokens grouped by expert, results added in expert index order.
#pragma once

#include <vector>

#include "nn/ffn_dense.h"
#include "nn/router.h"
#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct MoeFfnWeights {
  RouterWeights router;
  std::vector<DenseFfnWeights> experts;  // [E]
  DenseFfnWeights shared;                // empty matrices when the spec has no shared expert
  std::vector<float> shared_gate;        // [D]; empty when the spec has none
};

// The shared expert's gate as a matrix [1, D] of the same memory.
Weight SharedGateRow(const MoeFfnWeights& weights);

// Which tokens pass which expert; arena memory. The tokens of expert e stand in ascending order at
// [begins[e], begins[e + 1]).
struct ExpertGroups {
  bool known = false;         // false with an imagined pool: nothing was routed
  int32_t* begins = nullptr;  // [E + 1]
  int32_t* tokens = nullptr;  // [T * per_token]
  float* weights = nullptr;   // of the same shape
  int32_t* places = nullptr;  // [T, per_token]: where tokens and weights have them, ascending
  int64_t per_token = 0;
};
ExpertGroups GroupByExpert(const Routing& routing, int num_experts, ComputeContext& ctx);

// x [T, D], the rows of `tokens` -> out [T, D]. `out` must not alias `x`. Takes the same scratch
// memory for every routing.
void MoeFfnForward(const MoeFfnSpec& spec, const MoeFfnWeights& weights, MatrixView<const float> x,
                   std::span<const int32_t> tokens, MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
