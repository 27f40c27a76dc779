// Models with a second list of divisors of rope for texts beyond their original context: which list
// counts is a matter of how the model was loaded, not of how long a text is or how it was cut.
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/session.h"
#include "model/model.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

constexpr int kOriginal = 64, kLongest = 512;

std::unique_ptr<Model> Load(int context) {
  LoadOptions options;
  options.context = context;
  return LoadModel(SourceRoot() + "/tests/golden/phi3-longrope", options);
}

// Logits of `count` ids, in pieces of `piece`, and of `more` than the context has.
std::vector<float> LogitsOf(const Model& model, int count, int piece, int more = 0) {
  Session session(model,
                  {.max_context = count, .runner = {.threads = 1, .matmul = MatmulMode::kFloat}});
  std::vector<TokenId> ids;
  count += more;
  for (int i = 0; i < count; ++i) ids.push_back((i * 37 + 11) % model.spec.vocab_size);
  std::vector<float> all;
  for (int at = 0; at < count; at += piece) {
    const auto some = std::span(ids).subspan(static_cast<size_t>(at),
                                             static_cast<size_t>(std::min(piece, count - at)));
    const std::vector<float> logits = session.Evaluate(some, {.all_logits = true}).logits;
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

template <typename Action>
std::string ProblemOf(const Action& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(LongContext, TheListIsChosenByTheContextAskedForWhenLoading) {
  const auto usual = Load(0), same = Load(kOriginal), longer = Load(kOriginal + 1);
  EXPECT_EQ(usual->spec.max_context, kOriginal);
  EXPECT_EQ(longer->spec.max_context, kLongest);
  const std::vector<float> wanted = LogitsOf(*usual, 20, 20);
  EXPECT_EQ(LogitsOf(*same, 20, 20), wanted);
  EXPECT_NE(LogitsOf(*longer, 20, 20), wanted);  // short texts, too
}

TEST(LongContext, ATextThatGrowsBeyondTheOriginalLengthKeepsItsNumbers) {
  const auto model = Load(kLongest);
  const std::vector<float> whole = LogitsOf(*model, 90, 90);
  EXPECT_EQ(LogitsOf(*model, 90, 1), whole);
  EXPECT_EQ(LogitsOf(*model, 90, 7), whole);
  const std::vector<float> start = LogitsOf(*model, 30, 30);
  EXPECT_TRUE(std::equal(start.begin(), start.end(), whole.begin()));
}

TEST(LongContext, MessagesSayHowToGoOn) {
  const auto usual = Load(0), longer = Load(kLongest);
  const std::string hint = "a --ctx from 65 to 512";
  EXPECT_NE(ProblemOf([&] { ResolveContext(*usual, 65); }).find(hint), std::string::npos);
  EXPECT_NE(ProblemOf([&] { CheckPromptFits(65, 64, *usual); }).find(hint), std::string::npos);
  EXPECT_NE(ProblemOf([&] { LogitsOf(*usual, 64, 64, /*more=*/1); }).find(hint), std::string::npos);
  const std::string problem = ProblemOf([&] { ResolveContext(*longer, kLongest + 1); });
  EXPECT_NE(problem.find("was trained for 512 positions"), std::string::npos) << problem;
  EXPECT_EQ(problem.find("--ctx"), std::string::npos) << problem;
}

}  // namespace
}  // namespace tael
