// DeepSeek-V3, V3.1, R1 and Kimi K2: latent attention, a sigmoid router whose choice is corrected
// by a bias and limited to groups, dense first layers, prediction layers. V3.2: the same with
// sparse attention.
// Source: DeepSeek-V3, arXiv:2412.19437; V3.2, arXiv:2512.02556; transformers, models/deepseek_v3.
#include <fmt/ranges.h>

#include <utility>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

MoeFfnSpec ReadV3Experts(const ConfigView& c) {
  MoeFfnSpec moe =
      ReadExperts(c, {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"});
  const std::string scoring = c.String("scoring_func", "sigmoid");
  const std::string method = c.String("topk_method", "noaux_tc");
  if (scoring != "sigmoid" || method != "noaux_tc") {
    Fail(ErrorCode::kUnsupported,
         "{}: scoring_func is '{}' and topk_method '{}'; known are sigmoid and noaux_tc", c.where(),
         scoring, method);
  }
  moe.router.scoring = RouterScoring::kSigmoid;
  moe.router.correction_bias = true;
  // Required: the defaults of the published code are groups, so a missing key is no "1".
  moe.router.num_groups = c.Int("n_group");
  moe.router.groups_per_token = c.Int("topk_group");
  moe.router.normalize = c.Bool("norm_topk_prob", true);
  moe.router.sum_addend = 1e-20f;
  moe.router.scale = static_cast<float>(c.Double("routed_scaling_factor"));
  moe.shared_size = SharedSize(c, c.Int("n_shared_experts", 1), moe.expert_size);
  return moe;
}

DecoderSpec Describe(const ConfigView& c, const MlaSpec& attention, const char* family) {
  DecoderSpec spec = ReadCommon(c);
  spec.family = family;
  const auto layers = static_cast<size_t>(c.Int("num_hidden_layers"));
  spec.layers.assign(layers + 1, LayerSpec{attention, {}});
  UseExpertsBehindDense(c, ReadV3Experts(c), &spec.layers, "first_k_dense_replace", /*dense=*/3);
  SplitOffPrediction(c.Int("num_nextn_predict_layers", 0), &spec);
  return spec;
}

DecoderSpec DescribeV3(const ConfigView& c) {
  const bool kimi = c.String("model_type", "") == "kimi_k2";
  return Describe(c, ReadMla(c), kimi ? "kimi-k2" : "deepseek-v3");
}

// Lists that transformers 5 writes beside the keys of the rules; they must say the same.
void CheckLayerLists(const ConfigView& c, const std::vector<LayerSpec>& layers) {
  std::vector<std::string> attention, ffn;
  for (const LayerSpec& layer : layers) {
    attention.emplace_back("indexed_attention");
    ffn.emplace_back(std::holds_alternative<MoeFfnSpec>(layer.ffn) ? "sparse" : "dense");
  }
  for (const auto& [key, needed] :
       {std::pair{"layer_types", attention}, std::pair{"mlp_layer_types", ffn}}) {
    if (!c.Has(key) || c.Strings(key) == needed) continue;
    Fail(ErrorCode::kCorrupt, "{}: {} is not what the other keys say of {} layers: {}", c.where(),
         key, layers.size(), fmt::join(needed, ", "));
  }
}

DecoderSpec DescribeV32(const ConfigView& c) {
  MlaSpec attention = ReadMla(c);
  const bool interleaved = c.Bool("indexer_rope_interleave", false);
  attention.indexer = {
      .num_heads = c.Int("index_n_heads"),
      .head_dim = c.Int("index_head_dim"),
      .top_k = c.Int("index_topk"),
      .pairing = interleaved ? RopePairing::kInterleaved : RopePairing::kHalfSplit};
  DecoderSpec spec = Describe(c, attention, "deepseek-v32");
  CheckLayerLists(c, spec.layers);
  return spec;
}

}  // namespace

extern const Family kDeepSeekV3, kDeepSeekV32;
const Family kDeepSeekV3{"DeepseekV3ForCausalLM", &DescribeV3, {}};
const Family kDeepSeekV32{"DeepseekV32ForCausalLM", &DescribeV32, {}};

}  // namespace tael
