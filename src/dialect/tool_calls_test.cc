// Tool calls as such: what is a call and what is text, written by hand.
#include <gtest/gtest.h>

#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"

namespace tael {
namespace {

const ReasoningTags* Think() { return FindReasoningTags("<think>"); }

TEST(ToolCalls, Hermes) {
  const std::string call =
      "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"s\": \"x\"}}\n</tool_call>";
  const ParsedCall f{"f", "{\"s\": \"x\"}"};
  EXPECT_EQ(ParseAs("hermes", call), (ParsedAnswer{.calls = {f}}));
  EXPECT_EQ(ParseAs("hermes", "Wait.\n" + call + "\n" + call + "\n"),
            (ParsedAnswer{.answer = "Wait.", .calls = {f, f}}));
  EXPECT_EQ(ParseAs("hermes", "a\n" + call + "\n\nb\n" + call + " c"),
            (ParsedAnswer{.answer = "a\n\nb c", .calls = {f, f}}));
  EXPECT_EQ(ParseAs("hermes", "\n\n" + call + "\n\nb "),
            (ParsedAnswer{.answer = "b ", .calls = {f}}));
}

TEST(ToolCalls, FormsOfJsonThatModelsWrite) {
  const auto parse = [](const std::string& body) {
    return ParseAs("hermes", "<tool_call>" + body + "</tool_call>");
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
      ParseAs("hermes", R"(<tool_call>{"name": "f", "arguments": )" + arguments + "}</tool_call>"),
      (ParsedAnswer{.calls = {{"f", arguments}}}));
  EXPECT_EQ(ParseAs("hermes",
                    R"(<tool_call>{"arguments": )" + arguments + R"(, "name": "f"}</tool_call>)"),
            (ParsedAnswer{.calls = {{"f", arguments}}}));
}

TEST(ToolCalls, NumbersAndEscapesStayAsWritten) {
  const std::string arguments = R"({"i": 12345678901234567890123, "s": "\u5317\ud83d\ude00 é"})";
  EXPECT_EQ(
      ParseAs("hermes", R"(<tool_call>{"name": "f", "arguments": )" + arguments + "}</tool_call>"),
      (ParsedAnswer{.calls = {{"f", arguments}}}));
  // Line breaks that were not escaped; arguments as a string with escapes of its own.
  EXPECT_EQ(ParseAs("hermes",
                    "<tool_call>{\"name\": \"f\", \"arguments\": {\"s\": \"a\n\tb\"}}</tool_call>"),
            (ParsedAnswer{.calls = {{"f", "{\"s\": \"a\\n\\tb\"}"}}}));
  EXPECT_EQ(
      ParseAs(
          "hermes",
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
    EXPECT_EQ(ParseAs("hermes", text), (ParsedAnswer{.answer = text})) << text;
  }
  // What comes after a failed beginning may be a call.
  EXPECT_EQ(ParseAs("hermes", R"(<tool_call><tool_call>{"name": "f"}</tool_call>)"),
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
  EXPECT_EQ(ParseAs("hermes", begin + R"({"s": "x)"), with(R"({"s": "x)", CallEnd::kCutOff));
  EXPECT_EQ(ParseAs("hermes", begin + R"({"s": 1})"), with(R"({"s": 1})", CallEnd::kComplete));
  EXPECT_EQ(ParseAs("hermes", begin + R"({"s": 1}})"), with(R"({"s": 1})", CallEnd::kComplete));
  EXPECT_EQ(ParseAs("hermes", begin + R"("{\"s)"), with(R"({"s)", CallEnd::kCutOff));
  EXPECT_EQ(ParseAs("hermes", begin + R"({"s": 1</tool_call> b)"),
            with(R"({"s": 1)", CallEnd::kMalformed, "a b"));
  EXPECT_EQ(ParseAs("hermes", begin + R"({'s': 1}}</tool_call>)"),
            with("{", CallEnd::kMalformed, "a's': 1}}</tool_call>"));
  EXPECT_EQ(ParseAs("hermes", begin + "[1]}</tool_call>"), with("[1]", CallEnd::kMalformed));
  EXPECT_EQ(ParseAs("hermes", begin + "tru"), with("tru", CallEnd::kCutOff));
}

TEST(ToolCalls, BehindReasoning) {
  const std::string call = R"(<tool_call>{"name": "f", "arguments": {}}</tool_call>)";
  const ParsedCall f{"f", "{}"};
  DialectOptions options = OptionsOf("hermes");
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
  options = OptionsOf("hermes");
  options.reasoning = FindReasoningTags("<response>");
  options.start = ReasoningStart::kInside;
  EXPECT_EQ(
      ParseEveryWay(options, "hm\n</think>\n\n\n<tool_call>\n{\"name\": \"f\"}\n</tool_call>\n"),
      (ParsedAnswer{.reasoning = "hm", .calls = {f}}));
  EXPECT_EQ(ParseEveryWay(options, "hm\n</think>\n\n<response>\nyes\n</response>\n" + call),
            (ParsedAnswer{.reasoning = "hm", .answer = "yes", .calls = {f}}));
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
    DialectOptions options{.reasoning = Think(), .calls = &format, .tools = &TestTools()};
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
