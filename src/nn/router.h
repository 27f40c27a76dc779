// The router of a mixture of experts: which experts a token passes, and with which weights.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct RouterWeights {
  Weight gate;                         // [E, D]
  std::vector<float> correction_bias;  // [E]; empty when the spec has none
};

// Arena memory, rows of `per_token`. The experts of a token stand in ascending order.
struct Routing {
  int64_t tokens = 0, per_token = 0;
  int32_t* experts = nullptr;
  float* weights = nullptr;
};

// x [T, D]. Computes in float32 whatever the gate's type is and however other products are done.
Routing Route(const RouterSpec& spec, const RouterWeights& weights, MatrixView<const float> x,
              ComputeContext& ctx);

// The same for one token from its scores [E]: softmax or sigmoid of the gate's product. `bias` [E]
// or null, `choice` [E] and `state` [E] are scratch; writes experts_per_token elements to `experts`
// and `weights`. The higher score wins, of equal ones the lower index; a NaN beats everything, so
// that it reaches the result. Formula: docs/numerics.md, 8.
struct RouterScratch {
  float* choice;
  uint8_t* state;
};
void ChooseExperts(const RouterSpec& spec, const float* scores, const float* bias,
                   RouterScratch scratch, int32_t* experts, float* weights);

}  // namespace tael
