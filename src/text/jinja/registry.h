// Tables of everything a template can call by name, and the helper that reads call arguments.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>

#include "text/jinja/value.h"

namespace tael::jinja {

// A filter, test, method or global function. `self` is the filtered, tested or owning value.
using Native = Value (*)(Interpreter& in, const Value& self, const Args& args);

struct NativeEntry {
  std::string_view name;
  Native function;
};

// nullptr when there is no such thing.
Native FindFilter(std::string_view name);
Native FindTest(std::string_view name);
Native FindGlobal(std::string_view name);
Native FindMethod(Kind kind, std::string_view name);

// The parts of the tables, one per file.
std::span<const NativeEntry> TextFilters();
std::span<const NativeEntry> LayoutFilters();
std::span<const NativeEntry> HtmlFilters();
std::span<const NativeEntry> NumberFilters();
std::span<const NativeEntry> SequenceFilters();
std::span<const NativeEntry> SelectFilters();
std::span<const NativeEntry> Tests();
std::span<const NativeEntry> Globals();
std::span<const NativeEntry> StringMethods();
std::span<const NativeEntry> StringTestMethods();
std::span<const NativeEntry> ListMethods();
std::span<const NativeEntry> TupleMethods();
std::span<const NativeEntry> DictMethods();
std::span<const NativeEntry> NumberMethods();

// Call arguments matched to parameter names, as Python binds them. The constructor throws a type
// Fault for too many, unknown, doubled or missing arguments.
class Parameters {
 public:
  static constexpr size_t kMax = 8;
  // The first `required` must be given. A name of "" can only be given by position.
  Parameters(std::string_view function, const Args& args,
             std::initializer_list<std::string_view> names, size_t required = 0);

  const Value& operator[](size_t i) const { return values_[i]; }  // kMissing when not given
  bool Has(size_t i) const { return !values_[i].missing(); }
  // Conversions throw a type Fault that names function and parameter.
  int64_t Int(size_t i, int64_t fallback) const;
  bool Bool(size_t i, bool fallback) const;
  // REQUIRES for the null fallback: the caller handles nullptr.
  const String* Text(size_t i, const String* fallback = nullptr) const;
  bool IsNoneOrMissing(size_t i) const { return !Has(i) || values_[i].Is(Kind::kNone); }

 private:
  std::string_view function_;
  std::string_view names_[kMax];
  Value values_[kMax];
};

}  // namespace tael::jinja
