// Hidden states and scores of tokens in place of answers: batched with everybody, the same bits.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/engine_answers.h"

namespace tael {
namespace {

struct States {
  std::vector<std::vector<float>> states;  // by position; one for pooled ones
  int position = -1;                       // of the last one
  ChoiceReport report;
  std::string error;
};

EngineRequest Pooled(const std::vector<TokenId>& prompt, const Pooling& pooling, States& states) {
  EngineRequest request;
  request.prompt = prompt;
  request.pooling = pooling;
  request.observer.on_embedding = [&states](const ChoiceId&, int position,
                                            std::span<const float> state) {
    if (position == 0) states.states.clear();
    states.states.emplace_back(state.begin(), state.end());
    states.position = position;
  };
  request.observer.on_finish = [&states](const ChoiceId&, const ChoiceReport& report) {
    states.report = report;
  };
  request.observer.on_error = [&states](const ChoiceId&, const std::exception_ptr& error) {
    states.error = MessageOf(error);
  };
  return request;
}

constexpr Pooling kEach{PoolingKind::kNone, false};

class EnginePoolingTest : public testing::Test {
 protected:
  EnginePoolingTest() : model_(LoadModel(Golden("qwen3"))) {
    options_.max_context = 448;
    options_.runner.threads = 1;
  }

  States Alone(const std::vector<TokenId>& prompt, const Pooling& pooling) {
    Engine engine(*model_, options_);
    States states;
    engine.Submit(Pooled(prompt, pooling, states));
    RunToEnd(engine);
    EXPECT_EQ(states.error, "");
    EXPECT_EQ(states.report.finish, FinishReason::kStop);
    EXPECT_EQ(states.report.completion_tokens, 0);
    return states;
  }

