#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/utf8.h"

namespace tael {
namespace {

using Nlohmann = nlohmann::json;

// Builds the tree from nlohmann's event parser, which itself does not recurse.
class TreeBuilder : public nlohmann::json_sax<Nlohmann> {
 public:
  TreeBuilder(std::string_view where, const JsonLimits& limits) : where_(where), limits_(limits) {}

  bool null() override { return Add(Json()); }
  bool boolean(bool value) override { return Add(Json(value)); }
  bool number_integer(int64_t value) override { return Add(Json(value)); }
  bool number_unsigned(uint64_t value) override { return Add(Json(value)); }
  bool number_float(double value, const std::string& text) override {
    if (!std::isfinite(value)) {
      Fail(ErrorCode::kCorrupt, "{}: number '{}' is out of range", where_, text.substr(0, 40));
    }
    return Add(Json(value));
  }
  bool string(std::string& value) override { return Add(Json(std::move(value))); }
  bool binary(Nlohmann::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Json(JsonObject{})); }
  bool start_array(std::size_t) override { return Open(Json(JsonArray{})); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(std::string& value) override {
    key_.back() = std::move(value);
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    std::string detail = error.what();
    const size_t colon = detail.find("] ");
    if (colon != std::string::npos) detail = detail.substr(colon + 2);
    Fail(ErrorCode::kCorrupt, "{}: not valid JSON at byte {}: {}", where_, position,
         detail.substr(0, 200));
  }

  Json Take() { return std::move(root_); }

 private:
  bool Add(Json value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_array()) {
      open_.back().as_array().push_back(std::move(value));
    } else {
      open_.back().as_object().emplace_back(std::move(key_.back()), std::move(value));
    }
    return true;
  }
  bool Open(Json container) {
    if (static_cast<int>(open_.size()) >= limits_.max_depth) {
      Fail(ErrorCode::kCorrupt, "{}: nested deeper than {} levels", where_, limits_.max_depth);
    }
    open_.push_back(std::move(container));
    key_.emplace_back();
    return true;
  }
  bool Close() {
    Json done = std::move(open_.back());
    open_.pop_back();
    key_.pop_back();
    if (done.is_object()) RefuseRepeatedKeys(done.as_object());
    return Add(std::move(done));
  }

  // Sorting hashes finds a repeated key among the 200,000 of a vocabulary several times faster than
  // a hash set does.
  void RefuseRepeatedKeys(const JsonObject& members) const {
    std::vector<std::pair<size_t, const std::string*>> keys;
    keys.reserve(members.size());
    for (const JsonMember& member : members) {
      keys.emplace_back(std::hash<std::string>()(member.first), &member.first);
    }
    std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first < b.first : *a.second < *b.second;
    });
    const auto repeated = std::adjacent_find(
        keys.begin(), keys.end(),
        [](const auto& a, const auto& b) { return a.first == b.first && *a.second == *b.second; });
    if (repeated == keys.end()) return;
    Fail(ErrorCode::kCorrupt, "{}: key '{}' appears twice in one object", where_,
         repeated->second->substr(0, 80));
  }

  std::string_view where_;
  JsonLimits limits_;
  Json root_;
  std::vector<Json> open_;        // containers being filled, outermost first
  std::vector<std::string> key_;  // the pending key of each open container
};

void DumpString(std::string_view text, std::string& out) {
  out.push_back('"');
  const std::string clean = ReplaceInvalidUtf8(text);
  for (const char c : clean) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<int>(c));
        } else {
          out.push_back(c);
        }
    }
  }
  out.push_back('"');
}

void DumpNumber(double value, std::string& out) {
  if (!std::isfinite(value)) {  // JSON has no spelling for it
    out += "null";
    return;
  }
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  out += text;
}

