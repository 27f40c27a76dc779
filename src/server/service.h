// What all endpoints share: models, threads, requests that are being answered.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "server/answer_job.h"
#include "server/call.h"
#include "server/model_host.h"
#include "server/prep_pool.h"

namespace tael {

struct ServiceOptions {
  int prep_threads = 2;
  size_t most_waiting = 256;            // requests that wait to be read
  std::chrono::seconds keep_alive{10};  // of silence in a stream, until a sign of life
  std::chrono::seconds model_ttl{0};    // 0: models stay until others need the room
};

class Service {
 public:
  Service(const ServiceOptions& options, std::unique_ptr<ModelCatalogue> catalogue);
  // Ends every request that is being answered.
  ~Service();

  ModelHost& models() { return *models_; }

  // Runs `task` on a thread where it may take its time; what it throws becomes the answer. 503 when
  // too many wait.
  void Prepare(const Call& call, std::function<void()> task);
  // Calls `task` there with the model of that name, once it is loaded.
  void WithModel(const Call& call, const std::string& name,
                 std::function<void(ModelLease model, double load_seconds)> task);
  // Answers the call as `plan` says.
  void Generate(const Call& call, ModelLease model, AnswerPlan plan);

  // Signs of life, models that nobody uses. Called about once a second.
  void Tick();
  // New requests are refused from now on.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }
  // All models that are to be there from the start are loaded.
  void SetStarted() { started_ = true; }
  bool started() const { return started_; }
  // Nobody waits for an answer.
  bool idle() const { return calls_ == 0; }
  // Lives as long as a call that counts for idle().
  std::shared_ptr<const void> OpenCall();
  // Ends every answer with an error of its API.
  void AbortAll(const ApiError& error);

 private:
  void Guarded(const Call& call, const std::function<void()>& task);
  std::vector<std::shared_ptr<AnswerJob>> Jobs();

  const ServiceOptions options_;
  std::unique_ptr<ModelHost> models_;
  PrepPool prep_;
  std::atomic<bool> draining_ = false, started_ = false;
  std::atomic<int> calls_ = 0;
  std::mutex jobs_mutex_;  // guards jobs_
  std::list<std::weak_ptr<AnswerJob>> jobs_;
};

}  // namespace tael
