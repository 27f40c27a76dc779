#include "app/bench/limits.h"

#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

#include "app/bench/statistics.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Bytes that all threads together read in a slice: about 10 ms on a small machine.
constexpr int64_t kSliceBytes = int64_t{1} << 28;
// Slices of a thread are whole windows of the widest pattern.
constexpr int64_t kSliceGrain = 16 * static_cast<int64_t>(kProbePageBytes);
constexpr double kMultiplySeconds = 0.002;

// Results of the probes end here, so that nothing can be left out.
std::atomic<uint64_t> probe_sink{0};

void Keep(uint64_t value) { probe_sink.fetch_xor(value, std::memory_order_relaxed); }
void Keep(float value) { Keep(static_cast<uint64_t>(value)); }

}  // namespace

ProbeMemory::ProbeMemory(int64_t available, WorkerPool& pool) {
  for (int64_t bytes = kProbeMemoryBytes; bytes >= kLeastProbeMemoryBytes; bytes /= 2) {
    if (available > 0 && bytes > available / 2) continue;
    void* memory = mmap(nullptr, static_cast<size_t>(bytes), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) continue;
    data_ = static_cast<uint8_t*>(memory);
    bytes_ = bytes;
    break;
  }
  if (bytes_ == 0) return;
  madvise(data_, static_cast<size_t>(bytes_), MADV_HUGEPAGE);  // a wish: failure costs only speed
  // Pages that nobody wrote would all be the same page of zeros, which a cache holds.
  pool.ParallelFor(bytes_, int64_t{1} << 21, [this](int64_t begin, int64_t end) {
    std::memset(data_ + begin, 0x5a, static_cast<size_t>(end - begin));
  });
}

ProbeMemory::~ProbeMemory() {
  if (bytes_ != 0) munmap(data_, static_cast<size_t>(bytes_));
}

Limits MedianLimits(const LimitSamples& samples) {
  Limits limits;
  for (size_t i = 0; i < kReadPatterns.size(); ++i) {
    limits.patterns[i] = Median(samples.bytes_per_second[i]);
    if (limits.patterns[i] > limits.bandwidth) {
      limits.bandwidth = limits.patterns[i];
      limits.best_pattern = kReadPatterns[i];
      const auto& slices = samples.bytes_per_second[i];
      const auto [least, most] = std::minmax_element(slices.begin(), slices.end());
      limits.least_bandwidth = *least;
      limits.most_bandwidth = *most;
    }
  }
  limits.integer = Median(samples.integer_per_second);
  limits.floating = Median(samples.float_per_second);
  return limits;
}

LimitProbe::LimitProbe(WorkerPool& pool, const ProbeTable& probes, const ProbeMemory& memory)
    : pool_(pool), probes_(probes), memory_(memory) {
  constexpr size_t kAlignment = 64;
  weights_memory_ = std::make_unique<uint8_t[]>(kProbeWeightBytes + kAlignment);
  const auto address = reinterpret_cast<uintptr_t>(weights_memory_.get());
  uint8_t* weights = weights_memory_.get() + (kAlignment - address % kAlignment) % kAlignment;
  for (size_t i = 0; i < kProbeWeightBytes; ++i) weights[i] = static_cast<uint8_t>(i % 32);
  weights_ = weights;
  float_rounds_ = RoundsForASlice(probes_.multiply_floats);
  byte_rounds_ = RoundsForASlice(
      [this](size_t rounds) { return uint64_t{probes_.multiply_bytes(weights_, rounds)}; });
  small_rounds_ = RoundsForASlice(
      [this](size_t rounds) { return uint64_t{probes_.multiply_small_bytes(weights_, rounds)}; });
}

template <typename Multiply>
double LimitProbe::MultiplySlice(const Multiply& multiply, size_t rounds) {
  const auto start = Clock::now();
  pool_.ParallelFor(pool_.size(), 1, [&](int64_t, int64_t) { Keep(multiply(rounds)); });
  return SecondsSince(start);
}

template <typename Multiply>
size_t LimitProbe::RoundsForASlice(const Multiply& multiply) {
  // The shortest of three: one that was interrupted says nothing about the work.
  const auto shortest = [&](size_t rounds) {
    double seconds = MultiplySlice(multiply, rounds);
    for (int i = 0; i < 2; ++i) seconds = std::min(seconds, MultiplySlice(multiply, rounds));
    return seconds;
  };
  size_t rounds = 16;
  while (shortest(rounds) < kMultiplySeconds && rounds < (size_t{1} << 40)) rounds *= 2;
  return rounds;
}

double LimitProbe::ReadSlice(size_t pages) {
  const int64_t total = std::min(kSliceBytes, memory_.bytes());
  const int64_t share = std::max(kSliceGrain, total / pool_.size() / kSliceGrain * kSliceGrain);
  const int64_t slice = share * pool_.size();
  if (cursor_ + slice > memory_.bytes()) cursor_ = 0;
  const uint8_t* from = memory_.data() + cursor_;
  cursor_ += slice;
  const auto start = Clock::now();
  pool_.ParallelFor(pool_.size(), 1, [&](int64_t part, int64_t) {
    Keep(probes_.read_pages(from + part * share, static_cast<size_t>(share), pages));
  });
  return static_cast<double>(slice) / SecondsSince(start);
}

void LimitProbe::Sample(bool read, LimitSamples& samples) {
  if (read && memory_.bytes() != 0) {
    // Another pattern first each time: else each would always read the same part of the memory.
    for (size_t n = 0; n < kReadPatterns.size(); ++n) {
      const size_t i = (n + samples_) % kReadPatterns.size();
      samples.bytes_per_second[i].push_back(ReadSlice(static_cast<size_t>(kReadPatterns[i])));
    }
    ++samples_;
  }
  const auto threads = static_cast<double>(pool_.size());
  const auto speed = [&](size_t operations, size_t rounds, double seconds) {
    return threads * static_cast<double>(operations * rounds) / seconds;
  };
  samples.float_per_second.push_back(speed(probes_.float_operations, float_rounds_,
                                           MultiplySlice(probes_.multiply_floats, float_rounds_)));
  const auto bytes = [this](size_t rounds) {
    return uint64_t{probes_.multiply_bytes(weights_, rounds)};
  };
  const auto small = [this](size_t rounds) {
    return uint64_t{probes_.multiply_small_bytes(weights_, rounds)};
  };
  samples.integer_per_second.push_back(
      std::max(speed(kByteOperationsPerRound, byte_rounds_, MultiplySlice(bytes, byte_rounds_)),
               speed(kByteOperationsPerRound, small_rounds_, MultiplySlice(small, small_rounds_))));
}

}  // namespace tael
