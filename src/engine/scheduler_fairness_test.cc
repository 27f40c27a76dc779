// Many owners on one scheduler, simulated without a model: who is served how much, how long a short
// request waits, and that everything comes to its end.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/runner_options.h"
#include "engine/scheduler.h"

namespace tael {
namespace {

struct Work {
  OwnerId owner = 0;
  int prompt = 0, answer = 0;
  double weight = 1;
  int priority = 0;
  int first_token = 0;  // prompts with the same one begin alike
  int choices = 1;
};

// Steps of a scheduler whose sequences end after as many tokens as their work says.
class Simulation {
 public:
  Simulation(const SchedulerLimits& limits, int blocks)
      : pool_(blocks), scheduler_(limits, pool_), limits_(limits) {}

  RequestId Add(const Work& work) {
    auto asked = std::make_shared<EngineRequest>();
    asked->owner = work.owner;
    asked->weight = work.weight;
    asked->priority = work.priority;
    asked->max_tokens = work.answer;
    ++last_id_;
    for (int choice = 0; choice < work.choices; ++choice) {
      auto sequence = std::make_unique<Sequence>();
      sequence->request = last_id_;
      sequence->choice = choice;
      for (int i = 0; i < work.prompt; ++i) sequence->tokens.push_back(work.first_token + i);
      sequence->report.prompt_tokens = work.prompt;
      sequence->asked = asked;
      scheduler_.Add(std::move(sequence));
      ++open_[work.owner];
    }
    return last_id_;
  }

  // False when there was nothing to do.
  bool Step() {
    const StepPlan plan = scheduler_.Schedule();
    if (plan.empty()) {
      EXPECT_EQ(scheduler_.running() + scheduler_.waiting(), 0) << "stuck";
      return false;
    }
    ++steps_;
    scheduler_.MarkComputed(plan);
    int rows = 0;
    for (const PlannedRows& planned : plan) {
      Sequence& sequence = *planned.sequence;
      rows += planned.count;
      EXPECT_LE(BlocksFor(planned.begin + planned.count), static_cast<int>(sequence.blocks.size()));
      if (sequence.pending() > 0) continue;
      sequence.tokens.push_back(static_cast<TokenId>(1'000'000 + last_id_ + steps_));
      if (++sequence.report.completion_tokens == sequence.asked->max_tokens) End(sequence);
    }
    EXPECT_LE(rows, limits_.max_batch_tokens);
    rows_ += rows;
    return true;
  }

  void End(Sequence& sequence) {
    const std::unique_ptr<Sequence> ended = scheduler_.Remove(&sequence);
    tokens_[ended->owner()] += ended->charged;
    preemptions_ += ended->report.preemptions;
    end_[ended->request] = steps_;
    --open_[ended->owner()];
  }

  // Tokens of all its sequences, ended or not.
  double Served(OwnerId owner) {
    double served = static_cast<double>(tokens_[owner]);
    for (const Sequence* sequence : scheduler_.All()) {
      if (sequence->owner() == owner) served += sequence->charged;
    }
    return served;
  }

  int Running(OwnerId owner) const {
    int count = 0;
    for (const Sequence* sequence : scheduler_.All()) {
      count += sequence->owner() == owner && !sequence->blocks.empty() ? 1 : 0;
    }
    return count;
  }

