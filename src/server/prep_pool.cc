#include "server/prep_pool.h"

#include <sched.h>

#include <utility>

#include "runtime/allowed_cpus.h"

namespace tael {

void UseAllCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : AllowedCpus()) {
    if (cpu < CPU_SETSIZE) CPU_SET(static_cast<size_t>(cpu), &set);
  }
  // A place that cannot be had is no error: the thread only runs elsewhere.
  sched_setaffinity(0, sizeof set, &set);
}

PrepPool::PrepPool(int threads, size_t most_waiting) : most_waiting_(most_waiting) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      UseAllCpus();
      Work();
    });
  }
}

void PrepPool::Stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void PrepPool::Add(uint64_t owner, Task task) {
  std::deque<Task>& mine = tasks_[owner];
  if (mine.empty()) turns_.push_back(owner);
  mine.push_back(std::move(task));
  ++waiting_;
}

bool PrepPool::Post(uint64_t owner, Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (waiting_ >= most_waiting_ || ending_) return false;
    Add(owner, std::move(task));
  }
  wake_.notify_one();
  return true;
}

void PrepPool::PostRest(uint64_t owner, Task task) {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!ending_) {
      Add(owner, std::move(task));
      task = nullptr;
    }
  }
  if (task) return task();
  wake_.notify_one();
}

size_t PrepPool::waiting() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return waiting_;
}

void PrepPool::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return ending_ || !turns_.empty(); });
    if (turns_.empty()) return;
    const uint64_t owner = turns_.front();
    turns_.pop_front();
    const auto mine = tasks_.find(owner);
    Task task = std::move(mine->second.front());
    mine->second.pop_front();
    if (mine->second.empty()) {
      tasks_.erase(mine);
    } else {
      turns_.push_back(owner);
    }
    --waiting_;
    lock.unlock();
    try {
      task();
    } catch (...) {  // no memory even for its error: its exchange answers when it goes
    }
    task = nullptr;  // what it held goes without the lock
    lock.lock();
  }
}

}  // namespace tael
