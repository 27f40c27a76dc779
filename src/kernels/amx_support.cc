#include "kernels/amx_support.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "kernels/tables.h"

namespace tael {
namespace {

// CPUID leaf 7, EDX.
constexpr uint32_t kAmxTile = 1u << 24, kAmxInt8 = 1u << 25;
// XCR0: sizes of tiles, contents of tiles.
constexpr int kTileDataState = 18;
constexpr uint64_t kTileStates = 3u << 17;
// asm/prctl.h of Linux 5.16 and later.
constexpr int kRequestPermission = 0x1023;

uint64_t SavedStates() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

// Whether a product in tiles has the bits of AVX-512's: two strips of one block, or of two of 32,
// and more activation rows than a tile has, so that every tile takes part.
bool TrialAgrees(DType dtype, size_t depth) {
  constexpr size_t kRows = 17, kMostDepth = 256, kOutputs = 16, kMostRowBytes = 144;
  const auto size = static_cast<size_t>(Info(dtype).block_size);
  const size_t row_bytes = depth / size * static_cast<size_t>(Info(dtype).block_bytes);
  uint8_t w[kOutputs * kMostRowBytes];
  int8_t q[kRows * kMostDepth];
  float scales[kRows * 2], tiles[kRows * kOutputs], vectors[kRows * kOutputs];
  int16_t sums[kRows * kMostDepth / 16] = {};
  uint32_t state = 1;
  const auto next = [&state] { return (state = state * 1664525 + 1013904223) >> 24; };
  for (uint8_t& byte : w) byte = static_cast<uint8_t>(next());
  for (size_t strip = 0; strip < kOutputs * row_bytes; strip += 8 * row_bytes) {
    std::memset(&w[strip], 0x34, 32);  // the scales of the rows: 0.26
  }
  for (float& scale : scales) scale = 0.25f;
  for (size_t i = 0; i < kRows * depth; ++i) {
    q[i] = static_cast<int8_t>(static_cast<int>(next() % 255) - 127);
    sums[i / 16] = static_cast<int16_t>(sums[i / 16] + q[i]);
  }
  const QuantizedRows x{q, scales, sums, kRows, depth, depth, size};
  MatmulInterleavedInTiles(x, dtype, w, row_bytes, kOutputs, tiles, kOutputs);
  MatmulInterleavedAvx512(x, dtype, w, row_bytes, kOutputs, vectors, kOutputs);
  return std::equal(tiles, tiles + kRows * kOutputs, vectors);
}

}  // namespace

const char* MissingForAmx(const AmxFacts& facts) {
  if (!facts.avx512) return "the CPU lacks the AVX-512 instructions that go with AMX";
  if ((facts.features & kAmxTile) == 0) return "the CPU lacks AMX (amx_tile)";
  if ((facts.features & kAmxInt8) == 0) return "the CPU's AMX lacks integers (amx_int8)";
  if (facts.tiles < 8 || facts.rows < 16 || facts.row_bytes < 64) {
    return "the CPU's tiles are fewer or smaller than 8 of 16 rows of 64 bytes";
  }
  if ((facts.saved_states & kTileStates) != kTileStates) {
    return "the operating system or the virtual machine does not save AMX tiles (XCR0)";
  }
  if (facts.permission_error == ENOSPC) {
    return "an alternative signal stack of this process is too small for AMX tiles";
  }
  if (facts.permission_error != 0) {
    return "Linux does not permit AMX tiles (arch_prctl, from 5.16 on)";
  }
  return nullptr;
}

AmxFacts ReadAmxFacts(bool avx512) {
  AmxFacts facts{.avx512 = avx512, .permission_error = EPERM};
  uint32_t a = 0, b = 0, c = 0, d = 0;
  // OSXSAVE: XGETBV may be used.
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & 1u << 27) == 0) return facts;
  facts.saved_states = SavedStates();
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) facts.features = d;
  if (__get_cpuid_count(0x1d, 1, &a, &b, &c, &d) != 0) {
    facts.row_bytes = b & 0xffff;
    facts.tiles = b >> 16;
    facts.rows = c & 0xffff;
  }
  facts.permission_error = 0;
  if (MissingForAmx(facts) == nullptr &&
      syscall(SYS_arch_prctl, kRequestPermission, kTileDataState) != 0) {
    facts.permission_error = errno;
  }
  return facts;
}

bool TilesMultiplyRightly() {
  // Products of weights times sub-scales in two planes of tiles 64 deep, and of blocks of 32.
  return TrialAgrees(DType::kQ4_K, 256) && TrialAgrees(DType::kQ8_0, 64);
}

}  // namespace tael
#endif
