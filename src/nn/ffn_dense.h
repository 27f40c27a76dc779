// The gated feed-forward block: down(act(gate(x)) * up(x)).
#pragma once

#include <span>
#include <vector>

#include "ops/compute_context.h"
#include "ops/matmul.h"
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

// Rows [first_input_row, first_input_row + rows) of the input through one block of several alike,
// into rows from first_row on of the result.
struct FfnPart {
  const DenseFfnWeights* weights = nullptr;
  int64_t first_input_row = 0, first_row = 0, rows = 0;
};

// All parts at once: the first two products of all of them are one parallel loop, the last one of
// all of them another. The parts' rows of `out` follow one another and are all of it.
void FfnForward(const DenseFfnSpec& spec, std::span<const FfnPart> parts, MatmulInput& x,
                MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
