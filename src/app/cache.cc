// `tael cache`: the packed weights that are kept on the disk.
#include <fmt/format.h>
#include <cerrno>
#include <cstring>
#include <memory>

#include "app/command.h"
#include "app/terminal.h"
#include "app/weight_cache_text.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

struct CacheOptions {
  bool clear = false, json = false;
};

// Programs that run a model from a file keep it until they end.
int Clear(const std::vector<KeptWeights>& kept) {
  int64_t bytes = 0, removed = 0;
  for (const KeptWeights& one : kept) {
    if (RemoveWeightFile(one.path)) {
      bytes += one.bytes;
      ++removed;
    } else if (errno == EBUSY) {
      PrintError(fmt::format("{} is being written by another process and stays\n", one.path));
    } else {
      Fail(ErrorCode::kUnavailable, "{}: cannot be removed: {}", one.path, std::strerror(errno));
    }
  }
  PrintError(fmt::format("removed {} file(s), {}\n", removed, HumanBytes(bytes)));
  return kExitOk;
}

int Execute(const CacheOptions& options, const LoadedSettings& settings) {
  const std::string directory = WeightCacheDirectory(settings.values.run.cache);
  const std::vector<KeptWeights> kept = ListKeptWeights(directory);
  if (options.clear) return Clear(kept);
  int64_t bytes = 0;
  Json list = JsonArray{};
  std::vector<std::vector<std::string>> rows = {{"file", "on disk", "of the model"}};
  for (const KeptWeights& one : kept) {
    bytes += one.bytes;
    Json entry = JsonObject{};
    entry.Set("path", one.path);
    entry.Set("bytes", one.bytes);
    entry.Set("model", one.model.empty() ? Json() : Json(one.model));
    entry.Set("model_exists", FileExists(one.model));
    list.Append(std::move(entry));
    const std::string lost = FileExists(one.model) ? "" : " (not there any more)";
    rows.push_back({BaseName(one.path), HumanBytes(one.bytes),
                    one.model.empty() ? "unreadable or half-written" : one.model + lost});
  }
  if (options.json) {
    Json out = JsonObject{};
    out.Set("directory", directory);
    out.Set("bytes", bytes);
    out.Set("files", std::move(list));
    PrintOut(DumpJson(out) + "\n");
    return kExitOk;
  }
  if (!kept.empty()) PrintOut(FormatTable(rows));
  PrintOut(fmt::format("{}: {} file(s), {}\n", directory, kept.size(), HumanBytes(bytes)));
  return kExitOk;
}

}  // namespace

Command AddCacheCommand(CommandParser& program) {
  auto options = std::make_shared<CacheOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "cache",
       .description = "Packed weights that are kept on the disk for quicker starts",
       .footer = "Last used first. They are kept where that pays, or always or never (setting "
                 "cache.weights);\nevery file can be removed at any time and is made again."});
  command.AddFlag("--clear", &options->clear, "remove all of them");
  command.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
