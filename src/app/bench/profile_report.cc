#include "app/bench/profile_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "app/terminal.h"

namespace tael {
namespace {

constexpr double kNano = 1e-9, kMilli = 1e-3, kGiga = 1e9, kMega = 1e6;

// Where cost.h counts the work that the time of an operation is spent on.
std::optional<CostKind> CostKindOf(OpKind kind) {
  switch (kind) {
    case OpKind::kEmbedding:
      return CostKind::kEmbedding;
    case OpKind::kProjection:
      return CostKind::kProjection;
    case OpKind::kAttention:
      return CostKind::kAttention;
    case OpKind::kFfn:
      return CostKind::kFfn;
    case OpKind::kExperts:
      return CostKind::kExperts;
    case OpKind::kRouter:
      return CostKind::kRouter;
    case OpKind::kNorm:
      return CostKind::kNorm;
    case OpKind::kHead:
      return CostKind::kHead;
    case OpKind::kQuantize:
    case OpKind::kRope:
    case OpKind::kElementwise:
    case OpKind::kAdapters:
    case OpKind::kOther:
    case OpKind::kCount:
      break;
  }
  return std::nullopt;
}

double TotalNanoseconds(const Profile& profile) {
  int64_t total = 0;
  for (int layer = kOutsideLayers; layer < profile.layers(); ++layer) {
    for (int kind = 0; kind < kOpKinds; ++kind) {
      total += profile.Of(layer, static_cast<OpKind>(kind)).nanoseconds;
    }
  }
  return static_cast<double>(total);
}

void SetLimit(const BenchResult& result, ProfileRow& row) {
  const Limits limits = MedianLimits(result.limits);
  const auto consider = [&](const char* name, double amount, double limit) {
    if (limit <= 0 || amount <= 0 || row.seconds <= 0) return;
    const double share = amount / row.seconds / limit;
    if (share <= row.share_of_limit) return;
    row.share_of_limit = share;
    row.limit = name;
  };
  // A prefill reads the same bytes again and again from the caches: memory is not its limit.
  if (result.entry.decode()) consider("bandwidth", row.bytes, limits.bandwidth);
  consider("integer", row.integer_operations, limits.integer);
  consider("float", row.float_operations, limits.floating);
}

ProfileRow RowOf(const BenchResult& result, int first, int last, OpKind kind) {
  const Profile& profile = *result.profile;
  const auto repetitions = static_cast<double>(result.seconds.size());
  ProfileRow row{.kind = kind};
  const std::optional<CostKind> cost_kind = CostKindOf(kind);
  for (int layer = first; layer <= last; ++layer) {
    const Profile::Sum& sum = profile.Of(layer, kind);
    row.seconds += static_cast<double>(sum.nanoseconds) * kNano / repetitions;
    row.calls += static_cast<double>(sum.calls) / repetitions;
    if (!cost_kind.has_value()) continue;
    const int place = layer + 1;  // outside of layers comes first
    const Cost& cost = result.layer_costs[static_cast<size_t>(place)][*cost_kind];
    row.integer_operations += 2 * static_cast<double>(cost.integer_macs);
    row.float_operations += 2 * static_cast<double>(cost.float_macs);
    // Of experts what was read takes the place of the estimate.
    const auto counted = static_cast<double>(sum.counted_bytes) / repetitions;
    row.bytes += static_cast<double>(cost.bytes_read());
    if (counted > 0) row.bytes += counted - static_cast<double>(cost.expert_bytes);
  }
  row.share = row.seconds / (TotalNanoseconds(profile) * kNano / repetitions);
  SetLimit(result, row);
  return row;
}

Json OrNull(double value) { return value > 0 ? Json(value) : Json(); }

Json RowToJson(const ProfileRow& row) {
  Json json;
  json.Set("kind", Name(row.kind));
  json.Set("seconds", row.seconds);
  json.Set("share", row.share);
  json.Set("calls", row.calls);
  json.Set("bytes", OrNull(row.bytes));
  json.Set("integer_operations", OrNull(row.integer_operations));
  json.Set("float_operations", OrNull(row.float_operations));
  json.Set("share_of_limit", OrNull(row.share_of_limit));
  json.Set("limit", row.share_of_limit > 0 ? Json(row.limit) : Json());
  return json;
}

Json RowsToJson(const std::vector<ProfileRow>& rows) {
  Json json = JsonArray{};
  for (const ProfileRow& row : rows) json.Append(RowToJson(row));
  return json;
}

// "7: 1.3 ms": the layer in which a kind takes longest; "" for what runs outside of layers only.
std::string SlowestLayer(const BenchResult& result, OpKind kind) {
  const Profile& profile = *result.profile;
  int slowest = kOutsideLayers;
  int64_t most = 0;
  for (int layer = 0; layer < profile.layers(); ++layer) {
    const int64_t time = profile.Of(layer, kind).nanoseconds;
    if (time > most) {
      most = time;
      slowest = layer;
    }
  }
  if (slowest == kOutsideLayers) return "";
  const double seconds =
      static_cast<double>(most) * kNano / static_cast<double>(result.seconds.size());
  return fmt::format("{}: {:.3f}", slowest, seconds / kMilli);
}

std::string OrDash(double value, double unit) {
  return value > 0 ? fmt::format("{:.1f}", value / unit) : "-";
}

}  // namespace

std::vector<ProfileRow> ProfileRows(const BenchResult& result, int first, int last) {
  std::vector<ProfileRow> rows;
  for (int kind = 0; kind < kOpKinds; ++kind) {
    const ProfileRow row = RowOf(result, first, last, static_cast<OpKind>(kind));
    if (row.seconds > 0) rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return a.seconds > b.seconds; });
  return rows;
}

