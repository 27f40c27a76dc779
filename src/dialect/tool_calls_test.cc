// Tool calls of every dialect, written by hand: the form itself, and what models get wrong.
#include <gtest/gtest.h>

#include "base/json.h"
#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"

namespace tael {
namespace {

using Calls = std::vector<ParsedCall>;

const ToolSchemas& Tools() {
  static const ToolSchemas tools(ParseJson(
      R"([{"type": "function", "function": {"name": "f", "parameters": {"properties": {
         "s": {"type": "string"}, "i": {"type": "integer"}, "n": {"type": "number"},
         "b": {"type": "boolean"}, "o": {"type": "object"}, "l": {"type": "array"},
         "u": {"type": ["string", "null"]}, "any": {}}}}},
         {"type": "function", "function": {"name": "g"}}])",
      "tools"));
  return tools;
}

DialectOptions Options(std::string_view format) {
  const CallFormat* calls = FindCallFormatNamed(format);
  EXPECT_NE(calls, nullptr) << format;
  return {.calls = calls, .tools = &Tools()};
}

ParsedAnswer Parse(std::string_view format, const std::string& text) {
  return ParseEveryWay(Options(format), text);
}

const ReasoningTags* Think() { return FindReasoningTags("<think>"); }

TEST(ToolCalls, Hermes) {
  const std::string call =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"s\": \"x\"}}\n</tool_call>";
  const ParsedCall f{"f", "{\"s\": \"x\"}"};
  EXPECT_EQ(Parse("hermes", call), (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(Parse("hermes", "Wait.\n" + call + "\n" + call + "\n"),
            (ParsedAnswer{.answer = "Wait.", .calls = {f, f}}));
  EXPECT_EQ(Parse("hermes", "a\n" + call + "\n\nb\n" + call + " c"),
            (ParsedAnswer{.answer = "a\n\nb c", .calls = {f, f}}));
  EXPECT_EQ(Parse("hermes", "\n\n" + call + "\n\nb "),
            (ParsedAnswer{.answer = "b ", .calls = {f}}));
}

TEST(ToolCalls, FormsOfJsonThatModelsWrite) {
  const auto parse = [](const std::string& body) {
    return Parse("hermes", "<tool_call>" + body + "</tool_call>");
  };
  const ParsedCall f{"f", "{\"s\":1}"};
  const std::string plain = R"({"name":"f","arguments":{"s":1}})";
  for (const std::string& body : std::vector<std::string>{
           plain, "\n\n" + plain + "\n\n", R"({"arguments":{"s":1},"name":"f"})",
           R"({"name":"f","parameters":{"s":1}})", "```json\n" + plain + "\n```\n",
           R"({"type":"function","function":{"name":"f","arguments":{"s":1}}})",
           R"({"id":"x","name":"f","arguments":"{\"s\":1}","more":[1,"]"]})",
           R"({"name":"f","arguments":{"s":1})", plain + "}", "[" + plain + "]",
           R"({"function":"f","arguments":{"s":1}})", R"({"name":"\u0066","arguments":{"s":1}})"}) {
    EXPECT_EQ(parse(body), (ParsedAnswer{.calls = {f}})) << body;
  }
  for (const std::string& body :
       std::vector<std::string>{plain + "\n" + plain, plain + ", " + plain,
                                "[" + plain + ", " + plain + "]", "[" + plain + "," + plain}) {
    EXPECT_EQ(parse(body), (ParsedAnswer{.calls = {f, f}})) << body;
  }
  const ParsedAnswer empty{.calls = {{"f", "{}"}}};
  for (const char* body : {R"({"name":"f"})", R"({"name":"f","arguments":null})",
                           R"({"name":"f","arguments":""})", R"({"name":"f","arguments":{}})"}) {
    EXPECT_EQ(parse(body), empty) << body;
  }
}

TEST(ToolCalls, MarkersWithinStringsAreText) {
  const std::string arguments =
      R"({"s": "</tool_call> <tool_call> \" }\\", "t": "</think><|end|>"})";
  EXPECT_EQ(
      Parse("hermes", R"(<tool_call>{"name": "f", "arguments": )" + arguments + "}</tool_call>"),
      (ParsedAnswer{.calls = {{"f", arguments}}}));
  EXPECT_EQ(
      Parse("hermes", R"(<tool_call>{"arguments": )" + arguments + R"(, "name": "f"}</tool_call>)"),
      (ParsedAnswer{.calls = {{"f", arguments}}}));
}

