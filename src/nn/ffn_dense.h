// The gated feed-forward block: down(act(gate(x)) * up(x)).
#pragma once

#include <vector>

#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct DenseFfnWeights {
  Weight gate, up, down;                             // [F, D], [F, D], [D, F]
  std::vector<float> gate_bias, up_bias, down_bias;  // empty when the spec has none
};

// x [T, D] -> out [T, D].
void DenseFfnForward(const DenseFfnSpec& spec, const DenseFfnWeights& weights,
                     MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
