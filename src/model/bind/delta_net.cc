// Binding of gated delta nets.
#include "base/exact_math.h"
#include "model/bind/parts.h"

namespace tael {
namespace {

// [C, taps], or [C, 1, taps], turned into [taps, C].
std::vector<float> BindConv(int64_t channels, int64_t taps, int layer, Binder& binder) {
  const std::vector<float> stored =
      binder.Values(Role::kDeltaConv, layer, {{channels, 1, taps}, {channels, taps}});
  std::vector<float> conv(stored.size());
  for (size_t i = 0; i < stored.size(); ++i) {
    const auto n = static_cast<size_t>(taps);
    conv[i % n * static_cast<size_t>(channels) + i / n] = stored[i];
  }
  return conv;
}

// -exp(A_log); GGUF files hold it, others the logarithm.
std::vector<float> BindRate(int64_t heads, int layer, Binder& binder) {
  std::vector<float> rate = binder.Vector(Role::kDeltaRate, layer, heads);
  if (binder.IsGguf()) return rate;
  for (float& value : rate) value = -static_cast<float>(ExactExp(static_cast<double>(value)));
  return rate;
}

}  // namespace

GatedDeltaNetWeights BindAttention(const GatedDeltaNetSpec& spec, int64_t hidden, int layer,
                                   Binder& binder) {
  const int64_t keys = int64_t{spec.num_key_heads} * spec.key_dim;
  const int64_t values = int64_t{spec.num_value_heads} * spec.value_dim;
  const int64_t mixed = 2 * keys + values, heads = spec.num_value_heads;
  GatedDeltaNetWeights w;
  if (binder.Has(Role::kDeltaQkvz, layer)) {
    w.qkvz = binder.Matrix(Role::kDeltaQkvz, layer, mixed + values, hidden);
  } else {
    w.qkv = binder.Matrix(Role::kDeltaQkv, layer, mixed, hidden);
    w.z = binder.Matrix(Role::kDeltaZ, layer, values, hidden);
  }
  if (binder.Has(Role::kDeltaBa, layer)) {
    w.ba = binder.Matrix(Role::kDeltaBa, layer, 2 * heads, hidden);
  } else {
    w.b = binder.Matrix(Role::kDeltaB, layer, heads, hidden);
    w.a = binder.Matrix(Role::kDeltaA, layer, heads, hidden);
  }
  w.conv = BindConv(mixed, spec.conv_taps, layer, binder);
  w.rate = BindRate(heads, layer, binder);
  w.time_bias = binder.Vector(Role::kDeltaTimeBias, layer, heads);
  SetGains(spec, &w);
  w.norm = binder.Vector(Role::kDeltaNorm, layer, spec.value_dim);
  w.out = binder.Matrix(Role::kDeltaOutput, layer, hidden, values);
  return w;
}

}  // namespace tael