TEST(ToolCalls, NumbersAndEscapesStayAsWritten) {
  const std::string arguments = R"({"i": 12345678901234567890123, "s": "\u5317\ud83d\ude00 é"})";
  EXPECT_EQ(
      Parse("hermes", R"(<tool_call>{"name": "f", "arguments": )" + arguments + "}</tool_call>"),
      (ParsedAnswer{.calls = {{"f", arguments}}}));
  // Line breaks that were not escaped; arguments as a string with escapes of its own.
  EXPECT_EQ(Parse("hermes",
                  "<tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"a\n\tb\"}}</tool_call>"),
            (ParsedAnswer{.calls = {{"f", "{\"s\": \"a\\n\\tb\"}"}}}));
  EXPECT_EQ(
      Parse("hermes",
            R"(<tool_call>{"name": "f", "arguments": "{\"s\": \"\\n\ud83d\ude00\"}"}</tool_call>)"),
      (ParsedAnswer{.calls = {{"f", "{\"s\": \"\\n\xf0\x9f\x98\x80\"}"}}}));
}

TEST(ToolCalls, WhatIsNoCallIsText) {
  for (const char* text :
       {"<tool_call>", "<tool_call>\n</tool_call>", "<tool_call>oops</tool_call> yes",
        "<tool_call>{\"foo\": 1}</tool_call>",
        "<tool_call>{\"name\": \"f\", \"s\": \"x\"}</tool_call>",
        "<tool_call>{\"name\": \"a b\", \"arguments\": {}}",
        "<tool_call>{\"name\": \"\"}</tool_call>", "a <tool_call", "a\n<tool_call>\n{\"name\": \"f",
        "<tool_call>[]</tool_call>", "  <tool_cal>", "</tool_call>", "<tool_call>{\"name\": 7}",
        "<tool_call>{\"arguments\": {\"s\": \"x\"}}</tool_call>", "{\"name\": \"f\"}",
        "\xff\xfe<tool_call>\xe5"}) {
    EXPECT_EQ(Parse("hermes", text), (ParsedAnswer{.answer = text})) << text;
  }
  // What comes after a failed beginning may be a call.
  EXPECT_EQ(Parse("hermes", R"(<tool_call><tool_call>{"name": "f"}</tool_call>)"),
            (ParsedAnswer{.answer = "<tool_call>", .calls = {{"f", "{}"}}}));
}

TEST(ToolCalls, WithoutToolsMarkersAreText) {
  const std::string text = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call> )";
  EXPECT_EQ(ParseEveryWay({.reasoning = Think()}, text), (ParsedAnswer{.answer = text}));
}

