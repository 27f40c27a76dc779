#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "checkpoint/printable.h"
#include "model/adapter.h"

namespace tael {
namespace {

bool IsFiniteAt(const Adapter& adapter, float weight) {
  const auto finite = [&](const LowRankChange& change) {
    return std::isfinite(change.scale * weight);
  };
  return (!adapter.embedding || finite(*adapter.embedding)) &&
         std::all_of(adapter.products.begin(), adapter.products.end(),
                     [&](const auto& entry) { return finite(entry.second); });
}

}  // namespace

std::vector<AdapterUse> ChooseAdapters(const std::vector<std::unique_ptr<Adapter>>& adapters,
                                       const std::vector<AdapterChoice>& choices) {
  std::vector<AdapterUse> uses;
  for (const AdapterChoice& choice : choices) {
    const auto found = std::find_if(adapters.begin(), adapters.end(),
                                    [&](const auto& a) { return a->name == choice.name; });
    if (found == adapters.end()) {
      std::vector<std::string> names;
      names.reserve(adapters.size());
      for (const auto& adapter : adapters) names.push_back(adapter->name);
      Fail(ErrorCode::kNotFound, "no adapter '{}' is loaded; loaded are: {}",
           Printable(choice.name),
           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
    }
    const Adapter& adapter = **found;
    if (!std::isfinite(choice.weight) || !IsFiniteAt(adapter, choice.weight)) {
      Fail(ErrorCode::kInvalidArgument,
           "the weight {} of adapter '{}', or its product with the adapter's scale, is no finite "
           "number",
           choice.weight, Printable(choice.name));
    }
    if (!adapter.IsSum() && (choice.weight != 1 || choices.size() > 1)) {
      Fail(
          ErrorCode::kInvalidArgument,
          "adapter '{}' scales or replaces weights (DoRA, modules_to_save), so it can only be used "
          "alone and with weight 1",
          choice.name);
    }
    if (std::any_of(uses.begin(), uses.end(),
                    [&](const AdapterUse& use) { return use.adapter == &adapter; })) {
      Fail(ErrorCode::kInvalidArgument, "adapter '{}' is named twice", choice.name);
    }
    // -0 and 0 are one weight: lists that compare equal must give the same bits.
    uses.push_back({&adapter, choice.weight == 0 ? 0.0f : choice.weight});
  }
  return uses;
}

}  // namespace tael
