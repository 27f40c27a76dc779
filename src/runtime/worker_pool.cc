// A loop is announced by one word, the ticket: its number and how many workers take part. A worker
// that does not take part reads nothing else, so nobody waits for it. The number stands once more
// in a word of 32 bits, on which sleeping workers wait.
#include "runtime/worker_pool.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <optional>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "runtime/allowed_cpus.h"
#include "runtime/cgroup_limits.h"
#include "runtime/numa_plan.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

// Looks at the flag between two readings of the clock: about a microsecond.
constexpr int kLooksPerReading = 32;
// A thread that sees the clock jump by this much was not running: the system gave its CPU to
// another thread, or the hypervisor to another machine.
constexpr auto kInterrupted = std::chrono::microseconds(50);
// How many waits in a row sleep at once after the system took the CPU away: more each time, less
// after a long time without.
constexpr int kLeastCalm = 16, kMostCalm = 16384, kQuietPerCalm = 4;

void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

// How often the system took the CPU from this thread while it wanted to run.
int64_t Preemptions() {
  rusage usage;
  return getrusage(RUSAGE_THREAD, &usage) == 0 ? usage.ru_nivcsw : 0;
}

// How one thread waits: it looks for a while, then sleeps. Where others need the CPU, looking takes
// it from those that are waited for; one that sleeps is woken ahead of them.
class Waiter {
 public:
  explicit Waiter(int spin_microseconds) : spin_(std::chrono::microseconds(spin_microseconds)) {}

  // Returns when ready() does, or false when it is time to sleep.
  template <typename Ready>
  bool Spin(const Ready& ready) {
    if (ready()) return true;
    if (spin_.count() == 0) return false;
    if (calm_ > 0) {
      --calm_;
      return false;
    }
    const Clock::time_point start = Clock::now();
    for (Clock::time_point last = start;;) {
      for (int i = 0; i < kLooksPerReading; ++i) {
        if (ready()) return Quiet();
        Pause();
      }
      const Clock::time_point now = Clock::now();
      if (now - last > kInterrupted && WasPreempted()) return false;
      if (now - start > spin_) return false;
      last = now;
    }
  }

 private:
  bool Quiet() {
    if (calm_length_ == kLeastCalm || ++quiet_ < kQuietPerCalm * calm_length_) return true;
    quiet_ = 0;
    calm_length_ /= 2;
    return true;
  }

  bool WasPreempted() {
    const int64_t now = Preemptions();
    if (now == preemptions_) return false;
    preemptions_ = now;
    quiet_ = 0;
    calm_ = calm_length_;
    calm_length_ = std::min(2 * calm_length_, kMostCalm);
    return true;
  }

  Clock::duration spin_;
  int calm_ = 0, calm_length_ = kLeastCalm, quiet_ = 0;
  int64_t preemptions_ = 0;
};

// A loop is cut at multiples of its grain: into units, of which each part takes equally many.
int64_t UnitsOf(int64_t count, int64_t grain) { return (count + grain - 1) / grain; }
int64_t UnitsPerPart(int64_t units, int size) { return (units + size - 1) / size; }

uint64_t TicketOf(uint32_t number, int64_t parts) {
  return uint64_t{number} << 32 | static_cast<uint64_t>(parts);
}

void MoveThread(pthread_t thread, const std::vector<int>& cpus) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int cpu : cpus) {
    if (cpu >= 0 && cpu < CPU_SETSIZE) CPU_SET(cpu, &set);
  }
  if (CPU_COUNT(&set) > 0) pthread_setaffinity_np(thread, sizeof(set), &set);
}

}  // namespace

struct WorkerPool::State {
  // Written by the caller before the ticket, read by those who take part.
  const LoopBody* fn = nullptr;
  int64_t count = 0, units_per_part = 0, grain = 1;
  int spin_microseconds = 0;
  std::vector<std::thread> threads;
  std::optional<cpu_set_t> caller_mask;  // before the caller was moved,
  pthread_t moved_caller{};              // which is this thread
  Waiter caller{0};

  // Lines of their own: each is written while others look at the next one.
  alignas(64) std::atomic<uint64_t> ticket{0};
  std::atomic<uint32_t> number{0};               // of the ticket; 0 parts: the pool ends
  alignas(64) std::atomic<uint32_t> pending{0};  // workers that have not finished the loop

  void Announce(int64_t parts) {
    const uint32_t next = number.load(std::memory_order_relaxed) + 1;
    ticket.store(TicketOf(next, parts), std::memory_order_release);
    // In one order with the counting of sleepers inside wait() and notify_all(): with a plain store
    // the processor may look for sleepers before others see the number, and wake nobody.
    number.store(next, std::memory_order_seq_cst);
    number.notify_all();
  }

  void RunPart(int64_t part) const {
    const int64_t begin = std::min(count, part * units_per_part * grain);
    const int64_t end = std::min(count, (part + 1) * units_per_part * grain);
    if (begin < end) (*fn)(begin, end);
  }

