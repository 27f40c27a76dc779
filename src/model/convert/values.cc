#include "model/convert/values.h"

#include <cmath>

#include "base/exact_math.h"
#include "checkpoint/carried.h"
#include "model/convert/elements.h"
#include "model/convert/tensors.h"
#include "model/places.h"

namespace tael {
namespace {

// A number whose exp() rounds to 0, in any type: files hold no infinities.
constexpr float kLogOfNothing = -200;

}  // namespace

bool IsAlwaysF32(Role role) {
  switch (role) {
    case Role::kRouter:
    case Role::kRouterCorrection:
    case Role::kSharedRouter:
    case Role::kDeltaConv:
    case Role::kIndexWeights:
    case Role::kAttentionStreams:
    case Role::kFfnStreams:
    case Role::kEndStreams:
    case Role::kCompressorPlaces:
    case Role::kIndexCompressorPlaces:
    case Role::kExpertGateBiasStack:
    case Role::kExpertUpBiasStack:
    case Role::kExpertGateUpBiasStack:
    case Role::kExpertDownBiasStack:
      return true;
    default:
      return false;
  }
}

std::function<float(float)> MapToGguf(const Family& family, Role role) {
  if (role == Role::kDeltaRate) {
    return [](float log) { return -static_cast<float>(ExactExp(static_cast<double>(log))); };
  }
  const NameRule* rule = RuleOf(family, role);
  if (rule == nullptr || rule->hf_offset == 0) return nullptr;
  return [offset = rule->hf_offset](float distance) { return distance + offset; };
}

std::function<float(float)> MapToHf(const Family& family, Role role) {
  if (role == Role::kDeltaRate) {
    return [](float rate) {
      if (rate == 0) return kLogOfNothing;
      return rate < 0 ? static_cast<float>(ExactLog(-static_cast<double>(rate))) : NAN;
    };
  }
  const NameRule* rule = RuleOf(family, role);
  if (rule == nullptr || rule->hf_offset == 0) return nullptr;
  return [offset = rule->hf_offset](float gain) { return gain - offset; };
}

GgufEntries CarriedVectors(const Model& model, const Family& family) {
  GgufEntries entries;
  const UsedTensors used(model);
  const Container container = model.checkpoint.container;
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    const auto place = PlaceOf(UnwrappedName(tensor.name), family, container);
    if (!place || tensor.shape.size() != 1 || !used.Has(tensor)) continue;
    const auto there = MapToGguf(family, place->role), back = MapToHf(family, place->role);
    if (!there) continue;
    const RowPlan plan{.from = tensor.dtype,
                       .parts = {{.bytes = tensor.bytes, .row_elements = tensor.shape[0]}}};
    bool exact = true;
    for (const float value : ValuesOf(plan)) exact = exact && back(there(value)) == value;
    if (exact) continue;
    entries.emplace_back(std::string(carried::kSourceBytes) + tensor.name,
                         GgufInts(GgufType::kU8, {tensor.bytes.begin(), tensor.bytes.end()}));
  }
  return entries;
}

}  // namespace tael
