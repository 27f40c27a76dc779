// Element-wise kernels of every table: against long double references and bit for bit against
// scalar.
#include <algorithm>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

using ElementwiseTest = KernelTest;
TAEL_FOR_ALL_TABLES(ElementwiseTest);

// Distance in units of the last place of the exact result.
double UlpError(float got, long double exact) {
  const float rounded = static_cast<float>(exact);
  if (std::isinf(rounded)) return std::isinf(got) ? 0.0 : 1e9;
  const float magnitude = std::fabs(rounded);
  const long double ulp =
      static_cast<long double>(std::nextafterf(magnitude, INFINITY)) - magnitude;
  return static_cast<double>(std::fabs(static_cast<long double>(got) - exact) / ulp);
}

TEST_P(ElementwiseTest, ExpIsWithinOneUlpOverTheWholeRangeDenormalsIncluded) {
  std::vector<float> x;
  for (float v = -105.0f; v < 89.5f; v += 0.00137f) x.push_back(v);
  for (float v = 1e-45f; v < 1.0f; v *= 1.7f) x.insert(x.end(), {v, -v});
  std::vector<float> y(x.size());
  GetParam()->exp(x.data(), x.size(), y.data());
  double worst = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, UlpError(y[i], std::exp(static_cast<long double>(x[i]))));
  }
  EXPECT_LT(worst, 1.0);  // 0.87 is the largest error over 1/37 of all float32
}

TEST_P(ElementwiseTest, ExpOfSpecialValuesIsExact) {
  const std::vector<float> x = {0.0f,  -0.0f, INFINITY, -INFINITY, NAN,    88.8f,
                                88.9f, 1e38f, -104.0f,  -104.1f,   -3e38f, 1e-45f};
  const std::vector<float> expected = {1,        1,        INFINITY, 0, NAN, INFINITY,
                                       INFINITY, INFINITY, 0,        0, 0,   1};
  std::vector<float> y(x.size());
  GetParam()->exp(x.data(), x.size(), y.data());
  EXPECT_EQ(FirstDifference(y, expected), -1);
}

TEST_P(ElementwiseTest, ExpHasTheBitsOfScalar) {
  std::vector<float> x(1 << 16);
  for (size_t i = 0; i < x.size(); ++i) {  // every sign and exponent
    x[i] = std::bit_cast<float>(static_cast<uint32_t>(i << 16 | (i * 2654435761u & 0xffffu)));
  }
  std::vector<float> y(x.size()), scalar(x.size());
  GetParam()->exp(x.data(), x.size(), y.data());
  ScalarTable().exp(x.data(), x.size(), scalar.data());
  EXPECT_EQ(FirstDifference(y, scalar), -1);
}

TEST_P(ElementwiseTest, RmsNormMatchesTheReferenceForAllTails) {
  for (size_t n = 1; n <= 67; ++n) {
    const std::vector<float> x = RandomFloats(n, 1), gain = RandomFloats(n, 2);
    long double squares = 0;
    for (const float v : x) squares += static_cast<long double>(v) * v;
    const long double r = 1 / std::sqrt(squares / static_cast<long double>(n) + 1e-5f);
    std::vector<float> y(n);
    GetParam()->rms_norm(x.data(), gain.data(), 1e-5f, n, y.data());
    // Each lane adds at most 5 squares, then 4 tree steps: well below 16 roundings in all.
    for (size_t i = 0; i < n; ++i) {
      ASSERT_NEAR(y[i], static_cast<double>(gain[i] * (x[i] * r)), 16 * 0x1p-24 * std::fabs(y[i]))
          << n;
    }
  }
}

TEST_P(ElementwiseTest, RmsNormHasTheBitsOfScalarAlsoInPlaceAndMisaligned) {
  for (const size_t n : {1, 15, 16, 17, 31, 64, 96, 577, 2048}) {
    std::vector<float> x = RandomFloats(n + 1, 3), gain = RandomFloats(n, 4), expected(n);
    ScalarTable().rms_norm(x.data() + 1, gain.data(), 1e-6f, n, expected.data());
    GetParam()->rms_norm(x.data() + 1, gain.data(), 1e-6f, n, x.data() + 1);
    EXPECT_EQ(FirstDifference(x.data() + 1, expected.data(), n), -1) << n;
  }
}

