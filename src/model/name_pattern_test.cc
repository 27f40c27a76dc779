// Patterns of module names: what they match, and what is refused.
#include "model/name_pattern.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tael {
namespace {

bool Matches(const char* pattern, const char* name) {
  return NameRegex(pattern, "test").Matches(name);
}

TEST(NameRegex, MatchesFromTheStartAndNotNecessarilyToTheEnd) {
  EXPECT_TRUE(Matches("model.layers", "model.layers.0.mlp"));
  EXPECT_FALSE(Matches("layers", "model.layers.0.mlp"));
  EXPECT_TRUE(Matches(".*lm_head", "model.lm_head"));
  EXPECT_FALSE(Matches(".*mlp.gate$", "model.layers.3.mlp.gate_proj"));
  EXPECT_TRUE(Matches(".*mlp.gate$", "model.layers.3.mlp.gate"));
}

TEST(NameRegex, KnowsWhatConfigurationsUse) {
  const char* name = "model.layers.12.self_attn.q_proj";
  EXPECT_TRUE(Matches(R"(.*self_attn\.(q|k|v|o)_proj$)", name));
  EXPECT_FALSE(Matches(R"(.*self_attn\.(k|v)_proj$)", name));
  EXPECT_TRUE(Matches(R"(model\.layers\.\d+\.self_attn.*)", name));
  EXPECT_TRUE(Matches(R"(model\.layers\.(1[0-9]|2[0-3])\..*)", name));
  EXPECT_FALSE(Matches(R"(model\.layers\.(2[0-3])\..*)", name));
  EXPECT_TRUE(Matches(R"(^(?:\w+\.)+q_proj$)", name));
  EXPECT_TRUE(Matches("model[^x]*q_?proj", name));
  EXPECT_FALSE(Matches("model[^1]*q_proj", name));
}

TEST(NameRegex, StaysQuickWhereBacktrackingWouldNot) {
  EXPECT_FALSE(Matches("(a*)*(a|aa)+(a*)*b", std::string(200, 'a').c_str()));
}

TEST(NameRegex, RefusesWhatItDoesNotKnow) {
  for (const char* pattern : {"(?!x)", "a{2}", R"(\b)", "(a", "a)", "*a", "[a", "a[", R"(\)"}) {
    EXPECT_THROW(NameRegex(pattern, "test"), Error) << pattern;
  }
  EXPECT_THROW(NameRegex(std::string(100, '('), "test"), Error);
  EXPECT_THROW(NameRegex(std::string(2000, 'a'), "test"), Error);
}

TEST(NamePart, OccursBetweenDots) {
  EXPECT_TRUE(NamePart("lm_head").Occurs("lm_head"));
  EXPECT_TRUE(NamePart("gate").Occurs("model.layers.0.mlp.gate"));
  EXPECT_FALSE(NamePart("gate").Occurs("model.layers.0.mlp.gate_proj"));
  EXPECT_TRUE(NamePart("model.layers.*.self_attn").Occurs("model.layers.7.self_attn.q_proj"));
  EXPECT_FALSE(NamePart("model.layers.*.self_attn").Occurs("model.layers.7.mlp.router"));
  EXPECT_TRUE(NamePart("visual").Occurs("model.visual.blocks.0"));
}

}  // namespace
}  // namespace tael
