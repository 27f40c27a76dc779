// Every answer of OpenAI's endpoints against the published description of the API, and every field
// of its requests against the tables.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "api/embeddings.h"
#include "api/error_body.h"
#include "api/field_table.h"
#include "api/model_list.h"
#include "api/openai_answer.h"
#include "api/openai_chat_answer.h"
#include "api/openai_completion_answer.h"
#include "api/openai_fields.h"
#include "api/responses_answer.h"
#include "api/responses_fields.h"
#include "tests/support/openapi_schema.h"

namespace tael {
namespace {

using Kind = AnswerEvent::Kind;

class OpenAiSchema : public testing::Test {
 protected:
  void SetUp() override {
    schemas_ = OpenApiSchemas::Read();
    if (!schemas_) GTEST_SKIP() << "shared data not found (OpenAPI description)";
  }

  void ExpectValid(const std::string& name, const Json& value) {
    EXPECT_EQ(schemas_->Violation(name, value), "") << DumpJson(value).substr(0, 2000);
  }

  // Of all "data: " lines but [DONE].
  static JsonArray DataOf(const std::string& stream) {
    JsonArray data;
    for (size_t at = stream.find("data: "); at != std::string::npos;
         at = stream.find("\ndata: ", at)) {
      at = stream.find("data: ", at) + 6;
      const std::string line = stream.substr(at, stream.find('\n', at) - at);
      if (line != "[DONE]") data.push_back(ParseJson(line, "event"));
    }
    return data;
  }

  std::optional<OpenApiSchemas> schemas_;
};

std::vector<AnswerEvent> Events(AnswerEnd end) {
  return {{.kind = Kind::kReasoning, .text = "hm"},
          {.kind = Kind::kText,
           .text = "Let me",
           .tokens = {{.picked = {"Let me", -0.5}, .best = {{"Let me", -0.5}, {"x", -2}}}}},
          {.kind = Kind::kCallBegin, .call = 0, .id = "c1", .name = "f"},
          {.kind = Kind::kCallArguments, .text = "{}", .call = 0},
          {.kind = Kind::kEnd, .end = end}};
}

constexpr AnswerUsage kUsage{
    .prompt_tokens = 10, .cached_tokens = 4, .completion_tokens = 6, .reasoning_tokens = 1};

template <typename Make>
std::string Answer(const Make& make, AnswerEnd end) {
  const auto writer = make();
  std::string out = writer->Begin();
  for (const AnswerEvent& event : Events(end)) out += writer->Of(event);
  return out += writer->End(kUsage);
}

AnswerHead Head(const char* id) {
  return {.id = id, .model = "m", .created = 7, .fingerprint = "fp", .prompt_tokens = 10};
}

TEST_F(OpenAiSchema, ChatCompletions) {
  for (const bool log_probs : {false, true}) {
    ChatRequest request;
    if (log_probs) request.log_probs = 2;
    const auto make = [&] { return MakeOpenAiChatWriter(Head("chatcmpl-1"), request); };
    ExpectValid("CreateChatCompletionResponse",
                ParseJson(Answer(make, AnswerEnd::kToolCalls), "body"));
    request.stream = request.stream_usage = true;
    const JsonArray chunks = DataOf(Answer(make, AnswerEnd::kStop));
    EXPECT_EQ(chunks.size(), 7u);
    for (Json chunk : chunks) {
      // The API's own text says that it is null in all chunks but the last.
      if (chunk.Find("usage")->is_null()) chunk.Set("usage", OpenAiUsage(kUsage));
      ExpectValid("CreateChatCompletionStreamResponse", chunk);
    }
  }
}

TEST_F(OpenAiSchema, Completions) {
  CompletionRequest request;
  request.log_probs = 2;
  const auto make = [&] { return MakeOpenAiCompletionWriter(Head("cmpl-1"), request); };
  ExpectValid("CreateCompletionResponse", ParseJson(Answer(make, AnswerEnd::kLength), "body"));
  request.stream = true;
  for (const Json& chunk : DataOf(Answer(make, AnswerEnd::kStop))) {
    // The description has no place for what is not known yet.
    const Json& choice = chunk.Find("choices")->as_array().at(0);
    if (!choice.Find("finish_reason")->is_null()) ExpectValid("CreateCompletionResponse", chunk);
  }
}

TEST_F(OpenAiSchema, ModelsAndEmbeddings) {
  ExpectValid("ListModelsResponse", OpenAiModelListJson({{ModelDescription{.name = "m"}}}));
  ExpectValid("CreateEmbeddingResponse",
              OpenAiEmbeddingJson(EmbeddingRequest{.model = "m"}, {{0.5F, 1}}, 3));
  ExpectValid("ErrorResponse", ErrorBody(Api::kOpenAi, ApiError(400, "c", "p", "m")));
}

ResponseRequest Request(const std::string& more) {
  return ParseResponsesRequest(ParseJson(
      R"({"model": "m", "input": "hi", "tools": [{"type": "function", "name": "f",
          "parameters": {"type": "object"}, "strict": true}])" +
          more + "}",
      "test"));
}

