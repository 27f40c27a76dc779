// The router of a mixture of experts: which experts a token passes, and with which weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct RouterWeights {
  Weight gate;                         // [E, D]
  std::vector<float> correction_bias;  // [E] each; empty when the spec has none
  std::vector<float> gate_bias = {}, expert_scales = {};
  // [V, experts_per_token]: the experts of each token, distinct; borrowed. Null when the spec
  // chooses otherwise.
  const uint8_t* token_experts = nullptr;
  DType token_experts_dtype = DType::kI64;  // or kI32, in GGUF files
};

// Arena memory, rows of `per_token`. The experts of a token stand in ascending order.
struct Routing {
  int64_t tokens = 0, per_token = 0;
  int32_t* experts = nullptr;
  float* weights = nullptr;
};

// x [T, D], the rows of `tokens` [T] (read only where the spec chooses by token). Computes in
// float32 whatever the gate's type is and however other products are done.
Routing Route(const RouterSpec& spec, const RouterWeights& weights, MatrixView<const float> x,
              std::span<const int32_t> tokens, ComputeContext& ctx);

// The same for one token from its scores [E], in two steps. `choice` [E] and `state` [E] are
// scratch. First the experts, into experts_per_token elements of `experts`: the higher score wins,
// of equal ones the lower index; a NaN beats everything, so that it reaches the result. Then their
// weights, into as many of `mixed`. Formulas: docs/numerics.md, 8.
struct RouterScratch {
  float* choice;
  uint8_t* state;
};
void LookUpExperts(const RouterSpec& spec, const RouterWeights& weights, int32_t token,
                   int32_t* experts);  // for ExpertChoice::kByToken
void ChooseExperts(const RouterSpec& spec, const std::vector<float>& correction_bias,
                   const float* scores, RouterScratch scratch, int32_t* experts);
void WeighExperts(const RouterSpec& spec, const RouterWeights& weights, const float* scores,
                  const KernelTable& kernels, const int32_t* experts, float* mixed);

}  // namespace tael
