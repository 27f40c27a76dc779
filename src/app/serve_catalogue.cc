#include "app/serve_catalogue.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "app/adapter_flags.h"
#include "app/fingerprint.h"
#include "app/memory.h"
#include "app/model_store.h"
#include "app/names.h"
#include "app/terminal.h"
#include "app/version.h"
#include "base/error.h"
#include "base/sha256.h"
#include "spec/latent_form.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

// "models/Qwen3-0.6B.Q4_K_M.gguf": "Qwen3-0.6B.Q4_K_M".
std::string NameOfPath(const std::string& path) {
  fs::path name = fs::path(path).lexically_normal();
  if (!name.has_filename()) name = name.parent_path();
  const std::string text = name.filename().string();
  return text.ends_with(".gguf") ? text.substr(0, text.size() - 5) : text;
}

int64_t ChangedAt(const std::string& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(system).count();
}

// Equal ones give equal answers.
std::string AnswersFingerprint(const LoadedModel& loaded, const std::string& weights,
                               const RunnerOptions& runner) {
  Sha256 hash;
  hash.Update(weights);
  hash.Update(fmt::format("\nnumerics {} matmul {} kv {} expanded {}", kNumericsVersion,
                          MatmulName(runner.matmul), Name(runner.kv_dtype),
                          HasExpandedLatents(loaded.model->spec) ? 1 : 0));
  for (const auto& adapter : loaded.model->adapters) {
    hash.Update(fmt::format("\n{} {}", adapter->name, AdapterFingerprint(adapter->path)));
  }
  return "fp_" + hash.FinishHex().substr(0, 16);
}

}  // namespace

ServeCatalogue::ServeCatalogue(ServeModelOptions options, LoadedSettings settings)
    : options_(std::move(options)), settings_(std::move(settings)) {
  for (const std::string& name : options_.models) {
    Entry entry;
    entry.path = ResolveModel(name, settings_.values);
    entry.name = entry.path == name ? NameOfPath(name) : name;
    if (entry.path == name) entry.aliases.push_back(name);
    entry.created = ChangedAt(entry.path);
    for (const Entry& other : given_) {
      if (other.name == entry.name) {
        Fail(ErrorCode::kInvalidArgument, "{} and {} are both named '{}'. Hint: rename one of them",
             other.path, entry.path, entry.name);
      }
    }
    given_.push_back(std::move(entry));
  }
}

std::vector<ModelCatalogue::Entry> ServeCatalogue::List() const {
  if (!given_.empty()) return given_;
  std::vector<Entry> all;
  for (const ModelEntry& model : FindModels(settings_.values)) {
    all.push_back({.name = model.name,
                   .path = model.path,
                   .created = ChangedAt(model.path),
                   .bytes = model.size_bytes});
  }
  return all;
}

std::string ServeCatalogue::Resolve(const std::string& name) const {
  const std::vector<Entry> all = List();
  std::vector<std::string> names;
  for (const Entry& entry : all) {
    const auto& aliases = entry.aliases;
    const bool alias = std::find(aliases.begin(), aliases.end(), name) != aliases.end();
    if (entry.name == name || entry.name + ":latest" == name || alias) return entry.name;
    names.push_back(entry.name);
  }
  Fail(ErrorCode::kNotFound, "model '{}' is not served here.{} Models: {}", name.substr(0, 200),
       DidYouMean(name, names), fmt::join(names, ", "));
}

EngineOptions ServeCatalogue::OptionsFor(const LoadedModel& loaded, bool embeds) const {
  const RunSettings& run = settings_.values.run;
  constexpr int kContexts = 4;  // that the cache holds, of sequences that are as long as can be
  const MemoryWish plain = MakeMemoryWish(options_.flags, run);
  const auto options_for = [&](int context, const RunnerOptions& runner) {
    EngineOptions options;
    options.max_context = context;
    options.runner = runner;
    options.limits.max_sequences = options_.parallel;
    if (embeds) options.hidden_rows = options_.parallel;
    options.limits.step_seconds = kServedStepSeconds;
    // What may wait, of all clients and of one.
    options.queue = {.choices = 8192,
                     .prompt_tokens = 4'000'000,
                     .owner_choices = 4096,
                     .owner_prompt_tokens = 2'000'000};
    const int contexts = std::min(kContexts, options_.parallel);
    options.kv_blocks = options_.cache_tokens > 0
                            ? std::max(BlocksFor(options_.cache_tokens), BlocksFor(context))
                            : contexts * BlocksFor(context);
    return options;
  };
  MemoryWish wish = plain;
  wish.shape = [&](int context) { return ShapeOf(options_for(context, wish.runner), context); };
  const FittedRun fitted = FitIntoMemory(loaded, wish);
  return options_for(fitted.context, fitted.runner);
}

void ServeCatalogue::UseSampling(ServedModel& served) const {
  const RunSettings& run = settings_.values.run;
  served.sampling = MakeSamplingParams(options_.sampling, run);
  const RecommendedSampling recommended =
      FindRecommendedSampling(*served.loaded.model, options_.sampling, settings_);
  UseRecommended(recommended, options_.sampling, settings_, served.sampling);
  served.token_texts = UseVocabulary(options_.sampling, *served.loaded.tokenizer, served.sampling);
  served.stop_strings = StopTexts(options_.sampling);
  served.max_tokens = MaxTokens(options_.sampling, run);
}

std::shared_ptr<ServedModel> ServeCatalogue::Load(const std::string& name) {
  const auto begin = std::chrono::steady_clock::now();
  auto served = std::make_shared<ServedModel>();
  ModelFlags flags = options_.flags;
  for (const Entry& entry : List()) {
    if (entry.name == name) flags.model = entry.path;
  }
  served->name = name;
  served->loaded = LoadNamedModel(flags, settings_.values);
  served->adapters = AdapterChoices(flags.loras);
  UseSampling(*served);
  try {
    served->format = std::make_unique<ChatFormat>(served->loaded);
  } catch (const Error& error) {
    served->why_no_format = error.what();
  }
  try {
    const Model& model = *served->loaded.model;
    served->pooling = ReadPooling(model.checkpoint, static_cast<int>(model.spec.hidden_size));
  } catch (const Error& error) {
    served->why_no_pooling = error.what();
  }
  const EngineOptions options = OptionsFor(served->loaded, served->pooling.has_value());
  served->context = options.max_context;
  served->digest = WeightsFingerprint(*served->loaded.model, options.runner);
  served->digest.erase(0, served->digest.find(':') + 1);
  served->fingerprint = AnswersFingerprint(served->loaded, served->digest, options.runner);
  served->engine = std::make_unique<EngineThread>(
      *served->loaded.model, options, turns_, [name](const std::exception_ptr& failure) {
        try {
          std::rethrow_exception(failure);
        } catch (const std::exception& error) {
          PrintError(fmt::format("tael: error: {}: a step failed: {}\n", name, error.what()));
        }
      });
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  served->load_seconds = took.count();
  PrintError(fmt::format("tael: {}: loaded in {:.1f} s, context {} tokens, {} sequences, {}\n",
                         name, served->load_seconds, served->context, options_.parallel,
                         SamplingText(served->sampling)));
  return served;
}

}  // namespace tael
