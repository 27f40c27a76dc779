#include "model/prediction.h"

#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {

Prediction PredictionForward(const DecoderSpec& spec, const DecoderWeights& weights,
                             const PredictionStep& step, ComputeContext& ctx) {
  const PredictionWeights& block = weights.predictions[static_cast<size_t>(step.block)];
  const int64_t rows = step.hidden.rows, width = spec.hidden_size;
  const MatrixView<float> joined = NewMatrix(rows, 2 * width, ctx);
  const MatrixView<float> embedded{joined.data, rows, width, joined.stride};
  const MatrixView<float> seen{joined.data + width, rows, width, joined.stride};
  EmbeddingLookup(block.embedding, step.batch.tokens, spec.embedding_scale, embedded, ctx);
  RmsNorm(Const(embedded), block.embedding_norm, spec.norm_eps, embedded, ctx);
  if (step.input == PredictionInput::kNormed) {
    RmsNorm(step.hidden, weights.final_norm, spec.norm_eps, seen, ctx);
    RmsNorm(Const(seen), block.hidden_norm, spec.norm_eps, seen, ctx);
  } else {
    RmsNorm(step.hidden, block.hidden_norm, spec.norm_eps, seen, ctx);
  }
  Prediction out;
  out.hidden = NewMatrix(rows, width, ctx);
  MatmulInput input(Const(joined), ctx);
  Matmul(input, block.projection, out.hidden, ctx);
  const AttentionStep attention{step.batch, step.cache, step.states, step.block, spec.norm_eps};
  LayerForward(*spec.prediction_layer, block.layer, attention, out.hidden, ctx);

  const MatrixView<float> last = GatherRows(Const(out.hidden), step.batch.logit_rows, ctx);
  RmsNorm(Const(last), block.norm, spec.norm_eps, last, ctx);
  out.logits = NewMatrix(last.rows, spec.vocab_size, ctx);
  MatmulInput head_input(Const(last), ctx);
  Matmul(head_input, block.head, out.logits, ctx);
  return out;
}

std::vector<KvLayout> PredictionKvLayouts(const DecoderSpec& spec, const DecoderWeights& weights) {
  if (weights.predictions.empty()) return {};
  return std::vector<KvLayout>(weights.predictions.size(),
                               LayoutOf(spec.prediction_layer->attention));
}

}  // namespace tael
