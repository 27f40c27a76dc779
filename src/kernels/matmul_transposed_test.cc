// The product with weights stored by columns: the bits of the product with rows, for every table.
#include <algorithm>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

using TransposedMatmulTest = KernelTest;
TAEL_FOR_ALL_TABLES(TransposedMatmulTest);

struct Shape {
  size_t m, n, k;
};

// Elements [n, k] as [k, n].
std::vector<float> Transposed(const std::vector<float>& w, const Shape& s) {
  std::vector<float> out(w.size());
  for (size_t j = 0; j < s.n; ++j) {
    for (size_t p = 0; p < s.k; ++p) out[p * s.n + j] = w[j * s.k + p];
  }
  return out;
}

void CheckAgainstRows(const KernelTable& table, DType dtype, const Shape& s,
                      const std::vector<float>& x, const std::vector<float>& w) {
  SCOPED_TRACE(testing::Message() << Name(dtype) << " " << s.m << " " << s.n << " " << s.k);
  const size_t element = dtype == DType::kF32 ? 4 : 2, stride = s.n * element + 3;
  const std::vector<uint8_t> rows = Encoded(w, dtype);
  const std::vector<uint8_t> dense = Encoded(Transposed(w, s), dtype);
  std::vector<uint8_t> columns(s.k * stride + 1);  // at an odd address, with gaps between rows
  for (size_t p = 0; p < s.k; ++p) {
    std::copy_n(dense.begin() + static_cast<long>(p * s.n * element), s.n * element,
                columns.begin() + static_cast<long>(p * stride + 1));
  }
  const size_t ldy = s.n + 1;
  std::vector<float> wanted(s.m * ldy, 7.0f), found(s.m * ldy, 7.0f);
  ScalarTable().matmul_float(x.data(), s.k, s.m, dtype, rows.data(), s.k * element, s.n, s.k,
                             wanted.data(), ldy);
  table.matmul_transposed(x.data(), s.k, s.m, dtype, columns.data() + 1, stride, s.n, s.k,
                          found.data(), ldy);
  ASSERT_EQ(FirstDifference(found, wanted), -1);
}

TEST_P(TransposedMatmulTest, HasTheBitsOfTheProductWithRows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    const auto check = [&](const Shape& s) {
      CheckAgainstRows(*GetParam(), dtype, s, RandomFloats(s.m * s.k, 5),
                       RandomFloats(s.n * s.k, 6));
    };
    for (size_t k = 1; k <= 35; ++k) check({3, 19, k});
    for (size_t n = 1; n <= 35; ++n) check({2, n, 24});
    for (const size_t m : {1, 4, 7}) check({m, 64, 128});
    check({2, 512, 128});
    // In strips of columns: whole groups of 16 elements, and outputs that fill no strip.
    for (const size_t k : {16, 48, 512, 528}) check({7, 50, k});
    for (const size_t m : {6, 13, 64}) check({m, 67, 32});
  }
}

// Among them products that round to -0, to which the fill of the last group adds +0.
TEST_P(TransposedMatmulTest, SpecialValuesHaveTheBitsOfTheProductWithRows) {
  for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16}) {
    for (unsigned seed = 0; seed < 20; ++seed) {
      const Shape s{3, 21, 13 + seed};
      CheckAgainstRows(*GetParam(), dtype, s, SpecialFloats(s.m * s.k, seed),
                       SpecialFloats(s.n * s.k, seed + 100));
    }
    const Shape tiny{1, 17, 9};
    CheckAgainstRows(*GetParam(), dtype, tiny, std::vector<float>(9, -1e-30f),
                     std::vector<float>(17 * 9, 1e-30f));
  }
}

}  // namespace
}  // namespace tael