void NewLine(int indent, int depth, std::string& out) {
  if (indent < 0) return;
  out.push_back('\n');
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

void Dump(const Json& value, int indent, int depth, std::string& out) {
  if (value.is_null()) {
    out += "null";
  } else if (value.is_bool()) {
    out += value.as_bool() ? "true" : "false";
  } else if (value.is_int()) {
    out += fmt::format("{}", value.as_int());
  } else if (value.is_float()) {
    DumpNumber(value.as_double(), out);
  } else if (value.is_string()) {
    DumpString(value.as_string(), out);
  } else if (value.is_array()) {
    out.push_back('[');
    bool first = true;
    for (const Json& item : value.as_array()) {
      if (!first) out += ",";
      NewLine(indent, depth + 1, out);
      Dump(item, indent, depth + 1, out);
      first = false;
    }
    if (!first) NewLine(indent, depth, out);
    out.push_back(']');
  } else {
    out.push_back('{');
    bool first = true;
    for (const auto& [key, item] : value.as_object()) {
      if (!first) out += ",";
      NewLine(indent, depth + 1, out);
      DumpString(key, out);
      out += indent < 0 ? ":" : ": ";
      Dump(item, indent, depth + 1, out);
      first = false;
    }
    if (!first) NewLine(indent, depth, out);
    out.push_back('}');
  }
}

}  // namespace

Json::Json(uint64_t value) {
  if (value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    value_ = static_cast<int64_t>(value);
  } else {
    value_ = static_cast<double>(value);
  }
}

const char* Json::type_name() const {
  static constexpr const char* kNames[] = {"null",   "boolean", "integer", "number",
                                           "string", "array",   "object"};
  return kNames[value_.index()];
}

bool Json::as_bool() const {
  TAEL_CHECK(is_bool());
  return std::get<bool>(value_);
}
int64_t Json::as_int() const {
  TAEL_CHECK(is_int());
  return std::get<int64_t>(value_);
}
double Json::as_double() const {
  TAEL_CHECK(is_number());
  return is_int() ? static_cast<double>(std::get<int64_t>(value_)) : std::get<double>(value_);
}
const std::string& Json::as_string() const {
  TAEL_CHECK(is_string());
  return std::get<std::string>(value_);
}
const JsonArray& Json::as_array() const {
  TAEL_CHECK(is_array());
  return std::get<JsonArray>(value_);
}
JsonArray& Json::as_array() {
  TAEL_CHECK(is_array());
  return std::get<JsonArray>(value_);
}
const JsonObject& Json::as_object() const {
  TAEL_CHECK(is_object());
  return std::get<JsonObject>(value_);
}
JsonObject& Json::as_object() {
  TAEL_CHECK(is_object());
  return std::get<JsonObject>(value_);
}

const Json* Json::Find(std::string_view key) const {
  if (!is_object()) return nullptr;
  for (const auto& [name, value] : as_object()) {
    if (name == key) return &value;
  }
  return nullptr;
}

void Json::Set(std::string_view key, Json value) {
  if (is_null()) value_ = JsonObject{};
  JsonObject& members = as_object();
  const auto found = std::find_if(members.begin(), members.end(),
                                  [&](const JsonMember& member) { return member.first == key; });
  if (found != members.end()) {
    found->second = std::move(value);
  } else {
    members.emplace_back(std::string(key), std::move(value));
  }
}

void Json::Append(Json value) {
  if (is_null()) value_ = JsonArray{};
  as_array().push_back(std::move(value));
}

Json ParseJson(std::string_view text, std::string_view where, const JsonLimits& limits) {
  TreeBuilder builder(where, limits);
  Nlohmann::sax_parse(text.begin(), text.end(), &builder);
  return builder.Take();
}

Json ReadJsonFile(const std::string& path) { return ParseJson(ReadFile(path), path); }

std::string DumpJson(const Json& value) {
  std::string out;
  Dump(value, -1, 0, out);
  return out;
}

std::string DumpJsonPretty(const Json& value, int indent) {
  std::string out;
  Dump(value, indent, 0, out);
  return out;
}

}  // namespace tael
