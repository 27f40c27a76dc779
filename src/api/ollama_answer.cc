#include "api/ollama_answer.h"

#include <cmath>
#include <optional>

#include "api/answer_fold.h"
#include "api/call_fields.h"
#include "api/model_list.h"
#include "api/openai_answer.h"

namespace tael {
namespace {

using Part = AnswerPart::Kind;

const char* DoneReason(AnswerEnd end) { return end == AnswerEnd::kLength ? "length" : "stop"; }

// What an answer or a piece of it holds.
struct Content {
  std::string text = {}, thinking = {};
  JsonArray calls = {};
  JsonArray log_probs = {};
};

Json CallToJson(const AnswerPart& part, int index) {
  Json function, call;
  function.Set("index", index);
  function.Set("name", part.name);
  function.Set("arguments", ArgumentsToJson(part.text));
  call.Set("id", part.id);
  call.Set("function", std::move(function));
  return call;
}

// model, created_at and the content, in the form of the endpoint.
Json LineOf(OllamaEndpoint endpoint, const AnswerHead& head, Content content) {
  Json line;
  line.Set("model", head.model);
  line.Set("created_at", Rfc3339(head.created));
  const bool chat = endpoint == OllamaEndpoint::kChat;
  Json message;
  if (chat) message.Set("role", "assistant");
  Json& target = chat ? message : line;
  target.Set(chat ? "content" : "response", std::move(content.text));
  if (!content.thinking.empty()) target.Set("thinking", std::move(content.thinking));
  if (!content.calls.empty()) target.Set("tool_calls", std::move(content.calls));
  if (chat) line.Set("message", std::move(message));
  if (!content.log_probs.empty()) line.Set("logprobs", std::move(content.log_probs));
  return line;
}

void SetEnd(AnswerEnd end, const AnswerUsage& usage, Json* line) {
  const double total =
      usage.load_seconds + usage.queue_seconds + usage.prompt_seconds + usage.decode_seconds;
  line->Set("done", true);
  line->Set("done_reason", DoneReason(end));
  line->Set("total_duration", Nanoseconds(total));
  line->Set("load_duration", Nanoseconds(usage.load_seconds));
  line->Set("prompt_eval_count", usage.prompt_tokens);
  line->Set("prompt_eval_duration", Nanoseconds(usage.prompt_seconds));
  line->Set("eval_count", usage.completion_tokens);
  line->Set("eval_duration", Nanoseconds(usage.decode_seconds));
  line->Set("timings", TimingsJson(usage));
}

JsonArray LogProbsToJson(const std::vector<AnswerToken>& tokens) {
  JsonArray list;
  for (const AnswerToken& token : tokens) list.push_back(TokenLogProbJson(token));
  return list;
}

class OllamaStream : public AnswerWriter {
 public:
  OllamaStream(OllamaEndpoint endpoint, AnswerHead head, const SamplingRequest& request)
      : endpoint_(endpoint), head_(std::move(head)), log_probs_(request.log_probs) {}

  bool streams() const override { return true; }
  const char* content_type() const override { return kNdjsonType; }
  std::string Begin() override { return ""; }
  // A blank before the next object: clients parse whole lines, and no empty ones.
  std::string KeepAlive() override { return " "; }

  std::string Of(const AnswerEvent& event) override {
    switch (event.kind) {
      case AnswerEvent::Kind::kText:
        return FlushCall() + Piece({.text = event.text, .log_probs = LogProbs(event)});
      case AnswerEvent::Kind::kReasoning:
        return FlushCall() + Piece({.thinking = event.text, .log_probs = LogProbs(event)});
      case AnswerEvent::Kind::kCallBegin: {
        std::string out = FlushCall();
        call_.emplace();
        call_->Add(event);
        return out;
      }
      case AnswerEvent::Kind::kCallArguments:
        if (call_) AppendToCall(event);
        return "";
      case AnswerEvent::Kind::kEnd:
        end_ = event.end;
        return FlushCall() + Piece({.log_probs = LogProbs(event)});
    }
    return "";
  }

  std::string End(const AnswerUsage& usage) override {
    Json line = LineOf(endpoint_, head_, {});
    SetEnd(end_, usage, &line);
    return DumpJson(line) + "\n";
  }

  std::string Error(const ApiError& error) override {
    return DumpJson(ErrorBody(Api::kOllama, error)) + "\n";
  }

 private:
  JsonArray LogProbs(const AnswerEvent& event) const {
    return log_probs_ ? LogProbsToJson(event.tokens) : JsonArray{};
  }

  void AppendToCall(const AnswerEvent& event) {
    AnswerPart& part = call_->parts.at(0);
    part.text += event.text;
    part.tokens.insert(part.tokens.end(), event.tokens.begin(), event.tokens.end());
  }

  // A line, unless there is nothing in it.
  std::string Piece(Content content) const {
    if (content.text.empty() && content.thinking.empty() && content.calls.empty() &&
        content.log_probs.empty()) {
      return "";
    }
    Json line = LineOf(endpoint_, head_, std::move(content));
    line.Set("done", false);
    return DumpJson(line) + "\n";
  }

  // The call that is complete by now, if there is one.
  std::string FlushCall() {
    if (!call_) return "";
    const AnswerPart part = std::move(call_->parts.at(0));
    call_.reset();
    return Piece({.calls = {CallToJson(part, calls_++)},
                  .log_probs = log_probs_ ? LogProbsToJson(part.tokens) : JsonArray{}});
  }

  OllamaEndpoint endpoint_;
  AnswerHead head_;
  bool log_probs_;
  AnswerEnd end_ = AnswerEnd::kStop;
  std::optional<AnswerChoice> call_;  // its only part is the call that is being written
  int calls_ = 0;                     // written
};

class OllamaWhole : public WholeAnswer {
 public:
  OllamaWhole(OllamaEndpoint endpoint, AnswerHead head, const SamplingRequest& request)
      : WholeAnswer(Api::kOllama, head.choices),
        endpoint_(endpoint),
        head_(std::move(head)),
        log_probs_(request.log_probs) {}

 private:
  Json Body(const AnswerUsage& usage) override {
    const AnswerChoice& choice = choices().at(0);
    Content content{.text = choice.TextOf(Part::kText),
                    .thinking = choice.TextOf(Part::kReasoning)};
    for (const AnswerPart& part : choice.parts) {
      if (part.kind == Part::kCall) {
        content.calls.push_back(CallToJson(part, static_cast<int>(content.calls.size())));
      }
      if (!log_probs_) continue;
      for (Json& token : LogProbsToJson(part.tokens)) content.log_probs.push_back(std::move(token));
    }
    Json line = LineOf(endpoint_, head_, std::move(content));
    SetEnd(choice.end, usage, &line);
    return line;
  }

  OllamaEndpoint endpoint_;
  AnswerHead head_;
  bool log_probs_;
};

}  // namespace

int64_t Nanoseconds(double seconds) { return std::llround(seconds * 1e9); }

std::unique_ptr<AnswerWriter> MakeOllamaWriter(OllamaEndpoint endpoint, const AnswerHead& head,
                                               const SamplingRequest& request) {
  if (request.stream) return std::make_unique<OllamaStream>(endpoint, head, request);
  return std::make_unique<OllamaWhole>(endpoint, head, request);
}

std::string OllamaLoadedLine(OllamaEndpoint endpoint, const AnswerHead& head, bool unloaded) {
  Json line = LineOf(endpoint, head, {});
  line.Set("done", true);
  line.Set("done_reason", unloaded ? "unload" : "load");
  return DumpJson(line) + "\n";
}

}  // namespace tael
