// Hugging Face names and layouts to GGUF's.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/error.h"
#include "model/convert/elements.h"
#include "model/convert/tensors.h"
#include "model/places.h"
#include "model/qk_order.h"
#include "ops/rope.h"

namespace tael {
namespace {

// A GGUF tensor in the making, in the order in which its first part was met.
struct Target {
  TensorPlace place;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  RowPlan plan;
  std::map<int, std::span<const uint8_t>> experts;  // parts of a stack
  bool stack = false;
};

bool IsQk(Role role) { return role == Role::kQuery || role == Role::kKey; }
bool IsQkBias(Role role) { return role == Role::kQueryBias || role == Role::kKeyBias; }

class GgufConverter {
 public:
  GgufConverter(const ConversionSource& source, const GgufArch& arch)
      : source_(source), checkpoint_(source.model.checkpoint), arch_(arch) {
    for (const auto& bytes : source.model.weights.sources) used_.insert(bytes.data());
  }

  ConvertedTensors Convert() {
    AddRopeDivisors();
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) Add(tensor);
    for (const std::string& name : order_) Finish(name, targets_.at(name));
    if (problems_.empty()) return std::move(out_);
    Fail(ErrorCode::kUnsupported, "{}: {} tensor(s) cannot be written to GGUF ({}): {}",
         checkpoint_.path, problems_.size(), arch_.name,
         fmt::join(problems_.begin(),
                   problems_.begin() +
                       static_cast<std::ptrdiff_t>(std::min<size_t>(problems_.size(), 20)),
                   "; "));
  }

 private:
  int HeadDim(int layer) const {
    const auto& attention = source_.model.spec.layers[static_cast<size_t>(layer)].attention;
    const auto* gqa = std::get_if<GqaSpec>(&attention);
    return gqa == nullptr ? 0 : gqa->head_dim;
  }

  void Add(const TensorInfo& tensor) {
    const auto place = PlaceOf(tensor.name, source_.family, Container::kSafetensors);
    const bool behind = IsBehindLayers(tensor.name, source_.model);
    if (used_.count(tensor.bytes.data()) == 0 || behind) {
      out_.dropped.push_back(tensor.name);
      return;
    }
    if (!place) return Problem(tensor.name, "has no GGUF name");
    switch (place->role) {
      case Role::kExpertGate:
        return AddExpert(tensor, *place, Role::kExpertGateStack);
      case Role::kExpertUp:
        return AddExpert(tensor, *place, Role::kExpertUpStack);
      case Role::kExpertDown:
        return AddExpert(tensor, *place, Role::kExpertDownStack);
      case Role::kExpertGateUpStack:
        return AddGateUp(tensor, *place);
      default:
        return AddPlain(tensor, *place);
    }
  }

  Target* New(const TensorPlace& place) {
    const std::string name = NameOf(source_.family, place, Container::kGguf);
    if (name.empty()) return nullptr;
    const auto [entry, added] = targets_.try_emplace(name);
    if (added) order_.push_back(name);
    entry->second.place = place;
    return &entry->second;
  }

  void AddPlain(const TensorInfo& tensor, const TensorPlace& place) {
    Target* target = New(place);
    if (target == nullptr) return Problem(tensor.name, "has no GGUF name");
    target->dtype = tensor.dtype;
    target->shape = tensor.shape;
    // Vectors that some files store as a matrix of one row.
    const bool flat = place.role == Role::kSharedRouter;
    if (flat) std::erase(target->shape, 1);
    target->plan = {.from = tensor.dtype, .parts = {tensor.bytes}, .row_elements = Width(*target)};
    const NameRule* rule = RuleOf(source_.family, place.role);
    target->plan.offset = rule == nullptr ? 0.0f : rule->hf_offset;
    const int head_dim = HeadDim(place.layer);
    if (!arch_.permuted_qk || head_dim == 0) return;
    if (IsQkBias(place.role)) target->plan.row_elements = 1;
    if (IsQk(place.role) || IsQkBias(place.role)) {
      target->plan.row_of = [head_dim](int64_t row) { return HalvesRowOf(row, head_dim); };
    }
  }

  static int64_t Width(const Target& target) {
    return target.shape.empty() ? 1 : target.shape.back();
  }

  void AddExpert(const TensorInfo& tensor, const TensorPlace& place, Role stack) {
    Target* target = New({stack, place.layer, 0});
    if (target == nullptr || tensor.shape.size() != 2) {
      return Problem(tensor.name, "has no stack in GGUF");
    }
    if (!target->experts.empty() &&
        (target->dtype != tensor.dtype || target->shape[1] != tensor.shape[0])) {
      return Problem(tensor.name, "has another type or shape than its neighbours");
    }
    target->stack = true;
    target->dtype = tensor.dtype;
    target->shape = {0, tensor.shape[0], tensor.shape[1]};
    target->plan = {.from = tensor.dtype, .parts = {}, .row_elements = tensor.shape[1]};
    target->experts[place.expert] = tensor.bytes;
  }

