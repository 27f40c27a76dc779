// The prompts of a decoder's golden, and its checkpoint loaded for them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "app/verify/checks.h"
#include "app/verify/golden_data.h"
#include "model/model.h"

namespace tael {

struct GoldenPrompt {
  std::string suffix;  // of its tensors: "_1", or "" where there is one prompt
  std::vector<TokenId> ids;
  std::vector<TokenId> greedy;  // how it goes on; may be empty
};

// A model with what it is to evaluate.
struct GoldenModel {
  std::unique_ptr<Model> model;
  std::vector<GoldenPrompt> prompts;
};

// All prompts of a golden with the model that they need: one, or two where texts beyond the
// original context have a list of divisors of their own (rope type longrope). What a golden holds
// counts also beyond the length that its configuration names. Throws as LoadModel() does, and
// kCorrupt without prompts.
std::vector<GoldenModel> LoadGoldenModels(const Golden& golden, const GoldenFile& file);

}  // namespace tael
