// Depthwise causal convolution over the tokens of each sequence, then SiLU, with the last inputs
// kept as state between steps.
#pragma once

#include <cstdint>
#include <vector>

#include "kv/batch.h"
#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

// Where in the slots of a StateCache one operation keeps its part.
struct StatePlace {
  StateCache& states;
  int layer = 0;
  int64_t offset = 0;  // in floats, inside the layer's part of a slot

  float* At(StateSlot slot) const { return states.Of(layer, slot) + offset; }
};

// Floats of state per sequence: the inputs of the last taps - 1 tokens [taps - 1, C], oldest first.
constexpr int64_t CausalConvState(int taps, int64_t channels) { return (taps - 1) * channels; }

// out[t][c] = silu(sum over j of weights[j][c] * x[t - taps + 1 + j][c]), x being 0 before the
// first token of a sequence. weights [taps, C], x and out [T, C], not aliased. Brings the states of
// the batch's sequences to the end of the step and writes its snapshots. Order:
// docs/numerics.md, 14.
void CausalConvSilu(const Batch& batch, const std::vector<float>& weights,
                    MatrixView<const float> x, const StatePlace& place, MatrixView<float> out,
                    ComputeContext& ctx);

}  // namespace tael
