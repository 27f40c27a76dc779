#include "nn/ffn_dense.h"

#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

// gate = activation(gate, up) for columns [begin, end).
void Activate(const DenseFfnSpec& spec, const KernelTable& kernels, MatrixView<float> gate,
              MatrixView<float> up, int64_t begin, int64_t end) {
  const auto n = static_cast<size_t>(end - begin);
  for (int64_t t = 0; t < gate.rows; ++t) {
    float *g = gate.row(t) + begin, *u = up.row(t) + begin;
    switch (spec.activation) {
      case Activation::kSilu:
        kernels.silu_multiply(g, u, n, g);
        break;
      case Activation::kGeluTanh:
        kernels.gelu_tanh_multiply(g, u, n, g);
        break;
      case Activation::kClampedSilu:
        kernels.clamped_silu_multiply(
            g, u, n, {spec.clamp.limit, spec.clamp.alpha, spec.clamp.up_offset}, g);
        break;
    }
  }
}

void AddColumns(const std::vector<float>& bias, const KernelTable& kernels, MatrixView<float> y,
                int64_t begin, int64_t end) {
  if (bias.empty()) return;
  for (int64_t t = 0; t < y.rows; ++t) {
    kernels.add(bias.data() + begin, static_cast<size_t>(end - begin), y.row(t) + begin);
  }
}

MatrixView<float> RowsOf(const MatrixView<float>& m, int64_t first, int64_t count) {
  return {m.row(first), count, m.cols, m.stride};
}

}  // namespace

void DenseFfnForward(const DenseFfnSpec& spec, const DenseFfnWeights& weights,
                     MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  MatmulInput input(x, ctx);
  const FfnPart part{&weights, 0, 0, x.rows};
  FfnForward(spec, {&part, 1}, input, out, ctx);
}

void FfnForward(const DenseFfnSpec& spec, std::span<const FfnPart> parts, MatmulInput& x,
                MatrixView<float> out, ComputeContext& ctx) {
  const MatrixView<float> gate = NewMatrix(out.rows, spec.intermediate_size, ctx);
  const MatrixView<float> up = NewMatrix(out.rows, spec.intermediate_size, ctx);
  std::vector<Product> products;
  for (const FfnPart& part : parts) {
    for (const bool is_gate : {true, false}) {
      products.push_back({.input = x,
                          .w = is_gate ? part.weights->gate : part.weights->up,
                          .y = RowsOf(is_gate ? gate : up, part.first_row, part.rows),
                          .first_row = part.first_input_row});
    }
  }
  MatmulTogether(products, ctx, 2, AfterProducts([&](size_t i, int64_t begin, int64_t end) {
                   const DenseFfnWeights& weights = *parts[i].weights;
                   const MatrixView<float>&g = products[2 * i].y, &u = products[2 * i + 1].y;
                   AddColumns(weights.gate_bias, ctx.kernels, g, begin, end);
                   AddColumns(weights.up_bias, ctx.kernels, u, begin, end);
                   Activate(spec, ctx.kernels, g, u, begin, end);
                 }));
  MatmulInput gated(Const(gate), ctx);
  products.clear();
  for (const FfnPart& part : parts) {
    products.push_back({.input = gated,
                        .w = part.weights->down,
                        .y = RowsOf(out, part.first_row, part.rows),
                        .first_row = part.first_row});
  }
  MatmulTogether(products, ctx);
  for (const FfnPart& part : parts) {
    AddBias(part.weights->down_bias, RowsOf(out, part.first_row, part.rows), ctx);
  }
}

}  // namespace tael
