// What a profile says, worked out by hand from given times, costs and limits.
#include "app/bench/profile_report.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

namespace tael {
namespace {

constexpr auto kPause = std::chrono::milliseconds(4);

// Two repetitions of a decode by a model of one layer: experts, a norm in them, the head behind.
BenchResult MakeResult() {
  BenchResult result{.entry = {.generated = 3}};
  result.seconds = {0.1, 0.1};
  result.layer_costs.resize(2);
  result.layer_costs[0][CostKind::kHead] = {.weight_bytes = 1000, .float_macs = 500};
  result.layer_costs[1][CostKind::kExperts] = {
      .weight_bytes = 900, .expert_bytes = 800, .integer_macs = 4000};
  Profile& profile = result.profile.emplace(1);
  for (int repetition = 0; repetition < 2; ++repetition) {
    profile.Start();
    profile.SetLayer(0);
    {
      const OpScope experts(&profile, OpKind::kExperts);
      profile.CountBytes(600);
      std::this_thread::sleep_for(kPause);
      const OpScope norm(&profile, OpKind::kNorm);
    }
    profile.SetLayer(kOutsideLayers);
    {
      const OpScope head(&profile, OpKind::kHead);
      std::this_thread::sleep_for(2 * kPause);
    }
    profile.Stop();
  }
  return result;
}

const ProfileRow& Find(const std::vector<ProfileRow>& rows, OpKind kind) {
  for (const ProfileRow& row : rows) {
    if (row.kind == kind) return row;
  }
  ADD_FAILURE() << Name(kind);
  return rows.front();
}

TEST(ProfileReport, RowsAreOfOneRepetitionLongestFirst) {
  const BenchResult result = MakeResult();
  const std::vector<ProfileRow> rows = ProfileRows(result, kOutsideLayers, 0);
  ASSERT_GE(rows.size(), 3u);
  double share = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_LE(rows[i].seconds, rows[i > 0 ? i - 1 : 0].seconds);
    share += rows[i].share;
  }
  EXPECT_NEAR(share, 1, 1e-9);
  const ProfileRow& experts = Find(rows, OpKind::kExperts);
  EXPECT_GE(experts.seconds, 0.004);
  EXPECT_EQ(experts.calls, 1);
  EXPECT_EQ(experts.bytes, 900 - 800 + 600);  // what was read, not what was estimated
  EXPECT_EQ(experts.integer_operations, 8000);
  EXPECT_EQ(Find(rows, OpKind::kNorm).bytes, 0);
}

TEST(ProfileReport, LayersAreApart) {
  const BenchResult result = MakeResult();
  const std::vector<ProfileRow> outside = ProfileRows(result, kOutsideLayers, kOutsideLayers);
  EXPECT_EQ(outside.front().kind, OpKind::kHead);
  EXPECT_EQ(outside.front().bytes, 1000);
  for (const ProfileRow& row : ProfileRows(result, 0, 0)) EXPECT_NE(row.kind, OpKind::kHead);
}

TEST(ProfileReport, TheLimitIsTheOneThatIsNearest) {
  BenchResult result = MakeResult();
  EXPECT_EQ(ProfileRows(result, kOutsideLayers, 0).front().share_of_limit, 0);  // none measured
  for (auto& pattern : result.limits.bytes_per_second) pattern = {1e6};
  result.limits.float_per_second = {1e9};
  const std::vector<ProfileRow> rows = ProfileRows(result, kOutsideLayers, 0);
  const ProfileRow& head = Find(rows, OpKind::kHead);
  EXPECT_STREQ(head.limit, "bandwidth");
  EXPECT_NEAR(head.share_of_limit, 1000 / head.seconds / 1e6, 1e-9);
  result.entry = {.prompt = 3};  // of a prefill memory is no limit
  EXPECT_STREQ(ProfileRows(result, kOutsideLayers, 0).front().limit, "float");
}

TEST(ProfileReport, TextAndJsonNameTheKinds) {
  const BenchResult result = MakeResult();
  const std::string text = ProfileToText(result);
  for (const char* word :
       {"experts", "head", "slowest layer", "threads meet", "reading clocks took"}) {
    EXPECT_NE(text.find(word), std::string::npos) << word;
  }
  const Json json = ProfileToJson(result);
  EXPECT_EQ(json.Find("layers")->as_array().size(), 1u);
  EXPECT_GT(json.Find("cost_share")->as_double(), 0);
}

}  // namespace
}  // namespace tael
