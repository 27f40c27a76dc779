// Means, errors and percentiles against values worked out by hand.
#include "engine/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

namespace tael {
namespace {

TEST(Statistics, MeanHasTheErrorOfTheSampleVariance) {
  const Estimate mean = MeanOf(std::vector<double>{1, 2, 4, 9});
  EXPECT_DOUBLE_EQ(mean.value, 4);
  EXPECT_DOUBLE_EQ(mean.error, std::sqrt((9.0 + 4 + 0 + 25) / 3 / 4));
  EXPECT_EQ(MeanOf(std::vector<double>{7}).error, 0);
}

TEST(Statistics, ErrorsArePropagatedToFirstOrder) {
  const Estimate e = ExpOf({.value = 2, .error = 0.25});
  EXPECT_DOUBLE_EQ(e.value, std::exp(2));
  EXPECT_DOUBLE_EQ(e.error, 0.25 * std::exp(2));
  const std::vector<double> values = {3, -4, 0};
  const Estimate rms = RootMeanSquareOf(values);
  EXPECT_DOUBLE_EQ(rms.value, std::sqrt(25.0 / 3));
  const double squares_error = MeanOf(std::vector<double>{9, 16, 0}).error;
  EXPECT_DOUBLE_EQ(rms.error, squares_error / (2 * rms.value));
  EXPECT_EQ(RootMeanSquareOf(std::vector<double>{0, 0}).error, 0);
}

TEST(Statistics, ShareIsBinomial) {
  const Estimate share = ShareOf(3, 5);
  EXPECT_DOUBLE_EQ(share.value, 0.6);
  EXPECT_DOUBLE_EQ(share.error, std::sqrt(0.24 / 4));
  EXPECT_EQ(ShareOf(5, 5).error, 0);
  EXPECT_EQ(ShareOf(1, 1).value, 1);
}

TEST(Statistics, PercentilesLieOnTheLineBetweenNumbers) {
  const std::vector<double> sorted = {1, 2, 4, 8};
  EXPECT_EQ(Percentile(sorted, 0), 1);
  EXPECT_EQ(Percentile(sorted, 1), 8);
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0.5), 3);
  EXPECT_DOUBLE_EQ(Percentile(sorted, 0.9), 4 + 0.7 * 4);
  EXPECT_EQ(Percentile(std::vector<double>{5}, 0.99), 5);
}

}  // namespace
}  // namespace tael
