// `tael quantize`: a model in smaller types, from safetensors or GGUF to GGUF.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <csignal>
#include <memory>
#include <optional>
#include <utility>

#include "adapt/plan.h"
#include "adapt/quantise.h"
#include "adapt/summary.h"
#include "app/command.h"
#include "app/convert_target.h"
#include "app/memory.h"
#include "app/model_store.h"
#include "app/names.h"
#include "app/quantize_auto.h"
#include "app/quantize_source.h"
#include "app/tensor_writing.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"
#include "checkpoint/write_gguf.h"
#include "engine/runner_options.h"

namespace tael {
namespace {

struct QuantizeOptions {
  std::string source, target;
  std::optional<std::string> type, imatrix, shard_size;
  std::vector<std::string> rules, allowed_keys;
  AutoFlags automatic;
  int threads = 0;
  bool pure = false, search = false, no_tokenizer = false, force = false, dry_run = false;
};

// A recipe, or a type for all tensors alike.
struct Target {
  Recipe recipe;
  bool is_recipe = true;
};

Target ParseType(const std::string& name, bool pure) {
  // What these names mean to llama.cpp too.
  static constexpr std::pair<const char*, const char*> kShort[] = {
      {"Q3_K", "Q3_K_M"}, {"Q4_K", "Q4_K_M"}, {"Q5_K", "Q5_K_M"}};
  if (const Recipe* recipe = FindRecipe(name)) return {*recipe, !pure};
  std::string upper = name;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  for (const auto& [alias, recipe] : kShort) {
    if (upper == alias) return {*FindRecipe(recipe), !pure};
  }
  if (const auto type = EncodableType(name)) return {{Name(*type), 0, *type}, false};
  Fail(ErrorCode::kInvalidArgument,
       "--type '{}': is no recipe and no type that can be written.{} "
       "Known are {}",
       name, DidYouMean(name, RecipeNames()), fmt::join(RecipeNames(), ", "));
}

// The number of the recipe; none for a type that only this list of tensors has.
std::optional<uint32_t> FileType(const Target& target) {
  const Recipe* known = FindRecipe(target.recipe.name);
  return known == nullptr ? std::nullopt : std::optional(known->file_type);
}

std::vector<PlannedTensor> MakePlan(const QuantizeOptions& options, const Target& target,
                                    const QuantizeSource& source, const Importance* importance) {
  PlanRequest request{.recipe = &target.recipe,
                      .importance = importance,
                      .model = source.facts,
                      .always_kept = source.always_kept,
                      .pure = !target.is_recipe};
  request.model.importance = importance != nullptr;
  for (const std::string& rule : options.rules) request.rules.push_back(ParseTypeRule(rule));
  return PlanTypes(source.tensors, request);
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  return fmt::format("{}", fmt::join(shape, " x "));
}

void PrintPlan(const std::vector<PlannedTensor>& plan) {
  std::vector<std::vector<std::string>> rows = {{"tensor", "shape", "from", "to", "why"}};
  for (const PlannedTensor& tensor : plan) {
    std::string why = NameOf(tensor.reason);
    if (tensor.reason == Reason::kFallback) {
      why = fmt::format("rows of {} are no whole blocks of {}", tensor.shape.back(),
                        Name(tensor.wanted));
    }
    rows.push_back({tensor.name.substr(0, 120), ShapeText(tensor.shape), Name(tensor.from),
                    Name(tensor.to), why});
  }
  PrintOut(FormatTable(rows) + "\n");
}

void PrintSummary(const PlanSummary& summary, const Target& target) {
  std::vector<std::vector<std::string>> rows = {{"type", "tensors", "size"}};
  for (const TypeCount& type : summary.types) {
    rows.push_back({Name(type.type), std::to_string(type.tensors), HumanBytes(type.bytes)});
  }
  PrintOut(FormatTable(rows));
  PrintOut(fmt::format("{}: {} -> {}, {:.3f} bits per weight\n", target.recipe.name,
                       HumanBytes(summary.bytes_before), HumanBytes(summary.bytes),
                       summary.bits_per_weight()));
  if (!summary.fallbacks.empty()) {
    PrintOut(fmt::format("rows that are no whole blocks of the recipe's type: {}\n",
                         fmt::join(summary.fallbacks, ", ")));
  }
  if (summary.requantised > 0) {
    Note(fmt::format("{} tensors are quantised already; errors add up", summary.requantised));
  }
  if (summary.without_importance > 0) {
    Note(fmt::format("the importance matrix has nothing about {} tensors",
                     summary.without_importance));
  }
  FlushOut();
}

GgufEntries FileKeys(const Target& target) {
  GgufEntries keys = {{"general.quantization_version", GgufU32(2)}};
  if (const auto type = FileType(target)) {
    keys.emplace_back("general.file_type", GgufU32(*type));
  }
  return keys;
}

// Measuring needs the tokenizer too.
LoadedModel Load(const QuantizeOptions& options, const LoadedSettings& settings, bool text) {
  if (text) {
    ModelFlags flags;
    flags.model = options.source;
    flags.allowed_keys = options.allowed_keys;
    return LoadNamedModel(flags, settings.values);
  }
  LoadedModel loaded;
  loaded.path = ResolveModel(options.source, settings.values);
  LoadOptions load;
  load.allowed_keys = options.allowed_keys;
  loaded.model = LoadModel(loaded.path, load);
  return loaded;
}

int Execute(const QuantizeOptions& options, const LoadedSettings& settings) {
  // A limit on the size of files is an error like a full disk, not the end of the program.
  std::signal(SIGXFSZ, SIG_IGN);
  const std::string name = options.type.value_or("");
  const std::optional<AutoSize> automatic = ParseAuto(name);
  Target target = ParseType(automatic ? automatic->recipe : name, options.pure);
  const KernelTable& kernels = ResolveKernels(nullptr);
  std::optional<Importance> importance;
  if (options.imatrix) importance = ReadImportance(*options.imatrix);
  const LoadedModel loaded = Load(options, settings, automatic.has_value());
  QuantizeSource source =
      MakeQuantizeSource(*loaded.model, options.target, kernels.packed, options.no_tokenizer);
  const Importance* matrix = importance ? &*importance : nullptr;
  std::vector<PlannedTensor> plan = MakePlan(options, target, source, matrix);
  if (automatic) {
    // Before minutes of measuring; Check() below knows the names of all parts.
    CheckGgufTarget(options.target, {options.target}, options.force);
    ChooseMeasuredTypes(loaded, options.automatic, *automatic, options.threads, matrix, &plan);
    target.recipe.name = "auto";
  }
  WorkerPool pool(options.threads);
  std::vector<TensorSource> tensors = Quantised(
      std::move(source.tensors), plan,
      {pool, EncodersOf(kernels), kernels.decode_row, matrix, automatic || options.search});
  GgufWriteOptions write;
  if (options.shard_size)
    write.max_shard_bytes = ParseByteCount(*options.shard_size, "--shard-size");
  const GgufEntries entries = source.Entries(FileKeys(target));
  source.Check(options.target, GgufPaths(options.target, tensors, write), tensors, options.force);
  if (options.dry_run) PrintPlan(plan);
  PrintSummary(Summarise(plan, matrix), target);
  if (options.dry_run) return kExitOk;
  try {
    const TensorWriting writing("quantising", tensors);
    write.before_commit = [&] { writing.Stop(); };
    for (const std::string& written : WriteGguf(options.target, entries, tensors, write)) {
      PrintOut(fmt::format("{}  {}\n", written, HumanBytes(FileSize(written))));
    }
  } catch (const Interrupted& signal) {
    return signal.exit_code;
  }
  return kExitOk;
}

}  // namespace

Command AddQuantizeCommand(CommandParser& program) {
  auto options = std::make_shared<QuantizeOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "quantize",
       .description = "Write a model in smaller types, as GGUF",
       .footer = fmt::format(
           "Recipes: {}.\n"
           "They give each tensor the type that llama.cpp gives it. The types that they are made\n"
           "of are names too, for all tensors alike. The bytes do not depend on the number of\n"
           "threads. An existing file is replaced only with --force.",
           fmt::join(RecipeNames(), " "))});
  command.AddOption("source", &options->source, "model: path or name, GGUF or safetensors",
                    {.type = "SOURCE", .required = true});
  command.AddOption("target", &options->target, "NAME.gguf", {.type = "TARGET", .required = true});
  command.AddOption("--type", &options->type, "recipe or type, for example Q4_K_M",
                    {.type = "TYPE", .required = true});
  command.AddOption("--rule", &options->rules,
                    "type of the tensors whose name a regular expression finds (repeatable; the "
                    "first that matches decides)",
                    {.type = "REGEX=TYPE"});
  AddAutoFlags(command, options->automatic);
  command.AddOption("--imatrix", &options->imatrix, "importance matrix (tael imatrix)",
                    {.type = "FILE"});
  command.AddFlag("--pure", &options->pure, "the recipe's main type for all tensors");
  command.AddFlag("--search", &options->search,
                  "search scales of Q4_0 to Q5_1 too: nearer than GGML's reference, other bytes");
  command.AddOption("--threads", &options->threads, "worker threads (0 = all available CPUs)",
                    {.check = IntRange{0, 1024}});
  command.AddOption("--shard-size", &options->shard_size,
                    "most tensor data in one file, for example 4G (default: one file)",
                    {.type = "SIZE"});
  command.AddFlag("--no-tokenizer", &options->no_tokenizer, "leave a safetensors model's out");
  command.AddFlag("--dry-run", &options->dry_run, "print the plan, tensor by tensor, and stop");
  command.AddFlag("--force", &options->force, "replace what is at the target");
  command.AddOption("--allow-unknown-key", &options->allowed_keys,
                    "accept this unknown key of the configuration (repeatable)", {.type = "KEY"});
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
