// The dialect parser against recorded texts that nobody here wrote: test data of Harmony, streams
// of providers. They lie in ../shared; without it this is skipped.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "base/error.h"
#include "base/json.h"
#include "dialect/dialect_parser.h"
#include "tests/support/dialect_parsing.h"
#include "tests/support/shared_data.h"
#include "tests/support/tar.h"

namespace tael {
namespace {

// Lines that are no JSON by themselves (one recording is indented) are left out.
std::vector<Json> JsonLines(const std::string& text, const std::string& name) {
  std::vector<Json> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    try {
      if (!line.empty()) lines.push_back(ParseJson(line, name));
    } catch (const Error&) {
      continue;
    }
  }
  return lines;
}

std::string WithoutLineBreaks(const std::string& text) {
  const size_t begin = text.find_first_not_of("\r\n");
  return begin == std::string::npos ? ""
                                    : text.substr(begin, text.find_last_not_of("\r\n") + 1 - begin);
}

// A second reading of Harmony text, on the whole of it: one message after each "<|start|>".
ParsedAnswer ReadHarmony(const std::string& text) {
  ParsedAnswer wanted;
  const auto add = [](std::string& to, const std::string& part) {
    if (!to.empty() && !part.empty()) to += "\n\n";
    to += part;
  };
  for (size_t at = 0; at != std::string::npos;) {
    const size_t next = text.find("<|start|>", at + 1);
    const std::string message = text.substr(at, next == std::string::npos ? next : next - at);
    at = next;
    const size_t body = message.find("<|message|>");
    if (body == std::string::npos) continue;
    const std::string head = message.substr(0, body);
    std::string content = message.substr(body + 11);
    for (const char* end : {"<|end|>", "<|call|>", "<|return|>"}) {
      content = content.substr(0, content.find(end));
    }
    const size_t to = head.find("to=");
    const bool assistant =
        head[0] != '<' || head.starts_with("<|start|>assistant") || head.starts_with("<|channel|>");
    if (!assistant ||
        (head.find("<|channel|>analysis") != std::string::npos && to == std::string::npos)) {
      add(wanted.reasoning, WithoutLineBreaks(content));
    } else if (to != std::string::npos) {
      std::string name = head.substr(to + 3);
      name = name.substr(0, name.find_first_of(" <"));
      if (name.starts_with("functions.")) name.erase(0, 10);
      wanted.calls.push_back({name, content});
    } else {
      add(wanted.answer, WithoutLineBreaks(content));
    }
  }
  return wanted;
}

TEST(DialectRecordings, HarmonyTestData) {
  const auto archive = SharedPath("assets/conformance/harmony/harmony-test-data.tar.gz");
  if (!archive) GTEST_SKIP() << "no shared assets";
  const DialectOptions options{.reasoning = FindReasoningTags("<|channel|>analysis"),
                               .start = ReasoningStart::kModelDecides,
                               .calls = FindCallFormatNamed("harmony")};
  int count = 0;
  size_t calls = 0;
  for (const auto& [name, text] : ReadTarGz(*archive)) {
    if (name.find("test-data/") == std::string::npos || !text.starts_with("<|")) continue;
    const ParsedAnswer parsed = ParseEveryWay(options, text, /*cuts=*/text.size() < 1500);
    EXPECT_EQ(parsed, ReadHarmony(text)) << name;
    ++count;
    calls += parsed.calls.size();
  }
  EXPECT_GE(count, 20);
  EXPECT_GE(calls, 2u);
}

std::string TextOfParts(const Json& content) {
  if (content.is_string()) return content.as_string();
  std::string text;
  if (!content.is_array()) return text;
  for (const Json& part : content.as_array()) {
    const Json* found = part.Find("text");
    if (found != nullptr && found->is_string()) text += found->as_string();
  }
  return text;
}

// One recorded stream of chat chunks; false if it is of another form.
bool ReadChunks(const std::string& lines, ParsedAnswer* answer) {
  for (const Json& line : JsonLines(lines, "chunks")) {
    const Json* choices = line.Find("choices");
    if (choices == nullptr || !choices->is_array()) return false;
    for (const Json& choice : choices->as_array()) {
      const Json* delta = choice.Find("delta");
      if (delta == nullptr) return false;
      for (const char* key : {"reasoning_content", "reasoning"}) {
        if (const Json* text = delta->Find(key)) answer->reasoning += TextOfParts(*text);
      }
      if (const Json* text = delta->Find("content")) answer->answer += TextOfParts(*text);
      const Json* calls = delta->Find("tool_calls");
      if (calls == nullptr || !calls->is_array()) continue;
      for (const Json& call : calls->as_array()) {
        const Json* index = call.Find("index");
        const auto at = index != nullptr ? static_cast<size_t>(index->as_int()) : 0;
        if (answer->calls.size() <= at) answer->calls.resize(at + 1);
        const Json* function = call.Find("function");
        if (const Json* name = function->Find("name")) answer->calls[at].name += TextOfParts(*name);
        if (const Json* text = function->Find("arguments")) {
          answer->calls[at].arguments += TextOfParts(*text);
        }
      }
    }
  }
  return true;
}

// How an answer looks in some dialects.
std::string WriteAs(const std::string& format, const ParsedAnswer& answer) {
  const bool harmony = format == "harmony", mistral = format == "mistral";
  std::string text;
  if (!answer.reasoning.empty()) {
    const std::string reasoning = answer.reasoning;
    text = harmony   ? "<|channel|>analysis<|message|>" + reasoning + "<|end|><|start|>assistant"
           : mistral ? "[THINK]" + reasoning + "[/THINK]"
                     : "<think>\n" + reasoning + "\n</think>\n\n";
  }
  if (!answer.answer.empty() || answer.calls.empty()) {
    text += harmony ? "<|channel|>final<|message|>" + answer.answer + "<|end|><|start|>assistant"
                    : answer.answer;
  }
  for (const ParsedCall& call : answer.calls) {
    if (harmony) {
      text += "<|channel|>commentary to=functions." + call.name + " <|constrain|>json<|message|>" +
              call.arguments + "<|call|><|start|>assistant";
    } else if (mistral) {
      text += "[TOOL_CALLS]" + call.name + "[ARGS]" + call.arguments;
    } else if (format == "kimi-k2") {
      text += "<|tool_call_begin|>functions." + call.name + ":0<|tool_call_argument_begin|>" +
              call.arguments + "<|tool_call_end|>";
    } else {
      text += "\n<tool_call>\n{\"name\": \"" + call.name + "\", \"arguments\": " + call.arguments +
              "}\n</tool_call>";
    }
  }
  return text;
}

TEST(DialectRecordings, RecordedStreamsComeBackInEveryDialect) {
  const auto archive = SharedPath("assets/conformance/recorded_streams/vercel-ai-fixtures.tar.gz");
  if (!archive) GTEST_SKIP() << "no shared assets";
  int streams = 0, with_calls = 0, with_reasoning = 0;
  for (const auto& [name, lines] : ReadTarGz(*archive)) {
    ParsedAnswer wanted;
    if (!name.ends_with(".chunks.txt") || !ReadChunks(lines, &wanted)) continue;
    ++streams;
    with_calls += wanted.calls.empty() ? 0 : 1;
    with_reasoning += wanted.reasoning.empty() ? 0 : 1;
    wanted.reasoning = WithoutLineBreaks(wanted.reasoning);
    wanted.answer = WithoutLineBreaks(wanted.answer);
    for (ParsedCall& call : wanted.calls) {
      if (call.arguments.empty()) call.arguments = "{}";
    }
    for (const char* format : {"hermes", "kimi-k2", "mistral", "harmony"}) {
      const std::string_view mark = format == std::string_view("harmony")   ? "<|channel|>analysis"
                                    : format == std::string_view("mistral") ? "[THINK]"
                                                                            : "<think>";
      const DialectOptions options{.reasoning = FindReasoningTags(mark),
                                   .start = ReasoningStart::kModelDecides,
                                   .calls = FindCallFormatNamed(format)};
      ParsedAnswer parsed = ParseEveryWay(options, WriteAs(format, wanted), /*cuts=*/false);
      for (ParsedCall& call : parsed.calls) call.id.clear();
      EXPECT_EQ(parsed, wanted) << name << " as " << format;
    }
  }
  EXPECT_GE(streams, 15);
  EXPECT_GE(with_calls, 5);
  EXPECT_GE(with_reasoning, 3);
}

// Every string within recorded JSON: prose, code, web pages.
void CollectTexts(const Json& value, std::set<std::string>* texts) {
  if (value.is_string() && value.as_string().size() > 20) texts->insert(value.as_string());
  if (value.is_array()) {
    for (const Json& one : value.as_array()) CollectTexts(one, texts);
  }
  if (value.is_object()) {
    for (const auto& [key, one] : value.as_object()) CollectTexts(one, texts);
  }
}

TEST(DialectRecordings, RecordedTextsAreNoCalls) {
  const auto archive = SharedPath("assets/conformance/recorded_streams/vercel-ai-fixtures.tar.gz");
  if (!archive) GTEST_SKIP() << "no shared assets";
  std::set<std::string> texts;
  for (const auto& [name, lines] : ReadTarGz(*archive)) {
    if (!name.ends_with(".chunks.txt")) continue;
    for (const Json& line : JsonLines(lines, name)) CollectTexts(line, &texts);
  }
  EXPECT_GT(texts.size(), 1000u);
  const ToolSchemas tools(ParseJson(R"([{"function": {"name": "weather"}}])", "tools"));
  for (const CallFormat& format : AllCallFormats()) {
    const DialectOptions options{.calls = &format, .tools = &tools};
    for (const std::string& text : texts) {
      const ParsedAnswer parsed = Collect(ParseEvents(options, {text}));
      EXPECT_EQ(parsed, (ParsedAnswer{.answer = text})) << format.name;
    }
  }
}

}  // namespace
}  // namespace tael
