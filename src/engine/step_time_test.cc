// The estimator of step times, fed with made-up machines.
#include "engine/step_time.h"

#include <gtest/gtest.h>

#include <random>

namespace tael {
namespace {

// A machine: what a step really takes.
struct Machine {
  double base = 0.02, row = 0.002, position = 1e-7;
  double Seconds(const StepSize& size) const {
    return base + row * size.rows + position * size.positions;
  }
};

StepSize Rows(int begin, int count) {
  StepSize size;
  size.Add(begin, count);
  return size;
}

TEST(StepSize, CountsPositionsThatRowsSee) {
  StepSize size = Rows(0, 3);
  EXPECT_EQ(size.positions, 1 + 2 + 3);
  size.Add(10, 1);
  EXPECT_EQ(size.rows, 4);
  EXPECT_EQ(size.positions, 6 + 11);
}

TEST(StepTime, FindsWhatTheMachineNeeds) {
  const Machine machine;
  std::mt19937 random(1);
  StepTime time;
  for (int i = 0; i < 200; ++i) {
    const StepSize size = Rows(static_cast<int>(random() % 4000), 1 + int(random() % 200));
    const double noise = 0.9 + 0.2 * (random() % 1000) / 1000.0;
    time.Observe(size, machine.Seconds(size) * noise);
  }
  for (const auto& [begin, count] : {std::pair(0, 1), std::pair(100, 30), std::pair(3000, 200)}) {
    const StepSize size = Rows(begin, count);
    EXPECT_NEAR(time.Predict(size) / machine.Seconds(size), 1, 0.1) << begin << " " << count;
  }
  const int rows = time.RowsWithin(Rows(500, 2), 1000, 512, 0.2);
  StepSize step = Rows(500, 2);
  step.Add(1000, rows);
  EXPECT_NEAR(machine.Seconds(step), 0.2, 0.02);
}

TEST(StepTime, NothingKnownIsTriedWithFewRows) {
  StepTime time;
  EXPECT_EQ(time.RowsWithin({}, 0, 512, 0.05), 32);
  // Answers alone say nothing about many rows: steps grow by and by.
  const Machine machine{.base = 0.02, .row = 0, .position = 0};
  for (int i = 0; i < 50; ++i) time.Observe(Rows(i, 1), machine.Seconds(Rows(i, 1)));
  EXPECT_LE(time.RowsWithin({}, 0, 512, 0.05), 32);
  time.Observe(Rows(0, 32), 0.021);
  EXPECT_EQ(time.RowsWithin({}, 0, 512, 0.05), 128);
}

TEST(StepTime, OneKindOfStepIsTakenInProportion) {
  StepTime time;
  for (int i = 0; i < 20; ++i) time.Observe(Rows(0, 512), 1.0);
  const int rows = time.RowsWithin({}, 0, 512, 0.05);
  EXPECT_GE(rows, 10);
  EXPECT_LE(rows, 130);
}

TEST(StepTime, FollowsAMachineThatChangesAndForgivesAPause) {
  Machine machine;
  StepTime time;
  std::mt19937 random(2);
  const auto run = [&](int steps) {
    for (int i = 0; i < steps; ++i) {
      const StepSize size = Rows(static_cast<int>(random() % 1000), 1 + int(random() % 60));
      time.Observe(size, machine.Seconds(size));
    }
  };
  run(100);
  const double before = time.Predict(Rows(100, 20));
  time.Observe(Rows(100, 20), 30);  // somebody else had the machine
  EXPECT_LT(time.Predict(Rows(100, 20)), 1.3 * before);
  machine = {.base = 0.2, .row = 0.02, .position = 1e-6};
  run(400);
  EXPECT_NEAR(time.Predict(Rows(100, 20)) / before, 10, 1);
}

// A controller that asks for rows within 50 ms stays near that on machines of all speeds.
TEST(StepTime, StepsStayNearTheirLength) {
  for (const double speed : {0.1, 1.0, 10.0}) {
    const Machine machine{.base = 0.01 / speed, .row = 0.001 / speed, .position = 1e-7 / speed};
    StepTime time;
    int over = 0;
    for (int i = 0; i < 300; ++i) {
      StepSize step = Rows(700, 4);
      const double most = std::max(0.05, 2 * time.Predict(step));
      step.Add(1000, std::max(1, time.RowsWithin(step, 1000, 512, most)));
      const double seconds = machine.Seconds(step);
      over += i > 10 && seconds > 1.2 * std::max(0.05, 2 * machine.Seconds(Rows(700, 4))) ? 1 : 0;
      time.Observe(step, seconds);
    }
    EXPECT_EQ(over, 0) << speed;
  }
}

}  // namespace
}  // namespace tael
