#include "kernels/bf16_trial.h"

#include <bit>
#include <cstring>

#include "kernels/tables.h"

namespace tael {
namespace {

// More activation rows than a tile has, more outputs than a strip, a block that is not full.
constexpr size_t kRows = 17, kOutputs = 19, kDepth = 90, kPadded = PaddedToBf16Blocks(kDepth);

// BF16 numbers whose exponents lie within `spread` above `least`; some are zeros and denormals.
class Numbers {
 public:
  uint16_t Next(uint32_t least, uint32_t spread) {
    const uint32_t bits = Random();
    const uint32_t exponent = bits % 16 == 0 ? 0 : least + (bits >> 8) % spread;
    return static_cast<uint16_t>((bits >> 4 & 0x8000) | exponent << 7 | (bits >> 20 & 0x7f));
  }

 private:
  uint32_t Random() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    return state_;
  }
  uint32_t state_ = 2463534242;
};

}  // namespace

bool Bf16ProductAgrees(decltype(KernelTable::matmul_bf16) product,
                       decltype(KernelTable::arrange_bf16) arrange) {
  uint16_t x[kRows * 2 * kPadded] = {}, w[kOutputs * kDepth];
  float tried[kRows * kOutputs], expected[kRows * kOutputs];
  uint8_t bytes[sizeof(w)];
  Numbers numbers;
  // Products near 1, then around the least normal number: 2^-126.
  for (const uint32_t least : {120u, 56u}) {
    for (size_t i = 0; i < kRows; ++i) {
      for (size_t e = 0; e < kDepth; ++e) x[i * 2 * kPadded + e] = numbers.Next(least, 14);
    }
    for (uint16_t& v : w) v = numbers.Next(least, 14);
    std::memcpy(bytes, w, sizeof(w));
    const Bf16Rows rows{x, kRows, kDepth, 2 * kPadded};
    if (arrange != nullptr) arrange(rows);
    product(rows, bytes, 2 * kDepth, kOutputs, tried, kOutputs);
    kScalarTable.matmul_bf16(rows, bytes, 2 * kDepth, kOutputs, expected, kOutputs);
    for (size_t i = 0; i < kRows * kOutputs; ++i) {
      if (std::bit_cast<uint32_t>(tried[i]) != std::bit_cast<uint32_t>(expected[i])) return false;
    }
  }
  return true;
}

}  // namespace tael
