#include "nn/gated_delta_net.h"

#include <algorithm>
#include <cmath>

#include "base/exact_math.h"
#include "ops/activation.h"
#include "ops/delta_rule.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

// Added to the sum of squares that q and k are divided by the root of.
constexpr float kNormEps = 1e-6f;

struct Widths {
  explicit Widths(const GatedDeltaNetSpec& spec)
      : keys(int64_t{spec.num_key_heads} * spec.key_dim),
        values(int64_t{spec.num_value_heads} * spec.value_dim),
        mixed(2 * keys + values) {}
  int64_t keys, values, mixed;  // Hk Dk, Hv Dv, C
};

DeltaRuleShape ShapeOf(const GatedDeltaNetSpec& spec) {
  return {.num_key_heads = spec.num_key_heads,
          .num_value_heads = spec.num_value_heads,
          .key_dim = spec.key_dim,
          .value_dim = spec.value_dim,
          .tiled_value_heads = spec.tiled_value_heads};
}

MatrixView<float> Columns(const MatrixView<float>& m, int64_t first, int64_t count) {
  return {m.data + first, m.rows, count, m.stride};
}

// A stretch of columns that goes from a fused product to where it belongs.
struct Stretch {
  int64_t from = 0, count = 0;
  const MatrixView<float>* to = nullptr;
  int64_t at = 0;
};

void Scatter(const MatrixView<float>& fused, const std::vector<Stretch>& stretches,
             ComputeContext& ctx) {
  ctx.pool.ParallelFor(fused.rows, ctx.GrainFor(fused.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (const Stretch& s : stretches) {
        std::copy_n(fused.row(t) + s.from, s.count, s.to->row(t) + s.at);
      }
    }
  });
}

// mixed [T, C] and z [T, Hv Dv].
void ProjectMixed(const GatedDeltaNetSpec& spec, const GatedDeltaNetWeights& weights,
                  MatmulInput& input, const MatrixView<float>& mixed, const MatrixView<float>& z,
                  ComputeContext& ctx) {
  if (weights.qkvz.empty()) {
    const Product products[] = {{input, weights.qkv, mixed}, {input, weights.z, z}};
    MatmulTogether(products, ctx);
    return;
  }
  const Widths widths(spec);
  const int64_t dk = spec.key_dim;
  const int64_t group = int64_t{spec.num_value_heads / spec.num_key_heads} * spec.value_dim;
  const MatrixView<float> fused = NewMatrix(mixed.rows, weights.qkvz.n, ctx);
  Matmul(input, weights.qkvz, fused, ctx);
  std::vector<Stretch> stretches;
  for (int64_t h = 0; h < spec.num_key_heads; ++h) {
    const int64_t from = h * (2 * dk + 2 * group);
    stretches.push_back({from, dk, &mixed, h * dk});
    stretches.push_back({from + dk, dk, &mixed, widths.keys + h * dk});
    stretches.push_back({from + 2 * dk, group, &mixed, 2 * widths.keys + h * group});
    stretches.push_back({from + 2 * dk + group, group, &z, h * group});
  }
  Scatter(fused, stretches, ctx);
}

// b and a [T, Hv]. Few rows that steer the state for all later tokens: the integer path sees their
// activations twice as finely, like those of keys and values (docs/numerics.md, 4).
void ProjectGates(const GatedDeltaNetSpec& spec, const GatedDeltaNetWeights& weights,
                  MatmulInput& input, const MatrixView<float>& b, const MatrixView<float>& a,
                  ComputeContext& ctx) {
  if (weights.ba.empty()) {
    const Product products[] = {{input, weights.b, b, ActivationTerms::kTwo},
                                {input, weights.a, a, ActivationTerms::kTwo}};
    MatmulTogether(products, ctx);
    return;
  }
  const int64_t group = spec.num_value_heads / spec.num_key_heads;
  const MatrixView<float> fused = NewMatrix(b.rows, weights.ba.n, ctx);
  Matmul(input, weights.ba, fused, ctx, ActivationTerms::kTwo);
  std::vector<Stretch> stretches;
  for (int64_t h = 0; h < spec.num_key_heads; ++h) {
    stretches.push_back({2 * h * group, group, &b, h * group});
    stretches.push_back({(2 * h + 1) * group, group, &a, h * group});
  }
  Scatter(fused, stretches, ctx);
}

