// Typed reads of the components of a tokenizer.json, with messages that name file and component.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tael {

// One object of the file, for instance a normalizer. Borrows the JSON value.
class JsonFields {
 public:
  // `what` names the object in messages ("normalizer 'Replace'"). Throws kCorrupt if no object.
  JsonFields(const Json& object, std::string where, std::string what);

  // The member, or nullptr when absent or null.
  const Json* Optional(std::string_view key) const;
  // Throws kCorrupt when absent or null.
  const Json& Required(std::string_view key) const;
  std::string Text(std::string_view key) const;  // required
  bool Flag(std::string_view key, bool fallback) const;
  int64_t Integer(std::string_view key, int64_t fallback) const;
  const JsonArray& Array(std::string_view key) const;  // required

  // Throws kUnsupported for a member not in `known` ("type" is always known), listing those.
  void AllowOnly(std::initializer_list<std::string_view> known) const;

  const std::string& where() const { return where_; }
  const std::string& what() const { return what_; }

 private:
  [[noreturn]] void WrongType(std::string_view key, const Json& found,
                              std::string_view needed) const;

  const Json& object_;
  std::string where_, what_;
};

// The "type" of a component ("NFC"). Throws kCorrupt when it has none. `kind` is "normalizer", ...
std::string ComponentType(const Json& value, std::string_view where, std::string_view kind);

// Throws kUnsupported: unknown `type` of a `kind`, listing `known`.
[[noreturn]] void FailUnknownComponent(std::string_view where, std::string_view kind,
                                       std::string_view type, std::string_view known);

// A pattern {"String": s} or {"Regex": s}.
struct PatternField {
  bool is_regex = false;
  std::string text;
};
PatternField ReadPattern(const JsonFields& fields);

}  // namespace tael
