// One decoder layer: norm, attention, residual, norm, feed-forward, residual.
#pragma once

#include <variant>
#include <vector>

#include "nn/attention_gqa.h"
#include "nn/ffn_dense.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Each holds the same alternative as the layer's spec.
using AttentionWeights = std::variant<GqaWeights>;
using FfnWeights = std::variant<DenseFfnWeights>;

struct LayerWeights {
  std::vector<float> input_norm;  // [D], before attention
  AttentionWeights attention;
  std::vector<float> post_attention_norm;  // [D], before the feed-forward part
  FfnWeights ffn;
};

// hidden [T, D], in and out: the residual stream.
void LayerForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                  MatrixView<float> hidden, ComputeContext& ctx);

}  // namespace tael