  // [E, 2 F, K] in two stacks: the rows of gate, then those of up, of each expert.
  void AddGateUp(const TensorInfo& tensor, const TensorPlace& place) {
    for (const bool up : {false, true}) {
      Target* target = New({up ? Role::kExpertUpStack : Role::kExpertGateStack, place.layer, 0});
      if (target == nullptr || tensor.shape.size() != 3 || tensor.shape[0] < 1) {
        return Problem(tensor.name, "has no stacks in GGUF");
      }
      target->dtype = tensor.dtype;
      target->shape = {tensor.shape[0], tensor.shape[1] / 2, tensor.shape[2]};
      target->plan = {.from = tensor.dtype, .parts = {}, .row_elements = tensor.shape[2]};
      const size_t half = tensor.bytes.size() / static_cast<size_t>(2 * tensor.shape[0]);
      for (size_t e = 0; e < static_cast<size_t>(tensor.shape[0]); ++e) {
        target->plan.parts.push_back(tensor.bytes.subspan((2 * e + (up ? 1 : 0)) * half, half));
      }
    }
  }

  // Vectors are F32 in GGUF files, and so are routers.
  DType TypeOf(const Target& target) const {
    const bool small = target.shape.size() < 2 || target.place.role == Role::kRouter ||
                       target.place.role == Role::kRouterCorrection;
    if (small) return DType::kF32;
    return source_.matrices.value_or(target.dtype);
  }

  void Finish(const std::string& name, Target& target) {
    if (target.stack) {
      for (const auto& [expert, bytes] : target.experts) {
        if (expert != static_cast<int>(target.plan.parts.size())) {
          return Problem(name, "misses an expert");
        }
        target.plan.parts.push_back(bytes);
      }
      target.shape[0] = static_cast<int64_t>(target.plan.parts.size());
    }
    target.plan.to = TypeOf(target);
    target.plan.rounded = source_.matrices.has_value() && target.shape.size() > 1;
    if (Info(target.plan.to).ggml_id < 0) {
      return Problem(name, fmt::format("has type {}, which GGUF lacks (--dtype chooses another)",
                                       Name(target.plan.to)));
    }
    out_.tensors.push_back({.name = name,
                            .dtype = target.plan.to,
                            .shape = target.shape,
                            .produce = ProduceRows(target.plan, name)});
  }

  // Where GGUF has no keys for llama3's scaling, it has the divisors.
  void AddRopeDivisors() {
    const auto* gqa = std::get_if<GqaSpec>(&source_.model.spec.layers[0].attention);
    if (gqa == nullptr || gqa->rope.scaling != RopeScalingKind::kFrequencyBands) return;
    RopeSpec plain = gqa->rope;
    plain.scaling = RopeScalingKind::kNone;
    const std::vector<float> scaled = ComputeRopeFrequencies(gqa->rope).inverse;
    const std::vector<float> unscaled = ComputeRopeFrequencies(plain).inverse;
    std::vector<float> divisors;
    divisors.reserve(scaled.size());
    for (size_t i = 0; i < scaled.size(); ++i) {
      divisors.push_back(
          static_cast<float>(static_cast<double>(unscaled[i]) / static_cast<double>(scaled[i])));
    }
    out_.tensors.push_back({.name = "rope_freqs.weight",
                            .dtype = DType::kF32,
                            .shape = {static_cast<int64_t>(divisors.size())},
                            .produce = [divisors](const ByteSink& sink) {
                              sink({reinterpret_cast<const uint8_t*>(divisors.data()),
                                    divisors.size() * sizeof(float)});
                            }});
  }

  void Problem(const std::string& name, const std::string& what) {
    problems_.push_back(fmt::format("'{}' {}", name.substr(0, 120), what));
  }

  const ConversionSource& source_;
  const Checkpoint& checkpoint_;
  const GgufArch& arch_;
  std::set<const uint8_t*> used_;  // where the tensors begin that the network has
  std::map<std::string, Target> targets_;
  std::vector<std::string> order_;
  std::vector<std::string> problems_;
  ConvertedTensors out_;
};

}  // namespace

ConvertedTensors TensorsForGguf(const ConversionSource& source, const GgufArch& arch) {
  return GgufConverter(source, arch).Convert();
}

}  // namespace tael
