#include "api/openai_chat_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/json.h"

namespace tael {
namespace {

using Kind = AnswerEvent::Kind;

AnswerHead Head(int choices = 1) {
  return {.id = "chatcmpl-1", .model = "m", .created = 7, .fingerprint = "fp", .choices = choices};
}

std::vector<AnswerEvent> Events() {
  return {
      {.kind = Kind::kReasoning, .text = "hm"},
      {.kind = Kind::kText, .text = "Let "},
      {.kind = Kind::kText,
       .text = "me",
       .tokens = {{{"\xE4", -0.5}, {{"\xE4", -0.5}, {"a", -1}}}}},
      {.kind = Kind::kCallBegin, .call = 0, .id = "c1", .name = "f"},
      {.kind = Kind::kCallArguments, .text = R"({"a":)", .call = 0},
      {.kind = Kind::kCallArguments, .text = R"("é"})", .call = 0},
      {.kind = Kind::kCallBegin, .call = 1, .id = "c2", .name = "g"},
      {.kind = Kind::kCallArguments, .text = "{}", .call = 1},
      {.kind = Kind::kEnd, .end = AnswerEnd::kToolCalls},
  };
}

constexpr AnswerUsage kUsage{
    .prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 6, .reasoning_tokens = 1};

ChatRequest Request(bool log_probs, bool stream = false) {
  ChatRequest request;
  request.stream = request.stream_usage = stream;
  if (log_probs) request.log_probs = 2;
  return request;
}

// The whole answer that `events` give.
Json Whole(const std::vector<AnswerEvent>& events, const AnswerUsage& usage, int choices = 1,
           bool log_probs = true) {
  const auto writer = MakeOpenAiChatWriter(Head(choices), Request(log_probs));
  EXPECT_FALSE(writer->streams());
  EXPECT_EQ(writer->Begin(), "");
  EXPECT_EQ(writer->KeepAlive(), "");
  for (const AnswerEvent& event : events) EXPECT_EQ(writer->Of(event), "");
  return ParseJson(writer->End(usage), "answer");
}

Json FirstChoice(const Json& answer) { return answer.Find("choices")->as_array().at(0); }

// The JSON of each event; the last is "[DONE]".
std::vector<std::string> DataOf(const std::string& stream) {
  std::vector<std::string> data;
  for (size_t at = 0; at < stream.size();) {
    const size_t end = stream.find("\n\n", at);
    EXPECT_EQ(stream.substr(at, 6), "data: ");
    data.push_back(stream.substr(at + 6, end - at - 6));
    at = end + 2;
  }
  return data;
}

TEST(OpenAiChatAnswer, AStreamFoldsToTheWholeAnswer) {
  const auto stream = MakeOpenAiChatWriter(Head(), Request(true, true));
  EXPECT_TRUE(stream->streams());
  std::string bytes = stream->Begin();
  for (const AnswerEvent& event : Events()) bytes += stream->Of(event);
  bytes += stream->End(kUsage);
  const Json answer = Whole(Events(), kUsage);
  const Json message = *FirstChoice(answer).Find("message");

  std::string text, reasoning, first, finish;
  Json usage;
  const std::vector<std::string> data = DataOf(bytes);
  EXPECT_EQ(data.back(), "[DONE]");
  for (size_t i = 0; i + 1 < data.size(); ++i) {
    const Json chunk = ParseJson(data[i], "chunk");
    EXPECT_EQ(*chunk.Find("object"), Json("chat.completion.chunk"));
    if (!chunk.Find("usage")->is_null()) usage = *chunk.Find("usage");
    if (chunk.Find("choices")->as_array().empty()) continue;
    const Json& choice = chunk.Find("choices")->as_array()[0];
    const Json& delta = *choice.Find("delta");
    if (const Json* piece = delta.Find("content")) text += piece->as_string();
    if (const Json* piece = delta.Find("reasoning_content")) reasoning += piece->as_string();
    if (const Json* calls = delta.Find("tool_calls")) {
      const Json& call = calls->as_array()[0];
      if (*call.Find("index") == Json(0)) {
        first += call.Find("function")->Find("arguments")->as_string();
      }
    }
    if (choice.Find("finish_reason")->is_string()) {
      finish = choice.Find("finish_reason")->as_string();
    }
  }
  EXPECT_EQ(text, message.Find("content")->as_string());
  EXPECT_EQ(reasoning, message.Find("reasoning_content")->as_string());
  const Json& function = *message.Find("tool_calls")->as_array()[0].Find("function");
  EXPECT_EQ(first, function.Find("arguments")->as_string());
  EXPECT_EQ(first, R"({"a":"é"})");
  EXPECT_EQ(finish, "tool_calls");
  EXPECT_EQ(usage, *answer.Find("usage"));
  EXPECT_EQ(*usage.Find("total_tokens"), Json(16));
}

TEST(OpenAiChatAnswer, ChoicesKeepApart) {
  const Json answer = Whole({{.kind = Kind::kText, .choice = 1, .text = "b"},
                             {.kind = Kind::kText, .choice = 0, .text = "a"},
                             {.kind = Kind::kEnd, .choice = 0, .end = AnswerEnd::kLength}},
                            {}, 2, false);
  const JsonArray choices = answer.Find("choices")->as_array();
  EXPECT_EQ(*choices[0].Find("message")->Find("content"), Json("a"));
  EXPECT_EQ(*choices[1].Find("message")->Find("content"), Json("b"));
  EXPECT_EQ(*choices[0].Find("finish_reason"), Json("length"));
  EXPECT_TRUE(choices[0].Find("logprobs")->is_null());
}

TEST(OpenAiChatAnswer, ContentIsNullWhereThereAreOnlyCalls) {
  const Json calls = Whole({{.kind = Kind::kCallBegin, .id = "c", .name = "f"}}, {});
  EXPECT_TRUE(FirstChoice(calls).Find("message")->Find("content")->is_null());
  EXPECT_EQ(*FirstChoice(Whole({}, {})).Find("message")->Find("content"), Json(""));
}

TEST(OpenAiChatAnswer, TokensAreBytes) {
  const Json choice = FirstChoice(Whole(Events(), {}));
  const Json& token = choice.Find("logprobs")->Find("content")->as_array()[0];
  EXPECT_EQ(*token.Find("bytes"), Json(JsonArray{Json(0xE4)}));
  EXPECT_EQ(token.Find("top_logprobs")->as_array().size(), 2u);
}

TEST(OpenAiChatAnswer, SaysWhatItTookAndItsSeed) {
  AnswerUsage usage = kUsage;
  usage.prompt_seconds = 0.5;
  usage.decode_seconds = 2;
  usage.seed = static_cast<uint64_t>(int64_t{-7});  // of a request's field
  const Json timings = *Whole(Events(), usage).Find("timings");
  EXPECT_EQ(*timings.Find("seed"), Json(-7));
  EXPECT_EQ(*timings.Find("prompt_n"), Json(6));  // without what was cached
  EXPECT_EQ(timings.Find("prompt_per_second")->as_double(), 12);
  EXPECT_EQ(timings.Find("predicted_per_second")->as_double(), 3);
}

TEST(OpenAiChatAnswer, AnAnswerThatBreaksSaysSo) {
  const ApiError lost(500, "internal_error", "", "lost");
  const std::string body = R"({"error":{"message":"lost","type":"server_error","param":null,)"
                           R"("code":"internal_error"}})";
  EXPECT_EQ(MakeOpenAiChatWriter(Head(), Request(false))->Error(lost), body);
  EXPECT_EQ(MakeOpenAiChatWriter(Head(), Request(false, true))->Error(lost),
            "data: " + body + "\n\n");
}

TEST(OpenAiChatAnswer, BytesOfAStream) {
  ChatRequest request = Request(false, true);
  request.stream_usage = false;
  const auto stream = MakeOpenAiChatWriter(Head(), request);
  const std::string head =
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m",)"
      R"("system_fingerprint":"fp","choices":[{"index":0,"delta":)";
  EXPECT_EQ(stream->Begin(),
            head + R"({"role":"assistant","content":"","refusal":null},"logprobs":null,)"
                   R"("finish_reason":null}]})"
                   "\n\n");
  EXPECT_EQ(stream->Of({.kind = Kind::kText, .text = "é\n"}),
            head + R"({"content":"é\n"},"logprobs":null,"finish_reason":null}]})"
                   "\n\n");
  EXPECT_EQ(stream->Of({.kind = Kind::kEnd}), head +
                                                  R"({},"logprobs":null,"finish_reason":"stop"}]})"
                                                  "\n\n");
  EXPECT_EQ(stream->End(kUsage), "data: [DONE]\n\n");
}

}  // namespace
}  // namespace tael