TEST_P(ElementwiseTest, RopeRotatesBothKindsOfPairs) {
  for (const bool interleaved : {false, true}) {
    for (const size_t half : {1, 7, 16, 32, 37, 64}) {
      const std::vector<float> x = RandomFloats(2 * half + 3, 5), angle = RandomFloats(half, 6, 9);
      std::vector<float> c(half), s(half), y = x, scalar = x;
      for (size_t i = 0; i < half; ++i) c[i] = std::cos(angle[i]), s[i] = std::sin(angle[i]);
      GetParam()->rope(y.data(), c.data(), s.data(), half, interleaved);
      ScalarTable().rope(scalar.data(), c.data(), s.data(), half, interleaved);
      EXPECT_EQ(FirstDifference(y, scalar), -1);
      for (size_t i = 0; i < half; ++i) {
        const size_t ia = interleaved ? 2 * i : i, ib = interleaved ? 2 * i + 1 : i + half;
        const double a = x[ia], b = x[ib];
        ASSERT_NEAR(y[ia], a * c[i] - b * s[i], 2.5e-7);
        ASSERT_NEAR(y[ib], b * c[i] + a * s[i], 2.5e-7);
      }
      for (size_t i = 2 * half; i < x.size(); ++i) ASSERT_EQ(y[i], x[i]);  // beyond: untouched
    }
  }
}

TEST_P(ElementwiseTest, AddAndSiluMatchTheReferenceAndScalarForSpecialValues) {
  for (size_t n = 1; n <= 67; n += 3) {
    const std::vector<float> a = SpecialFloats(n, 7 + static_cast<unsigned>(n)),
                             b = SpecialFloats(n, 8);
    std::vector<float> sum = b, sum_scalar = b, silu = a, silu_scalar(n);
    GetParam()->add(a.data(), n, sum.data());
    ScalarTable().add(a.data(), n, sum_scalar.data());
    GetParam()->silu_multiply(silu.data(), b.data(), n, silu.data());  // in place
    ScalarTable().silu_multiply(a.data(), b.data(), n, silu_scalar.data());
    EXPECT_EQ(FirstDifference(sum, sum_scalar), -1);
    EXPECT_EQ(FirstDifference(silu, silu_scalar), -1);
    for (size_t i = 0; i < n; ++i) {
      if (!std::isfinite(a[i]) || !std::isfinite(b[i]) || std::fabs(a[i]) > 80 ||
          std::fabs(a[i]) < 1e-30f ||
          std::fabs(b[i]) > 1e30f) {  // quotients near the denormals, overflow
        continue;
      }
      ASSERT_FLOAT_EQ(sum[i], a[i] + b[i]);
      const long double exact = a[i] / (1 + std::exp(-static_cast<long double>(a[i]))) * b[i];
      // exp, sum, quotient and product round: below 4 units, plus denormal steps.
      ASSERT_NEAR(silu[i], static_cast<double>(exact),
                  std::fabs(static_cast<double>(exact)) * 3e-7 + 3e-45);
    }
  }
}

TEST_P(ElementwiseTest, ClampedSiluHasTheBitsOfScalarAndLimitsBothInputs) {
  const ClampedSilu forms[] = {{7.0f, 1.702f, 1.0f}, {1.5f, 1.0f, 0.0f}};
  for (const ClampedSilu& form : forms) {
    for (size_t n = 1; n <= 67; n += 3) {
      const std::vector<float> a = SpecialFloats(n, 27 + static_cast<unsigned>(n)),
                               b = SpecialFloats(n, 28);
      std::vector<float> y = b, scalar(n);
      GetParam()->clamped_silu_multiply(a.data(), y.data(), n, form, y.data());  // in place
      ScalarTable().clamped_silu_multiply(a.data(), b.data(), n, form, scalar.data());
      EXPECT_EQ(FirstDifference(y, scalar), -1) << n;
    }
    const std::vector<float> gate = RandomFloats(501, 29, 20), up = RandomFloats(501, 30, 20);
    std::vector<float> y(gate.size());
    GetParam()->clamped_silu_multiply(gate.data(), up.data(), y.size(), form, y.data());
    for (size_t i = 0; i < y.size(); ++i) {
      const long double g = std::min(gate[i], form.limit);
      const long double u = std::clamp(up[i], -form.limit, form.limit);
      const long double exact = g / (1 + std::exp(-form.alpha * g)) * (u + form.up_offset);
      ASSERT_NEAR(y[i], static_cast<double>(exact),
                  2e-6 * std::fabs(static_cast<double>(exact)) + 1e-12)
          << gate[i] << " " << up[i];
    }
  }
  const float nan = NAN, one = 1;
  float y = 0;
  GetParam()->clamped_silu_multiply(&nan, &one, 1, forms[0], &y);
  EXPECT_TRUE(std::isnan(y));
  GetParam()->clamped_silu_multiply(&one, &nan, 1, forms[0], &y);
  EXPECT_TRUE(std::isnan(y));
}

