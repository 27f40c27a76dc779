// Whether this process can use the tile registers of AMX, and what it lacks if not.
#pragma once

#include <cstdint>

namespace tael {

// What CPU and operating system say.
struct AmxFacts {
  bool avx512 = false;                                          // the table it builds upon runs
  uint32_t features = 0;                                        // CPUID leaf 7, EDX
  bool has_bf16() const { return (features & 1u << 22) != 0; }  // amx_bf16
  uint64_t saved_states = 0;         // XCR0: what the operating system saves
  uint32_t tiles = 0;                // of palette 1 (CPUID leaf 1D): their number,
  uint32_t rows = 0, row_bytes = 0;  // and the size of the largest
  int permission_error = 0;          // errno of the request for the tile state; 0: granted
};

// Null if products in tiles can run, else what is missing.
const char* MissingForAmx(const AmxFacts& facts);

// Reads the facts; asks Linux for the tile state of the whole process if all the rest is there.
// `avx512`: whether that table runs here.
AmxFacts ReadAmxFacts(bool avx512);

// Whether small products in tiles have the bits of AVX-512's. REQUIRES: MissingForAmx() is null.
bool TilesMultiplyRightly();

}  // namespace tael
