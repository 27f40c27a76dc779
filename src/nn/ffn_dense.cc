#include "nn/ffn_dense.h"

#include "ops/activation.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {

void DenseFfnForward(const DenseFfnSpec& spec, const DenseFfnWeights& weights,
                     MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const MatrixView<float> gate = NewMatrix(x.rows, spec.intermediate_size, ctx);
  const MatrixView<float> up = NewMatrix(x.rows, spec.intermediate_size, ctx);
  MatmulInput input(x, ctx);
  Matmul(input, weights.gate, gate, ctx);
  Matmul(input, weights.up, up, ctx);
  AddBias(weights.gate_bias, gate, ctx);
  AddBias(weights.up_bias, up, ctx);
  switch (spec.activation) {
    case Activation::kSilu:
      SiluMultiply(Const(up), gate, ctx);
      break;
    case Activation::kGeluTanh:
      GeluTanhMultiply(Const(up), gate, ctx);
      break;
    case Activation::kClampedSilu:
      ClampedSiluMultiply(Const(up), {spec.clamp.limit, spec.clamp.alpha, spec.clamp.up_offset},
                          gate, ctx);
      break;
  }
  MatmulInput gated(Const(gate), ctx);
  Matmul(gated, weights.down, out, ctx);
  AddBias(weights.down_bias, out, ctx);
}

}  // namespace tael
