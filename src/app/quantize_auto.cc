#include "app/quantize_auto.h"

#include <fmt/format.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <utility>

#include "adapt/allocate.h"
#include "adapt/sensitivity.h"
#include "adapt/summary.h"
#include "app/eval_texts.h"
#include "app/gguf_form.h"
#include "app/terminal.h"
#include "base/error.h"

namespace tael {
namespace {

// Coarse enough for every tensor to show, and its blocks fit all rows that are quantised at all.
constexpr DType kProbe = DType::kQ4_0;

std::vector<DType> Candidates(const AutoFlags& flags) {
  using enum DType;
  if (flags.types.empty()) {
    return {kIQ2_XXS, kIQ2_XS, kIQ2_S, kQ2_K, kIQ3_XXS, kIQ3_S, kQ3_K, kIQ4_XS, kIQ4_NL,
            kQ4_0,    kQ4_1,   kQ4_K,  kQ5_0, kQ5_1,    kQ5_K,  kQ6_K, kQ8_0};
  }
  std::vector<DType> types;
  for (const std::string& name : flags.types) {
    const auto type = EncodableType(name);
    if (!type) {
      Fail(ErrorCode::kInvalidArgument, "--auto-type '{}': is no type that can be written", name);
    }
    types.push_back(*type);
  }
  return types;
}

// As many tokens of each text.
std::vector<TokenId> CalibrationTokens(const AutoFlags& flags, const Tokenizer& tokenizer) {
  if (flags.texts.empty()) {
    Fail(ErrorCode::kInvalidArgument,
         "--type auto: needs a text to measure with. Hint: --calibrate FILE");
  }
  EvalFlags eval;
  eval.files = flags.texts;
  const std::vector<EvalText> texts = ReadEvalTexts(eval, tokenizer);
  std::vector<TokenId> tokens;
  for (const EvalText& text : texts) {
    const size_t share = static_cast<size_t>(flags.tokens) / texts.size();
    const size_t count = std::min(share, text.tokens.size());
    tokens.insert(tokens.end(), text.tokens.begin(),
                  text.tokens.begin() + static_cast<std::ptrdiff_t>(count));
  }
  if (tokens.size() < 2) Fail(ErrorCode::kInvalidArgument, "--calibrate: less than two tokens");
  return tokens;
}

class Measuring {
 public:
  Measuring(const LoadedModel& loaded, const AutoFlags& flags, int threads,
            const Importance* importance)
      : importance_(importance),
        candidates_(Candidates(flags)),
        tokens_(CalibrationTokens(flags, *loaded.tokenizer)),
        runner_{.threads = threads, .matmul = MatmulMode::kFloat, .kv_dtype = DType::kF32},
        pool_(threads),
        meter_(*loaded.model, tokens_, runner_) {
    for (NamedMatrix& matrix : NameMatrices(*loaded.model, FamilyOf(*loaded.model))) {
      parts_[matrix.tensor].push_back(std::move(matrix));
    }
  }

  // Empty for a tensor that cannot be measured.
  std::vector<TypeOption> OptionsOf(const PlannedTensor& tensor) {
    const auto found = parts_.find(tensor.name);
    const int64_t columns = tensor.shape.back();
    if (found == parts_.end() || columns % Info(kProbe).block_size != 0) return {};
    const KernelTable& kernels = ResolveKernels(nullptr);
    const auto error = [&](DType type) {
      return RelativeError(found->second, type, importance_, kernels, pool_);
    };
    const double probe = error(kProbe);
    const double slope =
        probe > 0 ? meter_.Divergence(found->second, kProbe, importance_) / probe : 0;
    std::vector<TypeOption> options;
    for (const DType type : candidates_) {
      if (columns % Info(type).block_size != 0) continue;
      const bool useless =
          importance_ == nullptr && NeedsImportance(*FindRecipe("Q4_K_M"), tensor.name, type);
      if (useless) continue;
      PlannedTensor as = tensor;
      as.to = type;
      options.push_back({type, as.bytes(), type == tensor.from ? 0 : slope * error(type)});
    }
    return options;
  }

 private:
  const Importance* importance_;
  const std::vector<DType> candidates_;
  const std::vector<TokenId> tokens_;
  const RunnerOptions runner_;
  WorkerPool pool_;
  SensitivityMeter meter_;
  std::map<std::string, std::vector<NamedMatrix>> parts_;
};

bool IsOpen(const PlannedTensor& tensor) {
  return tensor.reason == Reason::kRecipe || tensor.reason == Reason::kFallback ||
         tensor.reason == Reason::kSame;
}

}  // namespace

void AddAutoFlags(CommandParser& command, AutoFlags& flags) {
  command.AddOption("--calibrate", &flags.texts, "text that auto measures with (repeatable)",
                    {.type = "FILE"});
  command.AddOption("--calibrate-tokens", &flags.tokens, "how many tokens of it",
                    {.check = IntRange{2, 8192}, .show_default = true});
  command.AddOption("--auto-type", &flags.types,
                    "a type that auto may choose (repeatable; default: all that fit)",
                    {.type = "TYPE"});
}

std::optional<AutoSize> ParseAuto(const std::string& type) {
  if (type.substr(0, 4) != "auto") return std::nullopt;
  const std::string size = type.size() > 5 && type[4] == ':' ? type.substr(5) : "";
  if (const Recipe* recipe = FindRecipe(size)) return AutoSize{recipe->name, 0};
  char* end = nullptr;
  const double bits = std::strtod(size.c_str(), &end);
  if (size.empty() || *end != '\0' || !(bits >= 1 && bits <= 32)) {
    Fail(
        ErrorCode::kInvalidArgument,
        "--type '{}': needed auto:RECIPE, whose size it then has, or auto:BITS per weight, such as "
        "auto:Q4_K_M or auto:4.85",
        type);
  }
  return AutoSize{"Q4_K_M", bits};
}

void ChooseMeasuredTypes(const LoadedModel& loaded, const AutoFlags& flags, const AutoSize& size,
                         int threads, const Importance* importance,
                         std::vector<PlannedTensor>* plan) {
  const PlanSummary summary = Summarise(*plan, nullptr);
  int64_t budget = summary.bytes;
  if (size.bits > 0) {
    budget = static_cast<int64_t>(static_cast<double>(summary.weights) * size.bits / 8);
  }
  Measuring measuring(loaded, flags, threads, importance);
  std::vector<size_t> open;
  std::vector<std::vector<TypeOption>> options;
  Progress progress("measuring", static_cast<int64_t>(plan->size()));
  for (size_t i = 0; i < plan->size(); ++i) {
    progress.Update(static_cast<int64_t>(i));
    PlannedTensor& tensor = (*plan)[i];
    auto of_tensor = IsOpen(tensor) ? measuring.OptionsOf(tensor) : std::vector<TypeOption>();
    if (of_tensor.empty()) {
      budget -= tensor.bytes();
      continue;
    }
    open.push_back(i);
    options.push_back(std::move(of_tensor));
  }
  const std::vector<size_t> chosen = Allocate(options, budget);
  for (size_t k = 0; k < open.size(); ++k) {
    PlannedTensor& tensor = (*plan)[open[k]];
    tensor.to = tensor.wanted = options[k][chosen[k]].type;
    tensor.reason = tensor.to == tensor.from ? Reason::kSame : Reason::kMeasured;
  }
}

}  // namespace tael
