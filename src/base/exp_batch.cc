#include "base/exp_batch.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/error.h"

namespace tael {
namespace {

constexpr double kLowest = -708;
constexpr double kInvLn2 = 0x1.71547652b82fep+0;
// ln 2 in two parts; the first has so few bits that its product with n is exact.
constexpr double kLn2High = 0x1.62e42feep-1, kLn2Low = 0x1.a39ef35793c76p-33;
// Adding it rounds to an integer n, and leaves n + 1023 in the last bits of the sum: shifted by 52,
// they are the bits of 2^n.
constexpr double kRounder = 0x1.8p52 + 1023;

// Pairs, as every 64-bit processor has them; compilers do not find them by themselves.
using F32x2 = float __attribute__((vector_size(8)));
using F64x2 = double __attribute__((vector_size(16)));
using U64x2 = uint64_t __attribute__((vector_size(16)));

// e^r for |r| <= 0.347: 1 + r + r^2 q(r), q through the 9 Chebyshev nodes of the interval; relative
// error 1.1e-15. In the order of Estrin: short chains of operations.
inline F64x2 Polynomial(F64x2 r) {
  const F64x2 r2 = r * r, r4 = r2 * r2;
  const F64x2 a =
      (0.5 + r * 0x1.5555555553b7dp-3) + r2 * (0x1.5555555554cb8p-5 + r * 0x1.1111111c45d5bp-7);
  const F64x2 b = (0x1.6c16c1738ecf7p-10 + r * 0x1.a019adabfb6abp-13) +
                  r2 * (0x1.a019c9ab213aap-16 + r * 0x1.72c720b2e07c1p-19);
  return (1.0 + r) + r2 * (a + r4 * (b + r4 * 0x1.28803926c8ea9p-22));
}

// Results for differences that are too low are wrong in every bit before they are set to 0.
inline F64x2 ExpOf(F64x2 x) {
  const F64x2 rounded = x * kInvLn2 + kRounder;
  const F64x2 n = rounded - kRounder;
  const F64x2 r = (x - n * kLn2High) - n * kLn2Low;
  const F64x2 result = Polynomial(r) * std::bit_cast<F64x2>(std::bit_cast<U64x2>(rounded) << 52);
  const auto low = std::bit_cast<U64x2>(x < kLowest);  // all bits set where true; not for a NaN
  return std::bit_cast<F64x2>(std::bit_cast<U64x2>(result) & ~low);
}

inline void ExpOfPair(const float* x, double shift, double* out) {
  F32x2 pair;
  std::memcpy(&pair, x, sizeof pair);
  const F64x2 result = ExpOf(__builtin_convertvector(pair, F64x2) - shift);
  std::memcpy(out, &result, sizeof result);
}

constexpr size_t kLanes = 8, kBlock = 256;
static_assert(kBlock % kLanes == 0);

}  // namespace

void ExpOfDifferences(std::span<const float> x, double shift, std::span<double> out) {
  TAEL_CHECK(out.size() == x.size());
  size_t i = 0;
  for (; i + 2 <= x.size(); i += 2) ExpOfPair(&x[i], shift, &out[i]);
  if (i == x.size()) return;
  const float last[2] = {x[i], x[i]};
  double result[2];
  ExpOfPair(last, shift, result);
  out[i] = result[0];
}

double SumOfExp(std::span<const float> x, double shift) {
  double lanes[kLanes] = {};
  double block[kBlock];
  while (!x.empty()) {
    const size_t count = std::min(x.size(), kBlock);
    ExpOfDifferences(x.first(count), shift, {block, count});
    // What is missing to the last row of lanes counts as 0.
    const size_t rows = (count + kLanes - 1) / kLanes;
    std::fill(block + count, block + rows * kLanes, 0.0);
    for (size_t row = 0; row < rows; ++row) {
      for (size_t lane = 0; lane < kLanes; ++lane) lanes[lane] += block[row * kLanes + lane];
    }
    x = x.subspan(count);
  }
  for (size_t step = kLanes / 2; step > 0; step /= 2) {
    for (size_t lane = 0; lane < step; ++lane) lanes[lane] += lanes[lane + step];
  }
  return lanes[0];
}

}  // namespace tael
