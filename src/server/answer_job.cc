#include "server/answer_job.h"

#include <utility>

#include "server/api_errors.h"

namespace tael {
namespace {

double Seconds(std::chrono::steady_clock::time_point from,
               std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

constexpr int kClientGone = 499;

}  // namespace

AnswerJob::AnswerJob(ModelLease model, std::shared_ptr<HttpExchange> exchange, AnswerPlan plan,
                     Defer defer, OnEnd on_end)
    : model_(std::move(model)),
      exchange_(std::move(exchange)),
      defer_(std::move(defer)),
      on_end_(std::move(on_end)),
      writer_(std::move(plan.writer)),
      headers_(std::move(plan.headers)),
      request_(std::move(plan.request)),
      arrived_(plan.arrived) {
  const bool log_probs = request_.sampling.log_probs.has_value();
  for (int i = 0; i < request_.choices; ++i) {
    builders_.push_back(std::make_unique<AnswerBuilder>(model_->loaded, plan.style, i, log_probs));
  }
  open_ = builders_.size();
  usage_.prompt_tokens = static_cast<int64_t>(request_.prompt.size());
  usage_.seed = request_.sampling.seed;
  usage_.load_seconds = plan.load_seconds;
}

RequestObserver AnswerJob::Observer() {
  RequestObserver observer;
  const auto self = shared_from_this();
  observer.on_token = [self](const ChoiceId& choice, const SampledToken& token) {
    return self->OnToken(choice, token);
  };
  observer.on_prompt = [self](const ChoiceId&, int) {
    const std::lock_guard<std::mutex> lock(self->mutex_);
    if (self->started_ == Clock::time_point()) self->started_ = Clock::now();
  };
  observer.on_finish = [self](const ChoiceId& choice, const ChoiceReport& report) {
    self->OnFinish(choice, report);
  };
  observer.on_error = [self](const ChoiceId&, const std::exception_ptr& error) {
    self->OnError(error);
  };
  return observer;
}

void AnswerJob::Start() {
  // The engine may report before Submit() has returned: it waits for the head to be sent.
  std::unique_lock<std::mutex> lock(mutex_);
  request_.observer = Observer();
  id_ = model_->engine->Submit(std::move(request_));
  last_sent_ = Clock::now();
  if (writer_->streams()) {
    HttpHeaders headers = headers_;
    headers.emplace_back("Content-Type", writer_->content_type());
    headers.emplace_back("Cache-Control", "no-cache");
    headers.emplace_back("X-Accel-Buffering", "no");
    exchange_->Begin(200, std::move(headers));
    Send(writer_->Begin());
  }
  lock.unlock();
  exchange_->OnGone([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->model_->engine->Cancel(self->id_);
  });
}

bool AnswerJob::Send(std::string bytes) {
  if (bytes.empty()) return true;
  last_sent_ = Clock::now();
  return exchange_->Write(bytes);
}

Verdict AnswerJob::OnToken(const ChoiceId& choice, const SampledToken& token) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (over_ || exchange_->gone()) return Verdict::kCancel;
  if (prompt_read_ == Clock::time_point()) prompt_read_ = Clock::now();
  AnswerBuilder& builder = *builders_[static_cast<size_t>(choice.index)];
  events_.clear();
  const Verdict verdict = builder.Push(token, &events_);
  std::string bytes;
  for (const AnswerEvent& event : events_) bytes += writer_->Of(event);
  return Send(std::move(bytes)) ? verdict : Verdict::kCancel;
}

void AnswerJob::Count(const ChoiceReport& report) {
  usage_.completion_tokens += report.completion_tokens;
  // The prompt is one, however many choices share it.
  if (open_ == builders_.size()) usage_.cached_tokens = report.cached_tokens;
}

void AnswerJob::OnFinish(const ChoiceId& choice, const ChoiceReport& report) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return;
  Count(report);
  --open_;
  AnswerBuilder& builder = *builders_[static_cast<size_t>(choice.index)];
  usage_.reasoning_tokens += builder.reasoning_tokens();
  if (report.finish == FinishReason::kCancelled) {
    if (exchange_->gone()) {
      if (open_ == 0) Close(kClientGone, "", "the client went away");
    } else {
      Fail(ApiError(503, "unavailable", "",
                    "the answer was ended: the server is out of memory or going down"));
    }
    return;
  }
  events_.clear();
  builder.Finish(report.finish, &events_);
  std::string bytes;
  for (const AnswerEvent& event : events_) bytes += writer_->Of(event);
  Send(std::move(bytes));
  if (open_ == 0) Conclude();
}

void AnswerJob::OnError(const std::exception_ptr& error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!over_) Fail(ToApiError(error));
}

void AnswerJob::Abort(const ApiError& error) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!over_) Fail(error);
}

void AnswerJob::Fail(const ApiError& error) {
  model_->engine->Cancel(id_);  // of the other choices
  Close(error.status(), writer_->Error(error), error.what());
}

void AnswerJob::Conclude() {
  const Clock::time_point end = Clock::now();
  if (started_ == Clock::time_point()) started_ = prompt_read_;
  usage_.queue_seconds = Seconds(arrived_, started_) - usage_.load_seconds;
  usage_.prompt_seconds = Seconds(started_, prompt_read_);
  usage_.decode_seconds = Seconds(prompt_read_, end);
  if (writer_->streams()) {
    Close(200, writer_->End(usage_), "");
    return;
  }
  over_ = true;
  // Folding a long answer is not for the engine's thread.
  defer_([self = shared_from_this()] {
    const std::lock_guard<std::mutex> lock(self->mutex_);
    self->Close(200, self->writer_->End(self->usage_), "");
  });
}

// What was begun as a stream ends as one: its status is sent already.
void AnswerJob::Close(int status, std::string body, const std::string& error) {
  over_ = true;
  if (writer_->streams()) {
    exchange_->Write(body);
    exchange_->End();
  } else if (status != kClientGone) {
    HttpResponse response;
    response.status = status;
    response.headers = headers_;
    response.headers.emplace_back("Content-Type", "application/json");
    response.body = std::move(body);
    exchange_->Respond(std::move(response));
  }
  on_end_({.status = status, .usage = usage_, .error = error});
}

bool AnswerJob::KeepAlive(Clock::time_point now, std::chrono::seconds silence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (over_) return false;
  if (writer_->streams() && now - last_sent_ >= silence) Send(writer_->KeepAlive());
  return true;
}

}  // namespace tael