  BlockPool pool_;
  Scheduler scheduler_;
  SchedulerLimits limits_;
  RequestId last_id_ = 0;
  int steps_ = 0;
  int64_t rows_ = 0;
  int preemptions_ = 0;
  std::map<OwnerId, int64_t> tokens_;
  std::map<OwnerId, int> open_;
  std::map<RequestId, int> end_;  // step of its last choice
};

constexpr SchedulerLimits kLimits{
    .max_sequences = 8, .max_batch_tokens = 128, .prefill_chunk = 64, .share_prefixes = false};

TEST(SchedulerFairness, SaturatingOwnersGetTheSameTokensPerWeight) {
  // Long prompts with short answers, the reverse, both, and an owner of double weight.
  const std::vector<Work> kinds = {{.owner = 1, .prompt = 900, .answer = 20},
                                   {.owner = 2, .prompt = 20, .answer = 400},
                                   {.owner = 3, .prompt = 150, .answer = 150},
                                   {.owner = 4, .prompt = 200, .answer = 100, .weight = 2}};
  Simulation simulation(kLimits, 400);
  std::mt19937 random(1);
  const auto fill = [&] {
    for (const Work& kind : kinds) {
      while (simulation.open_[kind.owner] < 20) {
        Work work = kind;
        work.prompt += static_cast<int>(random() % 50);
        work.answer += static_cast<int>(random() % 50);
        simulation.Add(work);
      }
    }
  };
  std::map<OwnerId, double> before;
  for (int step = 0; step < 40'000; ++step) {
    fill();
    ASSERT_TRUE(simulation.Step());
    if (step == 2000) {
      for (const Work& kind : kinds) before[kind.owner] = simulation.Served(kind.owner);
    }
  }
  std::map<OwnerId, double> served;
  double sum = 0;
  for (const Work& kind : kinds) {
    served[kind.owner] = (simulation.Served(kind.owner) - before[kind.owner]) / kind.weight;
    sum += served[kind.owner] * kind.weight;
  }
  for (const Work& kind : kinds) EXPECT_NEAR(served[kind.owner] / (sum / 5), 1, 0.03) << kind.owner;
  // What is evaluated again stays a small part of the work.
  EXPECT_LT(static_cast<double>(simulation.rows_), 1.3 * (sum + 2000 * 128));
}

TEST(SchedulerFairness, AShortRequestDoesNotWaitBehindALongQueue) {
  Simulation simulation(kLimits, 400);
  for (int i = 0; i < 100; ++i) simulation.Add({.owner = 1, .prompt = 1000, .answer = 1000});
  for (int step = 0; step < 300; ++step) simulation.Step();
  for (int round = 0; round < 20; ++round) {
    const int begin = simulation.steps_;
    const RequestId id = simulation.Add({.owner = 2, .prompt = 60, .answer = 10});
    while (!simulation.end_.contains(id)) ASSERT_TRUE(simulation.Step());
    // Nine steps of decoding, one or two for the prompt, and a few until a place is given up.
    EXPECT_LE(simulation.end_[id] - begin, 30) << round;
    for (int step = 0; step < 20; ++step) simulation.Step();
  }
}

TEST(SchedulerFairness, ALongPromptDoesNotHoldUpAShortOneOfAnotherOwner) {
  Simulation simulation(kLimits, 400);
  simulation.Add({.owner = 1, .prompt = 6000, .answer = 10});
  for (int i = 0; i < 6; ++i) simulation.Add({.owner = 1, .prompt = 3000, .answer = 10});
  for (int step = 0; step < 5; ++step) simulation.Step();
  const int begin = simulation.steps_;
  const RequestId id = simulation.Add({.owner = 2, .prompt = 60, .answer = 10});
  while (!simulation.end_.contains(id)) ASSERT_TRUE(simulation.Step());
  EXPECT_LE(simulation.end_[id] - begin, 13);
}

TEST(SchedulerFairness, AnOwnerKeepsItsShareOfThePlacesWhileOthersWait) {
  Simulation simulation(kLimits, 400);
  for (int i = 0; i < 20; ++i) simulation.Add({.owner = 1, .prompt = 10, .answer = 5000});
  for (int step = 0; step < 100; ++step) simulation.Step();
  EXPECT_EQ(simulation.Running(1), 8);
  for (int i = 0; i < 20; ++i) simulation.Add({.owner = 2, .prompt = 10, .answer = 5000});
  for (int step = 0; step < 200; ++step) simulation.Step();
  EXPECT_EQ(simulation.Running(1), 4);
  EXPECT_EQ(simulation.Running(2), 4);
  for (int i = 0; i < 20; ++i) {
    simulation.Add({.owner = 3, .prompt = 10, .answer = 5000, .weight = 2});
  }
  for (int step = 0; step < 600; ++step) simulation.Step();
  EXPECT_EQ(simulation.Running(3), 4);
}

TEST(SchedulerFairness, AnOwnerKeepsItsShareOfTheCacheWhileOthersWait) {
  Simulation simulation(kLimits, 100);  // 6400 positions
  for (int i = 0; i < 4; ++i) simulation.Add({.owner = 1, .prompt = 1400, .answer = 3000});
  for (int step = 0; step < 100; ++step) simulation.Step();
  EXPECT_EQ(simulation.Running(1), 4);
  const int begin = simulation.steps_;
  const RequestId id = simulation.Add({.owner = 2, .prompt = 1400, .answer = 10});
  while (!simulation.end_.contains(id)) ASSERT_TRUE(simulation.Step());
  EXPECT_LE(simulation.end_[id] - begin, 400);
}

TEST(SchedulerFairness, MoreOwnersThanPlacesAreAllServed) {
  SchedulerLimits limits = kLimits;
  limits.max_sequences = 2;
  Simulation simulation(limits, 100);
  for (OwnerId owner = 1; owner <= 5; ++owner) {
    simulation.Add({.owner = owner, .prompt = 50, .answer = 100'000});
  }
  for (int step = 0; step < 5000; ++step) ASSERT_TRUE(simulation.Step());
  double least = 1e9, most = 0;
  for (OwnerId owner = 1; owner <= 5; ++owner) {
    least = std::min(least, simulation.Served(owner));
    most = std::max(most, simulation.Served(owner));
  }
  EXPECT_GT(least, 0.7 * most);
}

TEST(SchedulerFairness, HigherPrioritiesComeFirstWithinTheirOwnerOnly) {
  SchedulerLimits limits = kLimits;
  limits.max_sequences = 2;
  Simulation simulation(limits, 100);
  const RequestId low = simulation.Add({.owner = 1, .prompt = 10, .answer = 300});
  const RequestId other = simulation.Add({.owner = 2, .prompt = 10, .answer = 100});
  for (int step = 0; step < 90; ++step) simulation.Step();
  const RequestId later = simulation.Add({.owner = 1, .prompt = 10, .answer = 20});
  const RequestId high = simulation.Add({.owner = 1, .prompt = 10, .answer = 150, .priority = 5});
  while (simulation.Step()) {
  }
  EXPECT_LE(simulation.end_[other], 102);  // not touched by another owner's priority
  EXPECT_LT(simulation.end_[high], simulation.end_[low]);  // takes the place of its own
  EXPECT_GT(simulation.preemptions_, 0);
  EXPECT_LE(simulation.end_[later], simulation.end_[low]);
}

// Random work on small caches: with and without sharing, choices, priorities, bursts.
TEST(SchedulerFairness, WhateverComesEverythingEnds) {
  for (unsigned seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const auto up_to = [&](int most) { return 1 + static_cast<int>(random() % unsigned(most)); };
    SchedulerLimits limits;
    limits.max_sequences = up_to(6);
    limits.max_batch_tokens = 8 + up_to(120);
    limits.prefill_chunk = up_to(100);
    limits.share_prefixes = seed % 2 == 0;
    limits.quantum = up_to(64);
    const int blocks = 8 + up_to(20);
    Simulation simulation(limits, blocks);
    int64_t work_tokens = 0;
    int sequences = 0;
    for (int event = 0; event < 120; ++event) {
      for (int steps = up_to(40); steps > 0 && simulation.Step(); --steps) {
      }
      Work work{.owner = random() % 4, .prompt = up_to(350), .answer = up_to(150)};
      work.weight = up_to(3);
      work.priority = up_to(3);
      work.first_token = static_cast<int>(random() % 3) * 1000;
      work.choices = event % 10 == 0 ? up_to(4) : 1;
      simulation.Add(work);
      work_tokens += int64_t{work.choices} * (work.prompt + work.answer);
      sequences += work.choices;
    }
    // Whatever is evaluated again, the work ends within a bounded multiple of it.
    const int64_t most = 40 * work_tokens;
    while (simulation.Step()) ASSERT_LT(simulation.rows_, most);
    EXPECT_EQ(simulation.pool_.available(), blocks);
    EXPECT_EQ(simulation.end_.size(), simulation.last_id_);
    EXPECT_EQ(simulation.scheduler_.accounts().active(), 0);
    EXPECT_LT(simulation.rows_, 8 * work_tokens)
        << simulation.preemptions_ << " preemptions of " << sequences << " sequences";
  }
}

}  // namespace
}  // namespace tael
