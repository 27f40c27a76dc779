#include "base/rng.h"

namespace tael {
namespace {

uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15u;

}  // namespace

uint64_t RandomBitsAt(uint64_t key, uint64_t index) {
  return Mix(Mix(key + kGolden) + (index + 1) * kGolden);
}

double UniformAt(uint64_t key, uint64_t index) {
  return static_cast<double>(RandomBitsAt(key, index) >> 11) * 0x1p-53;
}

// The complement keeps the derived keys apart from the numbers of `key` itself.
uint64_t StreamKey(uint64_t key, uint64_t stream) { return RandomBitsAt(~key, stream); }

}  // namespace tael