// ln(1 + e^x) without loss where e^x is small.
double Softplus(double x) {
  const double u = ExactExp(-std::fabs(x));
  const double log = u < 1e-4 ? u - u * u / 2 + u * u * u / 3 : ExactLog(1 + u);
  return x > 0 ? x + log : log;
}

// In place: b becomes 1 / (1 + e^-b), a what is left of the state: e^(rate softplus(a + bias)).
void ToGates(const GatedDeltaNetWeights& weights, const MatrixView<float>& b,
             const MatrixView<float>& a, ComputeContext& ctx) {
  constexpr int64_t kOperations = 200;  // of an element
  ctx.pool.ParallelFor(b.rows, ctx.GrainFor(kOperations * b.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      for (int64_t h = 0; h < b.cols; ++h) {
        float& beta = b.row(t)[h];
        beta = static_cast<float>(1 / (1 + ExactExp(-static_cast<double>(beta))));
        float& decay = a.row(t)[h];
        const float time = decay + weights.time_bias[static_cast<size_t>(h)];
        const auto steps = static_cast<float>(Softplus(static_cast<double>(time)));
        const float exponent = weights.rate[static_cast<size_t>(h)] * steps;
        decay = static_cast<float>(ExactExp(static_cast<double>(exponent)));
      }
    }
  });
}

}  // namespace

int64_t StateSize(const GatedDeltaNetSpec& spec) {
  return CausalConvState(spec.conv_taps, Widths(spec).mixed) + ShapeOf(spec).state();
}

void SetGains(const GatedDeltaNetSpec& spec, GatedDeltaNetWeights* weights) {
  const auto n = static_cast<float>(spec.key_dim);
  weights->q_gain.assign(static_cast<size_t>(spec.key_dim), 1.0f / n);
  weights->k_gain.assign(static_cast<size_t>(spec.key_dim), 1.0f / std::sqrt(n));
}

void GatedDeltaNetForward(const GatedDeltaNetSpec& spec, const GatedDeltaNetWeights& weights,
                          const AttentionStep& step, MatrixView<const float> x,
                          MatrixView<float> out, ComputeContext& ctx) {
  const Widths widths(spec);
  const MatrixView<float> raw = NewMatrix(x.rows, widths.mixed, ctx);
  const MatrixView<float> z = NewMatrix(x.rows, widths.values, ctx);
  const MatrixView<float> beta = NewMatrix(x.rows, spec.num_value_heads, ctx);
  const MatrixView<float> decay = NewMatrix(x.rows, spec.num_value_heads, ctx);
  MatmulInput input(x, ctx);
  ProjectMixed(spec, weights, input, raw, z, ctx);
  ProjectGates(spec, weights, input, beta, decay, ctx);
  ToGates(weights, beta, decay, ctx);

  const MatrixView<float> mixed = NewMatrix(x.rows, widths.mixed, ctx);
  const StatePlace conv{step.states, step.layer, 0};
  CausalConvSilu(step.batch, weights.conv, Const(raw), conv, mixed, ctx);
  const MatrixView<float> q = Columns(mixed, 0, widths.keys);
  const MatrixView<float> k = Columns(mixed, widths.keys, widths.keys);
  // x / sqrt(sum x^2 + eps) is an RMSNorm whose mean takes the factor n out of both terms.
  const float eps = kNormEps / static_cast<float>(spec.key_dim);
  RmsNormHeads(weights.q_gain, eps, q, ctx);
  RmsNormHeads(weights.k_gain, eps, k, ctx);

  const MatrixView<float> heads = NewMatrix(x.rows, widths.values, ctx);
  const StatePlace matrix{step.states, step.layer, CausalConvState(spec.conv_taps, widths.mixed)};
  const DeltaRuleInput rule{.query = Const(q),
                            .key = Const(k),
                            .value = Const(Columns(mixed, 2 * widths.keys, widths.values)),
                            .decay = Const(decay),
                            .beta = Const(beta)};
  DeltaRule(ShapeOf(spec), step.batch, rule, matrix, heads, ctx);
  RmsNormHeads(weights.norm, step.norm_eps, heads, ctx);
  SiluMultiply(Const(heads), z, ctx);
  MatmulInput gated(Const(z), ctx);
  Matmul(gated, weights.out, out, ctx);
}

}  // namespace tael
