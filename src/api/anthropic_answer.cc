#include "api/anthropic_answer.h"

#include <algorithm>
#include <optional>

#include "api/answer_fold.h"
#include "api/call_fields.h"
#include "api/openai_answer.h"
#include "base/error.h"

namespace tael {
namespace {

using Part = AnswerPart::Kind;

// Clients send thinking back only with a signature.
constexpr const char* kSignature = "unsigned";

Json Event(const char* type) {
  Json json;
  json.Set("type", type);
  return json;
}

// Tokens of the prompt that were cached are counted apart from the others.
Json UsageToJson(const AnswerUsage& usage) {
  Json details, json;
  details.Set("thinking_tokens", usage.reasoning_tokens);
  json.Set("input_tokens", std::max<int64_t>(usage.prompt_tokens - usage.cached_tokens, 0));
  json.Set("cache_creation_input_tokens", 0);
  json.Set("cache_read_input_tokens", usage.cached_tokens);
  json.Set("output_tokens", usage.completion_tokens);
  json.Set("output_tokens_details", std::move(details));
  return json;
}

const char* StopReason(AnswerEnd end, const std::string& stop_text) {
  switch (end) {
    case AnswerEnd::kStop:
      break;
    case AnswerEnd::kLength:
      return "max_tokens";
    case AnswerEnd::kToolCalls:
      return "tool_use";
  }
  return stop_text.empty() ? "end_turn" : "stop_sequence";
}

// stop_reason and stop_sequence.
void SetStop(AnswerEnd end, const std::string& stop_text, Json* json) {
  const bool by_text = end == AnswerEnd::kStop && !stop_text.empty();
  json->Set("stop_reason", StopReason(end, stop_text));
  json->Set("stop_sequence", by_text ? Json(stop_text) : Json());
}

Json MessageToJson(const AnswerHead& head, JsonArray content) {
  Json json = Event("message");
  json.Set("id", head.id);
  json.Set("role", "assistant");
  json.Set("model", head.model);
  json.Set("content", std::move(content));
  json.Set("stop_reason", Json());
  json.Set("stop_sequence", Json());
  return json;
}

Json TextBlock(const std::string& text) {
  Json json = Event("text");
  json.Set("text", text);
  return json;
}

Json ThinkingBlock(const std::string& text, const char* signature) {
  Json json = Event("thinking");
  json.Set("thinking", text);
  json.Set("signature", signature);
  return json;
}

Json ToolUseBlock(const std::string& id, const std::string& name, Json input) {
  Json json = Event("tool_use");
  json.Set("id", id);
  json.Set("name", name);
  json.Set("input", std::move(input));
  return json;
}

class MessageStream : public AnswerWriter {
 public:
  explicit MessageStream(AnswerHead head) : head_(std::move(head)) {}

  bool streams() const override { return true; }
  const char* content_type() const override { return kSseType; }
  std::string KeepAlive() override { return SseEvent(Event("ping")); }

  std::string Begin() override {
    Json message = MessageToJson(head_, {});
    message.Set("usage", UsageToJson({.prompt_tokens = head_.prompt_tokens}));
    Json start = Event("message_start");
    start.Set("message", std::move(message));
    return SseEvent(start) + KeepAlive();
  }

  std::string Of(const AnswerEvent& event) override {
    switch (event.kind) {
      case AnswerEvent::Kind::kText:
        return Text(Part::kText, event.text, TextBlock(""), "text_delta", "text");
      case AnswerEvent::Kind::kReasoning:
        return Text(Part::kReasoning, event.text, ThinkingBlock("", ""), "thinking_delta",
                    "thinking");
      case AnswerEvent::Kind::kCallBegin: {
        std::string out = Open(Part::kCall, ToolUseBlock(event.id, event.name, JsonObject{}));
        return out += Delta("input_json_delta", "partial_json", event.text);
      }
      case AnswerEvent::Kind::kCallArguments:
        if (open_ != Part::kCall) {
          Fail(ErrorCode::kInternal, "answer: arguments of call {}, which is not open", event.call);
        }
        return Delta("input_json_delta", "partial_json", event.text);
      case AnswerEvent::Kind::kEnd:
        end_ = event.end;
        stop_text_ = event.stop_text;
        return Close();
    }
    return "";
  }

  std::string End(const AnswerUsage& usage) override {
    Json delta, event = Event("message_delta");
    SetStop(end_, stop_text_, &delta);
    event.Set("delta", std::move(delta));
    event.Set("usage", UsageToJson(usage));
    event.Set("timings", TimingsJson(usage));
    return SseEvent(event) + SseEvent(Event("message_stop"));
  }

  std::string Error(const ApiError& error) override {
    return SseEvent(ErrorBody(Api::kAnthropic, error));
  }

 private:
  std::string Text(Part kind, const std::string& text, Json block, const char* type,
                   const char* key) {
    if (text.empty()) return "";
    std::string out;
    if (open_ != kind) out = Open(kind, std::move(block));
    return out += Delta(type, key, text);
  }

  // Closes what is open, and begins a block.
  std::string Open(Part kind, Json block) {
    std::string out = Close();
    open_ = kind;
    Json event = Event("content_block_start");
    event.Set("index", index_);
    event.Set("content_block", std::move(block));
    return out += SseEvent(event);
  }

  std::string Delta(const char* type, const char* key, const std::string& text) const {
    Json delta = Event(type), event = Event("content_block_delta");
    delta.Set(key, text);
    event.Set("index", index_);
    event.Set("delta", std::move(delta));
    return SseEvent(event);
  }

  std::string Close() {
    if (!open_) return "";
    std::string out;
    if (open_ == Part::kReasoning) out = Delta("signature_delta", "signature", kSignature);
    Json event = Event("content_block_stop");
    event.Set("index", index_++);
    open_.reset();
    return out + SseEvent(event);
  }

  AnswerHead head_;
  int index_ = 0;             // of the block that is open, or the next
  std::optional<Part> open_;  // its kind
  AnswerEnd end_ = AnswerEnd::kStop;
  std::string stop_text_;
};

class MessageWhole : public WholeAnswer {
 public:
  explicit MessageWhole(AnswerHead head)
      : WholeAnswer(Api::kAnthropic, head.choices), head_(std::move(head)) {}

 private:
  Json Body(const AnswerUsage& usage) override {
    const AnswerChoice& choice = choices().at(0);
    JsonArray content;
    for (const AnswerPart& part : choice.parts) {
      if (part.kind != Part::kCall && part.text.empty()) continue;
      content.push_back(BlockOf(part));
    }
    Json message = MessageToJson(head_, std::move(content));
    SetStop(choice.end, choice.stop_text, &message);
    message.Set("usage", UsageToJson(usage));
    message.Set("timings", TimingsJson(usage));
    return message;
  }

  static Json BlockOf(const AnswerPart& part) {
    switch (part.kind) {
      case Part::kText:
        break;
      case Part::kReasoning:
        return ThinkingBlock(part.text, kSignature);
      case Part::kCall:
        return ToolUseBlock(part.id, part.name, ArgumentsToJson(part.text));
    }
    return TextBlock(part.text);
  }

  AnswerHead head_;
};

}  // namespace

std::unique_ptr<AnswerWriter> MakeAnthropicWriter(const AnswerHead& head,
                                                  const ChatRequest& request) {
  if (request.stream) return std::make_unique<MessageStream>(head);
  return std::make_unique<MessageWhole>(head);
}

}  // namespace tael
