// The reference rounding of the simple formats. Scales are computed in float32 and quants with
// their float32 reciprocal, although the scale is then stored as a binary16: other writers do the
// same, and the bytes have to agree.
#include "quant/encode.h"

#include <cmath>
#include <cstring>

#include "quant/float_bits.h"
#include "quant/fp4.h"
#include "quant/legacy.h"
#include "quant/low_bit.h"
#include "quant/quants.h"

namespace tael {
namespace {

// Integer part of `value` within [low, high]; NaN gives `low`.
int Truncate(float value, int low, int high) noexcept {
  if (!(value > static_cast<float>(low))) return low;
  return value < static_cast<float>(high) ? static_cast<int>(value) : high;
}

float Reciprocal(float d) noexcept { return d != 0.0f ? 1.0f / d : 0.0f; }

// The element of largest magnitude, with its sign; the first one of equals.
float SignedLargest(const float* x, int n) noexcept {
  float largest = 0, magnitude = 0;
  for (int i = 0; i < n; ++i) {
    if (std::fabs(x[i]) > magnitude) {
      magnitude = std::fabs(x[i]);
      largest = x[i];
    }
  }
  return largest;
}

struct Range {
  float min, max;
};

Range RangeOf(const float* x, int n) noexcept {
  Range range{x[0], x[0]};
  for (int i = 1; i < n; ++i) {
    if (x[i] < range.min) range.min = x[i];
    if (x[i] > range.max) range.max = x[i];
  }
  return range;
}

// 32 quants below 32, whose fifth bits go to `qh`.
void PackFiveBits(const int* q, uint8_t* qs, uint8_t* qh) noexcept {
  PackNibbles(q, qs);
  uint32_t high = 0;
  for (int j = 0; j < 32; ++j) high |= static_cast<uint32_t>(q[j] >> 4) << j;
  std::memcpy(qh, &high, sizeof(high));
}

// Symmetric formats: the largest element gets the lowest level, -offset, so the range is used
// fully on its side. Returns d.
float QuantiseSigned(const float* x, int offset, int* q) noexcept {
  const float d = SignedLargest(x, 32) / static_cast<float>(-offset);
  const float inverse = Reciprocal(d);
  for (int i = 0; i < 32; ++i) {
    q[i] = Truncate(x[i] * inverse + (static_cast<float>(offset) + 0.5f), 0, 2 * offset - 1);
  }
  return d;
}

// Formats with an offset: level 0 is the least element (returned in *m). Returns d.
float QuantiseRange(const float* x, int levels, int* q, float* m) noexcept {
  const Range range = RangeOf(x, 32);
  const float d = (range.max - range.min) / static_cast<float>(levels - 1);
  const float inverse = Reciprocal(d);
  for (int i = 0; i < 32; ++i) q[i] = Truncate((x[i] - range.min) * inverse + 0.5f, 0, levels - 1);
  *m = range.min;
  return d;
}

// Ternary formats: q in 0, 1, 2. Returns d.
float QuantiseTernary(const float* x, int* q) noexcept {
  const float d = std::fabs(SignedLargest(x, 256));
  const float inverse = Reciprocal(d);
  for (int i = 0; i < 256; ++i) q[i] = Truncate(std::round(x[i] * inverse) + 1.0f, 0, 2);
  return d;
}

void Encode(const float* x, BlockQ4_0* block) noexcept {
  int q[32];
  block->d = FloatToHalf(QuantiseSigned(x, 8, q));
  PackNibbles(q, block->qs);
}

void Encode(const float* x, BlockQ4_1* block) noexcept {
  int q[32];
  float m;
  block->d = FloatToHalf(QuantiseRange(x, 16, q, &m));
  block->m = FloatToHalf(m);
  PackNibbles(q, block->qs);
}

void Encode(const float* x, BlockQ5_0* block) noexcept {
  int q[32];
  block->d = FloatToHalf(QuantiseSigned(x, 16, q));
  PackFiveBits(q, block->qs, block->qh);
}

void Encode(const float* x, BlockQ5_1* block) noexcept {
  int q[32];
  float m;
  block->d = FloatToHalf(QuantiseRange(x, 32, q, &m));
  block->m = FloatToHalf(m);
  PackFiveBits(q, block->qs, block->qh);
}

void Encode(const float* x, BlockQ8_0* block) noexcept {
  const float d = std::fabs(SignedLargest(x, 32)) / 127.0f;
  const float inverse = Reciprocal(d);
  block->d = FloatToHalf(d);
  for (int i = 0; i < 32; ++i) {
    block->qs[i] = static_cast<int8_t>(Truncate(std::round(x[i] * inverse), -127, 127));
  }
}

// The E2M1 code nearest to x / (2 * halved scale); of two equally near ones the lower code, so
// the smaller magnitude.
int NearestE2M1(float x, float halved_scale) noexcept {
  int best = 0;
  float best_error = std::fabs(x);
  for (int code = 1; code < 16; ++code) {
    const float error = std::fabs(static_cast<float>(kE2M1Doubled[code]) * halved_scale - x);
    if (error < best_error) {
      best_error = error;
      best = code;
    }
  }
  return best;
}

void Encode(const float* x, BlockMXFP4* block) noexcept {
  const float largest = std::fabs(SignedLargest(x, 32));
  // The largest E2M1 value is 1.5 * 2^2: the exponent of the largest element lands on that 2^2.
  int e = 0;
  if (largest > 0.0f && IsFinite(largest)) e = std::ilogb(largest) - 2 + 127;
  block->e = static_cast<uint8_t>(e > 0 ? e : 0);
  const float halved_scale = HalvedE8M0(block->e);
  int q[32];
  for (int i = 0; i < 32; ++i) q[i] = NearestE2M1(x[i], halved_scale);
  PackNibbles(q, block->qs);
}

// Base-3 digits of the elements m, m + width, .. as a fraction of 256, rounded up so that decoding
// by multiplication finds every digit again. The first digit is the highest; a missing fifth is 0.
void PackTernary(const int* q, int width, int digits, uint8_t* bytes) noexcept {
  for (int m = 0; m < width; ++m) {
    int number = 0;
    for (int n = 0; n < 5; ++n) number = 3 * number + (n < digits ? q[n * width + m] : 0);
    bytes[m] = static_cast<uint8_t>((number * 256 + 242) / 243);
  }
}

void Encode(const float* x, BlockTQ1_0* block) noexcept {
  int q[256];
  block->d = FloatToHalf(QuantiseTernary(x, q));
  PackTernary(q, 32, 5, block->qs);
  PackTernary(q + 160, 16, 5, block->qs + 32);
  PackTernary(q + 240, 4, 4, block->qh);
}

void Encode(const float* x, BlockTQ2_0* block) noexcept {
  int q[256];
  block->d = FloatToHalf(QuantiseTernary(x, q));
  for (int b = 0; b < 64; ++b) {
    const int* layer = q + 128 * (b / 32) + b % 32;
    block->qs[b] =
        static_cast<uint8_t>(layer[0] | layer[32] << 2 | layer[64] << 4 | layer[96] << 6);
  }
}

template <typename Block>
void EncodeBlocks(const float* values, int64_t count, int64_t elements, uint8_t* out) noexcept {
  for (int64_t b = 0; b < count / elements; ++b) {
    Block block;
    Encode(values + b * elements, &block);
    std::memcpy(out + b * static_cast<int64_t>(sizeof(block)), &block, sizeof(block));
  }
}

template <typename Convert>
void EncodeSixteenBits(const float* values, int64_t count, uint8_t* out, Convert convert) noexcept {
  for (int64_t i = 0; i < count; ++i) {
    const uint16_t stored = convert(values[i]);
    std::memcpy(out + 2 * i, &stored, sizeof(stored));
  }
}

using RowEncoder = void (*)(const float* values, int64_t count, uint8_t* out);

template <typename Block, int64_t kElements>
void EncodeAs(const float* values, int64_t count, uint8_t* out) {
  EncodeBlocks<Block>(values, count, kElements, out);
}

RowEncoder FindEncoder(DType dtype) noexcept {
  switch (dtype) {
    case DType::kF16:
      return [](const float* values, int64_t count, uint8_t* out) {
        EncodeSixteenBits(values, count, out, FloatToHalf);
      };
    case DType::kBF16:
      return [](const float* values, int64_t count, uint8_t* out) {
        EncodeSixteenBits(values, count, out, FloatToBf16);
      };
    case DType::kQ4_0:
      return EncodeAs<BlockQ4_0, 32>;
    case DType::kQ4_1:
      return EncodeAs<BlockQ4_1, 32>;
    case DType::kQ5_0:
      return EncodeAs<BlockQ5_0, 32>;
    case DType::kQ5_1:
      return EncodeAs<BlockQ5_1, 32>;
    case DType::kQ8_0:
      return EncodeAs<BlockQ8_0, 32>;
    case DType::kMXFP4:
      return EncodeAs<BlockMXFP4, 32>;
    case DType::kTQ1_0:
      return EncodeAs<BlockTQ1_0, 256>;
    case DType::kTQ2_0:
      return EncodeAs<BlockTQ2_0, 256>;
    default:
      return nullptr;
  }
}

}  // namespace

bool CanEncode(DType dtype) { return FindEncoder(dtype) != nullptr; }

void EncodeRow(DType dtype, const float* values, int64_t count, uint8_t* out) noexcept {
  FindEncoder(dtype)(values, count, out);
}

}  // namespace tael