TEST_F(OpenAiSchema, Responses) {
  for (const char* more : {"", R"(, "reasoning": {"effort": "low", "summary": "auto"})",
                           R"(, "temperature": 1, "top_p": 1, "instructions": "i",
                                "include": ["message.output_text.logprobs"], "top_logprobs": 2)"}) {
    for (const AnswerEnd end : {AnswerEnd::kToolCalls, AnswerEnd::kLength}) {
      ResponseRequest request = Request(more);
      const auto make = [&] { return MakeResponseWriter(Head("resp_1"), request); };
      ExpectValid("Response", ParseJson(Answer(make, end), "body"));
      request.chat.stream = true;
      const JsonArray events = DataOf(Answer(make, end));
      EXPECT_EQ(events.size(), 19u);
      for (const Json& event : events) ExpectValid("ResponseStreamEvent", event);
    }
  }
}

TEST_F(OpenAiSchema, ResponsesThatFail) {
  ResponseRequest request = Request(R"(, "stream": true)");
  const auto writer = MakeResponseWriter(Head("resp_1"), request);
  writer->Begin();
  for (const Json& event : DataOf(writer->Error(ApiError(500, "internal_error", "", "lost")))) {
    ExpectValid("ResponseStreamEvent", event);
  }
  ExpectValid("Response", writer->response());
}

// Names of all properties of a schema and of those that it is made of.
void Collect(const OpenApiSchemas& schemas, const Json& schema, std::set<std::string>* names) {
  if (const Json* properties = schema.Find("properties")) {
    for (const auto& [name, unused] : properties->as_object()) names->insert(name);
  }
  const Json* parts = schema.Find("allOf");
  for (size_t i = 0; parts != nullptr && i < parts->as_array().size(); ++i) {
    const Json& part = parts->as_array()[i];
    const Json* reference = part.Find("$ref");
    const std::string target = reference == nullptr ? "" : reference->as_string();
    Collect(schemas,
            reference == nullptr ? part : schemas.Get(target.substr(target.rfind('/') + 1)), names);
  }
}

TEST_F(OpenAiSchema, TablesHaveEveryFieldOfItsRequests) {
  const std::pair<const char*, const FieldTable*> tables[] = {
      {"CreateChatCompletionRequest", &kOpenAiChatFields},
      {"CreateCompletionRequest", &kOpenAiCompletionFields},
      {"CreateEmbeddingRequest", &kOpenAiEmbeddingFields},
      {"CreateResponse", &kResponsesFields},
      {"Reasoning", &kResponsesReasoningFields},
      {"ResponseTextParam", &kResponsesTextFields},
      {"FunctionTool", &kResponsesToolFields},
      {"EasyInputMessage", &kResponsesMessageFields},
      {"OutputMessage", &kResponsesMessageFields},
      {"FunctionToolCall", &kResponsesCallFields},
      {"FunctionCallOutputItemParam", &kResponsesCallOutputFields},
      {"ReasoningItem", &kResponsesReasoningItemFields},
      {"InputTextContent", &kResponsesPartFields},
      {"OutputTextContent", &kResponsesPartFields},
      {"ChatCompletionRequestAssistantMessage", &kOpenAiMessageFields},
      {"ChatCompletionRequestToolMessage", &kOpenAiMessageFields},
      {"ChatCompletionRequestUserMessage", &kOpenAiMessageFields},
      {"FunctionObject", &kOpenAiFunctionFields},
      {"ChatCompletionMessageToolCall", &kOpenAiCallFields}};
  for (const auto& [schema, table] : tables) {
    std::set<std::string> names;
    Collect(*schemas_, schemas_->Get(schema), &names);
    EXPECT_FALSE(names.empty()) << schema;
    for (const std::string& name : names) {
      EXPECT_NE(table->Find(name), nullptr) << schema << " has " << name;
    }
  }
}

}  // namespace
}  // namespace tael
