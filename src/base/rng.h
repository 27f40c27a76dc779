// Random numbers from a counter: the value depends only on the key and the index, never on state.
#pragma once

#include <cstdint>

namespace tael {

// 64 well-mixed bits of (key, index): two rounds of the SplitMix64 finaliser (Steele et al. 2014).
uint64_t RandomBitsAt(uint64_t key, uint64_t index);

// Uniform in [0, 1), 53 bits.
double UniformAt(uint64_t key, uint64_t index);

}  // namespace tael
