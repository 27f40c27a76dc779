// The engine under load: a queue with an end, deadlines, and what is told about waiting. The clock
// is a number that the tests move.
#include <gtest/gtest.h>

#include "base/error.h"
#include "ops/activation_observer.h"
#include "tests/support/engine_answers.h"

namespace tael {
namespace {

using std::chrono::seconds;

// Calls `act` at the n-th product from now on, on the engine's thread.
class AtProduct : public ActivationObserver {
 public:
  void See(const Weight&, const MatrixView<const float>&, ComputeContext&) override {
    ++products;
    if (--countdown == 0) act();
  }
  int products = 0;
  int countdown = 0;
  std::function<void()> act;
};

class EngineLoadTest : public testing::Test {
 protected:
  EngineLoadTest() : model_(LoadModel(Golden("qwen3"))) {
    options_.max_context = 448;
    options_.runner.threads = 1;
    options_.limits.max_sequences = 1;
    options_.clock = [this] { return now_; };
  }

  std::unique_ptr<Model> model_;
  EngineOptions options_;
  EngineTime now_{};
};

TEST_F(EngineLoadTest, RefusesWhatTheQueueCannotHoldUntilSomethingBegins) {
  options_.queue = {.choices = 2};
  Engine engine(*model_, options_);
  std::vector<Answer> answers(4);
  const Wanted wanted{Tokens(20, 1), {}, 3};
  engine.Submit(Observed(wanted, answers[0]));
  engine.Submit(Observed(wanted, answers[1]));
  try {
    engine.Submit(Observed(wanted, answers[2]));
    FAIL();
  } catch (const QueueFull& full) {
    EXPECT_EQ(full.code(), ErrorCode::kUnavailable);
    EXPECT_EQ(full.retry_after_seconds(), 1);
    EXPECT_NE(std::string(full.what()).find("3 answers would wait"), std::string::npos);
  }
  engine.Step();  // the first one begins
  engine.Submit(Observed(wanted, answers[2]));
  EXPECT_THROW(engine.Submit(Observed(wanted, answers[3])), QueueFull);
  RunToEnd(engine);
  engine.Submit(Observed(wanted, answers[3]));
  engine.Cancel(engine.Submit(Observed(wanted, answers[3])));
  RunToEnd(engine);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(answers[i].tokens, answers[0].tokens);
}

TEST_F(EngineLoadTest, CancelledAndExpiredOnesLeaveTheQueue) {
  options_.queue = {.owner_choices = 3};
  Engine engine(*model_, options_);
  std::vector<Answer> answers(3), others(3), more(3);
  const Wanted wanted{Tokens(20, 1), {}, 3};
  EngineRequest request = ObservedChoices(wanted, answers);
  request.owner = 7;
  request.deadline = now_ + seconds(5);
  engine.Submit(request);
  EXPECT_THROW(engine.Submit(request), QueueFull);
  request = ObservedChoices(wanted, others);
  const RequestId of_nobody = engine.Submit(request);  // another owner
  engine.Cancel(of_nobody);
  now_ += seconds(5);
  EXPECT_FALSE(engine.Step());
  for (const Answer& answer : answers) EXPECT_EQ(answer.report.finish, FinishReason::kDeadline);
  for (const Answer& answer : others) EXPECT_EQ(answer.report.finish, FinishReason::kCancelled);
  request = ObservedChoices(wanted, more);
  request.owner = 7;
  engine.Submit(request);
  RunToEnd(engine);
  for (const Answer& answer : more) EXPECT_EQ(answer.tokens.size(), 3u);
}

TEST_F(EngineLoadTest, ThePromptOfSeveralChoicesCountsOnce) {
  options_.queue = {.prompt_tokens = 100};
  Engine engine(*model_, options_);
  std::vector<Answer> answers(4);
  engine.Submit(ObservedChoices({Tokens(50, 1), {}, 2}, answers));
  EngineRequest apart = ObservedChoices({Tokens(30, 2), {}, 2}, answers);
  apart.reuse_prefix = false;
  EXPECT_THROW(engine.Submit(apart), QueueFull);  // 120 tokens
  apart.reuse_prefix = true;
  engine.Submit(apart);
  RunToEnd(engine);
}

TEST_F(EngineLoadTest, ADeadlineBeforeTheBeginningComputesNothing) {
  Engine engine(*model_, options_);
  Answer answer;
  int starts = 0;
  EngineRequest request = Observed({Tokens(20, 1), {}, 5}, answer);
  request.observer.on_start = [&](const ChoiceId&, double) { ++starts; };
  request.deadline = now_ + seconds(3);
  engine.Submit(request);
  now_ += seconds(4);
  EXPECT_FALSE(engine.Step());
  EXPECT_EQ(engine.forward_calls(), 0);
  EXPECT_EQ(starts, 0);
  EXPECT_EQ(answer.report.finish, FinishReason::kDeadline);
  EXPECT_EQ(answer.report.completion_tokens, 0);
  EXPECT_EQ(answer.report.queue_seconds, 4);
  EXPECT_EQ(answer.report.prompt_seconds, 0);
}

TEST_F(EngineLoadTest, ADeadlineBehindTheFirstTokenKeepsTheText) {
  Engine engine(*model_, options_);
  Answer answer;
  const Wanted wanted{Tokens(20, 1), {}, 50};
  EngineRequest request = Observed(wanted, answer);
  std::vector<double> queued;
  request.observer.on_start = [&](const ChoiceId&, double time) { queued.push_back(time); };
  request.deadline = now_ + seconds(60);
  const auto token = request.observer.on_token;
  request.observer.on_token = [&](const ChoiceId& choice, const SampledToken& sampled) {
    now_ += seconds(10);
    return token(choice, sampled);
  };
  engine.Submit(request);
  now_ += seconds(7);
  RunToEnd(engine);
  EXPECT_EQ(queued, std::vector<double>{7});
  EXPECT_EQ(answer.report.finish, FinishReason::kDeadline);
  EXPECT_STREQ(FinishReasonName(answer.report.finish), "deadline");
  std::vector<TokenId> alone = Alone(*model_, wanted).tokens;
  alone.resize(6);
  EXPECT_EQ(answer.tokens, alone);
  EXPECT_EQ(answer.report.queue_seconds, 7);
  EXPECT_EQ(answer.report.prompt_seconds, 0);
  EXPECT_EQ(answer.report.decode_seconds, 60);
}

TEST_F(EngineLoadTest, AnObserverOfTheStartThatThrowsEndsItsChoice) {
  Engine engine(*model_, options_);
  Answer bad, good;
  EngineRequest request = Observed({Tokens(20, 1), {}, 5}, bad);
  request.observer.on_start = [](const ChoiceId&, double) { throw std::runtime_error("gone"); };
  engine.Submit(request);
  engine.Submit(Observed({Tokens(20, 1), {}, 5}, good));
  RunToEnd(engine);
  EXPECT_EQ(bad.error, "gone");
  EXPECT_EQ(bad.ends, 1);
  EXPECT_EQ(good.tokens.size(), 5u);
}

TEST_F(EngineLoadTest, AStepThatNobodyWantsEndsBetweenTwoLayers) {
  AtProduct hook;
  options_.limits.max_sequences = 4;
  options_.runner.observer = &hook;
  Engine engine(*model_, options_);
  const Wanted wanted{Tokens(200, 1), {}, 5};
  Answer first, cancelled, again;
  engine.Submit(Observed(wanted, first));
  RunToEnd(engine);
  const int all = hook.products / 5;  // of one step

  std::vector<Answer> answers(2);
  const Wanted other{Tokens(200, 2), {}, 5};
  const RequestId id = engine.Submit(ObservedChoices(other, answers));
  hook.products = 0;
  hook.countdown = 2;
  hook.act = [&] { engine.Cancel(id); };
  EXPECT_TRUE(engine.Step());
  EXPECT_LT(hook.products, all);
  for (const Answer& answer : answers) {
    EXPECT_EQ(answer.report.finish, FinishReason::kCancelled);
    EXPECT_EQ(answer.ends, 1);
  }
  EXPECT_FALSE(engine.Step());
  // Nothing of the step counts as computed.
  engine.Submit(Observed(other, again));
  RunToEnd(engine);
  EXPECT_EQ(again.report.cached_tokens, 0);
  EXPECT_EQ(again.tokens, Alone(*model_, other).tokens);
}

TEST_F(EngineLoadTest, AStepThatSomebodyWantsGoesOn) {
  AtProduct hook;
  options_.limits.max_sequences = 4;
  options_.runner.observer = &hook;
  Engine engine(*model_, options_);
  const Wanted wanted{Tokens(200, 1), {}, 5}, other{Tokens(200, 2), {}, 5};
  Answer good, cancelled;
  engine.Submit(Observed(wanted, good));
  const RequestId id = engine.Submit(Observed(other, cancelled));
  hook.countdown = 2;
  hook.act = [&] { engine.Cancel(id); };
  EXPECT_TRUE(engine.Step());
  EXPECT_EQ(engine.last_rows(), 400);
  RunToEnd(engine);
  EXPECT_EQ(good.tokens, Alone(*model_, wanted).tokens);
  EXPECT_EQ(cancelled.report.finish, FinishReason::kCancelled);
}

TEST_F(EngineLoadTest, AnAbandonedStepOfARecurrentModelLosesNothingOfOthers) {
  const auto path = SharedPath("goldens/qwen3-next");
  if (!path) GTEST_SKIP() << "the shared goldens are not here";
  const auto model = LoadModel(*path);
  AtProduct hook;
  options_.limits = {.max_sequences = 4, .max_batch_tokens = 64, .prefill_chunk = 64};
  options_.runner.observer = &hook;
  Engine engine(*model, options_);
  const Wanted wanted{Tokens(200, 1), {}, 8}, other{Tokens(150, 2), {}, 5};
  Answer good, cancelled;
  EngineRequest request = Observed(wanted, good);
  request.owner = 1;
  engine.Submit(std::move(request));
  engine.Step();
  request = Observed(other, cancelled);
  request.owner = 2;
  const RequestId id = engine.Submit(std::move(request));
  engine.Step();
  EXPECT_EQ(engine.last_rows(), 64);
  // Owner 2 was served nothing so far: this step is all its own.
  hook.countdown = 2;
  hook.act = [&] { engine.Cancel(id); };
  EXPECT_TRUE(engine.Step());
  EXPECT_EQ(engine.last_rows(), 0);
  EXPECT_EQ(cancelled.report.finish, FinishReason::kCancelled);
  RunToEnd(engine);
  EXPECT_EQ(good.tokens, Alone(*model, wanted).tokens);
  EXPECT_EQ(good.report.preemptions, 0);
}

TEST_F(EngineLoadTest, TellsWhatItDoes) {
  options_.kv_blocks = 16;
  options_.clock = [&] { return now_ += std::chrono::milliseconds(10); };
  Engine engine(*model_, options_);
  EXPECT_TRUE(engine.idle());
  EXPECT_EQ(engine.stats().kv_blocks, 16);
  std::vector<Answer> answers(2);
  Answer other;
  EngineRequest request = ObservedChoices({Tokens(150, 1), {}, 5}, answers);
  request.owner = 3;
  engine.Submit(request);
  request = Observed({Tokens(100, 2), {}, 2}, other);
  request.owner = 1;
  engine.Submit(request);
  EXPECT_FALSE(engine.idle());
  EXPECT_EQ(engine.stats().queued.choices, 3);
  EXPECT_EQ(engine.stats().queued.prompt_tokens, 250);
  engine.Step();
  EngineStats stats = engine.stats();
  EXPECT_EQ(stats.running, 1);
  EXPECT_EQ(stats.waiting, 2);
  EXPECT_EQ(stats.queued.choices, 2);
  ASSERT_EQ(stats.owners.size(), 2u);
  EXPECT_EQ(stats.owners[0].owner, 1u);
  EXPECT_EQ(stats.owners[1].running, 1);
  EXPECT_EQ(stats.owners[1].waiting, 1);
  EXPECT_EQ(stats.kv_used, 3);
  RunToEnd(engine);
  EXPECT_TRUE(engine.idle());
  stats = engine.stats();
  // The first choice gave way to the other owner after its prompt.
  EXPECT_EQ(stats.preemptions, 1);
  EXPECT_EQ(stats.prompt_rows, 150 + 100 + 22 + 22);
  EXPECT_EQ(stats.cached_tokens, 128);
  EXPECT_EQ(stats.generated_tokens, 5 + 5 + 2);
  EXPECT_EQ(stats.steps.steps(), engine.forward_calls());
  EXPECT_EQ(stats.steps.counts[2], engine.forward_calls());  // of 20 ms
  EXPECT_NEAR(stats.steps.seconds, 0.02 * static_cast<double>(engine.forward_calls()), 1e-9);
  EXPECT_GT(stats.generated_per_second, 20);
  EXPECT_EQ(stats.kv_used, 0);
  EXPECT_EQ(stats.kv_cached, 3);
  EXPECT_EQ(stats.owners.size(), 0u);
}

// Rows of steps depend on the clock then, answers do not.
TEST_F(EngineLoadTest, StepsOfAnyLengthGiveTheSameAnswers) {
  std::vector<Wanted> wanted;
  for (int i = 0; i < 5; ++i) wanted.push_back({Tokens(90 + 50 * i, i), {}, 12});
  for (const int milliseconds : {1, 7, 40}) {
    options_.limits = {.max_sequences = 4, .max_batch_tokens = 256, .prefill_chunk = 200};
    options_.limits.step_seconds = kServedStepSeconds;
    int64_t calls = 0;
    options_.clock = [&] {
      return now_ += std::chrono::milliseconds(milliseconds * (1 + calls++ % 3));
    };
    Engine engine(*model_, options_);
    std::vector<Answer> answers(wanted.size());
    for (size_t i = 0; i < wanted.size(); ++i) engine.Submit(Observed(wanted[i], answers[i]));
    RunToEnd(engine);
    for (size_t i = 0; i < wanted.size(); ++i) {
      EXPECT_EQ(answers[i].tokens, Alone(*model_, wanted[i]).tokens) << i;
    }
  }
}

}  // namespace
}  // namespace tael
