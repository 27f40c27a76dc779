// `tael eval compare`: how far a model's predictions are from those of a base, or one way of
// computing a model from another way.
#include <fmt/format.h>

#include <memory>
#include <optional>
#include <utility>

#include "app/eval.h"
#include "app/eval_texts.h"
#include "app/terminal.h"
#include "base/error.h"
#include "engine/model_comparison.h"

namespace tael {
namespace {

struct CompareOptions {
  ModelFlags base, model;
  std::optional<std::string> base_matmul, base_kv;
  EvalFlags eval;
};

// One side: a model (shared when both sides name the same) and how it is computed.
struct Side {
  std::shared_ptr<const LoadedModel> loaded;
  MemoryWish wish;
};

Side MakeSide(const ModelFlags& flags, const LoadedSettings& settings) {
  return {std::make_shared<const LoadedModel>(LoadNamedModel(flags, settings.values)),
          MakeMemoryWish(flags, settings.values.run)};
}

void CheckSameVocabulary(const LoadedModel& base, const LoadedModel& model) {
  const int rows = base.model->spec.vocab_size, others = model.model->spec.vocab_size;
  if (rows != others) {
    Fail(ErrorCode::kInvalidArgument,
         "{} predicts {} tokens, but {} {}: only models with the same vocabulary can be compared",
         base.path, rows, model.path, others);
  }
  for (TokenId id = 0; id < rows; ++id) {
    const auto text = base.tokenizer->TokenText(id), other = model.tokenizer->TokenText(id);
    if (text == other) continue;
    Fail(ErrorCode::kInvalidArgument,
         "token {} is '{}' in {}, but '{}' in {}: only models with the same vocabulary can be "
         "compared",
         id, text.value_or("(none)"), base.path, other.value_or("(none)"), model.path);
  }
}

Json EstimateToJson(const Estimate& estimate) {
  Json out = JsonObject{};
  out.Set("value", estimate.value);
  out.Set("error", estimate.error);
  return out;
}

void SetSummary(Json& out, const ComparisonSummary& summary) {
  Json kl = EstimateToJson(summary.kl);
  kl.Set("median", summary.kl_median);
  kl.Set("p90", summary.kl_90);
  kl.Set("p99", summary.kl_99);
  kl.Set("p99_9", summary.kl_99_9);
  kl.Set("max", summary.kl_max);
  out.Set("kl", std::move(kl));
  out.Set("top1_agreement", EstimateToJson(summary.top_agreement));
  out.Set("base_mean_nll", EstimateToJson(summary.base_nll));
  out.Set("mean_nll", EstimateToJson(summary.nll));
  out.Set("base_perplexity", EstimateToJson(summary.base_perplexity));
  out.Set("perplexity", EstimateToJson(summary.perplexity));
  out.Set("perplexity_ratio", EstimateToJson(summary.perplexity_ratio));
  out.Set("probability_change", EstimateToJson(summary.probability_change));
  out.Set("probability_change_rms", EstimateToJson(summary.probability_change_rms));
}

Json ResultToJson(const Side& base, const Side& model, const ComparisonSummary& summary,
                  const EvalFlags& eval) {
  Json out = JsonObject{};
  out.Set("base", DescribeModel(*base.loaded, base.wish.runner));
  out.Set("model", DescribeModel(*model.loaded, model.wish.runner));
  SetSummary(out, summary);
  Json files = JsonArray{};
  for (const std::string& file : eval.files) files.Append(Json(file));
  out.Set("files", std::move(files));
  out.Set("window", eval.window);
  out.Set("batch", eval.batch);
  return out;
}

std::string Way(const RunnerOptions& options) {
  return fmt::format("{}, {} cache", MatmulName(options.matmul), Name(options.kv_dtype));
}

void PrintSummary(const Side& base, const Side& model, const ComparisonSummary& s, size_t scored) {
  const auto number = [](double x) { return fmt::format("{:.6g}", x); };
  const auto row = [&](const char* name, const Estimate& e) {
    return std::vector<std::string>{name, number(e.value), fmt::format("{:.2g}", e.error)};
  };
  const auto percent = [](const char* name, const Estimate& e) {
    return std::vector<std::string>{name, fmt::format("{:.4g} %", 100 * e.value),
                                    fmt::format("{:.2g} %", 100 * e.error)};
  };
  PrintOut(fmt::format("base   {} ({})\nmodel  {} ({})\n{} tokens scored\n\n", base.loaded->path,
                       Way(base.wish.runner), model.loaded->path, Way(model.wish.runner), scored));
  PrintOut(FormatTable({{"", "value", "+/-"},
                        row("KL divergence, mean", s.kl),
                        {"KL divergence, median", number(s.kl_median), ""},
                        {"KL divergence, 90 %", number(s.kl_90), ""},
                        {"KL divergence, 99 %", number(s.kl_99), ""},
                        {"KL divergence, 99.9 %", number(s.kl_99_9), ""},
                        {"KL divergence, max", number(s.kl_max), ""},
                        percent("same most probable token", s.top_agreement),
                        row("perplexity of the base", s.base_perplexity),
                        row("perplexity of the model", s.perplexity),
                        row("perplexity, model / base", s.perplexity_ratio),
                        percent("change of p(token), mean", s.probability_change),
                        percent("change of p(token), RMS", s.probability_change_rms)}));
}

std::vector<TokenComparison> Compare(WindowScorer& base, WindowScorer& model,
                                     const std::vector<EvalText>& texts) {
  std::vector<TokenWindow> windows;
  for (const EvalText& text : texts) {
    windows.insert(windows.end(), text.windows.begin(), text.windows.end());
  }
  Progress progress("comparing", ScoredTokens(windows));
  return CompareWindows(base, model, windows, [&](int64_t done) { progress.Update(done); });
}

int Execute(const CompareOptions& options, const LoadedSettings& settings) {
  ModelFlags base_flags = options.base, model_flags = options.model;
  base_flags.matmul = options.base_matmul ? options.base_matmul : model_flags.matmul;
  base_flags.kv = options.base_kv ? options.base_kv : model_flags.kv;
  base_flags.threads = model_flags.threads;
  base_flags.allowed_keys = model_flags.allowed_keys;
  const Side base = MakeSide(base_flags, settings);
  Side model = {base.loaded, MakeMemoryWish(model_flags, settings.values.run)};
  if (model_flags.model != base_flags.model) model = MakeSide(model_flags, settings);
  CheckSameVocabulary(*base.loaded, *model.loaded);
  if (base.loaded->path == model.loaded->path && Way(base.wish.runner) == Way(model.wish.runner)) {
    PrintError(
        fmt::format("tael: both sides are the same model computed in the same way ({}); "
                    "--base-matmul and --base-kv set the base's own way\n",
                    Way(base.wish.runner)));
  }
  // One context for both: theirs need not be the same.
  const auto scoring = [&](const Side& side) {
    MemoryWish wish = side.wish;
    wish.context = 0;
    return MakeScoringOptions(options.eval, *side.loaded, wish);
  };
  const std::vector<EvalText> texts = ReadEvalTexts(options.eval, *base.loaded->tokenizer);
  const ScoringOptions base_options = scoring(base);
  // The second plan is for both sides, and for the base's logits of one step.
  const int64_t vocabulary = base.loaded->model->spec.vocab_size;
  model.wish.beside = base_options.planned_bytes + LogitRows(vocabulary) * vocabulary * 4;
  if (model.loaded != base.loaded) model.wish.beside += base_options.planned_weights;
  const ScoringOptions model_options = scoring(model);
  WindowScorer base_scorer(*base.loaded->model, base_options);
  WindowScorer model_scorer(*model.loaded->model, model_options);
  double seconds = 0;
  const std::vector<TokenComparison> tokens =
      Timed(&seconds, [&] { return Compare(base_scorer, model_scorer, texts); });
  const ComparisonSummary summary = Summarise(tokens);
  if (!options.eval.json) {
    PrintSummary(base, model, summary, tokens.size());
    return kExitOk;
  }
  Json out = ResultToJson(base, model, summary, options.eval);
  out.Set("scored", static_cast<int64_t>(tokens.size()));
  out.Set("seconds", seconds);
  return PrintEvalJson(std::move(out), model_scorer);
}

}  // namespace

Command AddEvalCompareCommand(CommandParser& eval) {
  auto options = std::make_shared<CompareOptions>();
  CommandParser& command = eval.AddCommand(
      {.name = "compare",
       .description = "KL divergence, agreement and perplexity of a model against a base",
       .footer =
           "BASE and MODEL may be the same, computed in two ways:\n"
           "  tael eval compare smollm2 smollm2 text.txt --base-matmul float\n"
           "--matmul and --kv count for both models where no --base-... is given. Each token but\n"
           "the first of a window is scored; KL is of the model's distribution from the base's,\n"
           "in nats. +/- is the standard error; that of model / base is of the paired "
           "difference."});
  command.AddOption("base", &options->base.model, "the model to compare with",
                    {.type = "BASE", .required = true});
  command.AddOption("model", &options->model.model, "the model that is judged",
                    {.type = "MODEL", .required = true});
  AddEvalFlags(command, options->eval);
  AddMatmulOption(command, &options->model.matmul);
  AddCacheOption(command, &options->model.kv);
  command.AddOption("--base-matmul", &options->base_matmul, "--matmul of the base alone",
                    {.check = MatmulNames()});
  command.AddOption("--base-kv", &options->base_kv, "--kv of the base alone",
                    {.check = CacheTypeNames()});
  command.AddOption("--threads", &options->model.threads, "worker threads (0 = all available CPUs)",
                    {.check = IntRange{0, 1024}});
  command.AddOption("--allow-unknown-key", &options->model.allowed_keys,
                    "accept this unknown key of the models' configuration (repeatable)",
                    {.type = "KEY"});
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
