#include "model/bind.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"

namespace tael {
namespace {

// At most this many problems are spelled out; the rest is counted.
constexpr size_t kMaxListed = 20;

std::string ShapeText(const std::vector<int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

// Looks tensors up by role, remembers what was claimed and what went wrong.
class Binder {
 public:
  Binder(const Family& family, const Checkpoint& checkpoint, bool headers_only)
      : family_(family), checkpoint_(checkpoint), headers_only_(headers_only) {}

  bool Has(Role role, int layer) const {
    return checkpoint_.tensors.Find(NameOf(role, layer)) != nullptr;
  }

  Weight Matrix(Role role, int layer, int64_t n, int64_t k, int expert = 0) {
    return WeightOf(Claim(NameOf(role, layer, expert), {n, k}), n, k);
  }

  // `count` matrices [n, k] in one tensor [count, n, k], as the first of them; the others follow at
  // a distance of bytes().
  Weight Stack(Role role, int layer, int64_t count, int64_t n, int64_t k) {
    return WeightOf(Claim(NameOf(role, layer), {count, n, k}), n, k);
  }

  // Whether the family stores this matrix, which is made of others.
  bool IsFused(Role role) const { return FindRule(family_.names, role) != nullptr; }

  std::vector<float> Vector(Role role, int layer, int64_t size) {
    std::vector<float> values = VectorNamed(NameOf(role, layer), size);
    const float offset = OffsetOf(role);
    if (offset == 0 || headers_only_) return values;
    for (float& value : values) value += offset;
    return values;
  }

  // A vector that some files store as a matrix with one row, or column.
  std::vector<float> FlatVector(Role role, int layer, int64_t size) {
    const std::string name = NameOf(role, layer);
    const TensorInfo* tensor = checkpoint_.tensors.Find(name);
    for (const std::vector<int64_t>& shape :
         {std::vector<int64_t>{1, size}, std::vector<int64_t>{size, 1}}) {
      if (tensor != nullptr && tensor->shape == shape) return VectorNamed(name, size, shape);
    }
    return VectorNamed(name, size);
  }

  std::vector<float> VectorNamed(const std::string& name, int64_t size) {
    return VectorNamed(name, size, {size});
  }

  std::vector<float> VectorNamed(const std::string& name, int64_t size,
                                 const std::vector<int64_t>& shape) {
    const TensorInfo* tensor = Claim(name, shape);
    if (tensor == nullptr) return {};
    std::vector<float> values(static_cast<size_t>(size));
    if (headers_only_) return values;
    DecodeRow(tensor->dtype, tensor->bytes.data(), size, values.data());
    const auto bad =
        std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad != values.end()) {
      Problem("'{}': element {} is not a finite number", name, bad - values.begin());
    }
    return values;
  }

  void Ignore(Role role, int layer) { claimed_.insert(NameOf(role, layer)); }

  // All tensors of a block that is not computed.
  void IgnoreBlock(int layer) {
    const bool gguf = checkpoint_.container == Container::kGguf;
    const std::string start = TensorName(gguf ? "blk.{}." : "model.layers.{}.", layer);
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
      if (tensor.name.starts_with(start)) claimed_.insert(tensor.name);
    }
  }

  // The tensors that were taken. Throws when anything went wrong or a tensor was not claimed.
  std::vector<const TensorInfo*> Finish() {
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
      if (claimed_.count(tensor.name) == 0 && !IsIgnored(tensor.name)) {
        Problem("unexpected tensor '{}' {}", tensor.name.substr(0, 120), ShapeText(tensor.shape));
      }
    }
    if (problems_.empty()) return std::move(used_);
    const size_t shown = std::min(problems_.size(), kMaxListed);
    std::string text = fmt::format(
        "{}",
        fmt::join(problems_.begin(), problems_.begin() + static_cast<std::ptrdiff_t>(shown), "; "));
    if (shown < problems_.size()) text += fmt::format("; and {} more", problems_.size() - shown);
    Fail(
        ErrorCode::kCorrupt,
        "{}: {} problem(s) with the tensors of {}: {}. Hint: the configuration and the weights may "
        "come from different revisions",
        checkpoint_.path, problems_.size(), family_.architecture, text);
  }

 private:
  const NameRule& RuleOf(Role role) const {
    const NameRule* rule = FindRule(family_.names, role);
    if (rule == nullptr) rule = FindRule(kLlamaNames, role);
    TAEL_CHECK(rule != nullptr);  // every role a spec asks for has a name
    return *rule;
  }

  bool IsGguf() const { return checkpoint_.container == Container::kGguf; }
  std::string NameOf(Role role, int layer, int expert = 0) const {
    const NameRule& rule = RuleOf(role);
    return TensorName(IsGguf() ? rule.gguf : rule.hf, layer, expert);
  }
  float OffsetOf(Role role) const { return IsGguf() ? 0.0f : RuleOf(role).hf_offset; }

  Weight WeightOf(const TensorInfo* tensor, int64_t n, int64_t k) {
    if (tensor == nullptr) return {};
    const std::optional<int64_t> row_bytes = StorageBytes(tensor->dtype, k);
    if (!row_bytes.has_value()) {
      Problem("'{}': rows of {} elements are no whole number of {} blocks", tensor->name, k,
              Name(tensor->dtype));
      return {};
    }
    return {.dtype = tensor->dtype,
            .n = n,
            .k = k,
            .data = tensor->bytes.data(),
            .row_bytes = *row_bytes};
  }

  static bool IsIgnored(std::string_view name) {
    return std::any_of(kIgnoredTensorEndings.begin(), kIgnoredTensorEndings.end(),
                       [&](std::string_view ending) { return name.ends_with(ending); }) ||
           std::any_of(kIgnoredTensorStarts.begin(), kIgnoredTensorStarts.end(),
                       [&](std::string_view start) { return name.starts_with(start); });
  }