TEST(ToolCalls, CutOffAndMalformed) {
  const std::string begin = R"(a <tool_call>{"name": "f", "arguments": )";
  const auto with = [](const std::string& arguments, CallEnd end, const std::string& answer = "a") {
    return ParsedAnswer{.answer = answer, .calls = {{"f", arguments, "", end}}};
  };
  EXPECT_EQ(Parse("hermes", begin + R"({"s": "x)"), with(R"({"s": "x)", CallEnd::kCutOff));
  EXPECT_EQ(Parse("hermes", begin + R"({"s": 1})"), with(R"({"s": 1})", CallEnd::kComplete));
  EXPECT_EQ(Parse("hermes", begin + R"({"s": 1}})"), with(R"({"s": 1})", CallEnd::kComplete));
  EXPECT_EQ(Parse("hermes", begin + R"("{\"s)"), with(R"({"s)", CallEnd::kCutOff));
  EXPECT_EQ(Parse("hermes", begin + R"({"s": 1</tool_call> b)"),
            with(R"({"s": 1)", CallEnd::kMalformed, "a b"));
  EXPECT_EQ(Parse("hermes", begin + R"({'s': 1}}</tool_call>)"),
            with("{", CallEnd::kMalformed, "a's': 1}}</tool_call>"));
  EXPECT_EQ(Parse("hermes", begin + "[1]}</tool_call>"), with("[1]", CallEnd::kMalformed));
  EXPECT_EQ(Parse("hermes", begin + "tru"), with("tru", CallEnd::kCutOff));
}

TEST(ToolCalls, BehindReasoning) {
  const std::string call = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call>)";
  const ParsedCall f{"f", "{}"};
  DialectOptions options = Options("hermes");
  options.reasoning = Think();
  options.start = ReasoningStart::kModelDecides;
  EXPECT_EQ(ParseEveryWay(options, "<think>\nhm\n</think>\n\n" + call),
            (ParsedAnswer{.reasoning = "hm", .calls = {f}}));
  EXPECT_EQ(ParseEveryWay(options, call), (ParsedAnswer{.calls = {f}}));
  options.start = ReasoningStart::kInside;
  EXPECT_EQ(ParseEveryWay(options, "hm " + call + "\n</think>\nyes" + call),
            (ParsedAnswer{.reasoning = "hm " + call, .answer = "yes", .calls = {f}}));
  // Dialects that call within their reasoning.
  options.calls = FindCallFormatNamed("qwen3-coder");
  EXPECT_EQ(ParseEveryWay(options, "hm\n" + call + "\n</think>\nyes"),
            (ParsedAnswer{.reasoning = "hm", .answer = "yes", .calls = {f}}));
  EXPECT_EQ(ParseEveryWay(options, "hm <tool_call> no\n</think>\nyes"),
            (ParsedAnswer{.reasoning = "hm <tool_call> no", .answer = "yes"}));
  options = Options("hermes");
  options.reasoning = FindReasoningTags("<response>");
  options.start = ReasoningStart::kInside;
  EXPECT_EQ(
      ParseEveryWay(options, "hm\n</think>\n\n\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>\n"),
      (ParsedAnswer{.reasoning = "hm", .calls = {f}}));
  EXPECT_EQ(ParseEveryWay(options, "hm\n</think>\n\n<response>\nyes\n</response>\n" + call),
            (ParsedAnswer{.reasoning = "hm", .answer = "yes", .calls = {f}}));
}

TEST(ToolCalls, TaggedParameters) {
  const auto parse = [](const std::string& inside) {
    return Parse("qwen3-coder",
                 "<tool_call>\n<function=f>\n" + inside + "</function>\n</tool_call>");
  };
  const auto called = [](const char* arguments) {
    return ParsedAnswer{.calls = {{"f", arguments}}};
  };
  EXPECT_EQ(parse(""), called("{}"));
  EXPECT_EQ(parse("<parameter=s>\n5\n</parameter>\n<parameter=i>\n5\n</parameter>\n"),
            called(R"({"s": "5", "i": 5})"));
  EXPECT_EQ(parse("<parameter=s>\n\n a \"q\" \\ </b>\n\n</parameter>\n"),
            called(R"({"s": "\n a \"q\" \\ </b>\n"})"));
  EXPECT_EQ(parse("<parameter=b>True</parameter><parameter=n>1.50</parameter>"),
            called(R"({"b": true, "n": 1.50})"));
  EXPECT_EQ(parse("<parameter=o>\n{\"a\": [1, null]}\n</parameter>\n<parameter=l>\n['x', "
                  "True]\n</parameter>"),
            called(R"({"o": {"a": [1, null]}, "l": ["x", true]})"));
  EXPECT_EQ(parse("<parameter=i>\nmany\n</parameter>"), called(R"({"i": "many"})"));
  EXPECT_EQ(parse("<parameter=u>\nNone\n</parameter><parameter=new>\n5\n</parameter>"),
            called(R"({"u": null, "new": "5"})"));
  EXPECT_EQ(parse("<parameter=s>\n\n</parameter>"), called(R"({"s": ""})"));
  EXPECT_EQ(parse("<parameter=s></parameter>"), called(R"({"s": ""})"));
  // A closing tag that was forgotten.
  EXPECT_EQ(parse("<parameter=s>\nx\n<parameter=i>\n5\n"), called(R"({"s": "x", "i": 5})"));
  // Tags that begin no line are part of the value.
  EXPECT_EQ(parse("<parameter=s>\na </function> <parameter=i> b\n</parameter>\n"),
            called(R"({"s": "a </function> <parameter=i> b"})"));
}

TEST(ToolCalls, AnObjectWithinTheTagsOfAFunction) {
  const ParsedAnswer f{.calls = {{"f", "{\"s\": \"</function>\"}"}}};
  const std::string call = "<function=f>\n{\"s\": \"</function>\"}\n</function>";
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n" + call + "\n</tool_call>"), f);
  EXPECT_EQ(Parse("llama3", call), f);
  EXPECT_EQ(Parse("llama3", "<function=f>{}</function>"), (ParsedAnswer{.calls = {{"f", "{}"}}}));
  EXPECT_EQ(Parse("llama3", "<function=f>{\"s\": <"),
            (ParsedAnswer{.answer = "<", .calls = {{"f", "{\"s\": ", "", CallEnd::kMalformed}}}));
  EXPECT_EQ(Parse("llama3", "<function=f>{\"s\": 1} x"),
            (ParsedAnswer{.answer = "x", .calls = {{"f", "{\"s\": 1}"}}}));
  EXPECT_EQ(Parse("llama3", "<function=h>{}</function>"),
            (ParsedAnswer{.answer = "<function=h>{}</function>"}));
}

TEST(ToolCalls, TaggedCallsThatAreNotWhole) {
  const ParsedCall f{"f", "{}"};
  EXPECT_EQ(Parse("qwen3-coder", "a\n<function=f>\n</function>\n</tool_call>\n b"),
            (ParsedAnswer{.answer = "a\n\n b", .calls = {f}}));
  EXPECT_EQ(
      Parse("qwen3-coder", "<tool_call><function=f></function><function=f></function></tool_call>"),
      (ParsedAnswer{.calls = {f, f}}));
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n<function=f>\n</tool_call>"),
            (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>"),
            (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(Parse("qwen3-coder", "Use <function=f> so."),
            (ParsedAnswer{.answer = "Use <function=f> so."}));
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=s>\nab\nc"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "ab\nc)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=i>\n12"),
            (ParsedAnswer{.calls = {{"f", R"({"i": 12)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(Parse("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=i>1</parameter> x"),
            (ParsedAnswer{.answer = "x", .calls = {{"f", R"({"i": 1)", "", CallEnd::kMalformed}}}));
}

TEST(ToolCalls, OtherTags) {
  const ParsedAnswer f{.calls = {{"f", R"({"s": "x", "i": 5, "any": [1]})"}}};
  EXPECT_EQ(Parse("minimax-m2",
                  "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"s\">x</parameter>\n"
                  "<parameter name=\"i\">5</parameter>\n<parameter name=\"any\">[1]</parameter>\n"
                  "</invoke>\n</minimax:tool_call>"),
            f);
  for (const char* newline : {"", "\n"}) {
    const std::string n = newline;
    EXPECT_EQ(Parse("glm", "<tool_call>f" + n + "<arg_key>s</arg_key>" + n +
                               "<arg_value>x</arg_value>" + n + "<arg_key>i</arg_key>" + n +
                               "<arg_value>5</arg_value>" + n + "<arg_key>any</arg_key>" + n +
                               "<arg_value>[1]</arg_value>" + n + "</tool_call>"),
              f);
    EXPECT_EQ(Parse("glm", "a" + n + "<tool_call>g" + n + "</tool_call>"),
              (ParsedAnswer{.answer = "a", .calls = {{"g", "{}"}}}));
  }
  for (const char* outer : {"function_calls", "tool_calls"}) {
    const std::string d = "\uff5cDSML\uff5c";
    EXPECT_EQ(
        Parse("dsml", "\n\n<" + d + outer + ">\n<" + d + "invoke name=\"f\">\n<" + d +
                          "parameter name=\"s\" string=\"true\">x</" + d + "parameter>\n<" + d +
                          "parameter name=\"i\" string=\"false\">5</" + d + "parameter>\n<" + d +
                          "parameter name=\"any\" string=\"false\">[1]</" + d + "parameter>\n</" +
                          d + "invoke>\n</" + d + outer + ">"),
        f);
  }
  EXPECT_EQ(
      Parse("glm", "<tool_call>f<arg_key>s<arg_value>x</arg_value></tool_call>"),
      (ParsedAnswer{.calls = {{"f", R"({"s<arg_value>x</arg_value>)", "", CallEnd::kMalformed}}}));
  EXPECT_EQ(Parse("glm", "<tool_call>f<arg_key>s</arg_key><arg_value>x</arg_value><arg_key>i"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "x", "i)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(Parse("seed",
                  "<seed:tool_call>\n<function=f>\n<parameter=s>x</parameter>\n"
                  "<parameter=i>5</parameter>\n</function>\n</seed:tool_call>"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "x", "i": 5})"}}}));
}

TEST(ToolCalls, NamesBeforeJson) {
  const std::string begin = "<\uff5ctool\u2581calls\u2581begin\uff5c>",
                    sep = "<\uff5ctool\u2581sep\uff5c>",
                    one = "<\uff5ctool\u2581call\u2581begin\uff5c>",
                    one_end = "<\uff5ctool\u2581call\u2581end\uff5c>",
                    end = "<\uff5ctool\u2581calls\u2581end\uff5c>";
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  EXPECT_EQ(Parse("deepseek", "a" + begin + one + "function" + sep + "f\n```json\n{\"s\": 1}\n```" +
                                  one_end + "\n" + one + "function" + sep + "g\n```json\n{}\n```" +
                                  one_end + end),
            (ParsedAnswer{.answer = "a", .calls = {f, g}}));
  EXPECT_EQ(Parse("deepseek", begin + one + "f" + sep + "{\"s\": 1}" + one_end + one + "g" + sep +
                                  "{}" + one_end + end),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(Parse("deepseek", one + "g" + sep + "{}" + one_end + one + "g" + sep + "{}"),
            (ParsedAnswer{.calls = {g, g}}));
  EXPECT_EQ(Parse("deepseek", begin + one + "function" + sep + "f\n```json\n{\"s\""),
            (ParsedAnswer{.calls = {{"f", "{\"s\"", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(Parse("deepseek", begin + one + "function" + sep + "f\n```js"),
            (ParsedAnswer{.answer = begin + one + "function" + sep + "f\n```js"}));
  EXPECT_EQ(Parse("kimi-k2",
                  "a<|tool_calls_section_begin|><|tool_call_begin|>functions.f:3"
                  "<|tool_call_argument_begin|>{\"s\": 1}<|tool_call_end|>"
                  "<|tool_call_begin|>functions.g:4<|tool_call_argument_begin|>{}"
                  "<|tool_call_end|><|tool_calls_section_end|>"),
            (ParsedAnswer{
                .answer = "a",
                .calls = {{"f", "{\"s\": 1}", "functions.f:3"}, {"g", "{}", "functions.g:4"}}}));
}

TEST(ToolCalls, Mistral) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  EXPECT_EQ(Parse("mistral",
                  "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"s\": 1}, \"id\": "
                  "\"abcdefghi\"}, {\"name\": \"g\", \"arguments\": {}}]"),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(Parse("mistral", "a[TOOL_CALLS]f[ARGS]{\"s\": 1}[TOOL_CALLS]g[ARGS]{}"),
            (ParsedAnswer{.answer = "a", .calls = {f, g}}));
  EXPECT_EQ(Parse("mistral", "[TOOL_CALLS]f{\"s\": 1}[TOOL_CALLS]g{}"),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(Parse("mistral", "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{\"s\": 1}"),
            (ParsedAnswer{.calls = {{"f", "{\"s\": 1}", "abc"}}}));
  EXPECT_EQ(Parse("mistral", "[TOOL_CALLS] none of them"),
            (ParsedAnswer{.answer = "[TOOL_CALLS] none of them"}));
}

TEST(ToolCalls, ListsAndSections) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  const std::string one = "{\"name\": \"f\", \"arguments\": {\"s\": 1}}", two = "{\"name\": \"g\"}";
  const ParsedAnswer both{.calls = {f, g}};
  EXPECT_EQ(Parse("tool-calls", "<tool_calls>[" + one + ", " + two + "]</tool_calls>"), both);
  EXPECT_EQ(Parse("tool-calls", "<tool_calls>\n" + one + "\n" + two + "\n</tool_calls>"), both);
  EXPECT_EQ(Parse("tool-calls",
                  "<tool_calls>\n<tool_call>f\n```json\n{\"s\": 1}\n```\n</tool_call>\n"
                  "<tool_call>g\n```json\n{}\n```</tool_call>\n</tool_calls>"),
            both);
  EXPECT_EQ(Parse("tool-calls", "<tool_calls>\n</tool_calls>"),
            (ParsedAnswer{.answer = "<tool_calls>\n</tool_calls>"}));
  EXPECT_EQ(Parse("pangu", "[unused11][" + one + "," + two + "][unused12]"), both);
  EXPECT_EQ(Parse("granite", "<|tool_call|>[" + one + "," + two + "]"), both);
  EXPECT_EQ(Parse("apertus", "<|tools_prefix|>[{\"f\": {\"s\": 1}}, {\"g\": {}}]<|tools_suffix|>"),
            both);
}

TEST(ToolCalls, Llama) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  const std::string one = "{\"name\": \"f\", \"parameters\": {\"s\": 1}}";
  const std::string two = "{\"type\": \"function\", \"name\": \"g\", \"parameters\": {}}";
  EXPECT_EQ(Parse("llama3", one), (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(Parse("llama3", "<|python_tag|>" + one), (ParsedAnswer{.calls = {f}}));
  for (const char* between : {"; ", "\n", ";", ", "}) {
    EXPECT_EQ(Parse("llama3", one + between + two), (ParsedAnswer{.calls = {f, g}})) << between;
    EXPECT_EQ(Parse("llama3", "<|python_tag|>" + one + between + two),
              (ParsedAnswer{.calls = {f, g}}));
  }
  EXPECT_EQ(Parse("llama3", "I call:\n" + one), (ParsedAnswer{.answer = "I call:", .calls = {f}}));
  EXPECT_EQ(Parse("llama3", "<|python_tag|>g.call(query=\"a) b\")"),
            (ParsedAnswer{.calls = {{"g", R"({"query": "a) b"})"}}}));
  for (const char* text : {"{\"city\": \"Oslo\"}", "{\"name\": \"unknown\", \"parameters\": {}}",
                           "{\"name\": \"f\"}", "{\"name\": \"f\", \"parameters\": 5}", "[1, 2]",
                           "<|python_tag|>print(1)", "a {\"name\": \"g\", \"parameters\": {}}", "{",
                           "[f(1)]", "[unknown(a=1)]", "{\"name\": \"f\", \"parameters\""}) {
    EXPECT_EQ(Parse("llama3", text), (ParsedAnswer{.answer = text})) << text;
  }
  EXPECT_EQ(Parse("llama3", one + "; and so on"),
            (ParsedAnswer{.answer = "; and so on", .calls = {f}}));
}

TEST(ToolCalls, Pythonic) {
  EXPECT_EQ(
      Parse("llama4", "[f(s=1, b=True), g(x='it\\'s', y=[1, (2.5, None)], z={\"k\": ''})]"),
      (ParsedAnswer{.calls = {{"f", R"({"s": 1, "b": true})"},
                              {"g", R"({"x": "it's", "y": [1, [2.5, null]], "z": {"k": ""}})"}}}));
  EXPECT_EQ(Parse("llama4", "<|python_start|>[g()]<|python_end|>"),
            (ParsedAnswer{.calls = {{"g", "{}"}}}));
  EXPECT_EQ(Parse("llama4", "[g(s='''a'b)\n''', t=\"\")]"),
            (ParsedAnswer{.calls = {{"g", R"({"s": "a'b)\n", "t": ""})"}}}));
  EXPECT_EQ(Parse("llama4", "<|python_start|>{\"name\": \"f\", \"parameters\": {}}<|python_end|>"),
            (ParsedAnswer{.calls = {{"f", "{}"}}}));
  EXPECT_EQ(Parse("llama4", "[g(s='a"), (ParsedAnswer{.answer = "[g(s='a"}));
  EXPECT_EQ(Parse("llama4", "[g(), g(1)] b"),
            (ParsedAnswer{.answer = ", g(1)] b", .calls = {{"g", "{}"}}}));
}

TEST(ToolCalls, Harmony) {
  DialectOptions options = Options("harmony");
  options.reasoning = FindReasoningTags("<|channel|>analysis");
  options.start = ReasoningStart::kModelDecides;
  const auto parse = [&](const std::string& text) { return ParseEveryWay(options, text); };
  const ParsedCall f{"f", "{\"s\": \"<|end|>\"}"};
  const std::string body = "<|message|>{\"s\": \"<|end|>\"}";
  for (const char* head :
       {"<|channel|>commentary to=functions.f <|constrain|>json",
        " to=functions.f<|channel|>commentary json",
        "<|channel|>commentary to=functions.f<|constrain|>json",
        "<|channel|>analysis to=functions.f code",
        "<|start|>assistant to=functions.f<|channel|>commentary", "<|channel|>commentary to=f"}) {
    for (const char* end : {"", "<|call|>", "<|end|>"}) {
      EXPECT_EQ(parse(head + body + end), (ParsedAnswer{.calls = {f}})) << head << end;
    }
  }
  EXPECT_EQ(parse("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary"
                  "<|message|>Plan.<|end|><|start|>assistant<|channel|>commentary to=functions.f"
                  "<|message|>{\"s\": "),
            (ParsedAnswer{.reasoning = "Hm.",
                          .answer = "Plan.",
                          .calls = {{"f", "{\"s\": ", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(parse("<|channel|>analysis<|message|>Hm.<|channel|>final<|message|>Yes."),
            (ParsedAnswer{.reasoning = "Hm.", .answer = "Yes."}));
  EXPECT_EQ(parse("Yes."), (ParsedAnswer{.answer = "Yes."}));
  EXPECT_EQ(parse(" to"), (ParsedAnswer{.answer = " to"}));
  EXPECT_EQ(parse("<|channel|>final<|message|>Yes.<|return|>"), (ParsedAnswer{.answer = "Yes."}));
  EXPECT_EQ(parse("<|channel|>commentary to=python code<|message|>print(1)<|call|>"),
            (ParsedAnswer{.calls = {{"python", "print(1)", "", CallEnd::kMalformed}}}));
  EXPECT_EQ(parse("<|channel|>commentary to=functions.f<|end|>x"),
            (ParsedAnswer{.answer = "x", .calls = {{"f", "{}"}}}));
  EXPECT_EQ(parse("<|start|>assistant<|start|>assistant<|channel|>final<|message|>x"),
            (ParsedAnswer{.answer = "<|start|>assistant\n\nx"}));
}

// `part` again and again, up to `size` bytes.
std::string Repeated(std::string_view part, size_t size) {
  std::string text;
  while (text.size() < size) text += part;
  return text;
}

void ExpectLinearWork(const DialectOptions& options, const std::string& text) {
  DialectParser parser(options);
  size_t given = 0;
  for (const char c : text) {
    for (const auto& event : parser.Push(std::string_view(&c, 1))) given += event.text.size();
  }
  for (const auto& event : parser.Finish()) given += event.text.size();
  EXPECT_LE(parser.work(), static_cast<int64_t>(text.size()) * 40)
      << options.calls->name << ": " << text.substr(0, 40);
  EXPECT_LE(given, text.size() * 2) << options.calls->name << ": " << text.substr(0, 40);
}

// The work per byte is bounded, however long the text and whatever its form.
TEST(ToolCalls, WorkIsLinear) {
  constexpr const char* kParts[] = {"\n",
                                    " ",
                                    "<",
                                    "{",
                                    "[",
                                    "<tool_call>",
                                    "<tool_call>{\"x\": \"",
                                    "<think>",
                                    "</think>",
                                    "<function=f>\n<parameter=s>\n\n\n",
                                    "[f(a='",
                                    "<|start|>",
                                    "<|channel|>a<|message|>\n\n"};
  for (const CallFormat& format : AllCallFormats()) {
    DialectOptions options{.reasoning = Think(), .calls = &format, .tools = &Tools()};
    for (const ReasoningStart start : {ReasoningStart::kModelDecides, ReasoningStart::kInside}) {
      options.start = start;
      for (const char* part : kParts) {
        const std::string text = Repeated(part, 1 << 14);
        ExpectLinearWork(options, text);
      }
    }
  }
  const std::string turn =
      "<think>hm\n\n</think>\n\nA < b.\n<tool_call>\n<function=f>\n<parameter=s>\nint main() {\n}\n"
      "</parameter>\n</function>\n</tool_call>\n<tool_call>{\"name\": \"g\"}</tool_call>\n";
  ExpectLinearWork({.reasoning = Think(), .calls = FindCallFormatNamed("qwen3-coder")},
                   Repeated(turn, 1 << 20));
}

}  // namespace
}  // namespace tael
