// `tael verify`: proves with golden data that Tael computes what the reference implementations do.
#include <fmt/format.h>

#include <map>
#include <memory>

#include "app/command.h"
#include "app/model_flags.h"
#include "app/terminal.h"
#include "app/verify/checks.h"
#include "app/verify/discover.h"
#include "app/verify/grid.h"
#include "app/version.h"
#include "base/error.h"

namespace tael {

std::vector<VerifyRow> CheckGolden(const Golden& golden, const VerifyContext& context) {
  switch (golden.kind) {
    case GoldenKind::kDecoder:
      return CheckDecoderGolden(golden, context);
    case GoldenKind::kLora:
      return CheckLoraGolden(golden, context);
    case GoldenKind::kDequant:
      return CheckDequantGolden(golden);
    case GoldenKind::kQuantize:
      return CheckQuantizeGolden(golden);
    case GoldenKind::kQuantizeError:
      return CheckQuantizeErrorGolden(golden);
    case GoldenKind::kTokenizer:
      return CheckTokenizerGolden(golden, context);
    case GoldenKind::kVocabulary:
      return CheckVocabularyGolden(golden, context);
    case GoldenKind::kTemplate:
      return CheckTemplateGolden(golden, context);
    case GoldenKind::kReference:
      return CheckReferenceGolden(golden, context);
    case GoldenKind::kStories:
      return CheckStoriesGolden(golden, context);
  }
  return {};
}

namespace {

struct VerifyOptions {
  std::vector<std::string> paths, assets;
  std::string grid_model;
  std::optional<std::string> grid_cells, grid_tables, mla;
  std::optional<std::string> matmul, kv;
  std::optional<int> threads;
  bool json = false;
};

std::vector<VerifyRow> CheckAll(const std::vector<Golden>& goldens, const VerifyContext& context) {
  std::vector<VerifyRow> rows;
  Progress progress("verifying", static_cast<int64_t>(goldens.size()));
  int64_t done = 0;
  for (const Golden& golden : goldens) {
    progress.SetLabel(fmt::format("verifying {}", golden.name));
    progress.Update(done++);
    for (VerifyRow& row : CheckGolden(golden, context)) rows.push_back(std::move(row));
  }
  return rows;
}

Json RowsToJson(const std::vector<VerifyRow>& rows, const std::map<RowStatus, int>& counts) {
  Json results = JsonArray{};
  for (const VerifyRow& row : rows) {
    Json entry = JsonObject{};
    entry.Set("name", row.name);
    entry.Set("path", row.path);
    entry.Set("kind", row.kind);
    entry.Set("status", RowStatusName(row.status));
    entry.Set("error", row.error ? Json(*row.error) : Json());
    entry.Set("tolerance", row.error ? Json(row.tolerance) : Json());
    const auto set_agreement = [&](const char* name, const Agreement& agreement) {
      if (agreement.of == 0) return;
      Json value = JsonObject{};
      value.Set("same", agreement.same);
      value.Set("of", agreement.of);
      entry.Set(name, std::move(value));
    };
    set_agreement("top1", row.top1);
    set_agreement("greedy", row.greedy);
    if (!row.detail.empty()) entry.Set("detail", row.detail);
    results.Append(std::move(entry));
  }
  Json summary = JsonObject{};
  for (const auto status : {RowStatus::kPass, RowStatus::kFail, RowStatus::kUnsupported}) {
    summary.Set(RowStatusName(status), counts.contains(status) ? counts.at(status) : 0);
  }
  Json out = JsonObject{};
  out.Set("results", std::move(results));
  out.Set("summary", std::move(summary));
  out.Set("version", Version());
  out.Set("numerics_version", kNumericsVersion);
  return out;
}

std::string RowsToText(const std::vector<VerifyRow>& rows, const std::map<RowStatus, int>& counts) {
  std::vector<std::vector<std::string>> table = {{"name", "kind", "error", "tolerance", "status"}};
  for (const VerifyRow& row : rows) {
    table.push_back({row.name, row.kind, row.error ? fmt::format("{:.3g}", *row.error) : "-",
                     row.error ? fmt::format("{:.3g}", row.tolerance) : "-",
                     RowStatusName(row.status)});
  }
  std::string text = FormatTable(table);
  for (const VerifyRow& row : rows) {
    if (row.status == RowStatus::kPass) continue;
    text += fmt::format("{} {}: {}\n",
                        Styled(row.status == RowStatus::kFail ? Style::kRed : Style::kYellow,
                               RowStatusName(row.status)),
                        row.name, row.detail.empty() ? "error above the tolerance" : row.detail);
  }
  const auto count = [&](RowStatus status) {
    return counts.contains(status) ? counts.at(status) : 0;
  };
  return text + fmt::format("{} passed, {} failed, {} unsupported\n", count(RowStatus::kPass),
                            count(RowStatus::kFail), count(RowStatus::kUnsupported));
}

// An option that would have no effect is refused: it was given because somebody expects one.
int ExecuteGrid(const VerifyOptions& options, const Settings& settings) {
  if (!options.paths.empty()) throw UsageError("--hash-grid takes one model and no paths");
  if (!options.assets.empty())
    throw UsageError("--hash-grid needs no --assets: it reads no golden");
  if (options.threads) {
    throw UsageError("--hash-grid takes no --threads: the numbers of threads are part of the grid");
  }
  const std::string matmul = options.matmul.value_or(settings.run.matmul);
  if (matmul == "both") {
    throw UsageError(
        "--hash-grid measures one mode, with one hash: --matmul integer, float or bf16");
  }
  GridCommand command{.model = options.grid_model,
                      .cells = options.grid_cells.value_or("auto"),
                      .matmul = MatmulFromName(matmul),
                      .tables = options.grid_tables.value_or(""),
                      .json = options.json};
  command.kv = CacheType(options.kv.value_or(settings.run.kv), command.matmul);
  command.expanded_latents = options.mla == "expanded";
  return RunHashGrid(command, settings);
}

int Execute(const VerifyOptions& options, const LoadedSettings& settings) {
  if (!options.grid_model.empty()) return ExecuteGrid(options, settings.values);
  if (options.grid_cells || options.grid_tables) {
    throw UsageError("--grid-cells and --grid-tables belong to --hash-grid");
  }
  if (options.mla) throw UsageError("--mla belongs to --hash-grid");
  if (options.kv) {
    throw UsageError("--kv belongs to --hash-grid: goldens are checked with the cache they need");
  }
  if (options.paths.empty()) throw UsageError("paths is required");
  VerifyContext context;
  context.settings = settings.values;
  context.assets = options.assets;
  context.threads = options.threads.value_or(settings.values.run.threads);
  const std::string matmul = options.matmul.value_or("both");
  if (matmul == "bf16") {
    throw UsageError("--matmul bf16 belongs to --hash-grid: goldens are of float and integer");
  }
  context.matmul = matmul == "both"    ? MatmulChoice::kBoth
                   : matmul == "float" ? MatmulChoice::kFloat
                                       : MatmulChoice::kInteger;
  std::vector<Golden> goldens;
  for (const std::string& path : options.paths) {
    for (Golden& golden : FindGoldens(path)) goldens.push_back(std::move(golden));
  }
  const std::vector<VerifyRow> rows = CheckAll(goldens, context);
  std::map<RowStatus, int> counts;
  for (const VerifyRow& row : rows) ++counts[row.status];
  PrintOut(options.json ? DumpJson(RowsToJson(rows, counts)) + "\n" : RowsToText(rows, counts));
  if (rows.empty()) {
    PrintError("tael: error: no golden was found under the given paths; nothing was verified\n");
    return kExitFailure;
  }
  const bool all_pass = counts[RowStatus::kPass] == static_cast<int>(rows.size());
  return all_pass ? kExitOk : kExitFailure;
}

}  // namespace

Command AddVerifyCommand(CommandParser& program) {
  auto options = std::make_shared<VerifyOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "verify",
       .description = "Compare Tael with golden data of reference implementations",
       .footer =
           "Exit code 0 only when every row passes and there is at least one; 1 on any fail,\n"
           "any golden of a kind that is unsupported yet, or no golden at all."});
  command.AddOption("paths", &options->paths, "folders or golden files", {.type = "PATH"});
  command.AddOption("--assets", &options->assets,
                    "folder with tokenizers, templates, models that goldens name (repeatable)",
                    {.type = "DIR", .check = ExistingDirectory{}});
  command.AddOption("--matmul", &options->matmul,
                    "which paths block formats are checked on (both; --hash-grid: the setting's)",
                    {.check = OneOf{{"both", "float", "integer", "bf16"}}});
  command.AddOption("--hash-grid", &options->grid_model,
                    "instead: evaluate one request of this model with every batch, chunk, thread "
                    "count and prefix; all must give one hash",
                    {.type = "MODEL"});
  command.AddOption("--grid-cells", &options->grid_cells,
                    "cells on the best kernels (auto: all for small models, else pairwise)",
                    {.check = OneOf{{"auto", "all", "pairwise", "corners", "corner-pairs"}}});
  command.AddOption("--grid-tables", &options->grid_tables,
                    "all: small models also run corners on every other kernel table",
                    {.check = OneOf{{"all", "best"}}});
  AddCacheOption(command, &options->kv);
  AddLatentOption(command, &options->mla);
  command.AddOption("--threads", &options->threads, "worker threads (0 = all available CPUs)",
                    {.check = IntRange{0, 1024}});
  command.AddFlag("--json", &options->json,
                  "print {\"results\": [{name, path, kind, status, error, tolerance}]}");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