  const TensorInfo* Claim(const std::string& name, const std::vector<int64_t>& shape) {
    claimed_.insert(name);
    const TensorInfo* tensor = checkpoint_.tensors.Find(name);
    if (tensor == nullptr) {
      Problem("missing tensor '{}' {}", name, ShapeText(shape));
      return nullptr;
    }
    if (tensor->shape != shape) {
      Problem("'{}' has shape {}, needed {}", name, ShapeText(tensor->shape), ShapeText(shape));
      return nullptr;
    }
    if (!CanDecode(tensor->dtype)) {
      Problem("'{}' has type {}, which this build cannot multiply", name, Name(tensor->dtype));
      return nullptr;
    }
    used_.push_back(tensor);
    return tensor;
  }

  template <typename... Args>
  void Problem(fmt::format_string<Args...> text, Args&&... args) {
    problems_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  const Family& family_;
  const Checkpoint& checkpoint_;
  const bool headers_only_;
  std::vector<const TensorInfo*> used_;
  std::set<std::string> claimed_;
  std::vector<std::string> problems_;
};

// `count` rows of a matrix, as a matrix; no bytes are copied.
Weight RowsOf(const Weight& all, int64_t first, int64_t count) {
  Weight part = all;
  if (all.data == nullptr) return part;  // missing: reported by the binder
  part.n = count;
  part.data += first * all.row_bytes;
  return part;
}

GqaWeights BindGqa(const GqaSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const int64_t q = int64_t{spec.num_heads} * spec.head_dim;
  const int64_t kv = int64_t{spec.num_kv_heads} * spec.head_dim;
  GqaWeights w;
  if (binder.IsFused(Role::kQueryKeyValue)) {
    const Weight all = binder.Matrix(Role::kQueryKeyValue, layer, q + 2 * kv, hidden);
    w.q = RowsOf(all, 0, q);
    w.k = RowsOf(all, q, kv);
    w.v = RowsOf(all, q + kv, kv);
  } else {
    w.q = binder.Matrix(Role::kQuery, layer, q, hidden);
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
  w.rope = ComputeRopeFrequencies(spec.rope);
  return w;
}

DenseFfnWeights BindDenseFfn(const DenseFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
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

MoeFfnWeights BindMoeFfn(const MoeFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
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

// One overload per alternative of FfnSpec.
FfnWeights BindFfn(const DenseFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
  return BindDenseFfn(spec, hidden, layer, binder);
}

FfnWeights BindFfn(const MoeFfnSpec& spec, int64_t hidden, int layer, Binder& binder) {
  return BindMoeFfn(spec, hidden, layer, binder);
}

LayerWeights BindLayer(const LayerSpec& spec, int64_t hidden, int layer, Binder& binder) {
  LayerWeights w;
  if (spec.norms != NormPlacement::kAfter) {
    w.input_norm = binder.Vector(Role::kInputNorm, layer, hidden);
    w.post_attention_norm = binder.Vector(Role::kPostAttentionNorm, layer, hidden);
  }
  if (spec.norms != NormPlacement::kBefore) {
    w.attention_output_norm = binder.Vector(Role::kAttentionOutputNorm, layer, hidden);
    w.ffn_output_norm = binder.Vector(Role::kFfnOutputNorm, layer, hidden);
  }
  w.attention = std::visit(
      [&](const GqaSpec& gqa) -> AttentionWeights { return BindGqa(gqa, hidden, layer, binder); },
      spec.attention);
  w.ffn =
      std::visit([&](const auto& ffn) { return BindFfn(ffn, hidden, layer, binder); }, spec.ffn);
  return w;
}

// GGUF writes llama3 scaling as divisors of the frequencies in a tensor of their own.
void BindRopeDivisors(const DecoderSpec& spec, const Checkpoint& checkpoint,
                      DecoderWeights* weights, Binder& binder) {
  if (checkpoint.container != Container::kGguf) return;
  if (checkpoint.tensors.Find("rope_freqs.weight") == nullptr) return;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    RopeSpec rope = std::get<GqaSpec>(spec.layers[i].attention).rope;
    rope.divisors = binder.VectorNamed("rope_freqs.weight", rope.rotary_dim / 2);
    if (rope.divisors.empty()) return;  // reported by the binder
    std::get<GqaWeights>(weights->layers[i].attention).rope = ComputeRopeFrequencies(rope);
  }
}

}  // namespace

DecoderWeights Bind(const DecoderSpec& spec, const Family& family, const Checkpoint& checkpoint,
                    bool headers_only) {
  Binder binder(family, checkpoint, headers_only);
  DecoderWeights weights;
  weights.embedding = binder.Matrix(Role::kEmbedding, 0, spec.vocab_size, spec.hidden_size);
  weights.final_norm = binder.Vector(Role::kFinalNorm, 0, spec.hidden_size);
  if (spec.tied_head) {
    weights.head = weights.embedding;
    binder.Ignore(Role::kHead, 0);  // some tied checkpoints carry a redundant copy
  } else {
    weights.head = binder.Matrix(Role::kHead, 0, spec.vocab_size, spec.hidden_size);
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    weights.layers.push_back(
        BindLayer(spec.layers[i], spec.hidden_size, static_cast<int>(i), binder));
  }
  for (int i = 0; i < spec.prediction_layers; ++i) {
    binder.IgnoreBlock(static_cast<int>(spec.layers.size()) + i);
  }
  BindRopeDivisors(spec, checkpoint, &weights, binder);
  for (const TensorInfo* tensor : binder.Finish()) weights.sources.push_back(tensor->bytes);
  return weights;
}

}  // namespace tael
