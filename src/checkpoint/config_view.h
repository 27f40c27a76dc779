// config.json (or its translation from GGUF keys) with typed reads; remembers which keys were read.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace tael {

// One vocabulary, Hugging Face's, for both containers. Every read is recorded, so that a key nobody
// asked for can be refused (CheckAllRead): a new option in a checkpoint is never ignored silently.
class ConfigView {
 public:
  // `values` must be an object. `where` names the source ("dir/config.json") in messages.
  // `path` is the dotted place of this object inside the document, "" at the top.
  ConfigView(Json values, std::string where, std::string path = "");

  const std::string& where() const { return where_; }
  bool Has(std::string_view key) const;  // present and not null; does not count as a read

  // Typed reads. Missing, null or of another type: throws kCorrupt naming where, key, found,
  // needed. Int() accepts integers only (also 64.0), range-checked to int32 unless Int64 is used.
  int Int(std::string_view key) const;
  int64_t Int64(std::string_view key) const;
  double Double(std::string_view key) const;
  bool Bool(std::string_view key) const;
  std::string String(std::string_view key) const;
  std::vector<int64_t> Ints(
      std::string_view key) const;  // an array, or one integer as an array of 1
  std::vector<double> Doubles(std::string_view key) const;
  std::vector<std::string> Strings(std::string_view key) const;  // an array, or one string

  // The same with a default for a key that is absent or null.
  int Int(std::string_view key, int fallback) const;
  double Double(std::string_view key, double fallback) const;
  bool Bool(std::string_view key, bool fallback) const;
  std::string String(std::string_view key, std::string_view fallback) const;

  // A nested object (nullopt when absent or null; throws when it is no object). Reads in it are
  // recorded here too, as "outer.inner". The returned view borrows this one.
  std::optional<ConfigView> Object(std::string_view key) const;

  // Marks a key as understood without using its value.
  void Ignore(std::string_view key) const;

  // Dotted names of keys that were never read (a nested object that was never opened counts as
  // one).
  std::vector<std::string> UnreadKeys() const;

  const Json& values() const { return values_; }

 private:
  const Json* Read(std::string_view key) const;  // records; nullptr when absent or null
  [[noreturn]] void BadType(std::string_view key, const Json* found, std::string_view needed) const;

  Json values_;
  std::string where_, path_;
  const ConfigView* parent_ = nullptr;
  mutable std::set<std::string> read_;  // dotted paths, kept at the root view
};

}  // namespace tael
