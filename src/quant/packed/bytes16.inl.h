// Sixteen bytes as one value, in the vectors that GCC and Clang have for every processor: loops
// over bytes are not turned into instructions on them reliably enough.
namespace tael::TAEL_ISA {
namespace {

using Bytes16 [[gnu::vector_size(16)]] = uint8_t;
using Words4 [[gnu::vector_size(16)]] = uint32_t;
using Longs2 [[gnu::vector_size(16)]] = uint64_t;

// 32 codes of one byte each.
struct CodePair {
  Bytes16 low, high;
};

inline Bytes16 LoadBytes16(const uint8_t* p) noexcept {
  Bytes16 v;
  std::memcpy(&v, p, sizeof(v));
  return v;
}
inline Bytes16 SplatBytes16(uint8_t value) noexcept { return Bytes16{} + value; }
inline Bytes16 Bytes16Of(uint64_t low, uint64_t high) noexcept {
  return std::bit_cast<Bytes16>(Longs2{low, high});
}
// Four words, `stride` bytes apart.
inline Bytes16 LoadWords16(const uint8_t* p, int64_t stride) noexcept {
  if (stride == 4) return LoadBytes16(p);
  return std::bit_cast<Bytes16>(Words4{LoadWord(p), LoadWord(p + stride), LoadWord(p + 2 * stride),
                                       LoadWord(p + 3 * stride)});
}

// The bytes of a and b in turn: of their first halves, of their second halves.
inline Bytes16 ZipLow(Bytes16 a, Bytes16 b) noexcept {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
inline Bytes16 ZipHigh(Bytes16 a, Bytes16 b) noexcept {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
}

// Codes of four bits, the low one of a byte first.
inline CodePair SpreadNibbles(Bytes16 bytes) noexcept {
  const Bytes16 low = bytes & 15, high = bytes >> 4;
  return {ZipLow(low, high), ZipHigh(low, high)};
}
// Codes of two bits, from the lowest on.
inline CodePair SpreadCrumbs(uint64_t bytes) noexcept {
  const Bytes16 nibbles = SpreadNibbles(Bytes16Of(bytes, 0)).low;
  const Bytes16 low = nibbles & 3, high = nibbles >> 2;
  return {ZipLow(low, high), ZipHigh(low, high)};
}

// v[j] word i = v[i] word j.
inline void TransposeWords(Bytes16 (&v)[4]) noexcept {
  const auto a = std::bit_cast<Words4>(v[0]), b = std::bit_cast<Words4>(v[1]);
  const auto c = std::bit_cast<Words4>(v[2]), d = std::bit_cast<Words4>(v[3]);
  const Words4 ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Words4 cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Words4 ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Words4 cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  v[0] = std::bit_cast<Bytes16>(__builtin_shufflevector(ab, cd, 0, 1, 4, 5));
  v[1] = std::bit_cast<Bytes16>(__builtin_shufflevector(ab, cd, 2, 3, 6, 7));
  v[2] = std::bit_cast<Bytes16>(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  v[3] = std::bit_cast<Bytes16>(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

// Twice the E2M1 values of 4-bit codes: DoubledE2M1 (packed/fp4.inl.h) of each.
inline Bytes16 DoubledE2M1Codes(Bytes16 codes) noexcept {
  using Signed16 [[gnu::vector_size(16)]] = int8_t;
  const auto c = std::bit_cast<Signed16>(codes);
  const Signed16 m = c & 7, minus = c > 7;  // all ones where true
  const Signed16 above = (m - 4) & (m > 4), top = m > 6;
  const Signed16 value = m + above - top - top;  // 5 is 6, 6 is 8, 7 is 12
  return std::bit_cast<Bytes16>((value ^ minus) - minus);
}

// v[j] byte i = v[i] byte j, by four rounds of zipping rows that are half the table apart.
inline void Transpose16(Bytes16 (&v)[16]) noexcept {
  for (int round = 0; round < 4; ++round) {
    Bytes16 t[16];
    for (int i = 0; i < 8; ++i) {
      t[2 * i] = ZipLow(v[i], v[i + 8]);
      t[2 * i + 1] = ZipHigh(v[i], v[i + 8]);
    }
    for (int i = 0; i < 16; ++i) v[i] = t[i];
  }
}

// planes[p] = byte p of each of the sixteen words, by four rounds of zipping.
inline void SplitWords(const Bytes16 (&words)[4], Bytes16 (&planes)[4]) noexcept {
  const Bytes16 a = ZipLow(words[0], words[2]), b = ZipHigh(words[0], words[2]);
  const Bytes16 c = ZipLow(words[1], words[3]), d = ZipHigh(words[1], words[3]);
  // Four words in every quarter, which is one byte: words 0 and every fourth, 1, 2, 3.
  const Bytes16 every0 = ZipLow(a, c), every1 = ZipHigh(a, c);
  const Bytes16 every2 = ZipLow(b, d), every3 = ZipHigh(b, d);
  const Bytes16 even_low = ZipLow(every0, every2), even_high = ZipHigh(every0, every2);
  const Bytes16 odd_low = ZipLow(every1, every3), odd_high = ZipHigh(every1, every3);
  planes[0] = ZipLow(even_low, odd_low);
  planes[1] = ZipHigh(even_low, odd_low);
  planes[2] = ZipLow(even_high, odd_high);
  planes[3] = ZipHigh(even_high, odd_high);
}

}  // namespace
}  // namespace tael::TAEL_ISA
