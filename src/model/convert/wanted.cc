#include "model/convert/wanted.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "model/places.h"

namespace tael {
namespace {

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

// The tensor of Hugging Face that a tensor of GGUF is the first part of; the other parts make none.
// Roles that are the same in both are not listed.
struct Merged {
  Role part;
  std::optional<Role> whole;
};
constexpr Merged kAlways[] = {
    {Role::kLatentKey, Role::kLatentUp},
    {Role::kLatentValue, std::nullopt},
    {Role::kExpertGateBiasStack, Role::kExpertGateUpBiasStack},
    {Role::kExpertUpBiasStack, std::nullopt},
};
// gpt-oss
constexpr Merged kColumns[] = {
    {Role::kExpertGateStack, Role::kExpertGateUpColumns},
    {Role::kExpertUpStack, std::nullopt},
    {Role::kExpertDownStack, Role::kExpertDownColumns},
};
// Qwen3.5, with experts
constexpr Merged kStacks[] = {
    {Role::kExpertGateStack, Role::kExpertGateUpStack},
    {Role::kExpertUpStack, std::nullopt},
    {Role::kExpertDownStack, Role::kExpertDownStack},
};
// Qwen3-Next
constexpr Merged kQkvz[] = {
    {Role::kDeltaQkv, Role::kDeltaQkvz},
    {Role::kDeltaZ, std::nullopt},
};

const Merged* FindMerged(const Family& family, Role role) {
  const std::string_view name = family.architecture;
  std::span<const Merged> own;
  if (FindRule(family.names, Role::kExpertGateUpColumns) != nullptr) own = kColumns;
  if (name.starts_with("Qwen3_5Moe")) own = kStacks;
  if (name == "Qwen3NextForCausalLM") own = kQkvz;
  for (const std::span<const Merged> list : {std::span<const Merged>(kAlways), own}) {
    for (const Merged& merged : list) {
      if (merged.part == role) return &merged;
    }
  }
  return nullptr;
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

}  // namespace

std::vector<WantedTensor> ListedTensors(const Family& family, const std::vector<std::string>& list,
                                        std::vector<std::string>* unknown) {
  std::vector<WantedTensor> all;
  for (const std::string& line : list) {
    const size_t type = line.find(' '), shape = line.rfind(' ');
    const std::string name = line.substr(0, type);
    std::string matrix = UnwrappedName(name);
    for (const std::string_view ending : {kMxfp4Codes, kMxfp4Scales}) {
      if (matrix.ends_with(ending)) matrix.resize(matrix.size() - ending.size());
    }
    const auto place = PlaceOf(matrix, family, Container::kSafetensors);
    if (type == std::string::npos || shape == type || !place) {
      unknown->push_back(name);
      continue;
    }
    all.push_back({name, *place, DTypeFromSafetensors(line.substr(type + 1, shape - type - 1)),
                   ParseShape(line.substr(shape + 1))});
  }
  return all;
}

std::vector<WantedTensor> UsualTensors(const ConversionSource& source) {
  std::vector<WantedTensor> all;
  const auto add = [&](const TensorPlace& at, std::string_view ending = "") {
    const std::string name = NameOf(source.family, at, Container::kSafetensors);
    if (!name.empty()) all.push_back({name + std::string(ending), at});
  };
  for (const TensorInfo& tensor : source.model.checkpoint.tensors.all()) {
    if (IsBehindLayers(tensor.name, source.model)) continue;
    const auto place = PlaceOf(tensor.name, source.family, Container::kGguf);
    if (!place) continue;  // reported with the tensors that nothing used
    if (const Merged* merged = FindMerged(source.family, place->role)) {
      if (!merged->whole) continue;
      const TensorPlace whole{*merged->whole, place->layer, 0};
      const std::string both = NameOf(source.family, whole, Container::kGguf);
      if (both != tensor.name && source.model.checkpoint.tensors.Find(both) != nullptr) continue;
      const bool packed = tensor.dtype == DType::kMXFP4 && !source.matrices;
      if (packed) add(whole, kMxfp4Codes);
      add(whole, packed ? kMxfp4Scales : "");
      continue;
    }
    const std::optional<Role> one = ExpertOf(place->role);
    if (!one || tensor.shape.size() != 3) {
      add(*place);
      continue;
    }
    for (int e = 0; e < static_cast<int>(tensor.shape[0]); ++e) add({*one, place->layer, e});
  }
  return all;
}

UsedTensors::UsedTensors(const Model& model) {
  for (const auto& bytes : model.weights.sources) starts_.insert(bytes.data());
}

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
  std::vector<std::string> list;
  const UsedTensors used(model);
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (!used.Has(tensor) || IsBehindLayers(UnwrappedName(tensor.name), model)) continue;
    list.push_back(fmt::format("{} {} {}", tensor.name, Info(tensor.dtype).safetensors,
                               fmt::join(tensor.shape, ",")));
  }
  return list;
}

}  // namespace tael
