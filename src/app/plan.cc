// `tael plan`: what a run would occupy, from the headers of the model alone.
#include <fmt/format.h>

#include <memory>

#include "app/adapter_flags.h"
#include "app/command.h"
#include "app/matmul_plans.h"
#include "app/memory.h"
#include "app/spec_json.h"
#include "app/terminal.h"
#include "app/version.h"
#include "app/weight_cache_text.h"
#include "runtime/allowed_cpus.h"
#include "runtime/numa_plan.h"
#include "runtime/worker_pool.h"

namespace tael {
namespace {

struct PlanOptions {
  ModelFlags model;
  int slots = 1;
  bool json = false, products = false, numa = false;
};

NumaPlan PlaceThreads(const RunnerOptions& options, std::string* note) {
  const CpuTopology machine = ReadTopology(kSystemDevices, AllowedCpus());
  *note = machine.note;
  return PlanNuma(machine, WorkerPool(WorkerPool::Imagined{options.threads}).size());
}

Json NumaToJson(const NumaPlan& plan, const std::string& note) {
  Json nodes = JsonArray{};
  for (const NumaPlan::Node& node : plan.nodes) {
    Json entry;
    entry.Set("node", node.id);
    entry.Set("first_worker", node.first_worker);
    entry.Set("workers", node.workers);
    nodes.Append(std::move(entry));
  }
  Json places = JsonArray{};
  for (const std::vector<int>& place : plan.places) {
    Json cpus = JsonArray{};
    for (const int cpu : place) cpus.Append(cpu);
    places.Append(std::move(cpus));
  }
  Json json;
  json.Set("note", note.empty() ? Json() : Json(note));
  json.Set("nodes", std::move(nodes));
  json.Set("places", std::move(places));
  return json;
}

Json PartsToJson(const PlannedRun& run) {
  const MemoryPlan& plan = run.plan;
  Json out = JsonObject{};
  out.Set("weights", plan.weights);
  out.Set("repacked", plan.repacked);
  out.Set("adapters", plan.adapters);
  out.Set("kv_cache", plan.kv_cache);
  out.Set("states", plan.states);
  out.Set("scratch", plan.scratch);
  out.Set("sampling", plan.sampling);
  out.Set("program", plan.program);
  return out;
}

Json ChecksToJson(const PlannedRun& run) {
  Json list = JsonArray{};
  for (const MemoryCheck& check : run.checks) {
    Json entry = JsonObject{};
    entry.Set("source", check.source);
    entry.Set("limit_bytes", check.limit);
    entry.Set("needed_bytes", check.needed);
    entry.Set("fits", check.fits());
    list.Append(std::move(entry));
  }
  return list;
}

Json PlanToJson(const LoadedModel& loaded, const MemoryWish& wish, const PlannedRun& run) {
  Json out = JsonObject{};
  out.Set("total_bytes", run.plan.total());
  out.Set("upper_bound", wish.lazy);  // lazily read weights may never all be resident
  out.Set("parts", PartsToJson(run));
  out.Set("loading_peak_bytes", run.plan.loading);
  out.Set("context", run.shape.context);
  out.Set("slots", run.shape.sequences);
  out.Set("step_tokens", run.shape.rows);
  out.Set("kv", Name(wish.runner.kv_dtype));
  out.Set("kv_bytes_per_token",
          KvCacheBytes(*loaded.model, wish.runner.kv_dtype, 1) / kKvBlockPositions);
  out.Set("fits", run.fits());
  out.Set("largest_context", LargestContext(*loaded.model, wish, loaded.model->spec.max_context));
  out.Set("shortened_by", run.shortened_by.empty() ? Json() : Json(run.shortened_by));
  out.Set("limits", ChecksToJson(run));
  out.Set("model", loaded.path);
  out.Set("model_context", loaded.model->spec.max_context);
  SetLongContext(*loaded.model, &out);
  SetLatentForm(*loaded.model, &out);
  const std::string packed = ForecastText(*loaded.model, wish.runner);
  out.Set("packed", packed.empty() ? Json() : Json(packed));
  out.Set("version", Version());
  return out;
}

void PrintPlan(const LoadedModel& loaded, const MemoryWish& wish, const PlannedRun& run) {
  const MemoryPlan& plan = run.plan;
  const std::string cache = fmt::format("{} sequence(s) of {} tokens as {}", run.shape.sequences,
                                        run.shape.context, Name(wish.runner.kv_dtype));
  PrintOut(FormatTable(
      {{"part", "bytes", "", "what"},
       {"weights", std::to_string(plan.weights), HumanBytes(plan.weights),
        wish.lazy ? "at most; read as they are used" : "resident from the start"},
       {"repacked", std::to_string(plan.repacked), HumanBytes(plan.repacked),
        plan.repacked > 0 ? "weights with interleaved rows, in the place of the file's"
                          : "no weights are copied"},
       {"adapters", std::to_string(plan.adapters), HumanBytes(plan.adapters),
        "LoRA, decoded to f32"},
       {"kv_cache", std::to_string(plan.kv_cache), HumanBytes(plan.kv_cache), cache},
       {"states", std::to_string(plan.states), HumanBytes(plan.states),
        plan.states > 0 ? fmt::format("{} of the recurrent layers", run.shape.state_slots)
                        : "no recurrent layers"},
       {"scratch", std::to_string(plan.scratch), HumanBytes(plan.scratch),
        fmt::format("steps of up to {} tokens", run.shape.rows)},
       {"sampling", std::to_string(plan.sampling), HumanBytes(plan.sampling), "one sampler chain"},
       {"program", std::to_string(plan.program), HumanBytes(plan.program),
        "code, vocabulary, tables"},
       {"total", std::to_string(plan.total()), HumanBytes(plan.total()),
        wish.lazy ? "upper bound" : ""}}));
  const std::string packed = ForecastText(*loaded.model, wish.runner);
  if (!packed.empty()) PrintOut(fmt::format("packed weights: {}\n", packed));
  for (const MemoryCheck& check : run.checks) {
    PrintOut(fmt::format("{}: {} of {}{}\n", check.source, HumanBytes(check.needed),
                         HumanBytes(check.limit), check.fits() ? "" : " - does not fit"));
  }
  PrintOut(fmt::format("largest context that fits: {} (the model allows {})\n",
                       LargestContext(*loaded.model, wish, loaded.model->spec.max_context),
                       loaded.model->spec.max_context));
  if (const auto& context = loaded.model->spec.long_context) {
    PrintOut(LongContextText(LongContextToJson(*context)) + "\n");
  }
}

int Execute(const PlanOptions& options, const LoadedSettings& settings) {
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values, LoadFor::kPlanning);
  EngineOptions engine;
  engine.limits.max_sequences = options.slots;
  MemoryWish wish = MakeMemoryWish(options.model, settings.values.run);
  wish.shape = [&](int context) {
    RunShape shape = ShapeOf(engine, context);
    // With one slot, what a chat keeps to return to; `run` keeps less.
    if (options.slots == 1) shape.state_slots = ShapeOf(SessionOptions{}, context).state_slots;
    return shape;
  };
  const PlannedRun run = PlanRun(*loaded.model, wish);
  std::vector<PlannedMatrices> matmuls;
  if (options.products) matmuls = PlanMatmuls(*loaded.model, wish.runner);
  std::string note;
  const NumaPlan places = PlaceThreads(wish.runner, &note);
  if (options.json) {
    Json plan = PlanToJson(loaded, wish, run);
    if (options.products) plan.Set("matmuls", MatmulsToJson(matmuls));
    if (options.numa) plan.Set("numa", NumaToJson(places, note));
    PrintOut(DumpJson(plan) + "\n");
  } else {
    PrintPlan(loaded, wish, run);
    if (options.products) PrintOut(MatmulsToText(matmuls));
    if (options.numa) PrintOut(ToText(places) + (note.empty() ? "" : "one node: " + note + "\n"));
  }
  return run.fits() ? kExitOk : kExitFailure;
}

}  // namespace

Command AddPlanCommand(CommandParser& program) {
  auto options = std::make_shared<PlanOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "plan",
       .description = "What a run would occupy, from the model's headers alone",
       .footer =
           "run and chat use one slot. Exit code 1 when it does not fit. More: docs/memory.md."});
  AddModelFlags(command, options->model);
  AddAdapterOption(command, &options->model.loras);
  command.AddOption("--slots", &options->slots, "sequences evaluated at the same time",
                    {.check = IntRange{1, 4096}, .show_default = true});
  command.AddFlag("--products", &options->products,
                  "how the products with every matrix would be computed, too");
  command.AddFlag("--numa", &options->numa,
                  "the memory nodes of this machine and the CPUs of every thread, too");
  command.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
