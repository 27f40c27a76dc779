// Binding of attention.
#include "model/bind/parts.h"

namespace tael {

Weight RowsOf(const Weight& all, int64_t first, int64_t count) {
  Weight part = all;
  if (all.empty()) return part;
  part.n = count;
  if (all.packed != nullptr) {
    part.first_row += first * all.row_step;
  } else {
    part.data += first * all.row_bytes;
  }
  return part;
}

GqaWeights BindAttention(const GqaSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const int64_t q = int64_t{spec.num_heads} * spec.head_dim;
  const int64_t kv = int64_t{spec.num_kv_heads} * spec.head_dim;
  GqaWeights w;
  if (binder.IsFused(Role::kQueryKeyValue)) {
    const Weight all = binder.Matrix(Role::kQueryKeyValue, layer, q + 2 * kv, hidden);
    w.q = RowsOf(all, 0, q);
    w.k = RowsOf(all, q, kv);
    w.v = RowsOf(all, q + kv, kv);
  } else {
    w.q = binder.Matrix(Role::kQuery, layer, spec.output_gate ? 2 * q : q, hidden);
    w.k = binder.Matrix(Role::kKey, layer, kv, hidden);
    w.v = binder.Matrix(Role::kValue, layer, kv, hidden);
  }
  w.o = binder.Matrix(Role::kOutput, layer, hidden, q);
  if (spec.qkv_bias) {
    w.q_bias = binder.Vector(Role::kQueryBias, layer, q);
    w.k_bias = binder.Vector(Role::kKeyBias, layer, kv);
    w.v_bias = binder.Vector(Role::kValueBias, layer, kv);
  }
  if (spec.output_bias) w.o_bias = binder.Vector(Role::kOutputBias, layer, hidden);
  if (spec.qk_norm) {
    const bool per_head = spec.qk_norm_span == QkNormSpan::kHead;
    w.q_norm = binder.Vector(Role::kQueryNorm, layer, per_head ? spec.head_dim : q);
    w.k_norm = binder.Vector(Role::kKeyNorm, layer, per_head ? spec.head_dim : kv);
  }
  if (spec.sinks) w.sinks = binder.Vector(Role::kSinks, layer, spec.num_heads);
  w.rope = ComputeRopeFrequencies(spec.rope);
  return w;
}

}  // namespace tael
