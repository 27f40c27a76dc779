// The tools of a request, as far as reading calls needs them: names, and the types of parameters.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/json.h"

namespace tael {

// What values of one parameter may be. Nothing set = nobody said.
struct ParameterType {
  bool string = false, integer = false, number = false, boolean = false, null = false;
  bool composite = false;  // object or array

  bool known() const { return string || integer || number || boolean || null || composite; }
  bool only_string() const {
    return string && !integer && !number && !boolean && !null && !composite;
  }
};

class ToolSchemas {
 public:
  ToolSchemas() = default;
  // `tools` as requests have them: [{type, function: {name, parameters}}], or the functions alone.
  // What has another form says nothing; checking requests is not done here. Never throws.
  explicit ToolSchemas(const Json& tools);

  bool Has(std::string_view tool) const { return tools_.find(tool) != tools_.end(); }
  ParameterType TypeOf(std::string_view tool, std::string_view parameter) const;

 private:
  using Types = std::map<std::string, ParameterType, std::less<>>;
  std::map<std::string, Types, std::less<>> tools_;
};

// `text`, a value that stood between tags, as JSON: what `type` allows, tried in the order null,
// integer, number, boolean, object or array, and string if it is none of these. Numbers keep their
// digits. Python's spellings of constants and containers count too. Without a known type:
// `guess` = JSON if it is that, else a string. Never throws.
std::string ArgumentToJson(std::string_view text, const ParameterType& type, bool guess);

// Appends one byte of a string in JSON's escaping, without the quotes.
void AppendJsonEscaped(char c, std::string& out);

}  // namespace tael
