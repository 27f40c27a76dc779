// Goldens of multi-token prediction: drafts from the hidden states of a prompt.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "app/verify/golden_data.h"
#include "engine/runner_options.h"
#include "model/model.h"

namespace tael {

struct PredictionError {
  std::string what;
  double nmse = 0;
};

// Compares mtp_{hidden,logits}_{prenorm,postnorm}SUFFIX where the golden has them, all rows at once
// and one by one. `states` is the residual stream behind the last layer, [T, D], of prompt `ids`.
// Nothing when the checkpoint holds no prediction block.
std::vector<PredictionError> ComparePredictions(const Model& model, const GoldenFile& file,
                                                const std::string& suffix,
                                                const std::vector<TokenId>& ids,
                                                std::span<const float> states,
                                                const RunnerOptions& runner);

}  // namespace tael
