// Every field of a request's schema, and what becomes of it: taken, ignored on purpose, or refused.
#pragma once

#include <span>
#include <string_view>

namespace tael {

enum class FieldUse {
  kTaken,
  kIgnored,  // changes nothing here; `note` says why nobody misses it
  kRefused,  // a 400 that says `note`, unless the value asks for nothing
};

struct FieldRule {
  const char* name;
  FieldUse use = FieldUse::kTaken;
  const char* note = "";
  // Of refused fields: JSON of a value that asks for nothing, beside null, false, "", [] and {}.
  const char* neutral = "";
};

constexpr FieldRule Taken(const char* name, const char* note = "") {
  return {name, FieldUse::kTaken, note, ""};
}
constexpr FieldRule Ignored(const char* name, const char* note) {
  return {name, FieldUse::kIgnored, note, ""};
}
constexpr FieldRule Refused(const char* name, const char* note, const char* neutral = "") {
  return {name, FieldUse::kRefused, note, neutral};
}

// A field that is in no table is refused.
struct FieldTable {
  const char* title;  // as in docs/api.md
  std::span<const FieldRule> rules;

  const FieldRule* Find(std::string_view name) const;  // nullptr: no such field
};

// All tables, in the order of docs/api.md, which a test compares with them.
std::span<const FieldTable* const> AllFieldTables();

}  // namespace tael
