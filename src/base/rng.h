// Random numbers from a counter: the value depends only on the key and the index, never on state.
#pragma once

#include <cstdint>

namespace tael {

// 64 well-mixed bits of (key, index): two rounds of the SplitMix64 finaliser (Steele et al. 2014).
uint64_t RandomBitsAt(uint64_t key, uint64_t index);

// Uniform in [0, 1), 53 bits.
double UniformAt(uint64_t key, uint64_t index);

// A key whose numbers have nothing to do with those of `key` or of its other streams: for the parts
// of one request that must not share numbers.
uint64_t StreamKey(uint64_t key, uint64_t stream);

}  // namespace tael
