// Sampling parameters on a real model's logits, through Generate().
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "engine/generate.h"
#include "engine/perplexity.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

class GenerateSamplingTest : public testing::Test {
 protected:
  GenerateSamplingTest()
      : model_(LoadModel(SourceRoot() + "/tests/golden/llama3")),
        session_(*model_, {.runner = {.threads = 1}}) {
    for (int i = 0; i < 30; ++i) prompt_.push_back((i * 37 + 11) % 512);
  }
  GenerationResult Run(const SamplingParams& sampling, std::vector<TokenId> stops = {}) {
    GenerationRequest request{.prompt = prompt_,
                              .sampling = sampling,
                              .max_tokens = 24,
                              .stop_tokens = std::move(stops),
                              .on_token = {},
                              .on_prompt = {}};
    request.token_texts = texts_;
    return Generate(session_, request);
  }

  std::unique_ptr<Model> model_;
  Session session_;
  std::vector<TokenId> prompt_;
  std::shared_ptr<const TokenTexts> texts_;
};

TEST_F(GenerateSamplingTest, LogProbabilitiesAreThoseOfScoringTheText) {
  SamplingParams params{.temperature = 1.5f, .top_k = 50, .seed = 3};
  params.log_probs = 2;
  const GenerationResult result = Run(params);
  ASSERT_EQ(result.log_probs.size(), result.tokens.size());
  std::vector<TokenId> text = prompt_;
  text.insert(text.end(), result.tokens.begin(), result.tokens.end());
  const std::vector<double> nll = SequenceNll(session_, text);
  for (size_t i = 0; i < result.tokens.size(); ++i) {
    EXPECT_EQ(result.log_probs[i].chosen.id, result.tokens[i]);
    EXPECT_NEAR(result.log_probs[i].chosen.log_prob, -nll[prompt_.size() - 1 + i], 1e-12);
    EXPECT_EQ(result.log_probs[i].top.size(), 2u);
  }
  session_.Truncate(0);
  const std::vector<float> logits = session_.Evaluate(prompt_, {.all_logits = true}).logits;
  const auto of_prompt = ComputePromptLogProbs(logits, 512, prompt_, 1);
  ASSERT_EQ(of_prompt.size(), prompt_.size() - 1);
  for (size_t i = 0; i < of_prompt.size(); ++i) {
    EXPECT_NEAR(of_prompt[i].chosen.log_prob, -nll[i], 1e-12);
  }
}

TEST_F(GenerateSamplingTest, StopTokensBannedStringsAndPenaltiesReachTheModel) {
  const GenerationResult plain = Run({});
  SamplingParams params;
  params.min_tokens = 5;
  const GenerationResult longer = Run(params, {plain.tokens[0]});
  EXPECT_GT(longer.tokens.size(), 5u);
  EXPECT_EQ(Run({}, {plain.tokens[0]}).tokens.size(), 1u);

  std::vector<std::string> names(512);
  for (size_t i = 0; i < names.size(); ++i) names[i] = "<" + std::to_string(i) + ">";
  texts_ = std::make_shared<TokenTexts>(names);
  SamplingParams banned;
  banned.banned_strings = {names[static_cast<size_t>(plain.tokens[0])]};
  for (const TokenId id : Run(banned).tokens) EXPECT_NE(id, plain.tokens[0]);

  SamplingParams presence{.presence_penalty = 100};
  const std::vector<TokenId> tokens = Run(presence).tokens;
  EXPECT_EQ(std::set<TokenId>(tokens.begin(), tokens.end()).size(), tokens.size());
}

TEST_F(GenerateSamplingTest, RefusesTokensOutsideTheVocabularyBeforeEvaluating) {
  SamplingParams params;
  params.logit_bias = {{512, 1.0f}};
  EXPECT_THROW(Run(params), Error);
  SamplingParams strings;
  strings.banned_strings = {"x"};
  EXPECT_THROW(Run(strings), Error);  // no token texts
  EXPECT_EQ(session_.length(), 0);
}

}  // namespace
}  // namespace tael
