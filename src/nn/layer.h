// One decoder layer: norm, attention, residual, norm, feed-forward, residual.
#pragma once

#include <variant>

#include "nn/attention_gqa.h"
#include "nn/ffn_dense.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Same alternative as the layer's spec.
using AttentionWeights = std::variant<GqaWeights>;
using FfnWeights = std::variant<DenseFfnWeights>;

struct LayerWeights {
  Weight input_norm;      // [D]
  AttentionWeights attention;
  Weight post_attention_norm;  // [D], before the feed-forward part
  FfnWeights ffn;
};

// hidden [T, D] in and out (the residual stream).
void LayerForward(const DecoderSpec& spec, int layer, const LayerWeights& weights, const Batch& batch,
                  KvCache& cache, MatrixView<float> hidden, ComputeContext& ctx);

}  // namespace tael
