// `tael eval perplexity`: how well a model predicts given texts.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "app/eval.h"
#include "app/eval_texts.h"
#include "app/terminal.h"
#include "base/file.h"
#include "engine/model_comparison.h"

namespace tael {
namespace {

struct PerplexityOptions {
  ModelFlags model;
  EvalFlags eval;
};

struct Score {
  std::string name;
  int64_t tokens = 0, scored = 0;
  Estimate nll, perplexity;
};

Score MakeScore(const std::string& name, int64_t tokens, std::span<const double> nll) {
  const Estimate mean = MeanOf(nll);
  return {name, tokens, static_cast<int64_t>(nll.size()), mean, ExpOf(mean)};
}

Json ScoreToJson(const Score& score) {
  Json out = JsonObject{};
  out.Set("file", score.name);
  out.Set("tokens", score.tokens);
  out.Set("scored", score.scored);
  out.Set("mean_nll", score.nll.value);
  out.Set("standard_error", score.nll.error);
  out.Set("perplexity", score.perplexity.value);
  out.Set("perplexity_error", score.perplexity.error);
  return out;
}

// The scores of the texts, and of all of them together as the last one.
std::vector<Score> ScoreTexts(WindowScorer& scorer, const std::vector<EvalText>& texts) {
  std::vector<Score> scores;
  std::vector<double> all;
  int64_t tokens = 0;
  for (const EvalText& text : texts) {
    Progress progress("scoring " + BaseName(text.file), ScoredTokens(text.windows));
    const std::vector<double> nll =
        NllOfWindows(scorer, text.windows, [&](int64_t done) { progress.Update(done); });
    const auto count = static_cast<int64_t>(text.tokens.size());
    scores.push_back(MakeScore(text.file, count, nll));
    all.insert(all.end(), nll.begin(), nll.end());
    tokens += count;
  }
  scores.push_back(MakeScore("total", tokens, all));
  return scores;
}

void PrintScores(std::span<const Score> scores) {
  std::vector<std::vector<std::string>> rows = {{"text", "tokens", "scored", "perplexity", "+/-"}};
  for (const Score& score : scores) {
    rows.push_back({score.name, std::to_string(score.tokens), std::to_string(score.scored),
                    fmt::format("{:.4f}", score.perplexity.value),
                    fmt::format("{:.4f}", score.perplexity.error)});
  }
  PrintOut(FormatTable(rows));
}

int Execute(const PerplexityOptions& options, const LoadedSettings& settings) {
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  const MemoryWish wish = MakeMemoryWish(options.model, settings.values.run);
  const std::vector<EvalText> texts = ReadEvalTexts(options.eval, *loaded.tokenizer);
  const ScoringOptions scoring = MakeScoringOptions(options.eval, loaded, wish);
  WindowScorer scorer(*loaded.model, scoring);
  double seconds = 0;
  const std::vector<Score> scores = Timed(&seconds, [&] { return ScoreTexts(scorer, texts); });
  if (!options.eval.json) {
    PrintScores(std::span(scores).first(texts.size() > 1 ? scores.size() : 1));
    return kExitOk;
  }
  Json out = ScoreToJson(scores.back());
  out.Set("window", options.eval.window);
  out.Set("batch", options.eval.batch);
  Json files = JsonArray{};
  for (size_t i = 0; i < texts.size(); ++i) files.Append(ScoreToJson(scores[i]));
  out.Set("files", std::move(files));
  out.Set("seconds", seconds);
  out.Set("tokens_per_second", static_cast<double>(scores.back().tokens) / seconds);
  const Json model = DescribeModel(loaded, wish.runner);
  for (const JsonMember& member : model.as_object()) {
    out.Set(member.first, member.second);
  }
  return PrintEvalJson(std::move(out), scorer);
}

}  // namespace

Command AddEvalPerplexityCommand(CommandParser& eval) {
  auto options = std::make_shared<PerplexityOptions>();
  CommandParser& command = eval.AddCommand(
      {.name = "perplexity",
       .description = "exp of the mean negative log-likelihood per token of texts",
       .footer = "The first token of each window is not scored. +/- is the standard error."});
  AddModelFlags(command, options->model);
  AddEvalFlags(command, options->eval);
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
