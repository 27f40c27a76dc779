// GGUF names and layouts to Hugging Face's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/error.h"
#include "model/convert/elements.h"
#include "model/convert/tensors.h"
#include "model/places.h"
#include "model/qk_order.h"

namespace tael {
namespace {

// A Hugging Face tensor to make.
struct Wanted {
  std::string name;
  TensorPlace place;
  std::optional<DType> dtype;                 // of the original; none: to be chosen
  std::optional<std::vector<int64_t>> shape;  // the same
};

Role StackOf(Role one) {
  switch (one) {
    case Role::kExpertGate:
      return Role::kExpertGateStack;
    case Role::kExpertUp:
      return Role::kExpertUpStack;
    case Role::kExpertDown:
      return Role::kExpertDownStack;
    default:
      return one;
  }
}

std::optional<Role> ExpertOf(Role stack) {
  switch (stack) {
    case Role::kExpertGateStack:
      return Role::kExpertGate;
    case Role::kExpertUpStack:
      return Role::kExpertUp;
    case Role::kExpertDownStack:
      return Role::kExpertDown;
    default:
      return std::nullopt;
  }
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

std::optional<std::vector<int64_t>> ParseShape(std::string_view text) {
  std::vector<int64_t> shape;
  while (!text.empty()) {
    int64_t size = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
    if (error != std::errc() || size < 0) return std::nullopt;
    shape.push_back(size);
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    if (!text.empty() && text[0] != ',') return std::nullopt;
    if (!text.empty()) text.remove_prefix(1);
  }
  return shape;
}

class HfConverter {
 public:
  HfConverter(const ConversionSource& source, DType narrow_to)
      : source_(source), checkpoint_(source.model.checkpoint), narrow_to_(narrow_to) {
    interleaved_ = HasInterleavedQk(checkpoint_);
  }

  ConvertedTensors Convert(const std::vector<std::string>& list) {
    for (const Wanted& wanted : list.empty() ? UsualNames() : Listed(list)) Make(wanted);
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
      if (tensor.name == "rope_freqs.weight" || used_.count(tensor.name) > 0) continue;
      if (IsBehindLayers(tensor.name, source_.model)) {
        out_.dropped.push_back(tensor.name);
        continue;
      }
      Problem(tensor.name, "has no Hugging Face name");
    }
    if (problems_.empty()) return std::move(out_);
    const auto end =
        problems_.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(problems_.size(), 20));
    Fail(ErrorCode::kUnsupported, "{}: {} tensor(s) cannot be written to safetensors ({}): {}",
         checkpoint_.path, problems_.size(), source_.family.architecture,
         fmt::join(problems_.begin(), end, "; "));
  }

 private:
  std::vector<Wanted> Listed(const std::vector<std::string>& list) {
    std::vector<Wanted> all;
    for (const std::string& line : list) {
      const size_t type = line.find(' '), shape = line.rfind(' ');
      const std::string name = line.substr(0, type);
      const auto place = PlaceOf(name, source_.family, Container::kSafetensors);
      if (type == std::string::npos || shape == type || !place) {
        Problem(name, "stands in tael.source_tensors, but has no role here");
        continue;
      }
      all.push_back({name, *place, DTypeFromSafetensors(line.substr(type + 1, shape - type - 1)),
                     ParseShape(line.substr(shape + 1))});
    }
    return all;
  }

  std::vector<Wanted> UsualNames() {
    std::vector<Wanted> all;
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
      if (IsBehindLayers(tensor.name, source_.model)) continue;
      const auto place = PlaceOf(tensor.name, source_.family, Container::kGguf);
      if (!place) continue;  // reported with the tensors that nothing used
      const auto add = [&](const TensorPlace& at) {
        const std::string name = NameOf(source_.family, at, Container::kSafetensors);
        if (!name.empty()) all.push_back({name, at, std::nullopt, std::nullopt});
      };
      const std::optional<Role> one = ExpertOf(place->role);
      if (!one || tensor.shape.size() != 3) {
        add(*place);
        continue;
      }
      for (int e = 0; e < static_cast<int>(tensor.shape[0]); ++e) add({*one, place->layer, e});
    }
    return all;
  }

  const TensorInfo* Find(const TensorPlace& place) {
    const std::string name = NameOf(source_.family, place, Container::kGguf);
    const TensorInfo* tensor = name.empty() ? nullptr : checkpoint_.tensors.Find(name);
    if (tensor != nullptr) used_.insert(name);
    return tensor;
  }

  void Make(const Wanted& wanted) {
    if (wanted.place.role == Role::kExpertGateUpStack) {
      const TensorInfo* whole = Find(wanted.place);
      return whole != nullptr ? MakePlain(wanted, *whole) : MakeGateUp(wanted);
    }
    const TensorInfo* tensor = Find(wanted.place);
    if (tensor != nullptr) return MakePlain(wanted, *tensor);
    const Role stack = StackOf(wanted.place.role);
    tensor = Find({stack, wanted.place.layer, 0});
    if (stack == wanted.place.role || tensor == nullptr || tensor->shape.size() != 3 ||
        wanted.place.expert >= tensor->shape[0]) {
      return Problem(wanted.name, "has no counterpart in the file");
    }
    const size_t bytes = tensor->bytes.size() / static_cast<size_t>(tensor->shape[0]);
    RowPlan plan{
        .from = tensor->dtype,
        .parts = {tensor->bytes.subspan(static_cast<size_t>(wanted.place.expert) * bytes, bytes)},
        .row_elements = tensor->shape[2]};
    Finish(wanted, std::move(plan), {tensor->shape[1], tensor->shape[2]});
  }

