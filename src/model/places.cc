#include "model/places.h"

#include <charconv>

namespace tael {
namespace {

constexpr std::string_view kText = "model.", kInner = "model.language_model.",
                           kOuter = "language_model.";

const char* PatternOf(const NameRule& rule, Container container) {
  return container == Container::kGguf ? rule.gguf : rule.hf;
}

// Matches `name` with a pattern in which each "{}" stands for a number.
bool Matches(std::string_view name, std::string_view pattern, int (&numbers)[2]) {
  size_t found = 0;
  while (true) {
    const size_t hole = pattern.find("{}");
    const std::string_view text = pattern.substr(0, hole);
    if (!name.starts_with(text)) return false;
    name.remove_prefix(text.size());
    if (hole == std::string_view::npos) return name.empty();
    pattern.remove_prefix(hole + 2);
    if (found == 2) return false;
    const bool canonical = !name.empty() && (name[0] != '0' || name.size() < 2 || name[1] == '.');
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), numbers[found]);
    if (!canonical || error != std::errc() || numbers[found] < 0) return false;
    name.remove_prefix(static_cast<size_t>(end - name.data()));
    ++found;
  }
}

}  // namespace

std::string WrappedName(const TensorIndex& tensors, std::string name) {
  if (tensors.Find("language_model.model.embed_tokens.weight") != nullptr) {
    return "language_model." + name;
  }
  const bool inner = tensors.Find("model.language_model.embed_tokens.weight") != nullptr;
  if (!inner || !name.starts_with(kText)) return name;
  return std::string(kInner) + name.substr(kText.size());
}

std::string UnwrappedName(const std::string& name) {
  if (name.starts_with(kInner)) return std::string(kText) + name.substr(kInner.size());
  return name.starts_with(kOuter) ? name.substr(kOuter.size()) : name;
}

std::optional<TensorPlace> PlaceOf(std::string_view name, const Family& family,
                                   Container container) {
  for (const bool own : {true, false}) {
    for (const NameRule& rule : own ? family.names : kLlamaNames) {
      if (!own && FindRule(family.names, rule.role) != nullptr) continue;
      const std::string_view pattern = PatternOf(rule, container);
      int numbers[2] = {0, 0};
      if (pattern.empty() || !Matches(name, pattern, numbers)) continue;
      return TensorPlace{rule.role, numbers[0], numbers[1]};
    }
  }
  return std::nullopt;
}

const NameRule* RuleOf(const Family& family, Role role) {
  const NameRule* rule = FindRule(family.names, role);
  return rule != nullptr ? rule : FindRule(kLlamaNames, role);
}

std::string NameOf(const Family& family, const TensorPlace& place, Container container) {
  const NameRule* rule = RuleOf(family, place.role);
  if (rule == nullptr) return "";
  return TensorName(PatternOf(*rule, container), place.layer, place.expert);
}

}  // namespace tael
