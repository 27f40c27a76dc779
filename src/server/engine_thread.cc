#include "server/engine_thread.h"

#include <new>
#include <utility>

#include "server/prep_pool.h"

namespace tael {

EngineThread::EngineThread(const Model& model, const EngineOptions& options,
                           std::shared_ptr<Turnstile> turns,
                           std::function<void(const std::exception_ptr&)> on_failure)
    : turns_(std::move(turns)), on_failure_(std::move(on_failure)) {
  thread_ = std::thread([this, &model, options] { Run(model, options); });
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait(lock, [this] { return made_; });
  if (error_ == nullptr) return;
  lock.unlock();
  thread_.join();
  std::rethrow_exception(error_);
}

EngineThread::~EngineThread() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

// The engine is made here because its pool pins the thread that makes it.
void EngineThread::Run(const Model& model, const EngineOptions& options) {
  UseAllCpus();
  try {
    engine_ = std::make_unique<Engine>(model, options);
  } catch (...) {
    error_ = std::current_exception();
  }
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    made_ = true;
  }
  wake_.notify_all();
  if (error_ == nullptr) Loop();
}

RequestId EngineThread::Submit(EngineRequest request) {
  const RequestId id = engine_->Submit(std::move(request));
  Wake();
  return id;
}

void EngineThread::Cancel(RequestId request) {
  engine_->Cancel(request);
  Wake();
}

void EngineThread::Wake() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    work_ = true;
  }
  wake_.notify_all();
}

void EngineThread::Loop() {
  while (true) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [this] { return work_ || ending_; });
      if (ending_) break;
      work_ = false;
    }
    bool more = true;
    while (more) {
      more = StepOnce();
      const std::lock_guard<std::mutex> lock(mutex_);
      if (ending_) more = false;
    }
  }
  engine_->CancelAll();
  StepOnce();
  engine_.reset();  // on the thread that its pool has pinned
}

bool EngineThread::StepOnce() {
  const std::lock_guard<Turnstile> turn(*turns_);
  try {
    return engine_->Step();
  } catch (...) {
    // Nothing was reported of this step; those who asked are told by their observers.
    on_failure_(std::current_exception());
    engine_->CancelAll();
    return true;
  }
}

}  // namespace tael
