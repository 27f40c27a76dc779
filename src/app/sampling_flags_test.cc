#include "app/sampling_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "app/command.h"
#include "base/error.h"

namespace tael {
namespace {

using testing::HasSubstr;

// The parameters that a command line gives; the text is what the parser had to say.
struct Parsed {
  SamplingParams params;
  std::string text;
};

Parsed Parse(std::vector<std::string> arguments, const RunSettings& run = {}) {
  CommandParser program({.name = "prog", .description = "A test."}, "1");
  SamplingFlags flags;
  AddSamplingFlags(program, flags);
  const ParseResult result = program.Parse(std::move(arguments));
  if (result.kind != ParseResult::Kind::kCommand) return {{}, result.text};
  return {MakeSamplingParams(flags, run), ""};
}

TEST(SamplingFlags, EveryParameterHasAnOptionOfItsName) {
  for (const RealParameter& p : RealParameters()) {
    std::string name = p.name;
    std::replace(name.begin(), name.end(), '_', '-');
    const float value = p.low + (p.high - p.low) / 4;
    const Parsed parsed = Parse({"--" + name, std::to_string(value)});
    EXPECT_FLOAT_EQ(parsed.params.*p.member, value) << name << parsed.text;
    EXPECT_NE(Parse({"--" + name, "101"}).text, "") << name;
  }
  for (const IntParameter& p : IntParameters()) {
    std::string name = p.name;
    std::replace(name.begin(), name.end(), '_', '-');
    EXPECT_EQ(Parse({"--" + name, "2"}).params.*p.member, 2) << name;
    EXPECT_NE(Parse({"--" + name, "-2"}).text, "") << name;
  }
  EXPECT_FLOAT_EQ(Parse({"--typical", "0.5"}).params.typical_p, 0.5f);
}

TEST(SamplingFlags, OptionsWinOverSettings) {
  const RunSettings run{.temperature = 0.5, .top_k = 7, .top_p = 0.8, .min_p = 0.1, .seed = 9};
  const SamplingParams params = Parse({"--top-k", "3", "--seed", "4"}, run).params;
  EXPECT_FLOAT_EQ(params.temperature, 0.5f);
  EXPECT_EQ(params.top_k, 3);
  EXPECT_FLOAT_EQ(params.top_p, 0.8f);
  EXPECT_FLOAT_EQ(params.min_p, 0.1f);
  EXPECT_EQ(params.seed, 4u);
}

TEST(SamplingFlags, ListsAreReadEntryByEntry) {
  const SamplingParams params =
      Parse({"--samplers", "temperature;top_k", "--logit-bias", "3=-inf", "--logit-bias", "5=1.5",
             "--ban", "a b", "--ban", "c", "--ban-ids", "7", "--ban-ids", "1,22,3"})
          .params;
  EXPECT_EQ(params.stages,
            (std::vector<SamplingStage>{SamplingStage::kTemperature, SamplingStage::kTopK}));
  ASSERT_EQ(params.logit_bias.size(), 2u);
  EXPECT_EQ(params.logit_bias[0].id, 3);
  EXPECT_EQ(params.logit_bias[0].value, -INFINITY);
  EXPECT_FLOAT_EQ(params.logit_bias[1].value, 1.5f);
  EXPECT_THAT(params.banned_strings, testing::ElementsAre("a b", "c"));
  EXPECT_EQ(params.banned_sequences, (std::vector<std::vector<TokenId>>{{7}, {1, 22, 3}}));
}

TEST(SamplingFlags, TextNamesWhatChangesTokens) {
  EXPECT_EQ(SamplingText({}), "greedy");
  EXPECT_EQ(SamplingText({.top_k = 9, .repeat_penalty = 1.5f}), "greedy, repeat_penalty 1.5");
  EXPECT_EQ(SamplingText({.temperature = 0.5f, .top_k = 9, .typical_p = 0.25f, .mirostat = 2}),
            "temperature 0.5, top_k 9, mirostat 2, typical_p 0.25");
}

TEST(SamplingFlags, MalformedValuesAreRefused) {
  for (const char* bias : {"", "3", "3=", "=1", "x=1", "3=1x", "3 =1"}) {
    EXPECT_THROW(Parse({"--logit-bias", bias}), UsageError) << bias;
  }
  for (const char* ids : {"", ",", "3,", ",3", "3 4", "x", "3,x", "99999999999"}) {
    EXPECT_THROW(Parse({"--ban-ids", ids}), UsageError) << ids;
  }
  EXPECT_THROW(Parse({"--ban-ids", "-3"}), Error);
  SamplingFlags flags;
  flags.stop_strings = {"a", ""};
  EXPECT_THROW(StopTexts(flags), UsageError);
  EXPECT_THROW(Parse({"--logit-bias", "3=nan"}), Error);
  EXPECT_THROW(Parse({"--logit-bias", "-3=1"}), Error);
  EXPECT_THROW(Parse({"--ban", ""}), Error);
  EXPECT_THROW(Parse({"--samplers", "top_k,top_k"}), Error);
  EXPECT_THROW(Parse({"--dry-sequence-breaker", ""}), UsageError);
  try {
    Parse({"--samplers", "topk"});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("needed any of top_n_sigma, top_k"));
  }
}

}  // namespace
}  // namespace tael
