// Tool calls of every dialect, written by hand: the form itself, and what models get wrong.
#include <gtest/gtest.h>

#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"

namespace tael {
namespace {

TEST(ToolCallDialects, TaggedParameters) {
  const auto parse = [](const std::string& inside) {
    return ParseAs("qwen3-coder",
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

TEST(ToolCallDialects, AnObjectWithinTheTagsOfAFunction) {
  const ParsedAnswer f{.calls = {{"f", "{\"s\": \"</function>\"}"}}};
  const std::string call = "<function=f>\n{\"s\": \"</function>\"}\n</function>";
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n" + call + "\n</tool_call>"), f);
  EXPECT_EQ(ParseAs("llama3", call), f);
  EXPECT_EQ(ParseAs("llama3", "<function=f>{}</function>"), (ParsedAnswer{.calls = {{"f", "{}"}}}));
  EXPECT_EQ(ParseAs("llama3", "<function=f>{\"s\": <"),
            (ParsedAnswer{.answer = "<", .calls = {{"f", "{\"s\": ", "", CallEnd::kMalformed}}}));
  EXPECT_EQ(ParseAs("llama3", "<function=f>{\"s\": 1} x"),
            (ParsedAnswer{.answer = "x", .calls = {{"f", "{\"s\": 1}"}}}));
  EXPECT_EQ(ParseAs("llama3", "<function=h>{}</function>"),
            (ParsedAnswer{.answer = "<function=h>{}</function>"}));
}

TEST(ToolCallDialects, TaggedCallsThatAreNotWhole) {
  const ParsedCall f{"f", "{}"};
  EXPECT_EQ(ParseAs("qwen3-coder", "a\n<function=f>\n</function>\n</tool_call>\n b"),
            (ParsedAnswer{.answer = "a\n\n b", .calls = {f}}));
  EXPECT_EQ(ParseAs("qwen3-coder",
                    "<tool_call><function=f></function><function=f></function></tool_call>"),
            (ParsedAnswer{.calls = {f, f}}));
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n<function=f>\n</tool_call>"),
            (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>"),
            (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(ParseAs("qwen3-coder", "Use <function=f> so."),
            (ParsedAnswer{.answer = "Use <function=f> so."}));
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=s>\nab\nc"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "ab\nc)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=i>\n12"),
            (ParsedAnswer{.calls = {{"f", R"({"i": 12)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(ParseAs("qwen3-coder", "<tool_call>\n<function=f>\n<parameter=i>1</parameter> x"),
            (ParsedAnswer{.answer = "x", .calls = {{"f", R"({"i": 1)", "", CallEnd::kMalformed}}}));
}

TEST(ToolCallDialects, OtherTags) {
  const ParsedAnswer f{.calls = {{"f", R"({"s": "x", "i": 5, "any": [1]})"}}};
  EXPECT_EQ(
      ParseAs("minimax-m2",
              "<minimax:tool_call>\n<invoke name=\"f\">\n<parameter name=\"s\">x</parameter>\n"
              "<parameter name=\"i\">5</parameter>\n<parameter name=\"any\">[1]</parameter>\n"
              "</invoke>\n</minimax:tool_call>"),
      f);
  for (const char* newline : {"", "\n"}) {
    const std::string n = newline;
    EXPECT_EQ(ParseAs("glm", "<tool_call>f" + n + "<arg_key>s</arg_key>" + n +
                                 "<arg_value>x</arg_value>" + n + "<arg_key>i</arg_key>" + n +
                                 "<arg_value>5</arg_value>" + n + "<arg_key>any</arg_key>" + n +
                                 "<arg_value>[1]</arg_value>" + n + "</tool_call>"),
              f);
    EXPECT_EQ(ParseAs("glm", "a" + n + "<tool_call>g" + n + "</tool_call>"),
              (ParsedAnswer{.answer = "a", .calls = {{"g", "{}"}}}));
  }
  for (const char* outer : {"function_calls", "tool_calls"}) {
    const std::string d = "\uff5cDSML\uff5c";
    EXPECT_EQ(
        ParseAs("dsml", "\n\n<" + d + outer + ">\n<" + d + "invoke name=\"f\">\n<" + d +
                            "parameter name=\"s\" string=\"true\">x</" + d + "parameter>\n<" + d +
                            "parameter name=\"i\" string=\"false\">5</" + d + "parameter>\n<" + d +
                            "parameter name=\"any\" string=\"false\">[1]</" + d + "parameter>\n</" +
                            d + "invoke>\n</" + d + outer + ">"),
        f);
  }
  EXPECT_EQ(
      ParseAs("glm", "<tool_call>f<arg_key>s<arg_value>x</arg_value></tool_call>"),
      (ParsedAnswer{.calls = {{"f", R"({"s<arg_value>x</arg_value>)", "", CallEnd::kMalformed}}}));
  EXPECT_EQ(ParseAs("glm", "<tool_call>f<arg_key>s</arg_key><arg_value>x</arg_value><arg_key>i"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "x", "i)", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(ParseAs("seed",
                    "<seed:tool_call>\n<function=f>\n<parameter=s>x</parameter>\n"
                    "<parameter=i>5</parameter>\n</function>\n</seed:tool_call>"),
            (ParsedAnswer{.calls = {{"f", R"({"s": "x", "i": 5})"}}}));
}

TEST(ToolCallDialects, NamesBeforeJson) {
  const std::string begin = "<\uff5ctool\u2581calls\u2581begin\uff5c>",
                    sep = "<\uff5ctool\u2581sep\uff5c>",
                    one = "<\uff5ctool\u2581call\u2581begin\uff5c>",
                    one_end = "<\uff5ctool\u2581call\u2581end\uff5c>",
                    end = "<\uff5ctool\u2581calls\u2581end\uff5c>";
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  EXPECT_EQ(ParseAs("deepseek", "a" + begin + one + "function" + sep +
                                    "f\n```json\n{\"s\": 1}\n```" + one_end + "\n" + one +
                                    "function" + sep + "g\n```json\n{}\n```" + one_end + end),
            (ParsedAnswer{.answer = "a", .calls = {f, g}}));
  EXPECT_EQ(ParseAs("deepseek", begin + one + "f" + sep + "{\"s\": 1}" + one_end + one + "g" + sep +
                                    "{}" + one_end + end),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(ParseAs("deepseek", one + "g" + sep + "{}" + one_end + one + "g" + sep + "{}"),
            (ParsedAnswer{.calls = {g, g}}));
  EXPECT_EQ(ParseAs("deepseek", begin + one + "function" + sep + "f\n```json\n{\"s\""),
            (ParsedAnswer{.calls = {{"f", "{\"s\"", "", CallEnd::kCutOff}}}));
  EXPECT_EQ(ParseAs("deepseek", begin + one + "function" + sep + "f\n```js"),
            (ParsedAnswer{.answer = begin + one + "function" + sep + "f\n```js"}));
  // Text where none belongs comes out, and the call too.
  EXPECT_EQ(ParseAs("deepseek",
                    begin + "so" + one + "function" + sep + "g\n```json\n{}\n```" + one_end + end),
            (ParsedAnswer{.answer = begin + "so", .calls = {g}}));
  EXPECT_EQ(ParseAs("deepseek", one + "so" + sep + "g\n{}"),
            (ParsedAnswer{.answer = one + "so" + sep + "g\n{}"}));
  EXPECT_EQ(ParseAs("kimi-k2",
                    "a<|tool_calls_section_begin|><|tool_call_begin|>functions.f:3"
                    "<|tool_call_argument_begin|>{\"s\": 1}<|tool_call_end|>"
                    "<|tool_call_begin|>functions.g:4<|tool_call_argument_begin|>{}"
                    "<|tool_call_end|><|tool_calls_section_end|>"),
            (ParsedAnswer{
                .answer = "a",
                .calls = {{"f", "{\"s\": 1}", "functions.f:3"}, {"g", "{}", "functions.g:4"}}}));
}

TEST(ToolCallDialects, Mistral) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  EXPECT_EQ(ParseAs("mistral",
                    "[TOOL_CALLS][{\"name\": \"f\", \"arguments\": {\"s\": 1}, \"id\": "
                    "\"abcdefghi\"}, {\"name\": \"g\", \"arguments\": {}}]"),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(ParseAs("mistral", "a[TOOL_CALLS]f[ARGS]{\"s\": 1}[TOOL_CALLS]g[ARGS]{}"),
            (ParsedAnswer{.answer = "a", .calls = {f, g}}));
  EXPECT_EQ(ParseAs("mistral", "[TOOL_CALLS]f{\"s\": 1}[TOOL_CALLS]g{}"),
            (ParsedAnswer{.calls = {f, g}}));
  EXPECT_EQ(ParseAs("mistral", "[TOOL_CALLS]f[CALL_ID]abc[ARGS]{\"s\": 1}"),
            (ParsedAnswer{.calls = {{"f", "{\"s\": 1}", "abc"}}}));
  EXPECT_EQ(ParseAs("mistral", "[TOOL_CALLS] none of them"),
            (ParsedAnswer{.answer = "[TOOL_CALLS] none of them"}));
}

TEST(ToolCallDialects, ListsAndSections) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  const std::string one = "{\"name\": \"f\", \"arguments\": {\"s\": 1}}", two = "{\"name\": \"g\"}";
  const ParsedAnswer both{.calls = {f, g}};
  EXPECT_EQ(ParseAs("tool-calls", "<tool_calls>[" + one + ", " + two + "]</tool_calls>"), both);
  EXPECT_EQ(ParseAs("tool-calls", "<tool_calls>\n" + one + "\n" + two + "\n</tool_calls>"), both);
  EXPECT_EQ(ParseAs("tool-calls",
                    "<tool_calls>\n<tool_call>f\n```json\n{\"s\": 1}\n```\n</tool_call>\n"
                    "<tool_call>g\n```json\n{}\n```</tool_call>\n</tool_calls>"),
            both);
  EXPECT_EQ(ParseAs("tool-calls", "<tool_calls>\n</tool_calls>"),
            (ParsedAnswer{.answer = "<tool_calls>\n</tool_calls>"}));
  EXPECT_EQ(ParseAs("apertus", "<|tools_prefix|>[{\"f\": {\"s\": 1}, \"g\": {}}]<|tools_suffix|>"),
            both);
  EXPECT_EQ(ParseAs("pangu", "[unused11][" + one + "," + two + "][unused12]"), both);
  EXPECT_EQ(ParseAs("granite", "<|tool_call|>[" + one + "," + two + "]"), both);
  EXPECT_EQ(
      ParseAs("apertus", "<|tools_prefix|>[{\"f\": {\"s\": 1}}, {\"g\": {}}]<|tools_suffix|>"),
      both);
}

TEST(ToolCallDialects, Llama) {
  const ParsedCall f{"f", "{\"s\": 1}"}, g{"g", "{}"};
  const std::string one = "{\"name\": \"f\", \"parameters\": {\"s\": 1}}";
  const std::string two = "{\"type\": \"function\", \"name\": \"g\", \"parameters\": {}}";
  EXPECT_EQ(ParseAs("llama3", one), (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(ParseAs("llama3", "<|python_tag|>" + one), (ParsedAnswer{.calls = {f}}));
  for (const char* between : {"; ", "\n", ";", ", "}) {
    EXPECT_EQ(ParseAs("llama3", one + between + two), (ParsedAnswer{.calls = {f, g}})) << between;
    EXPECT_EQ(ParseAs("llama3", "<|python_tag|>" + one + between + two),
              (ParsedAnswer{.calls = {f, g}}));
  }
  EXPECT_EQ(ParseAs("llama3", "I call:\n" + one),
            (ParsedAnswer{.answer = "I call:", .calls = {f}}));
  EXPECT_EQ(ParseAs("llama3", "<|python_tag|>g.call(query=\"a) b\")"),
            (ParsedAnswer{.calls = {{"g", R"({"query": "a) b"})"}}}));
  for (const char* text : {"{\"city\": \"Oslo\"}", "{\"name\": \"unknown\", \"parameters\": {}}",
                           "{\"name\": \"f\"}", "{\"name\": \"f\", \"parameters\": 5}", "[1, 2]",
                           "<|python_tag|>print(1)", "a {\"name\": \"g\", \"parameters\": {}}", "{",
                           "[f(1)]", "[unknown(a=1)]", "{\"name\": \"f\", \"parameters\""}) {
    EXPECT_EQ(ParseAs("llama3", text), (ParsedAnswer{.answer = text})) << text;
  }
  EXPECT_EQ(ParseAs("llama3", one + "; and so on"),
            (ParsedAnswer{.answer = "; and so on", .calls = {f}}));
}

TEST(ToolCallDialects, Pythonic) {
  EXPECT_EQ(
      ParseAs("llama4", "[f(s=1, b=True), g(x='it\\'s', y=[1, (2.5, None)], z={\"k\": ''})]"),
      (ParsedAnswer{.calls = {{"f", R"({"s": 1, "b": true})"},
                              {"g", R"({"x": "it's", "y": [1, [2.5, null]], "z": {"k": ""}})"}}}));
  EXPECT_EQ(ParseAs("llama4", "<|python_start|>[g()]<|python_end|>"),
            (ParsedAnswer{.calls = {{"g", "{}"}}}));
  EXPECT_EQ(ParseAs("llama4", "[g(s='''a'b)\n''', t=\"\")]"),
            (ParsedAnswer{.calls = {{"g", R"({"s": "a'b)\n", "t": ""})"}}}));
  EXPECT_EQ(
      ParseAs("llama4", "<|python_start|>{\"name\": \"f\", \"parameters\": {}}<|python_end|>"),
      (ParsedAnswer{.calls = {{"f", "{}"}}}));
  EXPECT_EQ(ParseAs("llama4", "[g(s='a"), (ParsedAnswer{.answer = "[g(s='a"}));
  EXPECT_EQ(ParseAs("llama4", "[g(), g(1)] b"),
            (ParsedAnswer{.answer = ", g(1)] b", .calls = {{"g", "{}"}}}));
}

TEST(ToolCallDialects, Harmony) {
  DialectOptions options = OptionsOf("harmony");
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

}  // namespace
}  // namespace tael
