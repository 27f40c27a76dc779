// Threads for what is too long for the thread of the sockets and is not the model: parsing,
// templates, tokenizing, folding answers.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace tael {

class PrepPool {
 public:
  using Task = std::function<void()>;

  // The threads may run on every CPU that the process may use, wherever the caller was placed.
  // REQUIRES: threads > 0.
  PrepPool(int threads, size_t most_waiting);
  ~PrepPool() { Stop(); }
  // Runs what waits, then ends the threads. PostRest() runs its task itself from then on.
  void Stop();
  PrepPool(const PrepPool&) = delete;
  PrepPool& operator=(const PrepPool&) = delete;

  // Tasks of one owner run in their order of coming, those of several owners by turns: nobody waits
  // behind all of somebody else's. False, and nothing is done, when too many wait. A task must not
  // throw.
  bool Post(uint64_t owner, Task task);
  // The same without a limit: for the rest of what was begun.
  void PostRest(uint64_t owner, Task task);
  size_t waiting() const;

 private:
  void Add(uint64_t owner, Task task);
  void Work();

  const size_t most_waiting_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::map<uint64_t, std::deque<Task>> tasks_;  // of owners that have any
  std::deque<uint64_t> turns_;                  // each of them once
  size_t waiting_ = 0;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

// Lets the calling thread run on every CPU that the process may use. Threads inherit the place of
// the one that starts them, which may be pinned to one CPU.
void UseAllCpus();

}  // namespace tael
