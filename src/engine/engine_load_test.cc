// The engine under load: a queue with an end, deadlines, and what is told about waiting. The clock
// is a number that the tests move.
#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/support/engine_answers.h"

namespace tael {
namespace {

using std::chrono::seconds;

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

}  // namespace
}  // namespace tael