  void MakePlain(const Wanted& wanted, const TensorInfo& tensor) {
    RowPlan plan{.from = tensor.dtype,
                 .parts = {tensor.bytes},
                 .row_elements = tensor.shape.empty() ? 1 : tensor.shape.back()};
    const NameRule* rule = RuleOf(source_.family, wanted.place.role);
    plan.offset = rule == nullptr ? 0.0f : -rule->hf_offset;
    const Role role = wanted.place.role;
    const bool bias = role == Role::kQueryBias || role == Role::kKeyBias;
    if (interleaved_ && (bias || role == Role::kQuery || role == Role::kKey)) {
      const auto layer = static_cast<size_t>(wanted.place.layer);
      const auto* gqa = std::get_if<GqaSpec>(&source_.model.spec.layers[layer].attention);
      if (gqa == nullptr) return Problem(wanted.name, "has an order of rows that is not known");
      if (bias) plan.row_elements = 1;
      plan.row_of = [dim = gqa->head_dim](int64_t row) { return InterleavedRowOf(row, dim); };
    }
    std::vector<int64_t> shape = tensor.shape;
    if (role == Role::kSharedRouter && shape.size() == 1) shape = {1, shape[0]};
    Finish(wanted, std::move(plan), shape);
  }

  // Two stacks, expert by expert, in one.
  void MakeGateUp(const Wanted& wanted) {
    const TensorInfo* gate = Find({Role::kExpertGateStack, wanted.place.layer, 0});
    const TensorInfo* up = Find({Role::kExpertUpStack, wanted.place.layer, 0});
    if (gate == nullptr || up == nullptr || gate->shape != up->shape || gate->dtype != up->dtype ||
        gate->shape.size() != 3 || gate->shape[0] < 1) {
      return Problem(wanted.name, "has no counterpart in the file");
    }
    const auto experts = static_cast<size_t>(gate->shape[0]);
    const size_t bytes = gate->bytes.size() / experts;
    RowPlan plan{.from = gate->dtype, .parts = {}, .row_elements = gate->shape[2]};
    for (size_t e = 0; e < experts; ++e) {
      plan.parts.push_back(gate->bytes.subspan(e * bytes, bytes));
      plan.parts.push_back(up->bytes.subspan(e * bytes, bytes));
    }
    Finish(wanted, std::move(plan), {gate->shape[0], 2 * gate->shape[1], gate->shape[2]});
  }

  // Chooses the type and puts the tensor into the list.
  void Finish(const Wanted& wanted, RowPlan plan, std::vector<int64_t> shape) {
    if (wanted.shape) {
      const auto count = [](const std::vector<int64_t>& sizes) {
        int64_t product = 1;
        for (const int64_t size : sizes) product *= size;
        return product;
      };
      if (count(*wanted.shape) != count(shape)) {
        return Problem(wanted.name, "had another size before");
      }
      shape = *wanted.shape;
    }
    // What GGUF widened by its own rules.
    const bool small = shape.size() < 2 || shape[0] == 1 || wanted.place.role == Role::kRouter;
    if (small) {
      plan.to = wanted.dtype.value_or(narrow_to_);
      if (!IsExact(plan)) plan.to = DType::kF32;
    } else if (source_.matrices) {
      plan.to = *source_.matrices;
      plan.rounded = true;
    } else if (IsFloat(plan.from)) {
      plan.to = wanted.dtype && IsFloat(*wanted.dtype) ? *wanted.dtype : plan.from;
    } else {
      return Problem(wanted.name, fmt::format("has type {}, which safetensors lacks (--dtype bf16, "
                                              "f16 or f32 decodes it)",
                                              Name(plan.from)));
    }
    out_.tensors.push_back({.name = wanted.name,
                            .dtype = plan.to,
                            .shape = std::move(shape),
                            .produce = ProduceRows(plan, wanted.name)});
  }

  void Problem(const std::string& name, const std::string& what) {
    problems_.push_back(fmt::format("'{}' {}", name.substr(0, 120), what));
  }

  const ConversionSource& source_;
  const Checkpoint& checkpoint_;
  DType narrow_to_;
  bool interleaved_ = false;
  std::set<std::string> used_;
  std::vector<std::string> problems_;
  ConvertedTensors out_;
};

}  // namespace

bool IsBehindLayers(std::string_view name, const Model& model) {
  for (const std::string_view start : {"model.layers.", "blk."}) {
    if (!name.starts_with(start)) continue;
    size_t layer = 0;
    const std::string_view rest = name.substr(start.size());
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), layer);
    return error == std::errc() && layer >= model.spec.layers.size();
  }
  return false;
}

std::vector<std::string> ListTensors(const Model& model) {
  std::set<const uint8_t*> used;
  for (const auto& bytes : model.weights.sources) used.insert(bytes.data());
  std::vector<std::string> list;
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (used.count(tensor.bytes.data()) == 0 || IsBehindLayers(tensor.name, model)) continue;
    list.push_back(fmt::format("{} {} {}", tensor.name, Info(tensor.dtype).safetensors,
                               fmt::join(tensor.shape, ",")));
  }
  return list;
}

ConvertedTensors TensorsForSafetensors(const ConversionSource& source,
                                       const std::vector<std::string>& list, DType narrow_to) {
  return HfConverter(source, narrow_to).Convert(list);
}

}  // namespace tael
