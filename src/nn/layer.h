// One decoder layer: attention, residual, feed-forward, residual, with norms before or after the
// two.
#pragma once

#include <variant>
#include <vector>

#include "nn/attention_compressed.h"
#include "nn/attention_gqa.h"
#include "nn/attention_mla.h"
#include "nn/ffn_dense.h"
#include "nn/ffn_moe.h"
#include "nn/gated_delta_net.h"
#include "nn/residual.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Each holds the same alternative as the layer's spec.
using AttentionWeights =
    std::variant<GqaWeights, MlaWeights, GatedDeltaNetWeights, CompressedWeights>;
using FfnWeights = std::variant<DenseFfnWeights, MoeFfnWeights>;

struct LayerWeights {
  std::vector<float> input_norm;  // [D], before attention; empty when the spec has none
  AttentionWeights attention;
  std::vector<float> post_attention_norm;  // [D], before the feed-forward part; or empty
  FfnWeights ffn;
  // [D] each, of what the parts give; empty when the spec has none.
  std::vector<float> attention_output_norm = {}, ffn_output_norm = {};
  // What mixes the residual streams around the parts; empty with one stream.
  StreamWeights attention_streams = {}, ffn_streams = {};
};

// hidden [T, streams * D], in and out: the residual stream.
void LayerForward(const LayerSpec& spec, const LayerWeights& weights, const AttentionStep& step,
                  MatrixView<float> hidden, ComputeContext& ctx);

}  // namespace tael
