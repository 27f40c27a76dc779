#include "spec/long_context.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

DecoderSpec TwoLists() {
  GqaSpec gqa;
  gqa.rope = {.rotary_dim = 4,
              .scaling = RopeScalingKind::kPerDimension,
              .original_context = 64,
              .divisors = {1, 2},
              .long_divisors = {3, 4}};
  DecoderSpec spec{.family = "test", .max_context = 512, .layers = {}};
  spec.layers.assign(3, LayerSpec{.attention = gqa, .ffn = DenseFfnSpec{}});
  return spec;
}

RopeSpec& Rope(DecoderSpec& spec, size_t layer) {
  return std::get<GqaSpec>(spec.layers[layer].attention).rope;
}

TEST(LongContext, EndsAtTheOriginalContextUntilTheOtherListIsChosen) {
  DecoderSpec spec = TwoLists();
  Rope(spec, 1) = {.pairing = RopePairing::kNone};
  LimitToOriginalContext(&spec, "here");
  EXPECT_EQ(spec.max_context, 64);
  EXPECT_EQ(spec.long_context, (LongContextSpec{.original = 64, .longest = 512}));
  EXPECT_NE(LongContextHint(spec).find("a --ctx from 65 to 512"), std::string::npos);
  UseLongContext(&spec);
  EXPECT_EQ(spec.max_context, 512);
  EXPECT_TRUE(spec.long_context->in_use);
  EXPECT_EQ(Rope(spec, 0).divisors, (std::vector<float>{3, 4}));
  EXPECT_EQ(Rope(spec, 2).divisors, (std::vector<float>{3, 4}));
  EXPECT_TRUE(Rope(spec, 1).divisors.empty());
  EXPECT_EQ(LongContextHint(spec), "");
}

TEST(LongContext, IsNoneWhereTheOriginalContextIsAllThereIs) {
  DecoderSpec spec = TwoLists();
  spec.max_context = 64;
  LimitToOriginalContext(&spec, "here");
  UseLongContext(&spec);
  EXPECT_FALSE(spec.long_context.has_value());
  EXPECT_EQ(spec.max_context, 64);
  EXPECT_EQ(Rope(spec, 0).divisors, (std::vector<float>{1, 2}));
  EXPECT_EQ(LongContextHint(spec), "");
}

TEST(LongContext, RefusesTwoSwitchesAndOtherKindsOfAttention) {
  DecoderSpec spec = TwoLists();
  Rope(spec, 2).original_context = 128;
  EXPECT_THROW(LimitToOriginalContext(&spec, "here"), Error);
  spec = TwoLists();
  CompressedSpec compressed;
  compressed.rope = Rope(spec, 0);
  spec.layers[1].attention = compressed;
  EXPECT_THROW(LimitToOriginalContext(&spec, "here"), Error);
}

}  // namespace
}  // namespace tael
