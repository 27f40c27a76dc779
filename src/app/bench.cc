// `tael bench`: how fast a model runs here, and how much of the machine's limits that is.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>

#include "app/adapter_flags.h"
#include "app/bench/counts.h"
#include "app/bench/report.h"
#include "app/command.h"
#include "app/machine.h"
#include "app/memory.h"
#include "app/model_flags.h"
#include "app/terminal.h"
#include "base/error.h"
#include "spec/long_context.h"

namespace tael {
namespace {

constexpr int kMostTokens = 1 << 24, kMostSequences = 4096, kMostRepetitions = 10000;

struct BenchOptions {
  ModelFlags model;
  std::vector<std::string> prompts, generated, depths, sequences, threads;
  int repetitions = 5;
  bool json = false, no_probes = false, profile = false, same_tokens = false;
};

std::vector<int> CountsOr(const std::string& option, const std::vector<std::string>& uses,
                          int least, int most, int otherwise) {
  if (uses.empty()) return {otherwise};
  return ParseCounts(option, uses, least, most);
}

// Every depth with every prefill and every decode of every batch.
std::vector<BenchEntry> MakeEntries(const BenchOptions& options) {
  const auto prompts = CountsOr("--prompt", options.prompts, 0, kMostTokens, 512);
  const auto generated = CountsOr("--gen", options.generated, 0, kMostTokens, 128);
  const auto sequences = CountsOr("--batch", options.sequences, 1, kMostSequences, 1);
  std::vector<BenchEntry> entries;
  for (const int depth : CountsOr("--depth", options.depths, 0, kMostTokens, 0)) {
    for (const int prompt : prompts) {
      if (prompt > 0) entries.push_back({.depth = depth, .prompt = prompt});
    }
    for (const int tokens : generated) {
      for (const int count : sequences) {
        if (tokens > 0) {
          entries.push_back({.depth = depth, .generated = tokens, .sequences = count});
        }
      }
    }
  }
  if (entries.empty()) throw UsageError("nothing to measure: --prompt and --gen are 0");
  return entries;
}

// Positions that a sequence may have: --ctx, or all that the model was trained for.
void CheckPositions(const std::vector<BenchEntry>& entries, const Model& model, int ctx) {
  const int limit = ctx > 0 ? ResolveContext(model, ctx) : model.spec.max_context;
  for (const BenchEntry& entry : entries) {
    if (entry.positions() <= limit) continue;
    Fail(ErrorCode::kInvalidArgument,
         "{} needs a context of {} tokens (depth {} + prompt {} + generated {}), but {} {}. Hint: "
         "smaller --depth, --prompt or --gen{}",
         entry.Name(), entry.positions(), entry.depth, entry.prompt, entry.generated,
         ctx > 0 ? "--ctx is" : "the model was trained for", limit, LongContextHint(model.spec));
  }
}

// The size of the engine that could serve all entries; --ctx makes it larger, as it does for `run`.
EngineOptions MakeEngineOptions(const std::vector<BenchEntry>& entries, const ModelFlags& flags,
                                const RunSettings& run) {
  EngineOptions engine;
  engine.runner = MakeRunnerOptions(flags, run);
  engine.limits.max_sequences = 1;
  engine.limits.share_prefixes = false;  // batches are made here, without an engine
  engine.max_context = flags.ctx.value_or(run.ctx);
  for (const BenchEntry& entry : entries) {
    engine.limits.max_sequences = std::max(engine.limits.max_sequences, entry.sequences);
    engine.max_context = std::max(engine.max_context, entry.positions());
  }
  return engine;
}

// What the probes may take: half of it at most. `limit`: --memory; 0 = none.
int64_t LeftForProbes(int64_t limit) {
  const int64_t available = AvailableMemory();
  if (limit == 0) return available;
  const int64_t left = std::max<int64_t>(1, limit - ReadProcessMemory().resident());
  return available == 0 ? left : std::min(available, left);
}

BenchContext MakeContext(const BenchOptions& options, const BenchPlan& plan) {
  return {.path = "",
          .matmul = MatmulName(plan.runner.matmul),
          .kv = Name(plan.runner.kv_dtype),
          .mode = plan.runner.matmul,
          .runner = plan.runner,
          .prefill_chunk = plan.prefill_chunk,
          .repetitions = plan.repetitions,
          .probes = !options.no_probes,
          .same_tokens = options.same_tokens,
          .loras = options.model.loras,
          .load_before = LoadAverage()};
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int Execute(const BenchOptions& options, const LoadedSettings& settings) {
  const auto start = std::chrono::steady_clock::now();
  const std::vector<BenchEntry> entries = MakeEntries(options);
  if (options.model.threads && !options.threads.empty()) {
    throw UsageError("--threads and -t say the same; use one of them");
  }
  const RunSettings& run = settings.values.run;
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values, LoadFor::kTokenIds);
  const Model& model = *loaded.model;
  CheckPositions(entries, model, options.model.ctx.value_or(run.ctx));
  EngineOptions engine = MakeEngineOptions(entries, options.model, run);
  const auto threads = CountsOr("-t", options.threads, 1, 1024, engine.runner.threads);
  engine.runner.threads = *std::max_element(threads.begin(), threads.end());
  FitIntoMemory(loaded, options.model, run, engine);
  BenchPlan plan{.runner = engine.runner,
                 .shape = ShapeOf(engine, engine.max_context),
                 .prefill_chunk = engine.limits.prefill_chunk,
                 .repetitions = options.repetitions,
                 .adapters = ChooseAdapters(model.adapters, AdapterChoices(options.model.loras)),
                 .profile = options.profile,
                 .same_tokens = options.same_tokens};

  BenchContext context = MakeContext(options, plan);
  context.path = loaded.path;
  const int64_t memory_limit = MakeMemoryWish(options.model, run).limit;
  std::vector<BenchRow> rows;
  std::unique_ptr<ProbeMemory> memory;
  Progress progress("measuring", static_cast<int64_t>(threads.size() * entries.size()));
  for (const int count : threads) {
    plan.runner.threads = count;
    BenchRunner runner(model, plan);
    if (context.load_seconds == 0) {
      context.packed = runner.runner().packed();
      context.load_seconds = SecondsSince(start);
      context.large_page_bytes = LargePageBytesOf({runner.runner().interleaved().strips()});
    }
    context.kernels = runner.runner().kernels().name;
    std::unique_ptr<LimitProbe> probe;
    if (context.probes) {
      WorkerPool& pool = runner.runner().pool();
      if (!memory) memory = std::make_unique<ProbeMemory>(LeftForProbes(memory_limit), pool);
      context.probe_bytes = memory->bytes();
      probe = std::make_unique<LimitProbe>(pool, ProbesOf(runner.runner().kernels()), *memory);
    }
    for (const BenchEntry& entry : entries) {
      progress.SetLabel("measuring " + entry.Name());
      progress.Update(static_cast<int64_t>(rows.size()));
      rows.push_back({runner.runner().threads(), runner.Run(entry, probe.get())});
    }
  }
  progress.Finish();
  context.load_after = LoadAverage();
  PrintOut(options.json ? DumpJson(ReportToJson(context, model, rows)) + "\n"
                        : ReportToText(context, model, rows));
  return kExitOk;
}

}  // namespace

Command AddBenchCommand(CommandParser& program) {
  auto options = std::make_shared<BenchOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "bench",
       .description = "Measure the speed of a model and its share of the machine's limits",
       .footer = "Numbers may be lists: -p 128,512 or -p 128 -p 512. Every depth is measured with "
                 "every -p and with\nevery -n of every -b; 0 leaves one out. What is measured, and "
                 "when it is valid: docs/benchmarks.md."});
  AddModelFlags(command, options->model);
  AddAdapterOption(command, &options->model.loras);
  const OptionRules list{.type = "N,..."};
  command.AddOption("-p,--prompt", &options->prompts, "prefill of N tokens (512)", list);
  command.AddOption("-n,--gen", &options->generated, "decode of N tokens (128)", list);
  command.AddOption("-d,--depth", &options->depths, "tokens in the context before (0)", list);
  command.AddOption("-b,--batch", &options->sequences, "sequences that decode together (1)", list);
  command.AddOption("-t", &options->threads, "like --threads, but a list", list);
  command.AddOption("-r,--repetitions", &options->repetitions, "repetitions of each measurement",
                    {.check = IntRange{1, kMostRepetitions}, .show_default = true});
  command.AddFlag("--no-probes", &options->no_probes,
                  "leave out the machine's limits (and the 1 GiB of memory to find them)");
  command.AddFlag("--same-tokens", &options->same_tokens,
                  "give all sequences of a batch the same tokens: they choose the same experts");
  command.AddFlag("--profile", &options->profile,
                  "time, bytes and operations of every kind of operation (JSON: of every layer)");
  command.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
