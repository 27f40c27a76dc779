// Finding natives by name, and binding call arguments.
#include "text/jinja/registry.h"

#include <unordered_map>

namespace tael::jinja {
namespace {

using NativeMap = std::unordered_map<std::string_view, Native>;

NativeMap Merge(std::initializer_list<std::span<const NativeEntry>> tables) {
  NativeMap map;
  for (const auto& table : tables) {
    for (const NativeEntry& entry : table) map.emplace(entry.name, entry.function);
  }
  return map;
}

Native Find(const NativeMap& map, std::string_view name) {
  const auto it = map.find(name);
  return it != map.end() ? it->second : nullptr;
}

}  // namespace

Native FindFilter(std::string_view name) {
  static const NativeMap map = Merge({TextFilters(), LayoutFilters(), HtmlFilters(),
                                      NumberFilters(), SequenceFilters(), SelectFilters()});
  return Find(map, name);
}

Native FindTest(std::string_view name) {
  static const NativeMap map = Merge({Tests()});
  return Find(map, name);
}

Native FindGlobal(std::string_view name) {
  static const NativeMap map = Merge({Globals()});
  return Find(map, name);
}

Native FindMethod(Kind kind, std::string_view name) {
  static const NativeMap string = Merge({StringMethods(), StringTestMethods()});
  static const NativeMap list = Merge({ListMethods()});
  static const NativeMap tuple = Merge({TupleMethods()});
  static const NativeMap dict = Merge({DictMethods()});
  static const NativeMap number = Merge({NumberMethods()});
  switch (kind) {
    case Kind::kString:
      return Find(string, name);
    case Kind::kList:
      return Find(list, name);
    case Kind::kTuple:
      return Find(tuple, name);
    case Kind::kDict:
      return Find(dict, name);
    case Kind::kInt:
    case Kind::kBool:
    case Kind::kFloat:
      return Find(number, name);
    default:
      return nullptr;
  }
}

Parameters::Parameters(std::string_view function, const Args& args,
                       std::initializer_list<std::string_view> names, size_t required)
    : function_(function) {
  TAEL_CHECK(names.size() <= kMax);
  std::copy(names.begin(), names.end(), names_);
  if (args.positional.size() > names.size()) {
    RaiseType("{} takes at most {} arguments, not {}", function, names.size(),
              args.positional.size());
  }
  std::copy(args.positional.begin(), args.positional.end(), values_);
  for (const NamedArg& named : args.named) {
    size_t i = 0;
    while (i < names.size() && (names_[i].empty() || names_[i] != named.name->text)) ++i;
    if (i == names.size()) RaiseType("{} has no parameter '{}'", function, named.name->text);
    if (Has(i)) RaiseType("{} got several values for '{}'", function, named.name->text);
    values_[i] = named.value;
  }
  for (size_t i = 0; i < required; ++i) {
    if (!Has(i)) RaiseType("{} needs argument {}", function, i + 1);
  }
}

int64_t Parameters::Int(size_t i, int64_t fallback) const {
  if (!Has(i)) return fallback;
  if (!values_[i].is_integral()) {
    RaiseType("argument {} of {} must be an integer, not '{}'", i + 1, function_,
              TypeName(values_[i]));
  }
  return values_[i].as_int();
}

bool Parameters::Bool(size_t i, bool fallback) const {
  return Has(i) ? Truthy(values_[i]) : fallback;
}

const String* Parameters::Text(size_t i, const String* fallback) const {
  if (!Has(i)) return fallback;
  if (!values_[i].is_string()) {
    RaiseType("argument {} of {} must be a string, not '{}'", i + 1, function_,
              TypeName(values_[i]));
  }
  return values_[i].string;
}

}  // namespace tael::jinja
