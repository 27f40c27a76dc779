// Qwen3-Next and Qwen3.5: three layers of gated delta net for each layer of gated attention, gains
// stored as their distance from 1, partial rope; feed-forward parts dense or with experts.
// Source: transformers, models/qwen3_next and models/qwen3_5; arXiv:2412.06464 (gated delta net).
#include <cmath>
#include <utility>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kFinalNorm, "model.norm.weight", "output_norm.weight", 1},
    {Role::kInputNorm, "model.layers.{}.input_layernorm.weight", "blk.{}.attn_norm.weight", 1},
    {Role::kPostAttentionNorm, "model.layers.{}.post_attention_layernorm.weight",
     "blk.{}.post_attention_norm.weight", 1},
    {Role::kQueryNorm, "model.layers.{}.self_attn.q_norm.weight", "blk.{}.attn_q_norm.weight", 1},
    {Role::kKeyNorm, "model.layers.{}.self_attn.k_norm.weight", "blk.{}.attn_k_norm.weight", 1},
    kOneSharedExpertRules[0],
    kOneSharedExpertRules[1],
    kOneSharedExpertRules[2],
};

// Sections of the rotated pairs for time, height and width of images: for text all three count the
// same positions, which is plain rope. They must only fit.
void CheckSections(const ConfigView& c, const ConfigView& holder, const RopeSpec& rope) {
  holder.Ignore("mrope_section");
  holder.Ignore("mrope_interleaved");
  if (!holder.Has("mrope_section")) return;
  int64_t sum = 0;
  for (const int64_t section : holder.Ints("mrope_section")) {
    sum += section >= 0 && section <= rope.rotary_dim ? section : rope.rotary_dim + 1;
  }
  if (sum == rope.rotary_dim / 2) return;
  Fail(ErrorCode::kCorrupt, "{}: mrope_section sums up to {}, needed half the rotary dimension {}",
       c.where(), sum, rope.rotary_dim);
}

GqaSpec ReadGatedAttention(const ConfigView& c) {
  RequireBool(c, "attention_bias", false);
  RequireBool(c, "attn_output_gate", true);
  RequireBool(c, "use_sliding_window", false);
  GqaSpec gqa = ReadGqa(c, {.part = 0.25});
  gqa.qk_norm = true;
  gqa.output_gate = true;
  CheckSections(c, c, gqa.rope);
  if (const auto rope = c.Object("rope_parameters")) CheckSections(c, *rope, gqa.rope);
  if (const auto rope = c.Object("rope_scaling")) CheckSections(c, *rope, gqa.rope);
  return gqa;
}

GatedDeltaNetSpec ReadDeltaNet(const ConfigView& c) {
  c.Ignore("mamba_ssm_dtype");  // the state is float32 in any case
  return {.num_key_heads = c.Int("linear_num_key_heads"),
          .num_value_heads = c.Int("linear_num_value_heads"),
          .key_dim = c.Int("linear_key_head_dim"),
          .value_dim = c.Int("linear_value_head_dim"),
          .conv_taps = c.Int("linear_conv_kernel_dim"),
          .tiled_value_heads = c.Bool("linear_value_heads_tiled", false)};
}

// Which layers are full attention: as listed, else every `full_attention_interval`-th.
std::vector<bool> FullLayers(const ConfigView& c) {
  const int interval = c.Int("full_attention_interval", 4), count = c.Int("num_hidden_layers");
  if (interval < 1) {
    Fail(ErrorCode::kCorrupt, "{}: full_attention_interval is {}, needed at least 1", c.where(),
         interval);
  }
  std::vector<bool> full;
  if (!c.Has("layer_types")) {
    for (int i = 1; i <= count; ++i) full.push_back(i % interval == 0);
    return full;
  }
  for (const std::string& type : c.Strings("layer_types")) {
    if (type != "full_attention" && type != "linear_attention") {
      Fail(ErrorCode::kUnsupported,
           "{}: layer type '{}' is not known; known are full_attention, linear_attention",
           c.where(), type);
    }
    full.push_back(type == "full_attention");
  }
  if (std::cmp_not_equal(full.size(), count)) {
    Fail(ErrorCode::kCorrupt, "{}: layer_types lists {} layers, num_hidden_layers says {}",
         c.where(), full.size(), count);
  }
  return full;
}

// The layers, and one of full attention more for SplitBlocks(); feed-forward parts stay empty.
DecoderSpec DescribeHybrid(const ConfigView& c, const char* family) {
  DecoderSpec spec = ReadCommon(c);
  spec.family = family;
  const GqaSpec gqa = ReadGatedAttention(c);
  const GatedDeltaNetSpec delta_net = ReadDeltaNet(c);
  for (const bool full : FullLayers(c)) {
    spec.layers.push_back(
        {.attention = full ? AttentionSpec(gqa) : AttentionSpec(delta_net), .ffn = DenseFfnSpec()});
  }
  spec.layers.push_back({.attention = gqa, .ffn = DenseFfnSpec()});
  c.Ignore("mtp_num_hidden_layers");
  c.Ignore("mtp_use_dedicated_embeddings");
  return spec;
}

// The blocks of multi-token prediction: numbered behind the layers in GGUF, "mtp." elsewhere.
DecoderSpec SplitBlocks(const ConfigView& c, DecoderSpec spec) {
  SplitOffPrediction(c.Int("num_nextn_predict_layers", 0), &spec);
  return spec;
}

MoeFfnSpec ReadMoe(const ConfigView& c) {
  MoeFfnSpec moe = ReadExperts(c, {"num_experts", "num_experts_per_tok", "moe_intermediate_size"});
  moe.router.normalize = c.Bool("norm_topk_prob", true);
  moe.shared_size = c.Int("shared_expert_intermediate_size");
  moe.shared_gate = true;
  return moe;
}

DecoderSpec DescribeQwen3Next(const ConfigView& c) {
  DecoderSpec spec = DescribeHybrid(c, "qwen3-next");
  UseExpertsAtSteps(c, ReadMoe(c), &spec.layers);
  return SplitBlocks(c, std::move(spec));
}

DecoderSpec DescribeQwen35(const ConfigView& c) {
  DecoderSpec spec = DescribeHybrid(c, "qwen3-5");
  c.Ignore("mlp_only_layers");  // all layers are, and it is empty
  for (LayerSpec& layer : spec.layers) layer.ffn = ReadDenseFfn(c);
  return SplitBlocks(c, std::move(spec));
}

DecoderSpec DescribeQwen35Moe(const ConfigView& c) {
  DecoderSpec spec = DescribeHybrid(c, "qwen3-5-moe");
  UseExpertsAtSteps(c, ReadMoe(c), &spec.layers);
  return SplitBlocks(c, std::move(spec));
}

}  // namespace

extern const Family kQwen3Next, kQwen35, kQwen35Moe, kQwen35Text, kQwen35MoeText;
const Family kQwen3Next{"Qwen3NextForCausalLM", &DescribeQwen3Next, kNames};
const Family kQwen35{"Qwen3_5ForConditionalGeneration", &DescribeQwen35, kNames};
const Family kQwen35Moe{"Qwen3_5MoeForConditionalGeneration", &DescribeQwen35Moe, kNames};
// The text models alone, without the wrapper for images.
const Family kQwen35Text{"Qwen3_5ForCausalLM", &DescribeQwen35, kNames};
const Family kQwen35MoeText{"Qwen3_5MoeForCausalLM", &DescribeQwen35Moe, kNames};

}  // namespace tael