TEST_P(ElementwiseTest, GeluHasTheBitsOfScalarAndIsCloseToTheFormulaWithTanh) {
  for (size_t n = 1; n <= 67; n += 3) {
    const std::vector<float> a = SpecialFloats(n, 17 + static_cast<unsigned>(n)),
                             b = SpecialFloats(n, 18);
    std::vector<float> gelu = a, scalar(n);
    GetParam()->gelu_tanh_multiply(gelu.data(), b.data(), n, gelu.data());  // in place
    ScalarTable().gelu_tanh_multiply(a.data(), b.data(), n, scalar.data());
    EXPECT_EQ(FirstDifference(gelu, scalar), -1) << n;
  }
  std::vector<float> x;
  for (float v = -9.0f; v < 9.0f; v += 0.00317f) x.push_back(v);
  const std::vector<float> up(x.size(), -1.5f);
  std::vector<float> y(x.size());
  GetParam()->gelu_tanh_multiply(x.data(), up.data(), x.size(), y.data());
  const long double slope = std::sqrt(2 / 3.14159265358979323846264338327950288L);
  for (size_t i = 0; i < x.size(); ++i) {
    const long double v = x[i], u = slope * (v + 0.044715L * v * v * v);
    const long double exact = -1.5L * v / (1 + std::exp(-2 * u));
    // An error of the exponent, up to 90, is a relative error of the result.
    ASSERT_NEAR(
        y[i], static_cast<double>(exact),
        std::fabs(static_cast<double>(exact)) * (5e-7 + 3e-7 * std::fabs(static_cast<double>(u))))
        << x[i];
  }
  const std::vector<float> ends = {20.0f, -20.0f, 0.0f, INFINITY}, one(4, 1.0f);
  std::vector<float> out(4);
  GetParam()->gelu_tanh_multiply(ends.data(), one.data(), 4, out.data());
  EXPECT_EQ(out, (std::vector<float>{20.0f, 0.0f, 0.0f, INFINITY}));
}

TEST_P(ElementwiseTest, ToCacheRoundsToNearestEvenAndKeepsDenormals) {
  std::vector<float> x = SpecialFloats(131, 9);
  for (unsigned i = 0; i < 4096; ++i) {  // all exponents, ties and near-ties among the mantissas
    x.push_back(std::bit_cast<float>((i & 0x1ffu) << 23 | (i * 0x9e37u & 0x3ffu) << 13 | 0x1000u));
    x.push_back(std::bit_cast<float>((i & 0x1ffu) << 23 | (i * 0x9e37u & 0x7fu) << 16 | 0x8000u));
    x.push_back(std::bit_cast<float>(i * 1048583u));
  }
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    const std::vector<uint8_t> expected = Encoded(x, dtype);
    std::vector<uint8_t> got(expected.size() + 1, 0xee);
    GetParam()->to_cache(x.data(), x.size(), dtype, got.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const float a = static_cast<float>(DecodedElement(got.data(), i, dtype));
      const float b = static_cast<float>(DecodedElement(expected.data(), i, dtype));
      ASSERT_EQ(FirstDifference(&a, &b, 1), -1) << x[i];
    }
    EXPECT_EQ(got.back(), 0xee);
  }
}

TEST_P(ElementwiseTest, SoftmaxNumeratorsMatchTheReferenceAndScalar) {
  for (size_t n = 1; n <= 200; n += 7) {
    std::vector<float> x = RandomFloats(n, 10, 20.0f), scalar = x;
    const std::vector<float> input = x;
    const float sum = GetParam()->softmax_numerators(x.data(), n);
    const float scalar_sum = ScalarTable().softmax_numerators(scalar.data(), n);
    EXPECT_EQ(FirstDifference(x, scalar), -1);
    EXPECT_EQ(sum, scalar_sum);
    const float largest = *std::max_element(input.begin(), input.end());
    double total = 0;
    for (size_t i = 0; i < n; ++i) {
      ASSERT_NEAR(x[i], std::exp(static_cast<double>(input[i]) - largest), 4e-6 * x[i]);
      total += x[i];
    }
    EXPECT_NEAR(sum, total, total * 2e-6);
  }
  for (size_t at = 0; at < 40; ++at) {  // a NaN is the maximum, in full groups and in the tail
    std::vector<float> x = RandomFloats(40, 11, 20.0f);
    x[at] = NAN;
    GetParam()->softmax_numerators(x.data(), x.size());
    EXPECT_TRUE(std::all_of(x.begin(), x.end(), [](float v) { return std::isnan(v); })) << at;
  }
  std::vector<float> nan = {1.0f, NAN, 2.0f};
  EXPECT_TRUE(std::isnan(GetParam()->softmax_numerators(nan.data(), nan.size())));
  EXPECT_EQ(GetParam()->softmax_numerators(nullptr, 0), 0.0f);
}

