// exp for float32 (numerics.md, 7). With n = round(x / ln 2) and r = x - n ln 2, |r| <= 0.3467, a
// polynomial of degree 6 gives e^r, which is then scaled by 2^n. Largest error seen: see
// kernels_test.
namespace tael::TAEL_ISA {
namespace {

// ln 2 = hi + lo; hi has 9 significant bits, so that n * hi is exact.
inline constexpr float kLog2E = 0x1.715476p+0f;
inline constexpr float kLn2High = 0.693359375f;
inline constexpr float kLn2Low = -0x1.bd0106p-13f;
// Beyond these the result is infinity and zero; clamping there keeps n small without a branch.
inline constexpr float kExpHighest = 88.8f, kExpLowest = -104.0f;
// e^r = 1 + r + r^2 * (k[4] + k[3] r + k[2] r^2 + ...): minimax in relative error (3.1e-9), by
// Remez.
inline constexpr float kExpCoefficients[5] = {0x1.6a23d0p-10f, 0x1.123a20p-7f, 0x1.5558f2p-5f,
                                              0x1.555492p-3f, 0x1.fffffcp-2f};

inline F32x16 Exp(const F32x16& x) {
  const F32x16 limited = Clamp(x, kExpLowest, kExpHighest);  // NaN becomes a number
  // Adding and subtracting 1.5 * 2^23 rounds to the nearest even integer.
  const F32x16 magic = Splat(12582912.0f);
  const F32x16 n = Sub(Add(Mul(limited, Splat(kLog2E)), magic), magic);
  F32x16 r = Fma(n, Splat(-kLn2High), limited);
  r = Fma(n, Splat(-kLn2Low), r);
  F32x16 p = Splat(kExpCoefficients[0]);
  ForEach<4>([&](auto i) TAEL_INLINE_LAMBDA { p = Fma(p, r, Splat(kExpCoefficients[i + 1])); });
  p = Fma(p, r, Splat(1.0f));
  p = Fma(p, r, Splat(1.0f));
  return KeepNan(x, ScaleByPowerOfTwo(p, n));
}

// exp of one number: the same lanes, fifteen of them idle.
inline float ExpScalar(float x) {
  float out;
  StorePartial(Exp(LoadPartial(&x, 1)), &out, 1);
  return out;
}

}  // namespace
}  // namespace tael::TAEL_ISA
