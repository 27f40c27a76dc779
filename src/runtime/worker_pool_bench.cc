// What a loop costs: handing it out and meeting again, with nothing in it, by how long the caller
// works alone between two loops. Not part of any test: built by the preset `bench`.
// Usage: worker_pool_bench [THREADS]
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "runtime/worker_pool.h"

namespace {

using namespace tael;
using Clock = std::chrono::steady_clock;

double MicrosecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

// Work of a fixed amount, unlike WorkAlone(): being interrupted makes it longer.
void Work(double microseconds) {
  static const double per_microsecond = [] {
    volatile uint64_t sink = 0;
    double best = 0;
    for (int i = 0; i < 20; ++i) {
      const Clock::time_point start = Clock::now();
      for (int j = 0; j < 100'000; ++j) sink = sink + 1;
      best = std::max(best, 100'000 / MicrosecondsSince(start));
    }
    return best;
  }();
  volatile uint64_t sink = 0;
  for (double left = microseconds * per_microsecond; left > 0; left -= 1) sink = sink + 1;
}

void WorkAlone(double microseconds) {
  const Clock::time_point start = Clock::now();
  while (MicrosecondsSince(start) < microseconds) {
  }
}

// Prints the median and the 90th percentile of one loop, in microseconds.
void Measure(WorkerPool& pool, double alone) {
  std::vector<double> times;
  const double budget = 50'000;  // microseconds
  for (double spent = 0; spent < budget && times.size() < 20'000;) {
    WorkAlone(alone);
    const Clock::time_point start = Clock::now();
    pool.ParallelFor(pool.size(), 1, [](int64_t, int64_t) {});
    times.push_back(MicrosecondsSince(start));
    spent += alone + times.back();
  }
  std::sort(times.begin(), times.end());
  std::printf(" %7.2f /%7.2f", times[times.size() / 2], times[times.size() * 9 / 10]);
}

// Loops in a millisecond, each of 30 microseconds for every worker behind 5 of the caller alone, as
// the products of a small model are. Without waiting that would be 28.6.
double Throughput(WorkerPool& pool) {
  constexpr double kSeconds = 1;
  const Clock::time_point start = Clock::now();
  int64_t loops = 0;
  while (MicrosecondsSince(start) < 1e6 * kSeconds) {
    WorkAlone(5);
    pool.ParallelFor(pool.size(), 1, [](int64_t, int64_t) { Work(30); });
    ++loops;
  }
  return static_cast<double>(loops) / (1e3 * kSeconds);
}

// A process that computes all the time.
class Neighbour {
 public:
  Neighbour() : child_(fork()) {
    if (child_ != 0) return;
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // it must not outlive a bench that was stopped
    for (;;) Work(1000);
  }
  ~Neighbour() {
    if (child_ <= 0) return;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  Neighbour(const Neighbour&) = delete;
  Neighbour& operator=(const Neighbour&) = delete;

 private:
  pid_t child_;
};

enum class Pinning { kNone, kWorkers, kAll };

// One CPU for each worker; none for the caller where only workers are pinned.
std::vector<std::vector<int>> PlacesOf(Pinning pinning, int threads) {
  std::vector<std::vector<int>> places;
  if (pinning == Pinning::kNone) return places;
  for (int cpu = 0; cpu < threads; ++cpu) places.push_back({cpu});
  if (pinning == Pinning::kWorkers) places[0].clear();
  return places;
}

template <typename Run>
void ForEachWay(int threads, const std::vector<int>& spins, const Run& run) {
  for (const Pinning pinning : {Pinning::kNone, Pinning::kWorkers, Pinning::kAll}) {
    for (const int spin : spins) {
      WorkerPool pool(threads, {.spin_microseconds = spin, .places = PlacesOf(pinning, threads)});
      const char* name = pinning == Pinning::kNone      ? ""
                         : pinning == Pinning::kWorkers ? ", workers pinned"
                                                        : ", all pinned";
      std::printf("spin %4d%-16s", spin, name);
      run(pool);
      std::printf("\n");
      std::fflush(stdout);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : AvailableCpus();
  const std::vector<double> pauses = {0, 5, 20, 50, 150, 500};
  std::printf("microseconds of an empty loop on %d threads, median / 90 %%\n%-25s", threads,
              "alone before, us:");
  for (const double pause : pauses) std::printf(" %16.0f", pause);
  std::printf("\n");
  ForEachWay(threads, {0, 20, 50, 100, 200, 1000}, [&](WorkerPool& pool) {
    for (const double pause : pauses) Measure(pool, pause);
  });
  std::printf("loops in a millisecond beside 0, 1, 4 busy processes\n");
  for (int i = 0; i < 2; ++i) {
    ForEachWay(threads, {0, 50, 100, 200}, [&](WorkerPool& pool) {
      std::printf(" %8.1f", Throughput(pool));
      const Neighbour first;
      std::printf(" %8.1f", Throughput(pool));
      const Neighbour second, third, fourth;
      std::printf(" %8.1f", Throughput(pool));
    });
  }
}
