// Checks JSON against a schema of OpenAI's published description. Skips the test that asks for it
// where the shared data is not there.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "base/file.h"
#include "base/json.h"
#include "tests/support/shared_data.h"

namespace tael {

// What JSON Schema has that the description uses: references, combinations, types, enumerations,
// required members, items. Members that a schema does not name are allowed, as in JSON Schema.
class OpenApiSchemas {
 public:
  static std::optional<OpenApiSchemas> Read() {
    const auto path = SharedPath("assets/conformance/openai/openai-openapi.json.gz");
    if (!path) return std::nullopt;
    OpenApiSchemas schemas;
    schemas.all_ = *ParseJson(ReadMaybeGzip(*path), "schema").Find("components")->Find("schemas");
    return schemas;
  }

  // "" = valid, else where it is not.
  std::string Violation(const std::string& name, const Json& value) const {
    const Json* schema = all_.Find(name);
    return schema == nullptr ? "no schema " + name : Check(*schema, value, name);
  }
  const Json& Get(const std::string& name) const { return *all_.Find(name); }

 private:
  std::string Check(const Json& schema, const Json& value, const std::string& path) const {
    if (const Json* reference = schema.Find("$ref")) {
      const std::string& target = reference->as_string();
      return Violation(target.substr(target.rfind('/') + 1), value);
    }
    if (const Json* nullable = schema.Find("nullable")) {
      if (*nullable == Json(true) && value.is_null()) return "";
    }
    std::string wrong = CheckCombinations(schema, value, path);
    if (wrong.empty()) wrong = CheckValue(schema, value, path);
    if (wrong.empty() && value.is_object()) wrong = CheckMembers(schema, value, path);
    const Json* items = schema.Find("items");
    if (!wrong.empty() || items == nullptr || !value.is_array()) return wrong;
    for (size_t i = 0; wrong.empty() && i < value.as_array().size(); ++i) {
      wrong = Check(*items, value.as_array()[i], path + "[" + std::to_string(i) + "]");
    }
    return wrong;
  }

  std::string CheckCombinations(const Json& schema, const Json& value,
                                const std::string& path) const {
    if (const Json* all = schema.Find("allOf")) {
      for (const Json& part : all->as_array()) {
        const std::string wrong = Check(part, value, path);
        if (!wrong.empty()) return wrong;
      }
    }
    for (const char* key : {"anyOf", "oneOf"}) {
      const Json* any = schema.Find(key);
      if (any == nullptr) continue;
      std::string reasons;
      bool fits = false;
      for (const Json& part : any->as_array()) {
        const std::string wrong = Check(part, value, path);
        fits = fits || wrong.empty();
        if (reasons.size() < 2000) reasons += "\n  or " + wrong;
      }
      if (!fits) return path + ": none of " + key + reasons;
    }
    return "";
  }

  static bool IsOf(const std::string& type, const Json& value) {
    if (type == "null") return value.is_null();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int();
    if (type == "number") return value.is_number();
    if (type == "array") return value.is_array();
    return type == "object" && value.is_object();
  }

  static std::string CheckValue(const Json& schema, const Json& value, const std::string& path) {
    if (const Json* type = schema.Find("type")) {
      bool fits = type->is_string() && IsOf(type->as_string(), value);
      for (size_t i = 0; type->is_array() && i < type->as_array().size(); ++i) {
        fits = fits || IsOf(type->as_array()[i].as_string(), value);
      }
      if (!fits) return path + ": needed " + DumpJson(*type) + ", found " + DumpJson(value);
    }
    if (const Json* values = schema.Find("enum")) {
      bool fits = false;
      for (const Json& allowed : values->as_array()) fits = fits || allowed == value;
      if (!fits) return path + ": " + DumpJson(value) + " is none of " + DumpJson(*values);
    }
    return "";
  }

  std::string CheckMembers(const Json& schema, const Json& value, const std::string& path) const {
    if (const Json* required = schema.Find("required")) {
      for (const Json& name : required->as_array()) {
        if (value.Find(name.as_string()) == nullptr) return path + ": no " + name.as_string();
      }
    }
    const Json* properties = schema.Find("properties");
    for (const auto& [key, member] : value.as_object()) {
      const Json* property = properties == nullptr ? nullptr : properties->Find(key);
      if (property == nullptr) continue;
      std::string wrong = Check(*property, member, path + "." + key);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

  Json all_;
};

}  // namespace tael
