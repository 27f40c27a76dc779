// Binding of feed-forward parts: dense ones and mixtures of experts.
#include "model/bind/parts.h"

namespace tael {
namespace {

// Matrix `index` of a stack.
Weight Slice(const Weight& stack, int64_t index, int64_t first_row, int64_t rows,
             int64_t stack_rows) {
  return RowsOf(stack, index * stack_rows + first_row, rows);
}

// Matrix `index` of a stack whose rows belong to `parts` matrices in turn: those of `part`.
Weight EveryRow(Weight stack, int64_t index, int64_t part, int64_t parts) {
  if (stack.empty()) return {};
  if (stack.packed != nullptr) {
    stack.first_row += index * stack.n + part;
    stack.row_step = parts;
  } else {
    stack.data += index * stack.bytes() + part * stack.row_bytes;
    stack.row_bytes *= parts;
  }
  stack.n /= parts;
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

// gate, up and down of all experts, in any of the layouts that checkpoints have.
struct ExpertMatrices {
  std::vector<Weight> gate, up, down;
};

ExpertMatrices BindExpertMatrices(int count, int64_t width, int64_t hidden, int layer,
                                  Binder& binder) {
  ExpertMatrices m;
  if (binder.IsFused(Role::kExpertGateUpColumns) && !binder.IsGguf()) {
    const Weight both =
        binder.ColumnStack(Role::kExpertGateUpColumns, layer, count, 2 * width, hidden);
    const Weight down = binder.ColumnStack(Role::kExpertDownColumns, layer, count, hidden, width);
    for (int e = 0; e < count; ++e) {
      m.gate.push_back(EveryRow(both, e, 0, 2));
      m.up.push_back(EveryRow(both, e, 1, 2));
      m.down.push_back(EveryRow(down, e, 0, 1));
    }
    return m;
  }
  if (binder.IsFused(Role::kExpertGateUp)) {
    for (int e = 0; e < count; ++e) {
      const Weight both = binder.Matrix(Role::kExpertGateUp, layer, 2 * width, hidden, e);
      m.gate.push_back(RowsOf(both, 0, width));
      m.up.push_back(RowsOf(both, width, width));
    }
    m.down =
        BindExperts(Role::kExpertDown, Role::kExpertDownStack, count, hidden, width, layer, binder);
    return m;
  }
  if (binder.Has(Role::kExpertGateUpStack, layer)) {
    const Weight both = binder.Stack(Role::kExpertGateUpStack, layer, count, 2 * width, hidden);
    for (int e = 0; e < count; ++e) {
      m.gate.push_back(Slice(both, e, 0, width, 2 * width));
      m.up.push_back(Slice(both, e, width, width, 2 * width));
    }
  } else {
    m.gate =
        BindExperts(Role::kExpertGate, Role::kExpertGateStack, count, width, hidden, layer, binder);
    m.up = BindExperts(Role::kExpertUp, Role::kExpertUpStack, count, width, hidden, layer, binder);
  }
  m.down =
      BindExperts(Role::kExpertDown, Role::kExpertDownStack, count, hidden, width, layer, binder);
  return m;
}

// Every `step`-th element of a row of `values` [count][size], from `first` on; {} if there are
// none.
std::vector<float> RowPart(const std::vector<float>& values, size_t row, size_t size, size_t first,
                           size_t step) {
  std::vector<float> part;
  if (values.empty()) return part;  // missing: reported by the binder
  for (size_t i = first; i < size; i += step) part.push_back(values[row * size + i]);
  return part;
}

void BindExpertBiases(int64_t width, int64_t hidden, int layer, Binder& binder, MoeFfnWeights& w) {
  const auto count = static_cast<int64_t>(w.experts.size());
  const auto n = static_cast<size_t>(width), d = static_cast<size_t>(hidden);
  const std::vector<float> down = binder.Vectors(Role::kExpertDownBiasStack, layer, count, hidden);
  std::vector<float> both, gate, up;
  if (binder.IsGguf()) {
    gate = binder.Vectors(Role::kExpertGateBiasStack, layer, count, width);
    up = binder.Vectors(Role::kExpertUpBiasStack, layer, count, width);
  } else {
    both = binder.Vectors(Role::kExpertGateUpBiasStack, layer, count, 2 * width);
  }
  for (size_t e = 0; e < w.experts.size(); ++e) {
    DenseFfnWeights& expert = w.experts[e];
    expert.gate_bias = both.empty() ? RowPart(gate, e, n, 0, 1) : RowPart(both, e, 2 * n, 0, 2);
    expert.up_bias = both.empty() ? RowPart(up, e, n, 0, 1) : RowPart(both, e, 2 * n, 1, 2);
    expert.down_bias = RowPart(down, e, d, 0, 1);
  }
}

RouterWeights BindRouter(const RouterSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const NumberTableShape table{binder.vocab_size(), spec.experts_per_token, spec.num_experts};
  RouterWeights w;
  w.gate = binder.Matrix(Role::kRouter, layer, spec.num_experts, hidden);
  if (spec.gate_bias) w.gate_bias = binder.Vector(Role::kRouterBias, layer, spec.num_experts);
  if (spec.correction_bias) {
    w.correction_bias = binder.FlatVector(Role::kRouterCorrection, layer, spec.num_experts);
  }
  if (spec.choice == ExpertChoice::kByToken) {
    if (const TensorInfo* t = binder.NumberTable(Role::kTokenExperts, layer, table)) {
      w.token_experts = t->bytes.data();
      w.token_experts_dtype = t->dtype;
    }
  }
  if (spec.expert_scales) {
    w.expert_scales = binder.FlatVector(Role::kExpertScales, layer, spec.num_experts);
  }
  return w;
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
  w.router = BindRouter(spec.router, hidden, layer, binder);
  const ExpertMatrices m = BindExpertMatrices(count, width, hidden, layer, binder);
  for (size_t e = 0; e < m.down.size(); ++e) {
    w.experts.push_back({.gate = m.gate[e],
                         .up = m.up[e],
                         .down = m.down[e],
                         .gate_bias = {},
                         .up_bias = {},
                         .down_bias = {}});
  }
  if (spec.expert_bias) BindExpertBiases(width, hidden, layer, binder, w);
  if (shared > 0) {
    if (binder.IsFused(Role::kSharedGateUp)) {
      const Weight both = binder.Matrix(Role::kSharedGateUp, layer, 2 * shared, hidden);
      w.shared.gate = RowsOf(both, 0, shared);
      w.shared.up = RowsOf(both, shared, shared);
    } else {
      w.shared.gate = binder.Matrix(Role::kSharedGate, layer, shared, hidden);
      w.shared.up = binder.Matrix(Role::kSharedUp, layer, shared, hidden);
    }
    w.shared.down = binder.Matrix(Role::kSharedDown, layer, hidden, shared);
  }
  if (spec.shared_gate) w.shared_gate = binder.FlatVector(Role::kSharedRouter, layer, hidden);
  return w;
}

}  // namespace tael