  void WorkerLoop(int part) {
    Waiter waiter(spin_microseconds);
    uint64_t seen = 0;
    for (;;) {
      const auto moved = [&] { return ticket.load(std::memory_order_acquire) != seen; };
      if (!waiter.Spin(moved)) {
        const auto last = static_cast<uint32_t>(seen >> 32);
        while (!moved()) number.wait(last, std::memory_order_acquire);
      }
      seen = ticket.load(std::memory_order_acquire);
      const auto parts = static_cast<uint32_t>(seen);
      if (parts == 0) return;
      if (part >= static_cast<int>(parts)) continue;
      RunPart(part);
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }

  void WaitForOthers() {
    const auto done = [&] { return pending.load(std::memory_order_acquire) == 0; };
    if (caller.Spin(done)) return;
    for (uint32_t left = pending.load(std::memory_order_acquire); left != 0;
         left = pending.load(std::memory_order_acquire)) {
      pending.wait(left, std::memory_order_acquire);
    }
  }
};

int AvailableCpus() {
  auto cpus = static_cast<int>(AllowedCpus().size());
  const double quota = CgroupCpuQuota();
  if (quota > 0) cpus = std::min(cpus, static_cast<int>(quota + 0.999));
  return std::max(1, cpus);
}

std::vector<std::vector<int>> DefaultPlaces(int threads) {
  const int cpus = AvailableCpus();
  const int wanted = threads == 0 ? cpus : threads;
  const NumaPlan plan = PlanNuma(ReadTopology(kSystemDevices, AllowedCpus()), wanted);
  const bool one_each = wanted == cpus && cpus == std::ssize(AllowedCpus()) && cpus > 1;
  return one_each || plan.nodes.size() > 1 ? plan.places : std::vector<std::vector<int>>();
}

WorkerPool::WorkerPool(int threads, const PoolOptions& options)
    : size_(threads == 0 ? AvailableCpus() : threads), state_(std::make_unique<State>()) {
  TAEL_CHECK(threads >= 0 && threads <= 1024);
  TAEL_CHECK(options.places.empty() || std::ssize(options.places) == size_);
  Start(options);
}

void WorkerPool::Start(const PoolOptions& options) {
  // Looking helps only while every worker has a CPU of its own.
  state_->spin_microseconds = size_ <= AvailableCpus() ? options.spin_microseconds : 0;
  state_->caller = Waiter(state_->spin_microseconds);
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
  if (options.places.empty()) {  // they inherited the place of a caller that another pool moved
    for (std::thread& thread : state_->threads) MoveThread(thread.native_handle(), AllowedCpus());
    return;
  }
  for (size_t i = 0; i < state_->threads.size(); ++i) {
    MoveThread(state_->threads[i].native_handle(), options.places[i + 1]);
  }
  cpu_set_t before;
  if (pthread_getaffinity_np(pthread_self(), sizeof(before), &before) == 0) {
    state_->caller_mask = before;
    state_->moved_caller = pthread_self();
    MoveThread(pthread_self(), options.places[0]);
  }
}

WorkerPool::WorkerPool(Imagined imagined)
    : size_(imagined.threads == 0 ? AvailableCpus() : imagined.threads) {}

WorkerPool::~WorkerPool() {
  if (state_ != nullptr) Stop();
}

void WorkerPool::Stop() {
  state_->Announce(0);
  for (std::thread& thread : state_->threads) thread.join();
  if (!state_->caller_mask || pthread_equal(state_->moved_caller, pthread_self()) == 0) return;
  if (CPU_COUNT(&*state_->caller_mask) == 1) {  // another pool had moved it before
    MoveThread(pthread_self(), AllowedCpus());
  } else {
    pthread_setaffinity_np(pthread_self(), sizeof(cpu_set_t), &*state_->caller_mask);
  }
}

int64_t WorkerPool::PartsOf(int64_t count, int64_t grain, int size) {
  const int64_t units = UnitsOf(count, grain);
  if (units <= 1) return 1;
  const int64_t units_per_part = UnitsPerPart(units, size);
  return (units + units_per_part - 1) / units_per_part;
}

void WorkerPool::ParallelFor(int64_t count, int64_t grain, LoopBody fn) {
  if (count <= 0 || state_ == nullptr) return;
  const int64_t parts = PartsOf(count, grain, size_);
  if (parts == 1) {
    fn(0, count);
    return;
  }
  State& state = *state_;
  state.fn = &fn;
  state.count = count;
  state.grain = grain;
  state.units_per_part = UnitsPerPart(UnitsOf(count, grain), size_);
  state.pending.store(static_cast<uint32_t>(parts - 1), std::memory_order_relaxed);
  ++barriers_;
  state.Announce(parts);
  state.RunPart(0);
  state.WaitForOthers();
}

}  // namespace tael
