// Statistics, number lists and the judgement of a disturbed measurement.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/bench/counts.h"
#include "app/bench/disturbance.h"
#include "app/bench/limits.h"
#include "app/bench/runner.h"
#include "app/bench/scaling.h"
#include "app/bench/statistics.h"
#include "app/command.h"

namespace tael {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(BenchStatistics, MedianIsTheMiddleOfOddAndEvenCounts) {
  EXPECT_EQ(Median({}), 0);
  EXPECT_EQ(Median({5}), 5);
  EXPECT_EQ(Median({9, 1, 4}), 4);
  EXPECT_EQ(Median({8, 1, 4, 2}), 3);
}

TEST(BenchStatistics, SummaryHasExtremesAndRelativeSpread) {
  const Summary summary = Summarize({4, 2, 5, 4});
  EXPECT_EQ(summary.median, 4);
  EXPECT_EQ(summary.min, 2);
  EXPECT_EQ(summary.max, 5);
  EXPECT_EQ(summary.spread, 0.75);
  EXPECT_EQ(Summarize({0, 0}).spread, 0);
  EXPECT_EQ(Summarize({}).median, 0);
}

std::string CountsProblem(const std::string& use) {
  try {
    ParseCounts("--prompt", {use}, 0, 100);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(BenchCounts, ListsAndRepeatedOptionsMeanTheSame) {
  EXPECT_THAT(ParseCounts("-p", {"128,512"}, 0, 1000), ElementsAre(128, 512));
  EXPECT_THAT(ParseCounts("-p", {"128", "512,0", "128"}, 0, 1000), ElementsAre(128, 512, 0));
}

TEST(BenchCounts, RefusesWhatIsNoNumberInRangeAndSaysWhich) {
  for (const char* use : {"", "1,,2", ",1", "1,", "-1", "101", "1.5", "ten", "1 ", "99999999999"}) {
    EXPECT_THAT(CountsProblem(use), HasSubstr("from 0 to 100")) << use;
  }
  EXPECT_THAT(CountsProblem("4,x9"), HasSubstr("--prompt: 'x9'"));
}

TEST(BenchDisturbance, ReadsBusyAndStolenTicks) {
  const auto ticks = ParseMachineTicks("cpu  10 20 30 400 50 6 7 8 0 0\ncpu0 1 2 3 4\n");
  ASSERT_TRUE(ticks.has_value());
  EXPECT_EQ(ticks->busy, 73);
  EXPECT_EQ(ticks->stolen, 8);
  EXPECT_EQ(ParseMachineTicks("cpu 1 2 3 4")->busy, 6);  // kernels before 2.6
  EXPECT_FALSE(ParseMachineTicks("").has_value());
  EXPECT_FALSE(ParseMachineTicks("intr 1 2 3 4 5").has_value());
}

TEST(BenchDisturbance, JudgesByWhatOthersUsed) {
  Disturbance quiet{.seconds = 20, .known = true, .own = 0.9, .others = 0.01, .stolen = 0.01};
  EXPECT_EQ(quiet.Problem(7), "");  // the load average is this process itself, or the past
  Disturbance busy = quiet;
  busy.others = 0.2;
  EXPECT_THAT(busy.Problem(0), HasSubstr("20 %"));
  Disturbance brief = quiet;
  brief.seconds = 0.1;  // in hundredths of a second nothing can be told
  EXPECT_THAT(brief.Problem(0), HasSubstr("too short"));
  Disturbance stolen = quiet;
  stolen.stolen = 0.1;
  EXPECT_THAT(stolen.Problem(0), HasSubstr("virtual machines"));
  EXPECT_EQ(Disturbance{}.Problem(0.2), "");
  EXPECT_THAT(Disturbance{}.Problem(3), HasSubstr("load average was 3.00"));
  EXPECT_THAT(Disturbance{}.Problem(-1), HasSubstr("can be read"));
}

TEST(BenchLimits, TheBestPatternIsTheOneWithTheHighestMedian) {
  LimitSamples samples;
  samples.bytes_per_second = {{{5, 9, 1}, {6, 6, 6}, {7, 2, 2}, {}}};
  samples.integer_per_second = {3, 1, 2};
  samples.float_per_second = {8};
  const Limits limits = MedianLimits(samples);
  EXPECT_EQ(limits.bandwidth, 6);
  EXPECT_EQ(limits.best_pattern, 4);
  EXPECT_EQ(limits.least_bandwidth, 6);
  EXPECT_EQ(limits.most_bandwidth, 6);
  EXPECT_THAT(limits.patterns, ElementsAre(5, 6, 2, 0));
  EXPECT_EQ(limits.integer, 2);
  EXPECT_EQ(limits.floating, 8);
  EXPECT_EQ(MedianLimits(LimitSamples{}).bandwidth, 0);
}

TEST(BenchLimits, MemoryIsTakenOnlyWhereThereIsTwiceAsMuch) {
  WorkerPool pool(2);
  EXPECT_EQ(ProbeMemory(kLeastProbeMemoryBytes, pool).bytes(), 0);
  const ProbeMemory memory(2 * kLeastProbeMemoryBytes + 1, pool);
  ASSERT_EQ(memory.bytes(), kLeastProbeMemoryBytes);
  EXPECT_NE(memory.data()[0], 0);  // written, so that it is not the page of zeros
  EXPECT_NE(memory.data()[memory.bytes() - 1], 0);
}

// A decode of ten tokens in `seconds`, where reading, integers and floats reach these speeds.
BenchRow Decode(int threads, double seconds, double read, double integer, double floating) {
  BenchRow row{.threads = threads, .result = {.entry = {.generated = 10}, .seconds = {seconds}}};
  row.result.limits.bytes_per_second[0] = {read};
  row.result.limits.integer_per_second = {integer};
  row.result.limits.float_per_second = {floating};
  row.result.cost[CostKind::kHead].weight_bytes = 100;
  row.result.cost[CostKind::kHead].integer_macs = 10;
  return row;
}

TEST(BenchScaling, IsAgainstTheFewestThreadsAndTheNearestLimit) {
  const std::vector<BenchRow> rows = {Decode(2, 0.5, 500, 3000, 900),
                                      Decode(1, 0.9, 300, 1500, 500),
                                      Decode(4, 0.5, 500, 300, 900)};
  EXPECT_FALSE(ScalingOf(rows, 1).has_value());
  const auto two = ScalingOf(rows, 0);
  ASSERT_TRUE(two.has_value());
  EXPECT_EQ(two->against, 1);
  EXPECT_DOUBLE_EQ(two->speed, 1.8);
  EXPECT_DOUBLE_EQ(two->read, 5.0 / 3);
  EXPECT_DOUBLE_EQ(two->integer, 2);
  EXPECT_DOUBLE_EQ(two->share_of_probe,
                   1.8 / (5.0 / 3));  // 200 of 500 bytes, 40 of 3000 operations
  EXPECT_THAT(ScalingToText(rows), HasSubstr("1.80"));
}

TEST(BenchScaling, NothingIsSaidOfOneNumberOfThreadsOrOfWhatWasNotMeasured) {
  EXPECT_EQ(ScalingToText({Decode(2, 1, 1, 1, 1)}), "");
  std::vector<BenchRow> rows = {Decode(1, 1, 0, 0, 0), Decode(2, 0.5, 0, 0, 0)};
  for (BenchRow& row : rows) row.result.limits = {};
  const auto scaling = ScalingOf(rows, 1);
  ASSERT_TRUE(scaling.has_value());
  EXPECT_DOUBLE_EQ(scaling->speed, 2);
  EXPECT_EQ(scaling->read, 0);
  EXPECT_EQ(scaling->share_of_probe, 0);
}

TEST(BenchEntryName, SaysWhatIsMeasured) {
  EXPECT_EQ((BenchEntry{.prompt = 512}).Name(), "pp512");
  EXPECT_EQ((BenchEntry{.depth = 64, .generated = 8, .sequences = 3}).Name(), "tg8 x3 @ d64");
}

}  // namespace
}  // namespace tael
