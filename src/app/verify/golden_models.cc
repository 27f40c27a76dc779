#include "app/verify/golden_models.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tael {
namespace {

std::vector<GoldenPrompt> ReadPrompts(const GoldenFile& file) {
  std::vector<GoldenPrompt> prompts;
  const auto add = [&](const std::string& suffix, const std::string& greedy) {
    prompts.push_back({suffix, file.Ids("input_ids" + suffix),
                       file.Has(greedy) ? file.Ids(greedy) : std::vector<TokenId>()});
  };
  if (file.Has("input_ids")) add("", "greedy");
  for (int i = 0; file.Has(fmt::format("input_ids_{}", i)); ++i) {
    const std::string suffix = fmt::format("_{}", i);
    add(suffix, "greedy_ids" + suffix);
  }
  if (prompts.empty()) {
    Fail(ErrorCode::kCorrupt, "{}: neither 'input_ids' nor 'input_ids_0' is there", file.path());
  }
  return prompts;
}

int LengthOf(const GoldenPrompt& prompt) {
  return static_cast<int>(prompt.ids.size() + prompt.greedy.size());
}

GoldenModel LoadFor(const Golden& golden, std::vector<GoldenPrompt> prompts, LoadOptions options) {
  for (const GoldenPrompt& prompt : prompts) {
    options.context = std::max(options.context, LengthOf(prompt));
  }
  GoldenModel loaded{LoadModel(golden.model, options), std::move(prompts)};
  DecoderSpec& spec = loaded.model->spec;
  for (const GoldenPrompt& prompt : loaded.prompts) {
    spec.max_context = std::max(spec.max_context, static_cast<int>(prompt.ids.size()));
  }
  return loaded;
}

}  // namespace

std::vector<GoldenModel> LoadGoldenModels(const Golden& golden, const GoldenFile& file) {
  LoadOptions options;
  if (!golden.adapter.empty()) options.adapters.push_back({"golden", golden.adapter});
  LoadOptions look = options;
  look.headers_only = true;
  look.adapters.clear();
  const auto two_lists = LoadModel(golden.model, look)->spec.long_context;
  std::vector<GoldenPrompt> within, beyond;
  for (GoldenPrompt& prompt : ReadPrompts(file)) {
    const bool is_long = two_lists && LengthOf(prompt) > two_lists->original;
    (is_long ? beyond : within).push_back(std::move(prompt));
  }
  std::vector<GoldenModel> models;
  for (std::vector<GoldenPrompt>* prompts : {&within, &beyond}) {
    if (!prompts->empty()) models.push_back(LoadFor(golden, std::move(*prompts), options));
  }
  return models;
}

}  // namespace tael
