#include "dialect/tool_schemas.h"

#include <gtest/gtest.h>

#include "dialect/call_format.h"
#include "dialect/python_literal.h"

namespace tael {
namespace {

TEST(ToolSchemas, ReadsTypesInTheFormsThatRequestsHave) {
  const ToolSchemas tools(ParseJson(
      R"([{"function": {"name": "f", "parameters": {"type": "object", "properties": {
            "a": {"type": "string"}, "b": {"type": ["integer", "null"]},
            "c": {"anyOf": [{"type": "number"}, {"type": "array"}]}, "d": {"enum": ["x", 1.5]},
            "e": {"properties": {}}, "f": {"description": "?"}, "g": 5}}}},
          {"name": "h", "input_schema": {"properties": {"a": {"type": "boolean"}}}},
          {"name": 5}, "odd", {"function": {"name": "bare"}}])",
      "tools"));
  EXPECT_TRUE(tools.Has("f") && tools.Has("h") && tools.Has("bare"));
  EXPECT_FALSE(tools.Has("odd") || tools.Has(""));
  EXPECT_TRUE(tools.TypeOf("f", "a").only_string());
  EXPECT_TRUE(tools.TypeOf("f", "b").integer && tools.TypeOf("f", "b").null);
  EXPECT_TRUE(tools.TypeOf("f", "c").number && tools.TypeOf("f", "c").composite);
  EXPECT_TRUE(tools.TypeOf("f", "d").number && tools.TypeOf("f", "d").string);
  EXPECT_TRUE(tools.TypeOf("f", "e").composite);
  EXPECT_FALSE(tools.TypeOf("f", "f").known() || tools.TypeOf("f", "g").known());
  EXPECT_FALSE(tools.TypeOf("f", "?").known() || tools.TypeOf("?", "a").known());
  EXPECT_TRUE(tools.TypeOf("h", "a").boolean);
  EXPECT_FALSE(ToolSchemas(Json()).Has("f"));
}

TEST(ToolSchemas, ValuesBecomeWhatTheirTypeAllows) {
  const auto value = [](const char* text, const ParameterType& type) {
    return ArgumentToJson(text, type, /*guess=*/false);
  };
  EXPECT_EQ(value(" 12345678901234567890 ", {.integer = true}), "12345678901234567890");
  EXPECT_EQ(value("1.50", {.number = true}), "1.50");
  EXPECT_EQ(value("1.5", {.integer = true}), "\"1.5\"");
  EXPECT_EQ(value("TRUE", {.boolean = true}), "true");
  EXPECT_EQ(value("yes", {.boolean = true}), "\"yes\"");
  EXPECT_EQ(value("None", {.string = true, .null = true}), "null");
  EXPECT_EQ(value("5", {.string = true, .integer = true}), "5");
  EXPECT_EQ(value("5", {.string = true}), "\"5\"");
  EXPECT_EQ(value("{\"a\": 1}", {.composite = true}), "{\"a\": 1}");
  EXPECT_EQ(value("{'a': True}", {.composite = true}), "{\"a\": true}");
  EXPECT_EQ(value("{a}", {.composite = true}), "\"{a}\"");
  EXPECT_EQ(value("5", {}), "\"5\"");
  EXPECT_EQ(ArgumentToJson("5", {}, /*guess=*/true), "5");
  EXPECT_EQ(ArgumentToJson("\"5\"", {}, /*guess=*/true), "\"5\"");
  EXPECT_EQ(ArgumentToJson("a \"b\"\n", {}, /*guess=*/true), "\"a \\\"b\\\"\\n\"");
  EXPECT_EQ(ArgumentToJson("", {}, /*guess=*/true), "\"\"");
}

TEST(PythonLiteral, BecomesJson) {
  EXPECT_EQ(PythonLiteralToJson(R"(['a', "b\'", '''c'd''', (1, -2.5e3), {'k': None}, True,])"),
            R"(["a", "b'", "c'd", [1, -2.5e3], {"k": null}, true])");
  EXPECT_EQ(PythonLiteralToJson(R"('\n\x41\u00e9\U0001F600\q\\')"),
            "\"\\nA\xc3\xa9\xf0\x9f\x98\x80\\\\q\\\\\"");
  for (const char* text : {"", "f(1)", "x", "'a", "[1", "{1: 2}", "1_000", "{'a'}", "'\\ud800'",
                           "1 2", "'\\x4'", "{'a': }", "[,]", "lambda: 1"}) {
    EXPECT_EQ(PythonLiteralToJson(text), std::nullopt) << text;
  }
  EXPECT_EQ(PythonLiteralToJson(std::string(1000, '[') + std::string(1000, ']')), std::nullopt);
  EXPECT_EQ(PythonArgumentsToJson("a=1, b='x',"), R"({"a": 1, "b": "x"})");
  EXPECT_EQ(PythonArgumentsToJson(""), "{}");
  for (const char* text : {"1", "a", "a=", "a=1 b=2", "**a", "a=b", ",", "1a=2"}) {
    EXPECT_EQ(PythonArgumentsToJson(text), std::nullopt) << text;
  }
}

TEST(CallFormat, SaysWhyThereIsNone) {
  EXPECT_EQ(FindCallFormat("{{ messages }}"), nullptr);
  EXPECT_NE(WhyNoCallFormat("{{ messages }}").find("knows no tools"), std::string::npos);
  EXPECT_NE(WhyNoCallFormat("{{ tools }} <call>").find("takes tools"), std::string::npos);
  EXPECT_EQ(FindCallFormatNamed("?"), nullptr);
}

}  // namespace
}  // namespace tael
