// Fuzzes the parsers of tool calls and reasoning: the first byte picks the dialect, the second one
// the reasoning, the rest is what a model wrote. However it is cut, the events are the same; calls
// begin and end in pairs; and what is no call comes out unchanged.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "dialect/dialect_parser.h"

namespace {

using tael::DialectEvent;
using Kind = tael::DialectEvent::Kind;

const char kTools[] =
    R"([{"function":{"name":"f","parameters":{"properties":{"s":{"type":"string"},)"
    R"("i":{"type":"integer"},"o":{"type":"object"},"u":{"type":["null","boolean"]}}}}}])";

void Require(bool condition) {
  if (!condition) std::abort();
}

void Join(const std::vector<DialectEvent>& events, std::vector<DialectEvent>* joined) {
  for (const DialectEvent& event : events) {
    const bool is_text = event.kind != Kind::kCallBegin && event.kind != Kind::kCallEnd;
    Require(!is_text || !event.text.empty());
    if (is_text && !joined->empty() && joined->back().kind == event.kind) {
      joined->back().text += event.text;
    } else {
      joined->push_back(event);
    }
  }
}

std::vector<DialectEvent> Parse(const tael::DialectOptions& options, std::string_view text,
                                size_t piece) {
  tael::DialectParser parser(options);
  std::vector<DialectEvent> joined;
  for (size_t at = 0; at < text.size(); at += piece) {
    Join(parser.Push(text.substr(at, piece)), &joined);
  }
  Join(parser.Finish(), &joined);
  Require(parser.work() <= static_cast<int64_t>(text.size()) * 100);
  return joined;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const tael::ToolSchemas tools(tael::ParseJson(kTools, "tools"));
  if (size < 2) return 0;
  const auto formats = tael::AllCallFormats();
  const auto tags = tael::AllReasoningTags();
  const size_t format = data[0] % (formats.size() + 1), tag = data[1] % (tags.size() + 1);
  const tael::DialectOptions options{.reasoning = tag < tags.size() ? &tags[tag] : nullptr,
                                     .start = static_cast<tael::ReasoningStart>(data[1] / 64),
                                     .calls = format < formats.size() ? &formats[format] : nullptr,
                                     .tools = data[0] < 128 ? &tools : nullptr};
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::vector<DialectEvent> events = Parse(options, text, text.size());
  Require(events == Parse(options, text, 1));
  Require(events == Parse(options, text, 3));

  int begun = 0, ended = 0;
  std::string answer;
  for (const DialectEvent& event : events) {
    if (event.kind == Kind::kCallBegin) Require(begun++ == ended && !event.text.empty());
    if (event.kind == Kind::kArguments) Require(begun == ended + 1);
    if (event.kind == Kind::kCallEnd) Require(begun == ++ended);
    if (event.kind == Kind::kAnswer) answer += event.text;
  }
  Require(begun == ended);
  const bool channels = options.calls != nullptr && options.calls->channels;
  if (begun == 0 && options.reasoning == nullptr && !channels) Require(answer == text);
  return 0;
}
