// Who may use the processors next: models take turns, in the order in which they asked.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace tael {

// A lock that is given in the order of asking: a model that has just computed cannot have it again
// while another waits.
class Turnstile {
 public:
  void lock() {
    std::unique_lock<std::mutex> lock(mutex_);
    const uint64_t mine = next_++;
    turn_.wait(lock, [&] { return mine == serving_; });
  }
  void unlock() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      ++serving_;
    }
    turn_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable turn_;
  uint64_t next_ = 0, serving_ = 0;
};

}  // namespace tael
