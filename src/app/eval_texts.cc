#include "app/eval_texts.h"

#include <algorithm>
#include <utility>

#include "app/command.h"
#include "app/fingerprint.h"
#include "app/spec_json.h"
#include "app/terminal.h"
#include "app/text_input.h"
#include "app/version.h"
#include "base/error.h"
#include "base/file.h"
#include "spec/long_context.h"

namespace tael {

void AddEvalFlags(CommandParser& command, EvalFlags& flags) {
  command.AddOption("files", &flags.files, "texts (gzip accepted); '-' is stdin",
                    {.type = "FILE", .required = true});
  command.AddOption("--window", &flags.window, "tokens scored from an empty cache",
                    {.check = IntRange{2, 1 << 24}, .show_default = true});
  command.AddOption("--batch", &flags.batch, "windows evaluated together; changes no number",
                    {.check = IntRange{1, 256}, .show_default = true});
  command.AddOption("--max-tokens", &flags.max_tokens, "of each file (0 = all)",
                    {.check = NonNegative{}});
  command.AddFlag("--json", &flags.json, "print one JSON object");
}

std::vector<EvalText> ReadEvalTexts(const EvalFlags& flags, const Tokenizer& tokenizer) {
  std::vector<EvalText> texts;
  for (const std::string& file : flags.files) {
    EncodeOptions encode;
    encode.parse_added_tokens = false;
    EvalText& text = texts.emplace_back();
    text.file = file;
    const std::string content = file == "-" ? ReadStdin() : ReadMaybeGzip(file);
    if (content.find('\0') != std::string::npos) {
      Fail(ErrorCode::kInvalidArgument, "{}: is no text: it contains zero bytes", file);
    }
    text.tokens = tokenizer.Encode(content, encode);
    if (flags.max_tokens > 0 && std::cmp_greater(text.tokens.size(), flags.max_tokens)) {
      text.tokens.resize(static_cast<size_t>(flags.max_tokens));
    }
    if (text.tokens.size() < 2) {
      Fail(ErrorCode::kInvalidArgument, "{}: the text has {} tokens; at least 2 are needed", file,
           text.tokens.size());
    }
    text.windows = CutWindows(text.tokens, flags.window);
  }
  return texts;
}

ScoringOptions MakeScoringOptions(const EvalFlags& flags, const LoadedModel& loaded,
                                  const MemoryWish& asked) {
  const int trained = loaded.model->spec.max_context;
  const int context = asked.context > 0 ? asked.context : trained;
  if (flags.window > context) {
    Fail(ErrorCode::kInvalidArgument,
         "{}: --window {} does not fit the context of {} tokens (the model allows {}). Hint: a "
         "smaller --window{}",
         loaded.path, flags.window, context, trained, LongContextHint(loaded.model->spec));
  }
  ScoringOptions options;
  options.batch = flags.batch;
  MemoryWish wish = asked;
  wish.context = asked.context > 0 ? asked.context : flags.window;
  wish.shape = [&](int positions) {
    return ShapeOf(ScoringEngine(*loaded.model, options), positions);
  };
  const FittedRun fitted = FitIntoMemory(loaded, wish);
  options.max_context = fitted.context;
  options.runner = fitted.runner;
  options.planned_bytes = fitted.plan.repacked + fitted.plan.kv_cache + fitted.plan.states +
                          fitted.plan.scratch + fitted.plan.sampling;
  options.planned_weights = fitted.plan.weights;
  return options;
}

Json DescribeModel(const LoadedModel& loaded, const RunnerOptions& options) {
  Json out = JsonObject{};
  out.Set("model", loaded.path);
  out.Set("weights_fingerprint", WeightsFingerprint(*loaded.model, options));
  out.Set("matmul", MatmulName(options.matmul));
  out.Set("kv", Name(options.kv_dtype));
  SetLongContext(*loaded.model, &out);
  SetLatentForm(*loaded.model, &out);
  return out;
}

int PrintEvalJson(Json result, const WindowScorer& scorer) {
  result.Set("kernels", scorer.kernels().name);
  result.Set("numerics_version", kNumericsVersion);
  PrintOut(DumpJson(result) + "\n");
  return kExitOk;
}

}  // namespace tael
