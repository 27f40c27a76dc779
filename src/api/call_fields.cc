#include "api/call_fields.h"

#include <fmt/format.h>

#include "base/error.h"

namespace tael {

std::string ParseCallArguments(ObjectReader& reader, std::string_view key) {
  std::string arguments = reader.String(key).value_or("");
  if (arguments.empty()) return "{}";
  bool is_object = false;
  std::string why;
  try {
    is_object = ParseJson(arguments, "arguments").is_object();
  } catch (const Error& error) {
    why = fmt::format(": {}", error.what());
  }
  if (!is_object) reader.Wrong(key, "needed the text of a JSON object" + why);
  return arguments;
}

Json ParseFunction(ObjectReader& reader, std::string_view schema_key) {
  Json function, tool;
  function.Set("name", reader.RequiredString("name"));
  if (auto text = reader.String("description")) function.Set("description", *std::move(text));
  if (const Json* schema = reader.Object(schema_key)) function.Set("parameters", *schema);
  tool.Set("type", "function");
  tool.Set("function", std::move(function));
  return tool;
}

Json ArgumentsToJson(const std::string& text) {
  if (text.empty()) return JsonObject{};
  try {
    Json input = ParseJson(text, "arguments");
    if (input.is_object()) return input;
  } catch (const Error&) {
    // The model's mistake: shown below.
  }
  Json wrapped;
  wrapped.Set("INVALID_JSON", text);
  return wrapped;
}

}  // namespace tael
