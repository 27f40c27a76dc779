#include "model/convert/rope_bands.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "ops/rope.h"

namespace tael {
namespace {

struct Bands {
  double factor, low, high, original;
};

RopeSpec Plain(int rotary_dim = 128, double theta = 500000) {
  RopeSpec rope;
  rope.rotary_dim = rotary_dim;
  rope.theta = theta;
  return rope;
}

RopeSpec Scaled(RopeSpec rope, const Bands& bands) {
  rope.scaling = RopeScalingKind::kFrequencyBands;
  rope.factor = bands.factor;
  rope.low_freq_factor = bands.low;
  rope.high_freq_factor = bands.high;
  rope.original_context = bands.original;
  return rope;
}

// As a converter writes them.
std::vector<float> DivisorsOf(const RopeSpec& plain, const Bands& bands) {
  const auto from = ComputeRopeFrequencies(plain).inverse;
  const auto to = ComputeRopeFrequencies(Scaled(plain, bands)).inverse;
  std::vector<float> divisors;
  divisors.reserve(from.size());
  for (size_t i = 0; i < from.size(); ++i) {
    divisors.push_back(static_cast<float>(double{from[i]} / double{to[i]}));
  }
  return divisors;
}

Bands Read(const Json& scaling) {
  EXPECT_EQ(scaling.Find("rope_type")->as_string(), "llama3");
  return {scaling.Find("factor")->as_double(), scaling.Find("low_freq_factor")->as_double(),
          scaling.Find("high_freq_factor")->as_double(),
          scaling.Find("original_max_position_embeddings")->as_double()};
}

void ExpectFoundAgain(const RopeSpec& plain, const Bands& bands) {
  SCOPED_TRACE(testing::Message() << plain.rotary_dim << ": " << bands.factor << " " << bands.low
                                  << " " << bands.high << " " << bands.original);
  const auto found = FindRopeBands(plain, DivisorsOf(plain, bands));
  ASSERT_TRUE(found.has_value());
  const auto wanted = ComputeRopeFrequencies(Scaled(plain, bands)).inverse;
  const auto got = ComputeRopeFrequencies(Scaled(plain, Read(*found))).inverse;
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_NEAR(double{got[i]} / double{wanted[i]}, 1, 1e-6) << i;
  }
}

TEST(FindRopeBands, FindsTheParametersOfPublishedModels) {
  for (const Bands& bands : {Bands{8, 1, 4, 8192}, Bands{32, 1, 4, 8192}, Bands{2, 1, 4, 4096}}) {
    const auto found = FindRopeBands(Plain(), DivisorsOf(Plain(), bands));
    ASSERT_TRUE(found.has_value());
    const Bands read = Read(*found);
    EXPECT_EQ(read.factor, bands.factor);
    EXPECT_EQ(read.low, 1);
    EXPECT_EQ(read.high, 4);
    EXPECT_EQ(read.original, bands.original);
    EXPECT_TRUE(found->Find("original_max_position_embeddings")->is_int());
  }
}

TEST(FindRopeBands, FindsTheSameFunctionForOtherFactors) {
  for (const int dim : {32, 64, 128}) {
    for (const double low : {0.5, 1.0, 1.5, 2.0}) {
      for (const double high : {3.0, 4.0, 16.0}) {
        ExpectFoundAgain(Plain(dim), {8, low, high, 8192});
        ExpectFoundAgain(Plain(dim, 10000), {3.7, low, high, 1000});
      }
    }
  }
}

TEST(FindRopeBands, WhatNoDivisorIsBetweenIsAStep) {
  const RopeSpec plain = Plain(8, 500000);  // four wavelengths, far apart
  const Bands bands{8, 1, 1.5, 1000};
  const std::vector<float> divisors = DivisorsOf(plain, bands);
  ASSERT_EQ(divisors, (std::vector<float>{1, 1, 8, 8}));
  ExpectFoundAgain(plain, bands);
}

TEST(FindRopeBands, TakesWhatTheFileCarriesWhenItGivesTheDivisors) {
  const Bands bands{8, 2, 5, 16384};
  Json carried = ParseJson(
      R"({"type": "llama3", "factor": 8, "low_freq_factor": 2, "high_freq_factor": 5,
          "original_max_position_embeddings": 16384, "rope_theta": 500000})",
      "test");
  auto found = FindRopeBands(Plain(), DivisorsOf(Plain(), bands), &carried);
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(*found, carried);
  carried.Set("factor", 9);  // of another file
  found = FindRopeBands(Plain(), DivisorsOf(Plain(), bands), &carried);
  ASSERT_TRUE(found.has_value());
  EXPECT_NE(*found, carried);
  EXPECT_NEAR(Read(*found).high, 2.5, 1e-5);
}

// One divisor between 1 and the factor leaves the slope open: any does that reaches 1 and the
// factor before the neighbours.
TEST(FindRopeBands, OneDivisorBetweenIsEnough) {
  const RopeSpec plain = Plain(12, 500000);
  const Bands bands{8, 1, 30, 3000};
  const std::vector<float> divisors = DivisorsOf(plain, bands);
  const auto is_between = [](float divisor) { return divisor > 1.001f && divisor < 7.99f; };
  ASSERT_EQ(std::count_if(divisors.begin(), divisors.end(), is_between), 1);
  ExpectFoundAgain(plain, bands);
  const Json carried = ParseJson(
      R"({"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 30,
          "original_max_position_embeddings": 3000})",
      "test");
  EXPECT_EQ(FindRopeBands(plain, divisors, &carried), carried);
}

TEST(FindRopeBands, OnesScaleNothing) {
  std::vector<float> divisors(64, 1.0f);
  const auto found = FindRopeBands(Plain(), divisors);
  ASSERT_TRUE(found.has_value());
  EXPECT_TRUE(found->is_null());
  divisors[3] = 1.001f;
  EXPECT_FALSE(FindRopeBands(Plain(), divisors).has_value());
}

TEST(FindRopeBands, RefusesOtherDivisors) {
  std::vector<float> divisors = DivisorsOf(Plain(), {8, 1, 4, 8192});
  divisors[40] *= 1.00001f;
  EXPECT_FALSE(FindRopeBands(Plain(), divisors).has_value());
  divisors.pop_back();
  EXPECT_FALSE(FindRopeBands(Plain(), divisors).has_value());
  EXPECT_FALSE(FindRopeBands(Plain(), {}).has_value());
  for (const float all : {0.0f, 0.5f, 4.0f, -1.0f, INFINITY, NAN}) {
    EXPECT_FALSE(FindRopeBands(Plain(), std::vector<float>(64, all)).has_value()) << all;
  }
}

}  // namespace
}  // namespace tael
