// `tael imatrix`: which input columns of each matrix matter, measured on texts.
#include <fmt/format.h>

#include <memory>
#include <utility>

#include "adapt/collect.h"
#include "app/command.h"
#include "app/eval_texts.h"
#include "app/gguf_form.h"
#include "app/terminal.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

struct ImatrixOptions {
  ModelFlags model;
  EvalFlags eval;
  std::string output;
  bool force = false;
};

void CheckOutput(const ImatrixOptions& options) {
  if (!DirectoryExists(DirName(options.output))) {
    Fail(ErrorCode::kNotFound, "{}: its directory does not exist. Hint: make it first",
         options.output);
  }
  if (DirectoryExists(options.output)) {
    Fail(ErrorCode::kInvalidArgument, "{}: is a directory, needed the name of a file",
         options.output);
  }
  if (FileExists(options.output) && !options.force) {
    Fail(ErrorCode::kInvalidArgument, "{}: exists already. Hint: --force replaces it",
         options.output);
  }
}

int Execute(const ImatrixOptions& options, const LoadedSettings& settings) {
  CheckOutput(options);
  const LoadedModel loaded = LoadNamedModel(options.model, settings.values);
  const MemoryWish wish = MakeMemoryWish(options.model, settings.values.run);
  const std::vector<EvalText> texts = ReadEvalTexts(options.eval, *loaded.tokenizer);
  ImportanceCollector collector(NameMatrices(*loaded.model, FamilyOf(*loaded.model)));
  ScoringOptions scoring = MakeScoringOptions(options.eval, loaded, wish);
  scoring.runner.observer = &collector;
  WindowScorer scorer(*loaded.model, scoring);
  std::vector<TokenWindow> windows;
  for (const EvalText& text : texts) {
    windows.insert(windows.end(), text.windows.begin(), text.windows.end());
  }
  const int64_t total = ScoredTokens(windows);
  {
    Progress progress("evaluating", total);
    int64_t done = 0;
    scorer.Start(windows, [&](const ScoredRow&) { ++done; });
    while (scorer.Step()) progress.Update(done);
  }
  Importance importance = collector.Result();
  for (const EvalText& text : texts) importance.texts.push_back(BaseName(text.file));
  importance.chunks = static_cast<int64_t>(windows.size());
  importance.chunk_size = options.eval.window;
  WriteImportance(options.output, importance);
  PrintOut(
      fmt::format("{}  {} tensors, {} tokens\n", options.output, importance.tensors.size(), total));
  return kExitOk;
}

}  // namespace

Command AddImatrixCommand(CommandParser& program) {
  auto options = std::make_shared<ImatrixOptions>();
  CommandParser& command = program.AddCommand(
      {.name = "imatrix",
       .description = "Measure on texts which inputs of each matrix matter, for tael quantize",
       .footer =
           "The file has the GGUF form that llama.cpp writes and reads: per tensor the sums of\n"
           "squared activations. The same model and texts give the same bytes, whatever the\n"
           "number of threads."});
  AddModelFlags(command, options->model);
  AddEvalFlags(command, options->eval);
  command.AddOption("-o,--output", &options->output, "the file to write",
                    {.type = "FILE", .required = true});
  command.AddFlag("--force", &options->force, "replace the file");
  return {&command, [options](const LoadedSettings& s) { return Execute(*options, s); }};
}

}  // namespace tael
