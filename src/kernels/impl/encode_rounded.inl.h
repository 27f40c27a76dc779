// The reference rounding of quant/encode.h with vectors: the same bytes, for finite numbers. Every
// step is one operation on each element; where it is an extreme of 32, zeros of both signs and
// extremes of both signs are looked at again, because the reference takes the first one.
namespace tael::TAEL_ISA {
namespace {

constexpr int kRounded = 32;  // elements of a block

// The magnitudes' largest as bits.
inline uint32_t LargestBits(const float* x, int64_t count) {
  MagnitudeBits magnitude = NoMagnitude();
  int64_t i = 0;
  for (; i + static_cast<int64_t>(kLanes) <= count; i += static_cast<int64_t>(kLanes)) {
    Include(Load(x + i), &magnitude);
  }
  if (i < count) Include(LoadPartial(x + i, static_cast<size_t>(count - i)), &magnitude);
  return Largest(magnitude);
}
float LargestMagnitude(const float* x, int64_t count) noexcept {
  return std::bit_cast<float>(LargestBits(x, count));
}

// The element of largest magnitude, with its sign; the first one of equals.
inline float FirstLargest(const float* x) {
  constexpr uint32_t kSign = 0x80000000u;
  const uint32_t bits = LargestBits(x, kRounded);
  if (bits == 0) return 0.0f;
  uint32_t above = 0, below = 0;
  for (int i = 0; i < kRounded; ++i) {
    const uint32_t v = std::bit_cast<uint32_t>(x[i]);
    above |= v == bits ? 1 : 0;
    below |= v == (bits | kSign) ? 1 : 0;
  }
  bool negative = above == 0;
  if ((above & below) != 0) {
    int i = 0;
    while ((std::bit_cast<uint32_t>(x[i]) & ~kSign) != bits) ++i;
    negative = x[i] < 0;
  }
  return std::bit_cast<float>(bits | (negative ? kSign : 0));
}

inline float FirstZero(const float* x) {
  int i = 0;
  while (x[i] != 0) ++i;
  return x[i];
}

struct Extremes {
  float lowest, highest;
};
inline Extremes ExtremesOf(const float* x) {
  float low[16], high[16];
  for (int i = 0; i < 16; ++i) {
    low[i] = x[i + 16] < x[i] ? x[i + 16] : x[i];
    high[i] = x[i + 16] > x[i] ? x[i + 16] : x[i];
  }
  for (int half = 8; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) {
      low[i] = low[i + half] < low[i] ? low[i + half] : low[i];
      high[i] = high[i + half] > high[i] ? high[i + half] : high[i];
    }
  }
  Extremes found{low[0], high[0]};
  if (found.lowest == 0) found.lowest = FirstZero(x);
  if (found.highest == 0) found.highest = FirstZero(x);
  return found;
}

inline float InverseOf(float d) { return d != 0 ? 1 / d : 0.0f; }

// What is in front of the point of sixteen numbers within [-128, 127].
inline void TakeWhole(const F32x16& v, int8_t* q) {
  float lane[kLanes];
  Store(v, lane);
  for (size_t i = 0; i < kLanes; ++i) q[i] = static_cast<int8_t>(static_cast<int32_t>(lane[i]));
}

// Levels 0 .. 2 * middle - 1; returns d.
inline float RoundSigned(const float* x, float middle, int8_t* q) {
  const float d = FirstLargest(x) / -middle;
  const F32x16 inverse = Splat(InverseOf(d)), shift = Splat(middle + 0.5f);
  for (int i = 0; i < kRounded; i += static_cast<int>(kLanes)) {
    TakeWhole(Clamp(Add(Mul(Load(x + i), inverse), shift), 0, 2 * middle - 1), q + i);
  }
  return d;
}

// Levels 0 .. top above the least element.
template <class Block>
inline void RoundRange(const float* x, float top, int8_t* q, Block* out) {
  const Extremes range = ExtremesOf(x);
  const float d = (range.highest - range.lowest) / top;
  const F32x16 inverse = Splat(InverseOf(d)), lowest = Splat(range.lowest), half = Splat(0.5f);
  for (int i = 0; i < kRounded; i += static_cast<int>(kLanes)) {
    TakeWhole(Clamp(Add(Mul(Sub(Load(x + i), lowest), inverse), half), 0, top), q + i);
  }
  out->d = FloatToHalf(d);
  out->m = FloatToHalf(range.lowest);
  PackNibbles(q, out->qs);
}

inline void RoundBlock(const float* x, BlockQ4_0* out) {
  int8_t q[kRounded];
  out->d = FloatToHalf(RoundSigned(x, 8, q));
  PackNibbles(q, out->qs);
}
inline void RoundBlock(const float* x, BlockQ5_0* out) {
  int8_t q[kRounded];
  out->d = FloatToHalf(RoundSigned(x, 16, q));
  PackNibbles(q, out->qs);
  PackFifthBits(q, out->qh);
}
inline void RoundBlock(const float* x, BlockQ4_1* out) {
  int8_t q[kRounded];
  RoundRange(x, 15, q, out);
}
inline void RoundBlock(const float* x, BlockQ5_1* out) {
  int8_t q[kRounded];
  RoundRange(x, 31, q, out);
  PackFifthBits(q, out->qh);
}

// Halves away from zero: the largest float below 1/2 is added with the number's sign, the rest cut.
inline void RoundBlock(const float* x, BlockQ8_0* out) {
  const float d = std::bit_cast<float>(LargestBits(x, kRounded)) / 127.0f;
  const F32x16 inverse = Splat(InverseOf(d));
  out->d = FloatToHalf(d);
  for (int i = 0; i < kRounded; i += static_cast<int>(kLanes)) {
    float lane[kLanes];
    Store(Clamp(Mul(Load(x + i), inverse), -127, 127), lane);
    for (size_t j = 0; j < kLanes; ++j) {
      const float moved = lane[j] + __builtin_copysignf(0x1.fffffep-2f, lane[j]);
      out->qs[static_cast<size_t>(i) + j] = static_cast<int8_t>(static_cast<int32_t>(moved));
    }
  }
}

// Codes are tried in ascending order for all elements at once; of equally near ones the lower
// stays.
inline void RoundBlock(const float* x, BlockMXFP4* out) {
  const float largest = std::bit_cast<float>(LargestBits(x, kRounded));
  int e = 0;
  if (largest > 0) e = std::ilogb(largest) - 2 + 127;  // the largest code is 1.5 * 2^2
  out->e = static_cast<uint8_t>(e > 0 ? e : 0);
  const float halved_scale = HalvedE8M0(out->e);
  float error[kRounded];
  int32_t best[kRounded] = {};
  for (int i = 0; i < kRounded; ++i) error[i] = std::fabs(x[i]);
  for (int code = 1; code < 16; ++code) {
    const float value = static_cast<float>(kE2M1Doubled[code]) * halved_scale;
    for (int i = 0; i < kRounded; ++i) {
      const float away = std::fabs(value - x[i]);
      const bool nearer = away < error[i];
      error[i] = nearer ? away : error[i];
      best[i] = nearer ? code : best[i];
    }
  }
  PackNibbles(best, out->qs);
}

template <class Block>
inline void RoundAll(const float* x, int64_t count, uint8_t* out) {
  for (int64_t b = 0; b < count / kRounded; ++b) {
    Block block;
    RoundBlock(x + b * kRounded, &block);
    std::memcpy(out + b * static_cast<int64_t>(sizeof(block)), &block, sizeof(block));
  }
}

template <class Element>
inline void RoundElements(DType dtype, const float* x, int64_t count, uint8_t* out) {
  int64_t i = 0;
  for (; i + static_cast<int64_t>(kLanes) <= count; i += static_cast<int64_t>(kLanes)) {
    StoreAs<Element>(Load(x + i), out + 2 * i);
  }
  ::tael::EncodeRow(dtype, x + i, count - i, out + 2 * i);
}

void RoundBlocks(DType dtype, const float* x, int64_t count, uint8_t* out) noexcept {
  // clang-format off: one line per format.
  switch (dtype) {
    case DType::kF16: return RoundElements<ElementF16>(dtype, x, count, out);
    case DType::kBF16: return RoundElements<ElementBF16>(dtype, x, count, out);
    case DType::kQ4_0: return RoundAll<BlockQ4_0>(x, count, out);
    case DType::kQ4_1: return RoundAll<BlockQ4_1>(x, count, out);
    case DType::kQ5_0: return RoundAll<BlockQ5_0>(x, count, out);
    case DType::kQ5_1: return RoundAll<BlockQ5_1>(x, count, out);
    case DType::kQ8_0: return RoundAll<BlockQ8_0>(x, count, out);
    case DType::kMXFP4: return RoundAll<BlockMXFP4>(x, count, out);
    default: return ::tael::EncodeRow(dtype, x, count, out);
  }
  // clang-format on
}

}  // namespace
}  // namespace tael::TAEL_ISA
