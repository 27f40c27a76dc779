#include "api/openai_chat_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/support/shared_data.h"

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
  const OpenAiChatStream stream(Head(), true, true);
  OpenAiChatWhole whole(Head(), true);
  std::string bytes = stream.Begin();
  for (const AnswerEvent& event : Events()) {
    bytes += stream.Of(event);
    whole.Add(event);
  }
  bytes += stream.End(kUsage);
  const Json answer = whole.Finish(kUsage);
  const Json& message = *answer.Find("choices")->as_array()[0].Find("message");

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
  OpenAiChatWhole whole(Head(2), false);
  whole.Add({.kind = Kind::kText, .choice = 1, .text = "b"});
  whole.Add({.kind = Kind::kText, .choice = 0, .text = "a"});
  whole.Add({.kind = Kind::kEnd, .choice = 0, .end = AnswerEnd::kLength});
  const JsonArray choices = whole.Finish({}).Find("choices")->as_array();
  EXPECT_EQ(*choices[0].Find("message")->Find("content"), Json("a"));
  EXPECT_EQ(*choices[1].Find("message")->Find("content"), Json("b"));
  EXPECT_EQ(*choices[0].Find("finish_reason"), Json("length"));
  EXPECT_TRUE(choices[0].Find("logprobs")->is_null());
}

TEST(OpenAiChatAnswer, ContentIsNullWhereThereAreOnlyCalls) {
  OpenAiChatWhole whole(Head(), false);
  whole.Add({.kind = Kind::kCallBegin, .id = "c", .name = "f"});
  const JsonArray calls = whole.Finish({}).Find("choices")->as_array();
  EXPECT_TRUE(calls[0].Find("message")->Find("content")->is_null());
  OpenAiChatWhole silent(Head(), false);
  EXPECT_EQ(*silent.Finish({}).Find("choices")->as_array()[0].Find("message")->Find("content"),
            Json(""));
}

TEST(OpenAiChatAnswer, TokensAreBytes) {
  OpenAiChatWhole whole(Head(), true);
  for (const AnswerEvent& event : Events()) whole.Add(event);
  const Json answer = whole.Finish({});
  const Json& token =
      answer.Find("choices")->as_array()[0].Find("logprobs")->Find("content")->as_array()[0];
  EXPECT_EQ(*token.Find("bytes"), Json(JsonArray{Json(0xE4)}));
  EXPECT_EQ(token.Find("top_logprobs")->as_array().size(), 2u);
}

// Every member that the published schema requires is there, and none that it does not know.
TEST(OpenAiChatAnswer, HasTheMembersOfTheSchema) {
  const auto path = SharedPath("assets/conformance/openai/openai-openapi.json.gz");
  if (!path) GTEST_SKIP() << "shared data not found (OpenAPI description)";
  const Json schemas =
      *ParseJson(ReadMaybeGzip(*path), "schema").Find("components")->Find("schemas");
  const auto check = [&](const char* name, const Json& value, const std::string& extra) {
    const Json& schema = *schemas.Find(name);
    for (const Json& required : schema.Find("required")->as_array()) {
      EXPECT_NE(value.Find(required.as_string()), nullptr) << name << " " << required.as_string();
    }
    for (const auto& [key, unused] : value.as_object()) {
      EXPECT_TRUE(key == extra || schema.Find("properties")->Find(key) != nullptr) << name << key;
    }
  };
  OpenAiChatWhole whole(Head(), true);
  for (const AnswerEvent& event : Events()) whole.Add(event);
  const Json answer = whole.Finish(kUsage);
  check("CreateChatCompletionResponse", answer, "");
  check("ChatCompletionResponseMessage", *answer.Find("choices")->as_array()[0].Find("message"),
        "reasoning_content");
  check("CompletionUsage", *answer.Find("usage"), "");
  const OpenAiChatStream stream(Head(), true, true);
  for (const AnswerEvent& event : Events()) {
    const Json chunk = ParseJson(DataOf(stream.Of(event))[0], "chunk");
    check("CreateChatCompletionStreamResponse", chunk, "");
  }
}

TEST(OpenAiChatAnswer, AStreamThatBreaksSaysSo) {
  const std::string text = OpenAiChatStream::Error(500, "lost", "internal_error");
  EXPECT_THAT(text,
              testing::StartsWith(R"(data: {"error":{"message":"lost","type":"server_error")"));
}

}  // namespace
}  // namespace tael
