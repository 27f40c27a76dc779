#include "app/adapter_flags.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/temporary_folder.h"

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

TEST(AdapterFlag, NeedsAPath) {
  for (const char* text : {"", "=2", "=-0.5"}) {
    try {
      ParseAdapterFlag(text);
      ADD_FAILURE() << "was taken: " << text;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("names no path"), std::string::npos) << error.what();
    }
  }
}

TEST(AdapterFlag, APathThatExistsHasNoWeight) {
  const TemporaryFolder folder;
  const std::string path = folder.Write("lr=0.001", "");
  EXPECT_EQ(ParseAdapterFlag(path).source.path, path);
  EXPECT_EQ(ParseAdapterFlag(path + "=0.5").source.path, path);
  EXPECT_EQ(ParseAdapterFlag(path + "=0.5").weight, 0.5f);
}

TEST(AdapterFlag, EqualNamesBecomePaths) {
  const std::vector<std::string> loras = {"a/poet", "b/poet=2", "b/clerk"};
  const std::vector<AdapterSource> sources = AdapterSources(loras);
  const std::vector<AdapterChoice> choices = AdapterChoices(loras);
  const std::vector<std::string> names = {"a/poet", "b/poet", "clerk"};
  for (size_t i = 0; i < names.size(); ++i) {
    EXPECT_EQ(sources[i].name, names[i]);
    EXPECT_EQ(choices[i].name, names[i]);
  }
}

}  // namespace
}  // namespace tael
