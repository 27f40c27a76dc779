// What a profile of a measured entry says: time, bytes and operations of every kind of operation
// and layer, as shares of the machine's limits (decision 0033).
#pragma once

#include <string>
#include <vector>

#include "app/bench/runner.h"
#include "base/json.h"

namespace tael {

// One kind of operation, per repetition. What cost.h does not count has no bytes and no operations.
struct ProfileRow {
  OpKind kind = OpKind::kOther;
  double seconds = 0, share = 0;  // of the time of all kinds and layers
  double calls = 0;
  double bytes = 0, integer_operations = 0, float_operations = 0;
  double share_of_limit = 0;  // the largest of its shares of the limits; 0: none is known
  const char* limit = "";     // which: "bandwidth", "integer", "float"
};

// Kinds that ran in layers [first, last], longest first. Layers count from kOutsideLayers.
// REQUIRES: result.profile.
std::vector<ProfileRow> ProfileRows(const BenchResult& result, int first, int last);

// The share of the profiled time that was spent reading clocks.
double ProfileCost(const Profile& profile);

Json ProfileToJson(const BenchResult& result);
std::string ProfileToText(const BenchResult& result);

}  // namespace tael
