// Multi-token prediction: blocks behind the last layer that draft one token more, from what the
// model made of a token and from the token that followed it.
// Source: DeepSeek-V3, arXiv:2412.19437, section 2.2. Order: docs/numerics.md, 12.
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "model/decoder.h"
#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// What of the model a block is fed with. Papers and engines disagree; drafts stay usable with
// either.
enum class PredictionInput {
  kResidual,  // the residual stream behind the last layer
  kNormed,    // the same after the model's final norm
};

// One step of one block. Row t of `hidden` belongs to a token; batch.tokens[t] is the token that
// followed it. Positions count the rows.
struct PredictionStep {
  const Batch& batch;
  MatrixView<const float> hidden;  // [T, D]
  PredictionInput input = PredictionInput::kNormed;
  KvCache& cache;      // of PredictionKvLayouts()
  StateCache& states;  // blocks have no recurrent state: one without slots
  int block = 0;       // index in DecoderWeights::predictions
};

struct Prediction {
  MatrixView<float> hidden;  // [T, D], of the block's layer; what a next block takes as kResidual
  MatrixView<float> logits;  // [logit_rows, V], of the token after batch.tokens
};

// Arena memory, as Forward(). REQUIRES: the block exists; what Forward() requires of the batch.
Prediction PredictionForward(const DecoderSpec& spec, const DecoderWeights& weights,
                             const PredictionStep& step, ComputeContext& ctx);

// Cache rows of each block.
std::vector<KvLayout> PredictionKvLayouts(const DecoderSpec& spec, const DecoderWeights& weights);

}  // namespace tael
