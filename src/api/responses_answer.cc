#include "api/responses_answer.h"

#include <fmt/format.h>

#include <optional>

#include "api/error_body.h"
#include "api/openai_answer.h"
#include "api/response_object.h"
#include "base/error.h"

namespace tael {
namespace {

using Kind = ResponseItem::Kind;

Json Event(const char* type) {
  Json json;
  json.Set("type", type);
  return json;
}

// A stream gives its events out, a whole answer makes the same items and keeps silent.
class Writer : public ResponseWriter {
 public:
  Writer(AnswerHead head, const ResponseRequest& request)
      : head_(std::move(head)), request_(request) {}

  bool streams() const override { return request_.chat.stream; }
  const char* content_type() const override { return streams() ? kSseType : "application/json"; }
  std::string KeepAlive() override { return streams() ? kSseKeepAlive : ""; }
  const Json& response() const override { return response_; }

  std::string Begin() override {
    response_ = ResponseObject(head_, request_, "in_progress", {});
    std::string out = WithResponse("response.created");
    return out += WithResponse("response.in_progress");
  }

  std::string Of(const AnswerEvent& event) override {
    switch (event.kind) {
      case AnswerEvent::Kind::kText:
        return Text(Kind::kMessage, event);
      case AnswerEvent::Kind::kReasoning:
        return Text(request_.summary ? Kind::kSummary : Kind::kReasoning, event);
      case AnswerEvent::Kind::kCallBegin: {
        std::string out = Open(Kind::kCall, event.id, event.name);
        return out += Delta(event);
      }
      case AnswerEvent::Kind::kCallArguments:
        if (!item_ || item_->kind != Kind::kCall) {
          Fail(ErrorCode::kInternal, "answer: arguments of call {}, which is not open", event.call);
        }
        return Delta(event);
      case AnswerEvent::Kind::kEnd:
        end_ = event.end;
        return Close();
    }
    return "";
  }

  std::string End(const AnswerUsage& usage) override {
    const bool cut = end_ == AnswerEnd::kLength;
    response_ = ResponseObject(head_, request_, cut ? "incomplete" : "completed", output_);
    SetResponseUsage(usage, &response_);
    if (cut) {
      Json details;
      details.Set("reason", "max_output_tokens");
      response_.Set("incomplete_details", std::move(details));
    }
    if (!streams()) return DumpJson(response_);
    return WithResponse(cut ? "response.incomplete" : "response.completed");
  }

  std::string Error(const ApiError& error) override {
    response_ = ResponseObject(head_, request_, "failed", output_);
    SetResponseError(error, &response_);
    if (!streams()) return DumpJson(ErrorBody(Api::kOpenAi, error));
    Json event = Event("error");
    event.Set("code", error.code().empty() ? Json() : Json(error.code()));
    event.Set("message", error.what());
    event.Set("param", error.param().empty() ? Json() : Json(error.param()));
    std::string out = Emit(std::move(event));
    return out += WithResponse("response.failed");
  }

 private:
  std::string Emit(Json event) {
    if (!streams()) return "";
    event.Set("sequence_number", sequence_++);
    return SseEvent(event);
  }

  std::string WithResponse(const char* type) {
    Json event = Event(type);
    event.Set("response", response_);
    return Emit(std::move(event));
  }

  // An event that says where it belongs. `part`: the name of the index of its only part, or
  // nullptr.
  Json OfItem(const char* type, const char* part) const {
    Json event = Event(type);
    event.Set("item_id", item_->id);
    event.Set("output_index", static_cast<int64_t>(output_.size()));
    if (part != nullptr) event.Set(part, 0);
    return event;
  }

  std::string EmitItem(const char* type, Json item) {
    Json event = Event(type);
    event.Set("output_index", static_cast<int64_t>(output_.size()));
    event.Set("item", std::move(item));
    return Emit(std::move(event));
  }

  std::string EmitPart(const char* type, const char* index, Json part) {
    Json event = OfItem(type, index);
    event.Set("part", std::move(part));
    return Emit(std::move(event));
  }

  const char* PartIndex() const {
    return item_->kind == Kind::kSummary ? "summary_index" : "content_index";
  }

