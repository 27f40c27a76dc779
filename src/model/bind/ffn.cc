// Binding of feed-forward parts: dense ones and mixtures of experts.
#include "model/bind/parts.h"

namespace tael {
namespace {

// Matrix `index` of a stack.
Weight Slice(Weight stack, int64_t index, int64_t first_row, int64_t rows, int64_t stack_rows) {
  if (stack.empty()) return {};
  stack.data += (index * stack_rows + first_row) * stack.row_bytes;
  stack.n = rows;
  return stack;
}

// One kind of matrix [n, k] of all experts: cut from a tensor that holds all of them, or one tensor
// each.
std::vector<Weight> BindExperts(Role one, Role stack, int count, int64_t n, int64_t k, int layer,
                                Binder& binder) {
  std::vector<Weight> weights;
  if (!binder.Has(stack, layer)) {
    for (int e = 0; e < count; ++e) {
      weights.push_back(binder.Matrix(one, layer, n, k, e));
      if (weights.back().empty()) break;  // reported; the rest would only repeat it
    }
    weights.resize(static_cast<size_t>(count));
    return weights;
  }
  const Weight all = binder.Stack(stack, layer, count, n, k);
  for (int e = 0; e < count; ++e) weights.push_back(Slice(all, e, 0, n, n));
  return weights;
}

}  // namespace

DenseFfnWeights BindFfn(const DenseFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const int64_t width = spec.intermediate_size;
  DenseFfnWeights w;
  if (binder.IsFused(Role::kGateUp)) {
    const Weight both = binder.Matrix(Role::kGateUp, layer, 2 * width, hidden);
    w.gate = RowsOf(both, 0, width);
    w.up = RowsOf(both, width, width);
  } else {
    w.gate = binder.Matrix(Role::kGate, layer, width, hidden);
    w.up = binder.Matrix(Role::kUp, layer, width, hidden);
  }
  w.down = binder.Matrix(Role::kDown, layer, hidden, width);
  if (spec.bias) {
    w.gate_bias = binder.Vector(Role::kGateBias, layer, width);
    w.up_bias = binder.Vector(Role::kUpBias, layer, width);
    w.down_bias = binder.Vector(Role::kDownBias, layer, hidden);
  }
  return w;
}

MoeFfnWeights BindFfn(const MoeFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const int count = spec.router.num_experts;
  const int64_t width = spec.expert_size, shared = spec.shared_size;
  MoeFfnWeights w;
  w.router.gate = binder.Matrix(Role::kRouter, layer, count, hidden);
  if (spec.router.correction_bias) {
    w.router.correction_bias = binder.FlatVector(Role::kRouterCorrection, layer, count);
  }
  std::vector<Weight> gate, up;
  if (binder.Has(Role::kExpertGateUpStack, layer)) {
    const Weight both = binder.Stack(Role::kExpertGateUpStack, layer, count, 2 * width, hidden);
    for (int e = 0; e < count; ++e) {
      gate.push_back(Slice(both, e, 0, width, 2 * width));
      up.push_back(Slice(both, e, width, width, 2 * width));
    }
  } else {
    gate =
        BindExperts(Role::kExpertGate, Role::kExpertGateStack, count, width, hidden, layer, binder);
    up = BindExperts(Role::kExpertUp, Role::kExpertUpStack, count, width, hidden, layer, binder);
  }
  const std::vector<Weight> down =
      BindExperts(Role::kExpertDown, Role::kExpertDownStack, count, hidden, width, layer, binder);
  for (size_t e = 0; e < down.size(); ++e) {
    w.experts.push_back({.gate = gate[e],
                         .up = up[e],
                         .down = down[e],
                         .gate_bias = {},
                         .up_bias = {},
                         .down_bias = {}});
  }
  if (shared > 0) {
    w.shared.gate = binder.Matrix(Role::kSharedGate, layer, shared, hidden);
    w.shared.up = binder.Matrix(Role::kSharedUp, layer, shared, hidden);
    w.shared.down = binder.Matrix(Role::kSharedDown, layer, hidden, shared);
  }
  if (spec.shared_gate) w.shared_gate = binder.FlatVector(Role::kSharedRouter, layer, hidden);
  return w;
}

}  // namespace tael
