#include "app/bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <string_view>

#include "app/bench/profile_report.h"
#include "app/bench/rates.h"
#include "app/bench/scaling.h"
#include "app/fingerprint.h"
#include "app/machine.h"
#include "app/model_flags.h"
#include "app/packed_text.h"
#include "app/spec_json.h"
#include "app/terminal.h"
#include "app/version.h"
#include "app/weight_cache_text.h"
#include "ops/matmul.h"
#include "quant/integer_form.h"
#include "spec/latent_form.h"

namespace tael {
namespace {

constexpr double kGiga = 1e9;

std::string MatmulFormText(DType dtype, MatmulMode mode) {
  switch (MatmulFormOf(dtype, mode)) {
    case MatmulForm::kFloat:
      return "float32";
    case MatmulForm::kBf16:
      return "bf16";
    case MatmulForm::kInteger:
      return fmt::format("int8, activations in blocks of {}", ActivationBlock(dtype));
    case MatmulForm::kCodes:  // of no single type: PackedMatmulText()
    case MatmulForm::kDecoded:
      return "decoded to float32";
  }
  return "unknown";
}

Json SummaryToJson(const Summary& summary) {
  Json json;
  json.Set("median", summary.median);
  json.Set("min", summary.min);
  json.Set("max", summary.max);
  json.Set("spread", summary.spread);
  return json;
}

Json CostToJson(const Cost& cost) {
  Json json;
  json.Set("weight_bytes", cost.weight_bytes);
  json.Set("expert_bytes", cost.expert_bytes);
  json.Set("kv_bytes_read", cost.kv_read_bytes);
  json.Set("kv_bytes_written", cost.kv_written_bytes);
  json.Set("integer_operations", 2 * cost.integer_macs);
  json.Set("float_operations", 2 * cost.float_macs);
  json.Set("bf16_operations", 2 * cost.bf16_macs);
  return json;
}

Json WorkToJson(const StepCost& cost) {
  Json json = CostToJson(cost.Total());
  Json parts = JsonObject{};
  for (size_t i = 0; i < cost.parts.size(); ++i) {
    parts.Set(Name(static_cast<CostKind>(i)), CostToJson(cost.parts[i]));
  }
  json.Set("parts", std::move(parts));
  return json;
}

Json OrNull(double value, double scale = 1) { return value > 0 ? Json(value / scale) : Json(); }

Json LimitsToJson(const Limits& limits) {
  Json json;
  json.Set("gigabytes_per_second", OrNull(limits.bandwidth, kGiga));
  json.Set("gigabytes_per_second_least", OrNull(limits.least_bandwidth, kGiga));
  json.Set("gigabytes_per_second_most", OrNull(limits.most_bandwidth, kGiga));
  json.Set("best_pattern_pages", limits.bandwidth > 0 ? Json(limits.best_pattern) : Json());
  Json patterns = JsonObject{};
  for (size_t i = 0; i < kReadPatterns.size(); ++i) {
    patterns.Set(std::to_string(kReadPatterns[i]), OrNull(limits.patterns[i], kGiga));
  }
  json.Set("patterns", std::move(patterns));
  json.Set("integer_gigaops_per_second", OrNull(limits.integer, kGiga));
  json.Set("float_gigaflops_per_second", OrNull(limits.floating, kGiga));
  return json;
}

Json ScalingToJson(const Scaling& scaling) {
  Json json;
  json.Set("against_threads", scaling.against);
  json.Set("speed", OrNull(scaling.speed));
  json.Set("read_probe", OrNull(scaling.read));
  json.Set("integer_probe", OrNull(scaling.integer));
  json.Set("float_probe", OrNull(scaling.floating));
  json.Set("share_of_probe", OrNull(scaling.share_of_probe));
  return json;
}

Json RowToJson(const std::vector<BenchRow>& rows, size_t index, const BenchContext& context) {
  const BenchRow& row = rows[index];
  const BenchResult& result = row.result;
  const BenchEntry& entry = result.entry;
  const Rates rates = RatesOf(result);
  Json json;
  json.Set("name", entry.Name());
  json.Set("kind", entry.decode() ? "decode" : "prefill");
  json.Set("threads", row.threads);
  json.Set("depth", entry.depth);
  json.Set("prompt_tokens", entry.prompt);
  json.Set("generated_tokens", entry.generated);
  json.Set("sequences", entry.sequences);
  Json seconds = JsonArray{};
  for (const double value : result.seconds) seconds.Append(value);
  json.Set("seconds", std::move(seconds));
  json.Set("tokens_per_second", SummaryToJson(rates.tokens));
  json.Set("gigabytes_per_second", rates.bytes / kGiga);
  json.Set("integer_gigaops_per_second", rates.integer / kGiga);
  json.Set("float_gigaflops_per_second", rates.floating / kGiga);
  if (entry.decode()) json.Set("share_of_bandwidth", OrNull(rates.bandwidth_share));
  json.Set("share_of_integer_peak", OrNull(rates.integer_share));
  json.Set("share_of_float_peak", OrNull(rates.float_share));
  json.Set("work", WorkToJson(result.cost));
  json.Set("limits", LimitsToJson(rates.limits));
  if (const auto scaling = ScalingOf(rows, index)) json.Set("scaling", ScalingToJson(*scaling));
  if (result.profile.has_value()) json.Set("profile", ProfileToJson(result));
  const std::string problem = result.disturbance.Problem(context.load_before);
  json.Set("others_share", result.disturbance.known ? Json(result.disturbance.others) : Json());
  json.Set("stolen_share", result.disturbance.known ? Json(result.disturbance.stolen) : Json());
  json.Set("valid", problem.empty());
  if (!problem.empty()) json.Set("reason", problem);
  return json;
}

// Whether a tensor of this name is part of one of the packed matrices (without ".weight").
bool IsPartOf(const std::set<std::string>& packed, const std::string& tensor) {
  if (packed.contains(tensor)) return true;
  for (const std::string_view ending : {"_blocks", "_scales", "_scale", "_scale_inv"}) {
    if (!tensor.ends_with(ending)) continue;
    if (packed.contains(tensor.substr(0, tensor.size() - ending.size()))) return true;
  }
  const size_t dot = tensor.rfind('.');
  return dot != std::string::npos && tensor.substr(dot) != ".bias" &&
         packed.contains(tensor.substr(0, dot));
}

// Where the matrices that are stored by columns begin, ascending.
std::vector<const uint8_t*> StoredByColumns(const DecoderWeights& weights) {
  std::vector<const uint8_t*> starts;
  const auto add = [&](std::initializer_list<const Weight*> matrices) {
    for (const Weight* w : matrices) {
      if (w->element_bytes != 0) starts.push_back(w->data);
    }
  };
  const auto add_ffn = [&](const DenseFfnWeights& ffn) { add({&ffn.gate, &ffn.up, &ffn.down}); };
  add({&weights.head});
  for (const LayerWeights& layer : weights.layers) {
    if (const auto* gqa = std::get_if<GqaWeights>(&layer.attention)) {
      add({&gqa->q, &gqa->k, &gqa->v, &gqa->o});
    }
    if (const auto* dense = std::get_if<DenseFfnWeights>(&layer.ffn)) add_ffn(*dense);
    const auto* moe = std::get_if<MoeFfnWeights>(&layer.ffn);
    if (moe == nullptr) continue;
    add({&moe->router.gate});
    add_ffn(moe->shared);
    for (const DenseFfnWeights& expert : moe->experts) add_ffn(expert);
  }
  std::sort(starts.begin(), starts.end(), std::less<>());
  return starts;
}

bool HoldsOneOf(const TensorInfo& tensor, const std::vector<const uint8_t*>& starts) {
  const uint8_t* begin = tensor.bytes.data();
  const auto at = std::lower_bound(starts.begin(), starts.end(), begin, std::less<>());
  return at != starts.end() && std::less<>()(*at, begin + tensor.bytes.size());
}

std::string Percent(double share) { return share > 0 ? fmt::format("{:.0f} %", 100 * share) : "-"; }

}  // namespace

Json TypesToJson(const Model& model, MatmulMode mode) {
  struct Sum {
    int64_t bytes = 0;
    int tensors = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;  // type, how it is multiplied
  const auto add = [&](const std::string& type, const std::string& matmul, int64_t bytes) {
    Sum& sum = sums[{type, matmul}];
    sum.bytes += bytes;
    ++sum.tensors;
  };
  std::set<std::string> packed;
  for (const auto& [name, matrix] : model.weights.packed) {
    packed.insert(name.ends_with(".weight") ? name.substr(0, name.size() - 7) : name);
    add(matrix->form, PackedMatmulText(*matrix, mode), matrix->bytes);
  }
  const std::vector<const uint8_t*> columns = StoredByColumns(model.weights);
  for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
    if (IsPartOf(packed, tensor.name)) continue;
    add(Name(tensor.dtype),
        HoldsOneOf(tensor, columns) ? "decoded to float32, stored by columns"
                                    : MatmulFormText(tensor.dtype, mode),
        static_cast<int64_t>(tensor.bytes.size()));
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Sum>> sorted(sums.begin(), sums.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second.bytes > b.second.bytes; });
  Json types = JsonArray{};
  for (const auto& [type, sum] : sorted) {
    Json json;
    json.Set("type", type.first);
    json.Set("bytes", sum.bytes);
    json.Set("tensors", sum.tensors);
    json.Set("matmul", type.second);
    types.Append(std::move(json));
  }
  return types;
}

std::string RunProblem(const BenchContext& context, const std::vector<BenchRow>& rows) {
  for (const BenchRow& row : rows) {
    const std::string problem = row.result.disturbance.Problem(context.load_before);
    if (!problem.empty()) return row.result.entry.Name() + ": " + problem;
  }
  return "";
}

Json ReportToJson(const BenchContext& context, const Model& model,
                  const std::vector<BenchRow>& rows) {
  Json json;
  json.Set("model", context.path);
  json.Set("weights_fingerprint", WeightsFingerprint(model, context.runner));
  json.Set("numerics_version", kNumericsVersion);
  json.Set("version", Version());
  json.Set("cpu", CpuModel());
  json.Set("kernels", context.kernels);
  json.Set("matmul", context.matmul);
  json.Set("kv", context.kv);
  SetLongContext(model, &json);
  SetLatentForm(model, &json);
  if (!context.loras.empty()) {
    Json loras = JsonArray{};
    for (const std::string& lora : context.loras) loras.Append(lora);
    json.Set("adapters", std::move(loras));
  }
  json.Set("prefill_chunk", context.prefill_chunk);
  json.Set("same_tokens", context.same_tokens);
  json.Set("repetitions", context.repetitions);
  json.Set("types", TypesToJson(model, context.mode));
  json.Set("repacked_bytes", context.packed.bytes);
  json.Set("packed", PackedToJson(context.packed));
  json.Set("large_page_bytes", context.large_page_bytes);
  json.Set("load_seconds", context.load_seconds);
  json.Set("probe_bytes", context.probe_bytes);
  json.Set("probe_reduced", context.probes && context.probe_bytes < kProbeMemoryBytes);
  json.Set("load_before", context.load_before);
  json.Set("load_after", context.load_after);
  const std::string problem = RunProblem(context, rows);
  json.Set("valid", problem.empty());
  if (!problem.empty()) json.Set("reason", problem);
  Json entries = JsonArray{};
  for (size_t i = 0; i < rows.size(); ++i) entries.Append(RowToJson(rows, i, context));
  json.Set("entries", std::move(entries));
  return json;
}

namespace {

// What tells that memory was not equally fast all the time, or "".
std::string BandwidthText(const std::vector<BenchRow>& rows) {
  constexpr double kWorthSaying = 1.25;
  double least = 0, most = 0;
  for (const BenchRow& row : rows) {
    const Limits limits = MedianLimits(row.result.limits);
    if (limits.most_bandwidth <= kWorthSaying * limits.least_bandwidth) continue;
    if (least == 0 || limits.least_bandwidth < least) least = limits.least_bandwidth;
    most = std::max(most, limits.most_bandwidth);
  }
  if (most == 0) return "";
  return fmt::format("reading alone changed between {:.1f} and {:.1f} GB/s within a test\n",
                     least / kGiga, most / kGiga);
}

}  // namespace

std::string ReportToText(const BenchContext& context, const Model& model,
                         const std::vector<BenchRow>& rows) {
  std::string text =
      fmt::format("{}\n{}, kernels {}, {} matmul, {} cache{}\n", context.path, CpuModel(),
                  context.kernels, context.matmul, context.kv,
                  HasExpandedLatents(model.spec) ? ", latents expanded (--mla)" : "");
  for (const std::string& lora : context.loras) text += fmt::format("  adapter {}\n", lora);
  const Json types = TypesToJson(model, context.mode);
  for (const Json& type : types.as_array()) {
    text += fmt::format("  {:8} {:>10}  {}\n", type.Find("type")->as_string(),
                        HumanBytes(type.Find("bytes")->as_int()), type.Find("matmul")->as_string());
  }
  if (context.packed.bytes > 0) {
    text += fmt::format("  repacked {:>10}  rows interleaved by eight\n",
                        HumanBytes(context.packed.bytes));
    text += fmt::format("  packed: {}; {} of it in large pages\n", PackedText(context.packed),
                        HumanBytes(context.large_page_bytes));
  }
  text += fmt::format("  loaded in {:.2f} s\n", context.load_seconds);
  std::vector<std::vector<std::string>> table = {{"test", "threads", "t/s", "min", "max", "GB/s",
                                                  "of read", "int GOP/s", "of peak", "GFLOP/s",
                                                  "of peak"}};
  for (const BenchRow& row : rows) {
    const Rates r = RatesOf(row.result);
    table.push_back({row.result.entry.Name(), std::to_string(row.threads),
                     fmt::format("{:.2f}", r.tokens.median), fmt::format("{:.2f}", r.tokens.min),
                     fmt::format("{:.2f}", r.tokens.max), fmt::format("{:.2f}", r.bytes / kGiga),
                     Percent(r.bandwidth_share), fmt::format("{:.1f}", r.integer / kGiga),
                     Percent(r.integer_share), fmt::format("{:.1f}", r.floating / kGiga),
                     Percent(r.float_share)});
  }
  text += FormatTable(table) + ScalingToText(rows) + BandwidthText(rows);
  for (const BenchRow& row : rows) {
    if (row.result.profile.has_value()) text += ProfileToText(row.result);
  }
  text += fmt::format("load average {:.2f} before, {:.2f} after\n", context.load_before,
                      context.load_after);
  if (context.probes && context.probe_bytes < kProbeMemoryBytes) {
    text += fmt::format("bandwidth was measured over {} only: there is no more memory\n",
                        HumanBytes(context.probe_bytes));
  }
  const std::string problem = RunProblem(context, rows);
  if (!problem.empty()) text += fmt::format("not valid: {}\n", problem);
  return text;
}

}  // namespace tael
