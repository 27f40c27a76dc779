#include "app/names.h"

#include <gtest/gtest.h>

namespace tael {
namespace {

TEST(Names, SuggestsTheNearestFirst) {
  const std::vector<std::string> commands = {"run", "chat", "verify", "version", "inspect"};
  EXPECT_EQ(NearNames("verfy", commands).front(), "verify");
  EXPECT_EQ(NearNames("chta", commands).front(), "chat");
  EXPECT_EQ(NearNames("INSPECT", commands).front(), "inspect");
  EXPECT_TRUE(NearNames("frobnicate", commands).empty());
}

TEST(Names, ASentenceNamesAllSuggestions) {
  EXPECT_EQ(DidYouMean("runn", {"run"}), " Did you mean 'run'?");
  EXPECT_EQ(DidYouMean("zzzzzz", {"run"}), "");
}

}  // namespace
}  // namespace tael
