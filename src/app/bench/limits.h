// What the machine could do beside the model: reading and multiplying at most, measured in short
// slices between pieces of the model's own work, on the same threads.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/probe_table.h"
#include "runtime/worker_pool.h"

namespace tael {

// Memory that is read to find the bandwidth: more than any cache holds. It adds to the peak memory
// of `tael bench`; --no-probes leaves it out.
inline constexpr int64_t kProbeMemoryBytes = int64_t{1} << 30;
inline constexpr int64_t kLeastProbeMemoryBytes = int64_t{1} << 28;

// Pages walked side by side in the read patterns.
inline constexpr std::array<int, 4> kReadPatterns = {1, 4, 8, 16};

// A private mapping in huge pages where the kernel gives them; given back by the destructor.
class ProbeMemory {
 public:
  // kProbeMemoryBytes, halved until at most half of `available` is used (0: unknown) and the kernel
  // gives it; nothing below kLeastProbeMemoryBytes. Every page is written, by the threads of
  // `pool`.
  ProbeMemory(int64_t available, WorkerPool& pool);
  ~ProbeMemory();
  ProbeMemory(const ProbeMemory&) = delete;
  ProbeMemory& operator=(const ProbeMemory&) = delete;

  int64_t bytes() const { return bytes_; }  // 0: none could be had
  const uint8_t* data() const { return data_; }

 private:
  uint8_t* data_ = nullptr;
  int64_t bytes_ = 0;
};

// Speeds per slice, of all threads together.
struct LimitSamples {
  std::array<std::vector<double>, kReadPatterns.size()> bytes_per_second;
  std::vector<double> integer_per_second;  // operations; a multiply-add is two
  std::vector<double> float_per_second;
};

// Medians over slices.
struct Limits {
  std::array<double, kReadPatterns.size()> patterns{};  // bytes per second
  double bandwidth = 0;                                 // of the best pattern; 0: not measured
  int best_pattern = 0;                                 // its pages
  double least_bandwidth = 0, most_bandwidth = 0;       // of its slices
  double integer = 0, floating = 0;                     // operations per second; 0: not measured
};
Limits MedianLimits(const LimitSamples& samples);

// Not thread-safe. Everything given must outlive it.
class LimitProbe {
 public:
  // Finds out how many rounds a slice of multiplications takes.
  LimitProbe(WorkerPool& pool, const ProbeTable& probes, const ProbeMemory& memory);

  // One slice of every kind, about 50 ms; of reading only when `read`.
  void Sample(bool read, LimitSamples& samples);

 private:
  double ReadSlice(size_t pages);
  // Calls multiply(rounds) on every thread; seconds.
  template <typename Multiply>
  double MultiplySlice(const Multiply& multiply, size_t rounds);
  template <typename Multiply>
  size_t RoundsForASlice(const Multiply& multiply);

  WorkerPool& pool_;
  const ProbeTable& probes_;
  const ProbeMemory& memory_;
  std::unique_ptr<uint8_t[]> weights_memory_;
  const uint8_t* weights_;  // kProbeWeightBytes, 64-byte aligned
  int64_t cursor_ = 0;      // where the next slice of reading begins
  size_t samples_ = 0;      // of reading, so far
  size_t float_rounds_ = 0, byte_rounds_ = 0, small_rounds_ = 0;
};

}  // namespace tael
