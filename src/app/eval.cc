// `tael eval perplexity`: how well a model predicts given texts.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <memory>

#include "app/command.h"
#include "app/interrupt.h"
#include "app/model_flags.h"
#include "app/terminal.h"
#include "app/text_input.h"
#include "app/version.h"
#include "base/error.h"
#include "base/file.h"
#include "engine/perplexity.h"

namespace tael {
namespace {

struct EvalOptions {
  ModelFlags model;
  std::vector<std::string> files;
  int window = 512;
  int max_tokens = 0;
  bool json = false;
};

struct FileScore {
  std::string file;
  int64_t tokens = 0, scored = 0;
  double sum = 0, sum_squares = 0;  // of the negative log-likelihoods
};

double Mean(const FileScore& score) { return score.sum / static_cast<double>(score.scored); }

// Standard error of the mean NLL; the terms are treated as independent.
double StandardError(const FileScore& score) {
  const double n = static_cast<double>(score.scored);
  if (score.scored < 2) return 0;
  const double variance = std::max(0.0, (score.sum_squares - score.sum * score.sum / n) / (n - 1));
  return std::sqrt(variance / n);
}

Json ScoreToJson(const FileScore& score) {
  Json out = JsonObject{};
  out.Set("file", score.file);
  out.Set("tokens", score.tokens);
  out.Set("scored", score.scored);
  out.Set("mean_nll", Mean(score));
  out.Set("standard_error", StandardError(score));
  out.Set("perplexity", std::exp(Mean(score)));
  out.Set("perplexity_error", std::exp(Mean(score)) * StandardError(score));
  return out;
}

// Windows of `window` tokens, each from an empty cache, its first token not scored; a last window
// of one token has nothing to score.
FileScore ScoreFile(const EvalOptions& options, const LoadedModel& loaded, Session& session,
                    const std::string& file) {
  EncodeOptions encode;
  encode.parse_added_tokens = false;
  const std::string text = file == "-" ? ReadStdin() : ReadMaybeGzip(file);
  std::vector<TokenId> ids = loaded.tokenizer->Encode(text, encode);
  if (options.max_tokens > 0 && ids.size() > static_cast<size_t>(options.max_tokens)) {
    ids.resize(static_cast<size_t>(options.max_tokens));
  }
  if (ids.size() < 2) {
    Fail(ErrorCode::kInvalidArgument, "{}: the text has {} tokens; at least 2 are needed", file,
         ids.size());
  }
  FileScore score{.file = file, .tokens = static_cast<int64_t>(ids.size())};
  Progress progress("scoring " + BaseName(file), score.tokens);
  const size_t window = static_cast<size_t>(options.window);
  for (size_t begin = 0; begin + 1 < ids.size(); begin += window) {
    const size_t count = std::min(window, ids.size() - begin);
    if (count < 2) break;
    for (const double nll : SequenceNll(session, std::span(ids).subspan(begin, count))) {
      score.sum += nll;
      score.sum_squares += nll * nll;
      ++score.scored;
    }
    progress.Update(static_cast<int64_t>(begin + count));
  }
  return score;
}

int Execute(const EvalOptions& options, const LoadedSettings& settings) {
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  SessionOptions session_options = MakeSessionOptions(options.model, settings.values.run);
  if (session_options.max_context == 0 && options.window > 0) {
    session_options.max_context = std::min(options.window, loaded.model->spec.max_context);
  }
  Session session(*loaded.model, session_options);
  if (options.window > session.max_context()) {
    Fail(ErrorCode::kInvalidArgument, "--window {} does not fit the context of {} tokens",
         options.window, session.max_context());
  }
  const auto start = std::chrono::steady_clock::now();
  FileScore total{.file = "total"};
  Json files = JsonArray{};
  std::vector<std::vector<std::string>> rows = {{"text", "tokens", "scored", "perplexity", "+/-"}};
  const auto add_row = [&](const FileScore& s) {
    rows.push_back({s.file, std::to_string(s.tokens), std::to_string(s.scored),
                    fmt::format("{:.4f}", std::exp(Mean(s))),
                    fmt::format("{:.4f}", std::exp(Mean(s)) * StandardError(s))});
  };
  for (const std::string& file : options.files) {
    const FileScore score = ScoreFile(options, loaded, session, file);
    total.tokens += score.tokens, total.scored += score.scored;
    total.sum += score.sum, total.sum_squares += score.sum_squares;
    files.Append(ScoreToJson(score));
    add_row(score);
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (!options.json) {
    if (options.files.size() > 1) add_row(total);
    PrintOut(FormatTable(rows));
    return kExitOk;
  }
  Json out = ScoreToJson(total);
  out.Set("window", options.window);
  out.Set("files", std::move(files));
  out.Set("seconds", seconds);
  out.Set("tokens_per_second", static_cast<double>(total.tokens) / seconds);
  out.Set("model", loaded.path);
  out.Set("weights_fingerprint", WeightsFingerprint(loaded.model->checkpoint));
  out.Set("matmul", MatmulName(session_options.matmul));
  out.Set("kv", Name(session_options.kv_dtype));
  out.Set("kernels", session.kernel_name());
  out.Set("numerics_version", kNumericsVersion);
  PrintOut(DumpJson(out) + "\n");
  return kExitOk;
}

}  // namespace

Command AddEvalCommand(CommandParser& program) {
  auto options = std::make_shared<EvalOptions>();
  CommandParser& command = program.AddCommand({.name = "eval", .description = "Measure a model"});
  CommandParser& perplexity = command.AddCommand(
      {.name = "perplexity",
       .description = "exp of the mean negative log-likelihood per token of texts",
       .footer = "The first token of each window is not scored. +/- is the standard error."});
  AddModelFlags(perplexity, options->model);
  perplexity.AddOption("files", &options->files, "texts (gzip accepted); '-' is stdin",
                       {.type = "FILE", .required = true});
  perplexity.AddOption("--window", &options->window, "tokens scored from an empty cache",
                       {.check = IntRange{2, 1 << 24}, .show_default = true});
  perplexity.AddOption("--max-tokens", &options->max_tokens, "of each file (0 = all)",
                       {.check = NonNegative{}});
  perplexity.AddFlag("--json", &options->json, "print one JSON object");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
