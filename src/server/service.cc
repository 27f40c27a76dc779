#include "server/service.h"

#include <utility>

#include "server/api_errors.h"

namespace tael {

Service::Service(const ServiceOptions& options, std::unique_ptr<ModelCatalogue> catalogue)
    : options_(options),
      models_(std::make_unique<ModelHost>(std::move(catalogue), options.model_ttl)),
      prep_(options.prep_threads, options.most_waiting) {}

// Nothing new begins, what runs is told, and then its engines end.
Service::~Service() {
  prep_.Stop();
  AbortAll(ApiError(503, "unavailable", "", "the server is going down"));
  models_.reset();
}

std::shared_ptr<const void> Service::OpenCall() {
  ++calls_;
  return {this, [this](const void*) { --calls_; }};
}

void Service::Guarded(const Call& call, const std::function<void()>& task) {
  try {
    task();
  } catch (...) {
    call.Refuse(ToApiError(std::current_exception()));
  }
}

void Service::Prepare(const Call& call, std::function<void()> task) {
  const bool taken =
      prep_.Post(call.client.owner, [this, call, task = std::move(task)] { Guarded(call, task); });
  if (taken) return;
  call.Refuse(
      ApiError(503, "overloaded", "", "too many requests wait to be read; try again later"));
}

void Service::WithModel(const Call& call, const std::string& name,
                        std::function<void(ModelLease model, double load_seconds)> task) {
  const auto begin = std::chrono::steady_clock::now();
  models_->Acquire(name, [this, call, begin, task = std::move(task)](
                             ModelLease model, const std::exception_ptr& error) {
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
    // The thread that loads models has others to load.
    prep_.PostRest(call.client.owner, [this, call, task, model = std::move(model), error,
                                       seconds = took.count()]() mutable {
      Guarded(call, [&] {
        if (error != nullptr) std::rethrow_exception(error);
        if (!call.exchange->gone()) task(std::move(model), seconds);
      });
    });
  });
}

void Service::Generate(const Call& call, ModelLease model, AnswerPlan plan) {
  plan.headers.emplace_back("x-request-id", call.id);
  plan.headers.insert(plan.headers.end(), call.headers.begin(), call.headers.end());
  const uint64_t owner = call.client.owner;
  for (PromptPlan& prompt : plan.prompts) {
    prompt.request.cache_salt = call.client.cache_salt;
    prompt.request.owner = owner;
    prompt.request.priority = call.client.priority;
  }
  const auto job = std::make_shared<AnswerJob>(
      std::move(model), call.exchange, std::move(plan),
      [this, owner](std::function<void()> rest) { prep_.PostRest(owner, std::move(rest)); },
      [open = call.open](const AnswerOutcome&) {});
  job->Start();
  const std::lock_guard<std::mutex> lock(jobs_mutex_);
  jobs_.push_back(job);
}

std::vector<std::shared_ptr<AnswerJob>> Service::Jobs() {
  std::vector<std::shared_ptr<AnswerJob>> jobs;
  const std::lock_guard<std::mutex> lock(jobs_mutex_);
  for (auto at = jobs_.begin(); at != jobs_.end();) {
    if (auto job = at->lock()) {
      jobs.push_back(std::move(job));
      ++at;
    } else {
      at = jobs_.erase(at);
    }
  }
  return jobs;
}

void Service::Tick() {
  const auto now = std::chrono::steady_clock::now();
  for (const auto& job : Jobs()) job->KeepAlive(now, options_.keep_alive);
  models_->Sweep(now);
}

void Service::AbortAll(const ApiError& error) {
  for (const auto& job : Jobs()) job->Abort(error);
}

}  // namespace tael
