#include "app/adapter_flags.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

TEST(AdapterFlag, IsAPathWithAnOptionalWeight) {
  AdapterFlag flag = ParseAdapterFlag("a/b/poet");
  EXPECT_EQ(flag.source.path, "a/b/poet");
  EXPECT_EQ(flag.source.name, "poet");
  EXPECT_EQ(flag.weight, 1.0f);
  flag = ParseAdapterFlag("a/poet/=0.25");
  EXPECT_EQ(flag.source.path, "a/poet");
  EXPECT_EQ(flag.weight, 0.25f);
  EXPECT_EQ(ParseAdapterFlag("poet.gguf=-1").weight, -1.0f);
}

TEST(AdapterFlag, WhatIsNoNumberBelongsToThePath) {
  for (const char* text : {"runs/lr=high", "poet=", "poet=1x"}) {
    EXPECT_EQ(ParseAdapterFlag(text).source.path, text);
    EXPECT_EQ(ParseAdapterFlag(text).weight, 1.0f);
  }
}

}  // namespace
}  // namespace tael
