// One sequence of drafts by a model's prediction block.
#pragma once

#include <span>
#include <vector>

#include "engine/runner_options.h"
#include "kv/kv_cache.h"
#include "model/model.h"
#include "model/prediction.h"
#include "runtime/arena.h"
#include "runtime/worker_pool.h"
#include "text/tokenizer.h"

namespace tael {

struct PredictorOptions {
  int max_context = 0;  // rows; needed above 0
  PredictionInput input = PredictionInput::kNormed;
  RunnerOptions runner;
};

struct PredictionResult {
  std::vector<float> hidden;  // [rows, D]
  std::vector<float> logits;  // [rows, V]
};

// Not thread-safe. The model must outlive it.
class Predictor {
 public:
  // Makes the block's own weights and the cache resident if the options say so; the model's are its
  // runner's business. Throws kUnsupported when the checkpoint holds no prediction block, kCorrupt
  // when it holds one that cannot be used, kInvalidArgument (bad option), kExhausted (memory),
  // kUnavailable (the file cannot be read).
  Predictor(const Model& model, const PredictorOptions& options);

  // Appends rows: the residual stream of tokens behind the model's last layer, [rows, D], and for
  // each the token that followed. Gives logits of the token after that. Throws kExhausted when they
  // do not fit max_context, kInvalidArgument for an id outside the vocabulary.
  PredictionResult Evaluate(std::span<const float> hidden, std::span<const TokenId> next);

  int length() const { return length_; }

 private:
  Batch MakeBatch(std::span<const TokenId> next) const;

  const Model& model_;
  PredictorOptions options_;
  const KernelTable& kernels_;
  WorkerPool pool_;
  KvCache cache_;
  StateCache states_{{}, 1};  // without a state
  Arena arena_;
  int length_ = 0;
};

}  // namespace tael