  // Closes what is open, and begins an item.
  std::string Open(Kind kind, const std::string& call_id = "", const std::string& name = "") {
    std::string out = Close();
    const char* prefix = kind == Kind::kMessage ? "msg" : kind == Kind::kCall ? "fc" : "rs";
    const size_t bar = head_.id.find('_');
    const std::string number = bar == std::string::npos ? head_.id : head_.id.substr(bar + 1);
    item_ = ResponseItem{.kind = kind,
                         .id = fmt::format("{}_{}_{}", prefix, number, output_.size()),
                         .call_id = call_id,
                         .name = name};
    out += EmitItem("response.output_item.added", ResponseItemJson(*item_, "in_progress", false));
    if (kind == Kind::kCall) return out;
    const char* type = kind == Kind::kSummary ? "response.reasoning_summary_part.added"
                                              : "response.content_part.added";
    return out += EmitPart(type, PartIndex(), ResponsePartJson(*item_));
  }

  std::string Text(Kind kind, const AnswerEvent& event) {
    if (event.text.empty() && event.tokens.empty()) return "";
    std::string out;
    if (!item_ || item_->kind != kind) out = Open(kind);
    return out += Delta(event);
  }

  std::string Delta(const AnswerEvent& event) {
    item_->text += event.text;
    if (item_->kind == Kind::kCall) {
      if (event.text.empty()) return "";
      Json delta = OfItem("response.function_call_arguments.delta", nullptr);
      delta.Set("delta", event.text);
      return Emit(std::move(delta));
    }
    const char* type = item_->kind == Kind::kMessage     ? "response.output_text.delta"
                       : item_->kind == Kind::kReasoning ? "response.reasoning_text.delta"
                                                         : "response.reasoning_summary_text.delta";
    Json delta = OfItem(type, PartIndex());
    delta.Set("delta", event.text);
    if (item_->kind == Kind::kMessage) delta.Set("logprobs", LogProbs(event));
    return Emit(std::move(delta));
  }

  JsonArray LogProbs(const AnswerEvent& event) {
    JsonArray list;
    if (!request_.chat.log_probs) return list;
    for (const AnswerToken& token : event.tokens) list.push_back(TokenLogProbJson(token));
    item_->log_probs.insert(item_->log_probs.end(), list.begin(), list.end());
    return list;
  }

  // Every piece of an item is said again, whole: some clients read no others.
  std::string Close() {
    if (!item_) return "";
    std::string out = item_->kind == Kind::kCall ? CallDone() : TextDone();
    Json item =
        ResponseItemJson(*item_, end_ == AnswerEnd::kLength ? "incomplete" : "completed", true);
    out += EmitItem("response.output_item.done", item);
    output_.push_back(std::move(item));
    item_.reset();
    return out;
  }

  std::string CallDone() {
    Json done = OfItem("response.function_call_arguments.done", nullptr);
    done.Set("name", item_->name);
    done.Set("arguments", item_->text);
    return Emit(std::move(done));
  }

  std::string TextDone() {
    const bool summary = item_->kind == Kind::kSummary;
    const char* type = item_->kind == Kind::kMessage ? "response.output_text.done"
                       : summary                     ? "response.reasoning_summary_text.done"
                                                     : "response.reasoning_text.done";
    Json done = OfItem(type, PartIndex());
    done.Set("text", item_->text);
    if (item_->kind == Kind::kMessage) done.Set("logprobs", item_->log_probs);
    std::string out = Emit(std::move(done));
    return out +=
           EmitPart(summary ? "response.reasoning_summary_part.done" : "response.content_part.done",
                    PartIndex(), ResponsePartJson(*item_));
  }

  AnswerHead head_;
  ResponseRequest request_;
  Json response_;
  JsonArray output_;                  // items that are complete
  std::optional<ResponseItem> item_;  // that is being written
  AnswerEnd end_ = AnswerEnd::kStop;
  int64_t sequence_ = 0;
};

}  // namespace

std::unique_ptr<ResponseWriter> MakeResponseWriter(const AnswerHead& head,
                                                   const ResponseRequest& request) {
  return std::make_unique<Writer>(head, request);
}

}  // namespace tael
