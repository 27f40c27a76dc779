#include "api/ollama_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace tael {
namespace {

using Kind = AnswerEvent::Kind;

AnswerHead Head() { return {.id = "x", .model = "m", .created = 0}; }

std::unique_ptr<AnswerWriter> Writer(OllamaEndpoint endpoint, bool stream, bool log_probs = false) {
  SamplingRequest request;
  request.stream = stream;
  if (log_probs) request.log_probs = 1;
  return MakeOllamaWriter(endpoint, Head(), request);
}

std::vector<AnswerEvent> Events() {
  return {{.kind = Kind::kReasoning, .text = "hm"},
          {.kind = Kind::kText, .text = "Let"},
          {.kind = Kind::kText, .text = " me"},
          {.kind = Kind::kCallBegin, .call = 0, .id = "c1", .name = "f"},
          {.kind = Kind::kCallArguments, .text = R"({"a":)", .call = 0},
          {.kind = Kind::kCallArguments, .text = "1}", .call = 0},
          {.kind = Kind::kCallBegin, .call = 1, .id = "c2", .name = "g"},
          {.kind = Kind::kEnd, .end = AnswerEnd::kToolCalls}};
}

constexpr AnswerUsage kUsage{.prompt_tokens = 10,
                             .completion_tokens = 6,
                             .queue_seconds = 1,
                             .prompt_seconds = 2,
                             .decode_seconds = 4,
                             .load_seconds = 0.5};
constexpr const char* kEnd =
    R"("done":true,"done_reason":"stop","total_duration":7500000000,"load_duration":500000000,)"
    R"("prompt_eval_count":10,"prompt_eval_duration":2000000000,"eval_count":6,)"
    R"("eval_duration":4000000000,"timings":{)";
constexpr const char* kHead = R"({"model":"m","created_at":"1970-01-01T00:00:00Z",)";

TEST(OllamaAnswer, LinesOfAChat) {
  const auto writer = Writer(OllamaEndpoint::kChat, true);
  EXPECT_EQ(writer->Begin(), "");
  std::string lines;
  for (const AnswerEvent& event : Events()) lines += writer->Of(event);
  const auto line = [](const std::string& fields) {
    return std::string(kHead) + R"("message":{"role":"assistant","content":)" + fields +
           "},\"done\":false}\n";
  };
  EXPECT_EQ(lines, line(R"("","thinking":"hm")") + line("\"Let\"") + line("\" me\"") +
                       line(R"("","tool_calls":[{"id":"c1","function":{"index":0,"name":"f",)"
                            R"("arguments":{"a":1}}}])") +
                       line(R"("","tool_calls":[{"id":"c2","function":{"index":1,"name":"g",)"
                            R"("arguments":{}}}])"));
  const std::string end = writer->End(kUsage);
  EXPECT_THAT(end, testing::StartsWith(std::string(kHead) +
                                       R"("message":{"role":"assistant","content":""},)" + kEnd));
  EXPECT_THAT(end, testing::EndsWith("}}\n"));
}

TEST(OllamaAnswer, LinesOfACompletion) {
  const auto writer = Writer(OllamaEndpoint::kGenerate, true);
  EXPECT_EQ(writer->Of({.kind = Kind::kReasoning, .text = "hm"}),
            std::string(kHead) + R"("response":"","thinking":"hm","done":false})" + "\n");
  EXPECT_EQ(writer->Of({.kind = Kind::kText, .text = "a"}),
            std::string(kHead) + R"("response":"a","done":false})" + "\n");
  EXPECT_EQ(writer->Of({.kind = Kind::kText}), "");
  EXPECT_EQ(writer->Of({.kind = Kind::kEnd, .end = AnswerEnd::kLength}), "");
  EXPECT_THAT(writer->End(kUsage),
              testing::HasSubstr(R"("response":"","done":true,"done_reason":"length")"));
}

TEST(OllamaAnswer, AWholeAnswerIsOneLine) {
  const auto writer = Writer(OllamaEndpoint::kChat, false);
  for (const AnswerEvent& event : Events()) EXPECT_EQ(writer->Of(event), "");
  EXPECT_THAT(
      writer->End(kUsage),
      testing::StartsWith(
          std::string(kHead) +
          R"("message":{"role":"assistant","content":"Let me","thinking":"hm","tool_calls":[)"
          R"({"id":"c1","function":{"index":0,"name":"f","arguments":{"a":1}}},)"
          R"({"id":"c2","function":{"index":1,"name":"g","arguments":{}}}]},)" +
          kEnd));
}

TEST(OllamaAnswer, LogProbabilitiesComeWithTheirText) {
  const AnswerEvent event{
      .kind = Kind::kText, .text = "a", .tokens = {{.picked = {"a", -0.5}, .best = {{"a", -0.5}}}}};
  const std::string wanted = R"("logprobs":[{"token":"a","logprob":-0.5,"bytes":[97],)"
                             R"("top_logprobs":[{"token":"a","logprob":-0.5,"bytes":[97]}]}])";
  EXPECT_THAT(Writer(OllamaEndpoint::kChat, true, true)->Of(event), testing::HasSubstr(wanted));
  EXPECT_THAT(Writer(OllamaEndpoint::kChat, true, false)->Of(event),
              testing::Not(testing::HasSubstr("logprobs")));
  const auto whole = Writer(OllamaEndpoint::kGenerate, false, true);
  whole->Of(event);
  EXPECT_THAT(whole->End({}), testing::HasSubstr(wanted));
}

// A blank in front of a line does not harm it, an empty line would.
TEST(OllamaAnswer, SignsOfLifeAreReadOver) {
  const auto writer = Writer(OllamaEndpoint::kChat, true);
  std::string line = writer->KeepAlive() + writer->KeepAlive();
  line += writer->Of({.kind = Kind::kText, .text = "a"});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(*ParseJson(line, "line").Find("done"), Json(false));
}

TEST(OllamaAnswer, AnAnswerThatBreaksSaysSo) {
  const ApiError lost(500, "", "", "lost");
  EXPECT_EQ(Writer(OllamaEndpoint::kChat, true)->Error(lost), "{\"error\":\"lost\"}\n");
  EXPECT_EQ(Writer(OllamaEndpoint::kChat, false)->Error(lost), "{\"error\":\"lost\"}");
}

TEST(OllamaAnswer, LoadingIsAnAnswerToo) {
  EXPECT_EQ(OllamaLoadedLine(OllamaEndpoint::kGenerate, Head(), false),
            std::string(kHead) + R"("response":"","done":true,"done_reason":"load"})" + "\n");
  EXPECT_EQ(OllamaLoadedLine(OllamaEndpoint::kChat, Head(), true),
            std::string(kHead) + R"("message":{"role":"assistant","content":""},"done":true,)"
                                 R"("done_reason":"unload"})"
                                 "\n");
}

}  // namespace
}  // namespace tael
