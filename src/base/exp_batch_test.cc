// Many exponentials at once, compared with the C library in extended precision.
#include "base/exp_batch.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

namespace tael {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(ExpBatch, IsAccurateOverItsWholeRange) {
  std::vector<float> x(30001);
  for (size_t i = 0; i < x.size(); ++i) {
    const double depth = i % 3 == 0 ? 1.0 : (i % 3 == 1 ? 40.0 : 707.9);
    x[i] = static_cast<float>(3.5 - depth * UniformAt(1, i));
  }
  std::vector<double> found(x.size());
  ExpOfDifferences(x, 3.5, found);
  for (size_t i = 0; i < x.size(); ++i) {
    const long double want = std::exp(static_cast<long double>(x[i]) - 3.5L);
    ASSERT_NEAR(static_cast<double>(found[i] / want), 1.0, 1.6e-15) << x[i];
  }
}

TEST(ExpBatch, KnowsTheEndsOfItsRange) {
  const std::vector<float> x = {2, -706, -706.1f, -1e30f, -kInf, std::nanf(""), 2};
  std::vector<double> found(x.size());
  ExpOfDifferences(x, 2, found);
  EXPECT_EQ(found[0], 1.0);
  EXPECT_GT(found[1], 0.0);
  for (const size_t i : {2, 3, 4}) EXPECT_EQ(found[i], 0.0);
  EXPECT_TRUE(std::isnan(found[5]));
  EXPECT_EQ(found[6], 1.0);
}

TEST(ExpBatch, SumsInEightLanesWhateverTheLength) {
  for (size_t n = 0; n <= 530; ++n) {
    std::vector<float> x(n);
    for (size_t i = 0; i < n; ++i) x[i] = static_cast<float>(-9 * UniformAt(2, i));
    std::vector<double> terms(n);
    ExpOfDifferences(x, 0, terms);
    double lanes[8] = {};
    for (size_t i = 0; i < n; ++i) lanes[i % 8] += terms[i];
    for (size_t step = 4; step > 0; step /= 2) {
      for (size_t j = 0; j < step; ++j) lanes[j] += lanes[j + step];
    }
    ASSERT_EQ(SumOfExp(x, 0), lanes[0]) << n;
  }
}

// The same on every machine: these bits are part of what log-probabilities promise.
TEST(ExpBatch, HasTheSameBitsEverywhere) {
  std::vector<float> x(1000);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(-20 * UniformAt(3, i));
  EXPECT_EQ(SumOfExp(x, 0.25), 0x1.f5e7ae8d9c27fp+4);
}

}  // namespace
}  // namespace tael
