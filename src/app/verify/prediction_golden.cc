#include "app/verify/prediction_golden.h"

#include <fmt/format.h>

#include "engine/predictor.h"

namespace tael {

std::vector<PredictionError> ComparePredictions(const Model& model, const GoldenFile& file,
                                                const std::string& suffix,
                                                const std::vector<TokenId>& ids,
                                                std::span<const float> states,
                                                const RunnerOptions& runner) {
  std::vector<PredictionError> errors;
  if (model.weights.predictions.empty() || ids.size() < 2) return errors;
  // The state of each token is paired with the token behind it; the last one has none.
  const size_t rows = ids.size() - 1, width = states.size() / ids.size();
  const std::span<const TokenId> next = std::span(ids).subspan(1);
  for (const bool normed : {false, true}) {
    const std::string kind = (normed ? "postnorm" : "prenorm") + suffix;
    if (!file.Has("mtp_logits_" + kind)) continue;
    for (const size_t piece : {rows, size_t{1}}) {
      const PredictorOptions options{
          .max_context = static_cast<int>(rows),
          .input = normed ? PredictionInput::kNormed : PredictionInput::kResidual,
          .runner = runner};
      Predictor predictor(model, options);
      std::vector<float> hidden, logits;
      for (size_t begin = 0; begin < rows; begin += piece) {
        const PredictionResult part = predictor.Evaluate(
            states.subspan(begin * width, piece * width), next.subspan(begin, piece));
        hidden.insert(hidden.end(), part.hidden.begin(), part.hidden.end());
        logits.insert(logits.end(), part.logits.begin(), part.logits.end());
      }
      const char* how = piece == 1 ? "row by row" : "all rows";
      errors.push_back({fmt::format("mtp_logits_{}, {}", kind, how),
                        Nmse(logits, file.Floats("mtp_logits_" + kind))});
      if (!file.Has("mtp_hidden_" + kind)) continue;
      errors.push_back({fmt::format("mtp_hidden_{}, {}", kind, how),
                        Nmse(hidden, file.Floats("mtp_hidden_" + kind))});
    }
  }
  return errors;
}

}  // namespace tael