double ProfileCost(const Profile& profile) {
  const double total = TotalNanoseconds(profile);
  const double clocks = static_cast<double>(profile.readings()) * Profile::ReadingNanoseconds();
  return total > 0 ? clocks / total : 0;
}

Json ProfileToJson(const BenchResult& result) {
  const int last = result.profile->layers() - 1;
  Json json;
  json.Set("cost_share", ProfileCost(*result.profile));
  json.Set("barriers_per_step", result.barriers);
  json.Set("kinds", RowsToJson(ProfileRows(result, kOutsideLayers, last)));
  json.Set("outside_layers", RowsToJson(ProfileRows(result, kOutsideLayers, kOutsideLayers)));
  Json layers = JsonArray{};
  for (int layer = 0; layer <= last; ++layer) {
    layers.Append(RowsToJson(ProfileRows(result, layer, layer)));
  }
  json.Set("layers", std::move(layers));
  return json;
}

std::string ProfileToText(const BenchResult& result) {
  std::vector<std::vector<std::string>> table = {{result.entry.Name(), "ms", "share", "calls", "MB",
                                                  "GB/s", "int GOP/s", "GFLOP/s", "of limit", "",
                                                  "slowest layer, ms"}};
  const int last = result.profile->layers() - 1;
  for (const ProfileRow& row : ProfileRows(result, kOutsideLayers, last)) {
    table.push_back(
        {Name(row.kind), fmt::format("{:.3f}", row.seconds / kMilli),
         fmt::format("{:.1f} %", 100 * row.share), fmt::format("{:.0f}", row.calls),
         OrDash(row.bytes, kMega), OrDash(row.bytes / row.seconds, kGiga),
         OrDash(row.integer_operations / row.seconds, kGiga),
         OrDash(row.float_operations / row.seconds, kGiga),
         row.share_of_limit > 0 ? fmt::format("{:.0f} %", 100 * row.share_of_limit) : "-",
         row.limit, SlowestLayer(result, row.kind)});
  }
  return FormatTable(table) +
         fmt::format(
             "threads meet {:.0f} times in a step, {:.1f} times in a layer; reading clocks "
             "took {:.2f} % of the time\n",
             result.barriers, result.barriers / std::max(1, last + 1),
             100 * ProfileCost(*result.profile));
}

}  // namespace tael
