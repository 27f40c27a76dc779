#include "app/weight_cache_text.h"

#include <fmt/format.h>

#include <csignal>

#include "app/memory.h"
#include "app/terminal.h"
#include "engine/memory_plan.h"

namespace tael {
namespace {

const char* FromName(PackedWeights::From from) {
  switch (from) {
    case PackedWeights::From::kNothing:
      return "nothing";
    case PackedWeights::From::kCopy:
      return "copy";
    case PackedWeights::From::kNewFile:
      return "new file";
    case PackedWeights::From::kFile:
      return "file";
  }
  return "nothing";
}

}  // namespace

std::shared_ptr<const WeightCacheOptions> MakeWeightCache(const CacheSettings& settings) {
  if (settings.weights == "off") return nullptr;
  // A limit on file sizes is then an error of a write, and a copy is made.
  std::signal(SIGXFSZ, SIG_IGN);
  auto options = std::make_shared<WeightCacheOptions>();
  options->directory = WeightCacheDirectory(settings);
  options->always = settings.weights == "always";
  options->most = ParseByteCount(settings.most, "cache.most");
  options->keep_free = ParseByteCount(settings.keep_free, "cache.keep_free");
  auto shown = std::make_shared<std::unique_ptr<Progress>>();
  options->progress = [shown](int64_t done, int64_t total) {
    if (*shown == nullptr) *shown = std::make_unique<Progress>("packing weights", total);
    (*shown)->Update(done);
    if (done == total) shown->reset();
  };
  options->note = [shown](const std::string& text) {
    shown->reset();
    PrintError(fmt::format("tael: note: {}\n", text));
  };
  return options;
}

std::string PackedText(const PackedWeights& packed) {
  if (packed.from == PackedWeights::From::kNothing) return "";
  const std::string resident = HumanBytes(packed.bytes);
  if (packed.from == PackedWeights::From::kCopy) {
    return fmt::format("{} copied in {:.2f} s, nothing on the disk", resident, packed.seconds);
  }
  return fmt::format("{} mapped from {} ({} on the disk{}) in {:.2f} s", resident, packed.file,
                     HumanBytes(packed.file_bytes),
                     packed.from == PackedWeights::From::kNewFile ? ", written now" : "",
                     packed.seconds);
}

std::string ForecastText(const Model& model, const RunnerOptions& options) {
  const InterleavedWeights weights = PlanInterleaved(model, options);
  if (weights.bytes() == 0) return "";
  const std::string size = HumanBytes(weights.bytes());
  if (options.weight_cache == nullptr || !CanKeep(model, weights)) {
    return fmt::format("{}, copied at each start", size);
  }
  const WeightCacheForecast found = ForecastWeightCache(model, weights, *options.weight_cache);
  if (found.kept) return fmt::format("{}, mapped from {}", size, found.file);
  if (found.verdict == WeightCacheVerdict::kPays) {
    return fmt::format("{}, the next start keeps them in {}", size, found.file);
  }
  return fmt::format("{}, copied at each start: {}", size,
                     VerdictText(found.verdict, found.facts, *options.weight_cache));
}

Json PackedToJson(const PackedWeights& packed) {
  if (packed.from == PackedWeights::From::kNothing) return {};
  Json out = JsonObject{};
  out.Set("from", FromName(packed.from));
  out.Set("seconds", packed.seconds);
  out.Set("resident_bytes", packed.bytes);
  out.Set("file", packed.file.empty() ? Json() : Json(packed.file));
  out.Set("disk_bytes", packed.file_bytes);
  return out;
}

}  // namespace tael
