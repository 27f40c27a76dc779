#include "runtime/worker_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "base/error.h"
#include "runtime/cgroup_limits.h"

namespace tael {
namespace {

// How often a waiting thread looks at the flag before it sleeps: about 20 microseconds.
constexpr int kSpins = 4000;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

// Waits until `value` differs from `old`.
void WaitChange(std::atomic<uint32_t>& value, uint32_t old, int spins) {
  for (int i = 0; i < spins; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
    Pause();
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
}

// A loop is cut at multiples of its grain: into units, of which each part takes equally many.
int64_t UnitsOf(int64_t count, int64_t grain) { return (count + grain - 1) / grain; }
int64_t UnitsPerPart(int64_t units, int size) { return (units + size - 1) / size; }

}  // namespace

struct WorkerPool::State {
  // Written by the caller before `epoch` moves, read by the workers after they saw it move.
  const std::function<void(int64_t, int64_t)>* fn = nullptr;
  int64_t count = 0, units_per_part = 0, grain = 1;
  bool stopping = false;

  std::atomic<uint32_t> epoch{0};    // one step per loop
  std::atomic<uint32_t> pending{0};  // workers that have not finished the current loop
  int spins = 0;
  std::vector<std::thread> threads;

  void RunPart(int part) const {
    const int64_t begin = std::min(count, part * units_per_part * grain);
    const int64_t end = std::min(count, (part + 1) * units_per_part * grain);
    if (begin < end) (*fn)(begin, end);
  }

  void WorkerLoop(int part) {
    uint32_t seen = 0;
    for (;;) {
      WaitChange(epoch, seen, spins);
      seen = epoch.load(std::memory_order_acquire);
      if (stopping) return;
      RunPart(part);
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }
};

int AvailableCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  int cpus = 1;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) cpus = CPU_COUNT(&set);
  const double quota = CgroupCpuQuota();
  if (quota > 0) cpus = std::min(cpus, static_cast<int>(quota + 0.999));
  return std::max(1, cpus);
}

WorkerPool::WorkerPool(int threads)
    : size_(threads == 0 ? AvailableCpus() : threads), state_(std::make_unique<State>()) {
  TAEL_CHECK(threads >= 0 && threads <= 1024);
  // Spinning helps only while every worker has a CPU of its own.
  state_->spins = size_ <= AvailableCpus() ? kSpins : 0;
  state_->threads.reserve(static_cast<size_t>(size_ - 1));
  for (int part = 1; part < size_; ++part) {
    try {
      state_->threads.emplace_back([state = state_.get(), part] { state->WorkerLoop(part); });
    } catch (const std::system_error& error) {
      Stop();
      Fail(ErrorCode::kExhausted,
           "thread {} of {} cannot be started: {}. Hint: fewer --threads; `ulimit -u`, `ulimit -v` "
           "and the pids limit of a control group bound them",
           part + 1, size_, error.code().message());
    }
  }
}

WorkerPool::WorkerPool(Imagined imagined)
    : size_(imagined.threads == 0 ? AvailableCpus() : imagined.threads) {}

WorkerPool::~WorkerPool() {
  if (state_ != nullptr) Stop();
}

void WorkerPool::Stop() {
  state_->stopping = true;
  state_->epoch.fetch_add(1, std::memory_order_release);
  state_->epoch.notify_all();
  for (std::thread& thread : state_->threads) thread.join();
}

int64_t WorkerPool::PartsOf(int64_t count, int64_t grain, int size) {
  const int64_t units = UnitsOf(count, grain);
  if (units <= 1) return 1;
  const int64_t units_per_part = UnitsPerPart(units, size);
  return (units + units_per_part - 1) / units_per_part;
}

void WorkerPool::ParallelFor(int64_t count, int64_t grain,
                             const std::function<void(int64_t, int64_t)>& fn) {
  if (count <= 0 || state_ == nullptr) return;
  const int64_t units = UnitsOf(count, grain);
  if (size_ == 1 || units == 1) {
    fn(0, count);
    return;
  }
  State& state = *state_;
  state.fn = &fn;
  state.count = count;
  state.grain = grain;
  state.units_per_part = UnitsPerPart(units, size_);
  state.pending.store(static_cast<uint32_t>(size_ - 1), std::memory_order_relaxed);
  state.epoch.fetch_add(1, std::memory_order_release);
  state.epoch.notify_all();
  state.RunPart(0);
  for (uint32_t left = state.pending.load(std::memory_order_acquire); left != 0;
       left = state.pending.load(std::memory_order_acquire)) {
    WaitChange(state.pending, left, state.spins);
  }
}

}  // namespace tael
