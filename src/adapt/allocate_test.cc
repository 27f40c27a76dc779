#include "adapt/allocate.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace tael {
namespace {

using testing::ElementsAre;

TEST(AllocateTest, StepsThatGainMostPerByteComeFirst) {
  const std::vector<std::vector<TypeOption>> tensors = {
      {{DType::kQ4_0, 10, 5.0}, {DType::kQ8_0, 20, 1.0}},   // gains 0.4 per byte
      {{DType::kQ4_0, 10, 9.0}, {DType::kQ8_0, 20, 1.0}}};  // 0.8
  EXPECT_THAT(Allocate(tensors, 20), ElementsAre(0, 0));
  EXPECT_THAT(Allocate(tensors, 35), ElementsAre(0, 1));
  EXPECT_THAT(Allocate(tensors, 40), ElementsAre(1, 1));
}

TEST(AllocateTest, OptionsAboveTheHullAreNeverTaken) {
  const std::vector<std::vector<TypeOption>> tensors = {{{DType::kQ4_0, 10, 5.0},
                                                         {DType::kQ4_1, 15, 4.9},
                                                         {DType::kQ4_K, 12, 6.0},
                                                         {DType::kQ8_0, 20, 1.0}}};
  EXPECT_THAT(Allocate(tensors, 19), ElementsAre(0));
  EXPECT_THAT(Allocate(tensors, 20), ElementsAre(3));
}

TEST(AllocateTest, TooLittleIsRefusedWithBothNumbers) {
  const std::vector<std::vector<TypeOption>> tensors = {{{DType::kQ4_0, 10, 5.0}}};
  try {
    Allocate(tensors, 9);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr("need 10 bytes, and 9"));
  }
}

}  // namespace
}  // namespace tael