TEST_P(ElementwiseTest, QuantizedRowsFollowTheFormulaAndScalar) {
  for (const size_t block : {32, 256}) {
    for (const size_t k : {1, 15, 16, 31, 32, 33, 172, 256, 300, 576}) {
      const size_t m = 3, ldx = k + 5;
      std::vector<float> x = RandomFloats(m * ldx, static_cast<unsigned>(k));
      QuantizedBuffer got(m, k, block), scalar(m, k, block);
      GetParam()->quantize_rows(x.data(), ldx, m, &got.rows);
      ScalarTable().quantize_rows(x.data(), ldx, m, &scalar.rows);
      EXPECT_EQ(got.q, scalar.q);
      EXPECT_EQ(got.sums, scalar.sums);
      EXPECT_EQ(FirstDifference(got.scales, scalar.scales), -1);
      for (size_t e = 0; e < m * got.rows.k_padded; ++e) {
        const size_t i = e / got.rows.k_padded, p = e % got.rows.k_padded,
                     first = p / block * block;
        float amax = 0;
        for (size_t t = first; t < std::min(k, first + block); ++t) {
          amax = std::max(amax, std::fabs(x[i * ldx + t]));
        }
        ASSERT_EQ(got.scales[e / block], amax / 127.0f);
        const float value = p < k ? x[i * ldx + p] : 0.0f;
        ASSERT_EQ(got.q[e], std::nearbyint(value * (127.0f / amax))) << e;
      }
      for (size_t r = 0; r < got.sums.size(); ++r) {
        int sum = 0;
        for (size_t t = 0; t < 16; ++t) sum += got.q[r * 16 + t];
        ASSERT_EQ(got.sums[r], sum);
      }
    }
  }
}

TEST_P(ElementwiseTest, QuantizedSpecialBlocks) {
  std::vector<float> x(7 * 32, 0.0f);
  x[0] = 1.0f, x[5] = NAN;                  // NaN wins
  x[32] = INFINITY;                         // not finite
  x[64] = -0.0f;                            // all zero
  x[96] = 0x1p-101f;                        // below the smallest scale
  x[128] = 0x1p-100f;                       // just not
  x[160] = -3.4028235e38f, x[161] = 1e38f;  // the largest float
  for (int i = 0; i < 8; ++i) x[192 + static_cast<size_t>(i)] = static_cast<float>(i) + 0.5f;
  x[200] = 127.0f;  // inverse is 1: ties go to even
  QuantizedBuffer out(1, x.size(), 32);
  GetParam()->quantize_rows(x.data(), x.size(), 1, &out.rows);
  EXPECT_TRUE(std::isnan(out.scales[0]));
  EXPECT_TRUE(std::isnan(out.scales[1]));
  EXPECT_EQ(out.scales[2], 0.0f);
  EXPECT_EQ(out.scales[3], 0.0f);
  EXPECT_EQ(out.scales[4], 0x1p-100f / 127.0f);
  EXPECT_EQ(out.q[128], 127);
  EXPECT_EQ(out.q[160], -127);
  EXPECT_EQ(out.q[161], 37);
  for (size_t i = 0; i < 128; ++i) EXPECT_EQ(out.q[i], 0);
  const int8_t even[] = {0, 2, 2, 4, 4, 6, 6, 8};
  EXPECT_EQ(std::memcmp(out.q.data() + 192, even, sizeof(even)), 0);
}

TEST(DispatchTest, ScalarIsFirstAndSelectionObeysTheEnvironment) {
  EXPECT_STREQ(ScalarTable().name, "scalar");
  const char* before = std::getenv("TAEL_FORCE_ISA");
  const std::string saved = before != nullptr ? before : "";
  setenv("TAEL_FORCE_ISA", "scalar", 1);
  EXPECT_EQ(SelectKernelTable(), &ScalarTable());
  setenv("TAEL_FORCE_ISA", "no-such-isa", 1);
  EXPECT_EQ(SelectKernelTable(), nullptr);
  unsetenv("TAEL_FORCE_ISA");
  auto best = SupportedKernelTables();
  while (best[1] != nullptr) ++best;
  EXPECT_EQ(SelectKernelTable(), *best);
  if (before != nullptr) setenv("TAEL_FORCE_ISA", saved.c_str(), 1);
}

}  // namespace
}  // namespace tael
