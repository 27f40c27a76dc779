#include "api/anthropic_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tael {
namespace {

using Kind = AnswerEvent::Kind;

AnswerHead Head() { return {.id = "msg_1", .model = "m", .created = 7, .prompt_tokens = 10}; }

std::unique_ptr<AnswerWriter> Writer(bool stream) {
  ChatRequest request;
  request.stream = stream;
  return MakeAnthropicWriter(Head(), request);
}

std::vector<AnswerEvent> Events() {
  return {{.kind = Kind::kReasoning, .text = "h"},
          {.kind = Kind::kReasoning, .text = "m"},
          {.kind = Kind::kText, .text = "Let me"},
          {.kind = Kind::kCallBegin, .call = 0, .id = "c1", .name = "f"},
          {.kind = Kind::kCallArguments, .text = R"({"a":)", .call = 0},
          {.kind = Kind::kCallArguments, .text = "1}", .call = 0},
          {.kind = Kind::kCallBegin, .call = 1, .id = "c2", .name = "g"},
          {.kind = Kind::kEnd, .end = AnswerEnd::kToolCalls}};
}

constexpr AnswerUsage kUsage{
    .prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 6, .reasoning_tokens = 2};

std::string Whole(const std::vector<AnswerEvent>& events) {
  const auto writer = Writer(false);
  for (const AnswerEvent& event : events) EXPECT_EQ(writer->Of(event), "");
  Json body = ParseJson(writer->End(kUsage), "body");
  EXPECT_NE(body.Find("timings"), nullptr);
  body.Set("timings", Json());
  return DumpJson(body);
}

TEST(AnthropicAnswer, AWholeAnswerIsBlocks) {
  EXPECT_EQ(Whole(Events()),
            R"({"type":"message","id":"msg_1","role":"assistant","model":"m","content":[)"
            R"({"type":"thinking","thinking":"hm","signature":"unsigned"},)"
            R"({"type":"text","text":"Let me"},)"
            R"({"type":"tool_use","id":"c1","name":"f","input":{"a":1}},)"
            R"({"type":"tool_use","id":"c2","name":"g","input":{}}],)"
            R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":6,)"
            R"("cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":6,)"
            R"("output_tokens_details":{"thinking_tokens":2}},"timings":null})");
}

TEST(AnthropicAnswer, BytesOfAStream) {
  const auto writer = Writer(true);
  std::string bytes = writer->Begin();
  for (const AnswerEvent& event : Events()) bytes += writer->Of(event);
  const std::string end = writer->End(kUsage);
  const auto event = [](const std::string& type, const std::string& rest) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + rest + "}\n\n";
  };
  EXPECT_EQ(
      bytes,
      event("message_start",
            R"(,"message":{"type":"message","id":"msg_1","role":"assistant","model":"m",)"
            R"("content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,)"
            R"("cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0,)"
            R"("output_tokens_details":{"thinking_tokens":0}}})") +
          event("ping", "") +
          event("content_block_start",
                R"(,"index":0,"content_block":{"type":"thinking","thinking":"","signature":""})") +
          event("content_block_delta",
                R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"h"})") +
          event("content_block_delta",
                R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"m"})") +
          event("content_block_delta",
                R"(,"index":0,"delta":{"type":"signature_delta","signature":"unsigned"})") +
          event("content_block_stop", R"(,"index":0)") +
          event("content_block_start", R"(,"index":1,"content_block":{"type":"text","text":""})") +
          event("content_block_delta",
                R"(,"index":1,"delta":{"type":"text_delta","text":"Let me"})") +
          event("content_block_stop", R"(,"index":1)") +
          event(
              "content_block_start",
              R"(,"index":2,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}})") +
          event("content_block_delta",
                R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":""})") +
          event("content_block_delta",
                R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"})") +
          event("content_block_delta",
                R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"1}"})") +
          event("content_block_stop", R"(,"index":2)") +
          event(
              "content_block_start",
              R"(,"index":3,"content_block":{"type":"tool_use","id":"c2","name":"g","input":{}})") +
          event("content_block_delta",
                R"(,"index":3,"delta":{"type":"input_json_delta","partial_json":""})") +
          event("content_block_stop", R"(,"index":3)"));
  EXPECT_THAT(
      end, testing::StartsWith("event: message_delta\n"
                               R"(data: {"type":"message_delta","delta":{"stop_reason":"tool_use",)"
                               R"("stop_sequence":null},"usage":{"input_tokens":6,)"));
  EXPECT_THAT(end, testing::EndsWith("\n\n" + event("message_stop", "")));
}

TEST(AnthropicAnswer, SaysWhyItEnded) {
  const auto stop = [](AnswerEnd end, const std::string& text) {
    const Json body =
        ParseJson(Whole({{.kind = Kind::kEnd, .end = end, .stop_text = text}}), "body");
    return DumpJson(*body.Find("stop_reason")) + DumpJson(*body.Find("stop_sequence"));
  };
  EXPECT_EQ(stop(AnswerEnd::kStop, ""), "\"end_turn\"null");
  EXPECT_EQ(stop(AnswerEnd::kStop, "Q:"), "\"stop_sequence\"\"Q:\"");
  EXPECT_EQ(stop(AnswerEnd::kLength, ""), "\"max_tokens\"null");
}

TEST(AnthropicAnswer, ArgumentsThatAreNoObjectAreShown) {
  const auto input = [](const std::string& text) {
    const Json body = ParseJson(
        Whole({{.kind = Kind::kCallBegin, .text = text, .id = "c", .name = "f"}}), "body");
    return DumpJson(*body.Find("content")->as_array().at(0).Find("input"));
  };
  EXPECT_EQ(input(""), "{}");
  EXPECT_EQ(input("{\"a\": "), R"({"INVALID_JSON":"{\"a\": "})");
  EXPECT_EQ(input("[1]"), R"({"INVALID_JSON":"[1]"})");
}

TEST(AnthropicAnswer, AnAnswerThatBreaksSaysSo) {
  const ApiError lost(503, "", "", "lost");
  const std::string body = R"({"type":"error","error":{"type":"overloaded_error",)"
                           R"("message":"lost"},"request_id":null})";
  EXPECT_EQ(Writer(false)->Error(lost), body);
  EXPECT_EQ(Writer(true)->Error(lost), "event: error\ndata: " + body + "\n\n");
  EXPECT_EQ(Writer(true)->KeepAlive(), "event: ping\ndata: {\"type\":\"ping\"}\n\n");
}

}  // namespace
}  // namespace tael
