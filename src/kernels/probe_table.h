// What a processor can do at most, one thread: functions that only read, or only multiply, written
// with the instructions of one kernel table. `tael bench` measures them beside the model; nothing
// else uses them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/kernel_table.h"

namespace tael {

inline constexpr size_t kProbePageBytes = 4096;
// Bytes of weights that one round of the byte products passes over; they stay in the cache.
inline constexpr size_t kProbeWeightBytes = 1024;
inline constexpr size_t kByteOperationsPerRound = 2 * kProbeWeightBytes;

struct ProbeTable {
  const char* name;  // of the kernel table whose instructions these are

  // Reads all of `memory`, `pages` consecutive pages side by side (1: one straight stream), and
  // returns the exclusive or of its 64-bit words, so that nothing can be left out. REQUIRES:
  // `pages` is 1, 4, 8 or 16; `bytes` is a multiple of 64.
  uint64_t (*read_pages)(const uint8_t* memory, size_t bytes, size_t pages) noexcept;

  // Fused multiply-adds in independent chains; returns a number that depends on all of them.
  float (*multiply_floats)(size_t rounds) noexcept;
  size_t float_operations;  // per round; a fused multiply-add is two

  // Sums of products of bytes, kProbeWeightBytes per round, with the instruction that the integer
  // matrix product of the table uses. `weights`: kProbeWeightBytes bytes in [0, 31], 64-byte
  // aligned. Returns rounds * (sum of weights) * 3, modulo 2^32.
  uint32_t (*multiply_bytes)(const uint8_t* weights, size_t rounds) noexcept;
  // The same with sums of 16 bits where they are exact for weights of at most 5 bits and that is
  // faster; else the same function.
  uint32_t (*multiply_small_bytes)(const uint8_t* weights, size_t rounds) noexcept;
};

// The probes that belong to `table`.
const ProbeTable& ProbesOf(const KernelTable& table);

}  // namespace tael
