// Typed, recorded reads of a configuration object.
#include "checkpoint/config_view.h"

#include <cmath>
#include <limits>
#include <utility>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

std::string Dotted(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}

// An object that was opened is recorded under a name of its own, because opening it reads none of
// its members.
std::string Opened(const std::string& dotted) { return dotted + "."; }

// The integer a JSON number stands for; 64.0 counts, 64.5 and 1e300 do not.
std::optional<int64_t> AsInteger(const Json& value) {
  if (value.is_int()) return value.as_int();
  if (!value.is_float()) return std::nullopt;
  const double number = value.as_double();
  if (std::trunc(number) != number || std::abs(number) >= 9.2e18) return std::nullopt;
  return static_cast<int64_t>(number);
}

// What stands in the file, short enough for a message.
std::string Excerpt(const Json& value) {
  if (value.is_array() || value.is_object()) {
    return fmt::format("{} of {}", value.type_name(),
                       value.is_array() ? value.as_array().size() : value.as_object().size());
  }
  return fmt::format("{} {}", value.type_name(), Printable(DumpJson(value)));
}

}  // namespace

ConfigView::ConfigView(Json values, std::string where, std::string path)
    : values_(std::move(values)), where_(std::move(where)), path_(std::move(path)) {
  if (!values_.is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: {} is {}, needed a JSON object", where_,
         path_.empty() ? "the document" : fmt::format("'{}'", Printable(path_)), Excerpt(values_));
  }
}

bool ConfigView::Has(std::string_view key) const {
  const Json* found = values_.Find(key);
  return found != nullptr && !found->is_null();
}

const Json* ConfigView::Read(std::string_view key) const {
  Ignore(key);
  const Json* found = values_.Find(key);
  return found == nullptr || found->is_null() ? nullptr : found;
}

void ConfigView::BadType(std::string_view key, const Json* found, std::string_view needed) const {
  Fail(ErrorCode::kCorrupt, "{}: key '{}' is {}, needed {}", where_, Printable(Dotted(path_, key)),
       found == nullptr ? "missing" : Excerpt(*found), needed);
}

int ConfigView::Int(std::string_view key) const {
  const Json* found = Read(key);
  const std::optional<int64_t> value = found == nullptr ? std::nullopt : AsInteger(*found);
  if (!value || *value < std::numeric_limits<int>::min() ||
      *value > std::numeric_limits<int>::max()) {
    BadType(key, found, "a 32-bit integer");
  }
  return static_cast<int>(*value);
}

int64_t ConfigView::Int64(std::string_view key) const {
  const Json* found = Read(key);
  const std::optional<int64_t> value = found == nullptr ? std::nullopt : AsInteger(*found);
  if (!value) BadType(key, found, "an integer");
  return *value;
}

double ConfigView::Double(std::string_view key) const {
  const Json* found = Read(key);
  if (found == nullptr || !found->is_number()) BadType(key, found, "a number");
  return found->as_double();
}

bool ConfigView::Bool(std::string_view key) const {
  const Json* found = Read(key);
  if (found == nullptr || !found->is_bool()) BadType(key, found, "true or false");
  return found->as_bool();
}

std::string ConfigView::String(std::string_view key) const {
  const Json* found = Read(key);
  if (found == nullptr || !found->is_string()) BadType(key, found, "a string");
  return found->as_string();
}

std::vector<int64_t> ConfigView::Ints(std::string_view key) const {
  constexpr std::string_view kNeeded = "an integer or an array of integers";
  const Json* found = Read(key);
  if (found == nullptr) BadType(key, found, kNeeded);
  std::vector<int64_t> values;
  const JsonArray one = found->is_array() ? JsonArray{} : JsonArray{*found};
  for (const Json& item : found->is_array() ? found->as_array() : one) {
    const std::optional<int64_t> value = AsInteger(item);
    if (!value) BadType(key, &item, kNeeded);
    values.push_back(*value);
  }
  return values;
}

std::vector<double> ConfigView::Doubles(std::string_view key) const {
  constexpr std::string_view kNeeded = "a number or an array of numbers";
  const Json* found = Read(key);
  if (found == nullptr) BadType(key, found, kNeeded);
  std::vector<double> values;
  const JsonArray one = found->is_array() ? JsonArray{} : JsonArray{*found};
  for (const Json& item : found->is_array() ? found->as_array() : one) {
    if (!item.is_number()) BadType(key, &item, kNeeded);
    values.push_back(item.as_double());
  }
  return values;
}

std::vector<std::string> ConfigView::Strings(std::string_view key) const {
  constexpr std::string_view kNeeded = "a string or an array of strings";
  const Json* found = Read(key);
  if (found == nullptr) BadType(key, found, kNeeded);
  std::vector<std::string> values;
  const JsonArray one = found->is_array() ? JsonArray{} : JsonArray{*found};
  for (const Json& item : found->is_array() ? found->as_array() : one) {
    if (!item.is_string()) BadType(key, &item, kNeeded);
    values.push_back(item.as_string());
  }
  return values;
}

int ConfigView::Int(std::string_view key, int fallback) const {
  Ignore(key);
  return Has(key) ? Int(key) : fallback;
}

double ConfigView::Double(std::string_view key, double fallback) const {
  Ignore(key);
  return Has(key) ? Double(key) : fallback;
}

bool ConfigView::Bool(std::string_view key, bool fallback) const {
  Ignore(key);
  return Has(key) ? Bool(key) : fallback;
}

std::string ConfigView::String(std::string_view key, std::string_view fallback) const {
  Ignore(key);
  return Has(key) ? String(key) : std::string(fallback);
}

std::optional<ConfigView> ConfigView::Object(std::string_view key) const {
  if (!Has(key)) {
    Ignore(key);
    return std::nullopt;
  }
  const Json* found = values_.Find(key);
  if (!found->is_object()) BadType(key, found, "an object");
  ConfigView inner(*found, where_, Dotted(path_, key));
  inner.parent_ = this;
  const ConfigView* root = this;
  while (root->parent_ != nullptr) root = root->parent_;
  root->read_.insert(Opened(inner.path_));
  return inner;
}

void ConfigView::Ignore(std::string_view key) const {
  const ConfigView* root = this;
  while (root->parent_ != nullptr) root = root->parent_;
  root->read_.insert(Dotted(path_, key));
}

std::vector<std::string> ConfigView::UnreadKeys() const {
  const ConfigView* root = this;
  while (root->parent_ != nullptr) root = root->parent_;
  std::vector<std::string> unread;
  // Explicit stack instead of recursion: configurations are untrusted.
  std::vector<std::pair<const Json*, std::string>> open = {{&values_, path_}};
  while (!open.empty()) {
    const auto [object, path] = open.back();
    open.pop_back();
    for (const auto& [key, value] : object->as_object()) {
      const std::string dotted = Dotted(path, key);
      if (value.is_null() || root->read_.contains(dotted)) continue;
      if (value.is_object() && root->read_.contains(Opened(dotted))) {
        open.emplace_back(&value, dotted);
      } else {
        unread.push_back(dotted);
      }
    }
  }
  return unread;
}

}  // namespace tael