  std::unique_ptr<Model> model_;
  EngineOptions options_;
};

TEST_F(EnginePoolingTest, StatesAreTheResidualStreamBehindTheFinalNorm) {
  const std::vector<TokenId> prompt = Tokens(70, 1);
  const States found = Alone(prompt, kEach);
  ModelRunner runner(*model_, {.threads = 1}, {.context = 128, .rows = 70, .kv_blocks = 2});
  Batch batch{.tokens = prompt, .positions = {}, .sequences = {}, .logit_rows = {69}};
  for (int i = 0; i < 70; ++i) batch.positions.push_back(i);
  batch.sequences.push_back({.first_row = 0, .count = 70, .begin = 0, .blocks = {0, 1}});
  HiddenRecorder recorder;
  runner.Forward(batch, &recorder);
  const auto width = static_cast<size_t>(model_->spec.hidden_size);
  ASSERT_EQ(found.states.size(), 70u);
  EXPECT_EQ(found.position, 69);
  for (size_t row = 0; row < 70; ++row) {
    const float* x = &recorder.states.back()[row * width];
    double squares = 0;
    for (size_t i = 0; i < width; ++i) squares += double{x[i]} * double{x[i]};
    const double scale = 1 / std::sqrt(squares / double(width) + double{model_->spec.norm_eps});
    for (size_t i = 0; i < width; ++i) {
      const double want = double{x[i]} * scale * double{model_->weights.final_norm[i]};
      ASSERT_NEAR(found.states[row][i], want, 1e-4 + 1e-4 * std::abs(want)) << row << " " << i;
    }
  }
}

TEST_F(EnginePoolingTest, PoolsWhatTheTokensHave) {
  const std::vector<TokenId> prompt = Tokens(100, 2);
  const auto each = Alone(prompt, kEach).states;
  EXPECT_EQ(Alone(prompt, {PoolingKind::kLast, false}).states[0], each.back());
  EXPECT_EQ(Alone(prompt, {PoolingKind::kCls, false}).states[0], each.front());
  const States mean = Alone(prompt, {PoolingKind::kMean, false});
  EXPECT_EQ(mean.position, 99);
  ASSERT_EQ(mean.states.size(), 1u);
  for (size_t i = 0; i < each[0].size(); ++i) {
    double sum = 0;
    for (const auto& state : each) sum += double{state[i]};
    EXPECT_EQ(mean.states[0][i], static_cast<float>(sum / 100));
  }
  const std::vector<float> unit = Alone(prompt, {PoolingKind::kMean, true}).states[0];
  double squares = 0;
  for (const float x : unit) squares += double{x} * double{x};
  EXPECT_NEAR(squares, 1, 1e-6);
}

TEST_F(EnginePoolingTest, CompanyChunksAndPreemptionChangeNothing) {
  const PoolingKind kinds[] = {PoolingKind::kLast, PoolingKind::kMean, PoolingKind::kCls,
                               PoolingKind::kNone};
  for (const bool share : {false, true}) {
    EngineOptions options = options_;
    options.kv_blocks = 7;
    options.limits = {
        .max_sequences = 6, .max_batch_tokens = 50, .prefill_chunk = 17, .share_prefixes = share};
    options.runner = {.threads = 2, .worth_a_thread = 0};
    Engine engine(*model_, options);
    std::vector<States> states(8);
    std::vector<Answer> answers(3);
    const Wanted wanted{Tokens(150, 3), {}, 30};
    for (size_t i = 0; i < 8; ++i) {
      if (i % 3 == 0) engine.Submit(Observed(wanted, answers[i / 3]));
      // Pairs of the same prompt: the second could find its beginning in the cache.
      EngineRequest request = Pooled(Tokens(140, int(i / 4)), {kinds[i % 4], true}, states[i]);
      request.owner = i % 2;
      engine.Submit(std::move(request));
      engine.Step();
    }
    RunToEnd(engine);
    for (size_t i = 0; i < 8; ++i) {
      EXPECT_EQ(states[i].error, "");
      EXPECT_EQ(states[i].states, Alone(Tokens(140, int(i / 4)), {kinds[i % 4], true}).states) << i;
    }
    for (const Answer& answer : answers) {
      EXPECT_EQ(answer.tokens, tael::Alone(*model_, wanted).tokens);
    }
  }
}

TEST_F(EnginePoolingTest, ScoresAreLogProbabilitiesBehindThePrompt) {
  const Wanted wanted{Tokens(80, 4), {}, 1};
  const std::vector<float> logits = tael::Alone(*model_, wanted).logits.at(79);
  double total = 0;
  for (const float x : logits) total += std::exp(double{x});
  Engine engine(*model_, options_);
  std::vector<double> scores;
  ChoiceReport report;
  EngineRequest request;
  request.prompt = wanted.prompt;
  request.scored_tokens = {7, 400, 7};
  request.observer.on_scores = [&](const ChoiceId&, std::span<const double> log_probs) {
    scores.assign(log_probs.begin(), log_probs.end());
  };
  request.observer.on_finish = [&](const ChoiceId&, const ChoiceReport& r) { report = r; };
  engine.Submit(request);
  RunToEnd(engine);
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_NEAR(scores[0], double{logits[7]} - std::log(total), 1e-6);
  EXPECT_NEAR(scores[1], double{logits[400]} - std::log(total), 1e-6);
  EXPECT_EQ(scores[0], scores[2]);
  EXPECT_EQ(report.completion_tokens, 0);
  EXPECT_EQ(report.prompt_tokens, 80);
}

TEST_F(EnginePoolingTest, RefusesWhatMakesNoSense) {
  Engine engine(*model_, options_);
  States states;
  EngineRequest request = Pooled(Tokens(5, 1), {}, states);
  request.choices = 2;
  EXPECT_THROW(engine.Submit(request), Error);
  request.choices = 1;
  request.scored_tokens = {1};
  EXPECT_THROW(engine.Submit(request), Error);
  request.pooling.reset();
  EXPECT_THROW(engine.Submit(request), Error);  // no on_scores
  request.scored_tokens = {512};
  request.observer.on_scores = [](const ChoiceId&, std::span<const double>) {};
  EXPECT_THROW(engine.Submit(request), Error);
  request.scored_tokens = {511};
  EXPECT_NO_THROW(engine.Submit(request));
}

}  // namespace
}  // namespace tael
