#include "dialect/tool_schemas.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "base/error.h"
#include "dialect/python_literal.h"

namespace tael {
namespace {

constexpr int kMaxNesting = 8;  // of anyOf in anyOf

void AddType(std::string_view name, ParameterType& type) {
  if (name == "string" || name == "str" || name == "enum") type.string = true;
  if (name == "integer" || name == "int") type.integer = true;
  if (name == "number" || name == "float" || name == "double") type.number = true;
  if (name == "boolean" || name == "bool") type.boolean = true;
  if (name == "null") type.null = true;
  if (name == "object" || name == "dict" || name == "array" || name == "list") {
    type.composite = true;
  }
}

void AddTypeOfValue(const Json& value, ParameterType& type) {
  if (value.is_float()) type.number = true;
  AddType(value.type_name(), type);
}

void AddTypesOf(const Json& schema, int depth, ParameterType& type) {
  if (depth > kMaxNesting) return;
  if (const Json* name = schema.Find("type"); name != nullptr && name->is_string()) {
    AddType(name->as_string(), type);
  } else if (name != nullptr && name->is_array()) {
    for (const Json& one : name->as_array()) {
      if (one.is_string()) AddType(one.as_string(), type);
    }
  } else if (const Json* values = schema.Find("enum"); values != nullptr && values->is_array()) {
    for (const Json& value : values->as_array()) AddTypeOfValue(value, type);
  } else if (const Json* constant = schema.Find("const"); constant != nullptr) {
    AddTypeOfValue(*constant, type);
  } else if (schema.Find("properties") != nullptr || schema.Find("items") != nullptr) {
    type.composite = true;
  }
  for (const char* key : {"anyOf", "oneOf", "allOf"}) {
    const Json* options = schema.Find(key);
    if (options == nullptr || !options->is_array()) continue;
    for (const Json& option : options->as_array()) AddTypesOf(option, depth + 1, type);
  }
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  return text.substr(begin, text.find_last_not_of(kSpace) + 1 - begin);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) AppendJsonEscaped(c, quoted);
  return quoted + "\"";
}

std::optional<Json> AsJson(std::string_view text) {
  try {
    return ParseJson(text, "value");
  } catch (const Error&) {
    return std::nullopt;
  }
}

// `text` if it is JSON of the wanted kind, else what Python would mean by it, if that is.
std::optional<std::string> AsComposite(std::string_view text) {
  if (text.empty() || (text[0] != '{' && text[0] != '[' && text[0] != '(')) return std::nullopt;
  if (AsJson(text)) return std::string(text);
  return PythonLiteralToJson(text);
}

std::optional<std::string> AsTyped(std::string_view text, const ParameterType& type) {
  const std::string lower = text.size() <= 5 ? Lower(text) : "";
  if (type.null && (lower == "null" || lower == "none")) return "null";
  if (type.integer || type.number) {
    const auto number = AsJson(text);
    if (number && number->is_number()) {
      const bool digits_only = text.find_first_of(".eE") == std::string_view::npos;
      if (type.number || digits_only) return std::string(text);
    }
  }
  if (type.boolean && (lower == "true" || lower == "false")) return lower;
  if (type.composite) return AsComposite(text);
  return std::nullopt;
}

}  // namespace

ToolSchemas::ToolSchemas(const Json& tools) {
  if (!tools.is_array()) return;
  for (const Json& tool : tools.as_array()) {
    const Json* function = tool.Find("function");
    if (function == nullptr) function = &tool;
    const Json* name = function->Find("name");
    if (name == nullptr || !name->is_string()) continue;
    Types& types = tools_[name->as_string()];
    const Json* parameters = function->Find("parameters");
    if (parameters == nullptr) parameters = function->Find("input_schema");
    const Json* properties = parameters != nullptr ? parameters->Find("properties") : nullptr;
    if (properties == nullptr || !properties->is_object()) continue;
    for (const auto& [key, schema] : properties->as_object()) {
      AddTypesOf(schema, 0, types[key]);
    }
  }
}

ParameterType ToolSchemas::TypeOf(std::string_view tool, std::string_view parameter) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return {};
  const auto type = found->second.find(parameter);
  return type == found->second.end() ? ParameterType() : type->second;
}

std::string ArgumentToJson(std::string_view text, const ParameterType& type, bool guess) {
  const std::string_view value = Trimmed(text);
  if (type.known()) {
    if (const auto typed = AsTyped(value, type)) return *typed;
  } else if (guess) {
    if (AsJson(value)) return std::string(value);
    const std::string lower = value.size() <= 5 ? Lower(value) : "";
    if (lower == "true" || lower == "false") return lower;
    if (lower == "none") return "null";
    if (const auto composite = AsComposite(value)) return *composite;
  }
  return Quoted(text);
}

void AppendJsonEscaped(char c, std::string& out) {
  constexpr const char* kHex = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += '\\';
    out += c;
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else if (c == '\r') {
    out += "\\r";
  } else if (byte < 0x20) {
    out += "\\u00";
    out += kHex[byte >> 4];
    out += kHex[byte & 15];
  } else {
    out += c;
  }
}

}  // namespace tael
