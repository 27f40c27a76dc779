// Random numbers that tests compute with.
#pragma once

#include <concepts>
#include <cstddef>
#include <random>
#include <vector>

namespace tael {

// n numbers of [-spread, spread).
inline std::vector<float> RandomFloats(std::integral auto n, unsigned seed, float spread = 1.0f) {
  std::mt19937 rng(seed);
  std::vector<float> out(static_cast<size_t>(n));
  for (float& v : out) v = spread * (static_cast<float>(rng()) * 0x1p-31f - 1.0f);
  return out;
}

}  // namespace tael
