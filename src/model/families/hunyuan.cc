// Tencent Hunyuan: RMSNorm on q and k after rope, a base of rope raised by alpha. Dense from 0.5B
// to 7B; A13B with a softmax router and a shared block that every token passes. Source:
// github.com/Tencent-Hunyuan (Hunyuan-7B, Hunyuan-A13B); transformers, models/hunyuan_v1_dense and
// models/hunyuan_v1_moe.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kQueryNorm, "model.layers.{}.self_attn.query_layernorm.weight",
     "blk.{}.attn_q_norm.weight"},
    {Role::kKeyNorm, "model.layers.{}.self_attn.key_layernorm.weight", "blk.{}.attn_k_norm.weight"},
    {Role::kRouter, "model.layers.{}.mlp.gate.wg.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kSharedGate, "model.layers.{}.mlp.shared_mlp.gate_proj.weight",
     "blk.{}.ffn_gate_shexp.weight"},
    {Role::kSharedUp, "model.layers.{}.mlp.shared_mlp.up_proj.weight",
     "blk.{}.ffn_up_shexp.weight"},
    {Role::kSharedDown, "model.layers.{}.mlp.shared_mlp.down_proj.weight",
     "blk.{}.ffn_down_shexp.weight"},
};

// Keys in published files that concern images, classification and training, or say what is so
// anyway.
void ReadLeftovers(const ConfigView& c) {
  for (const char* key : {"anyres_pooling_size",
                          "anyres_vit_max_image_size",
                          "anyres_vit_two_views",
                          "class_num",
                          "dense_list",
                          "enable_lm_head_fp32",
                          "im_end_id",
                          "im_newline_id",
                          "im_start_id",
                          "image_token_id",
                          "mask_init_id",
                          "num_media_embeds",
                          "org_vocab_size",
                          "pad_id",
                          "pool_type",
                          "skip_cls_token",
                          "text_end_id",
                          "text_start_id",
                          "video_end_id",
                          "video_start_id",
                          "vit_add_patchemb_bias",
                          "vit_input_resolution",
                          "vit_mapping_type",
                          "vit_norm_type",
                          "vit_patch",
                          "vit_path",
                          "vit_remove_prenorm",
                          "vit_token",
                          "vit_type",
                          "vit_used_rms_norm",
                          "moe_random_routing_dropped_token",
                          "cla_share_factor"}) {
    c.Ignore(key);
  }
  for (const char* key :
       {"add_classification_head", "group_limited_greedy", "position_embedding_xdrope"}) {
    RequireBool(c, key, false);
  }
  RequireBool(c, "use_rotary_pos_emb", true);
  RequireText(c, "norm_type", "rms");
  RequireInt(c, "moe_layer_num_skipped", 0);  // first layers without experts
}

GqaSpec ReadHunyuanAttention(const ConfigView& c) {
  ReadLeftovers(c);
  RequireBool(c, "use_cla", false);  // keys and values shared by neighbouring layers
  GqaSpec gqa = ReadGqa(c);
  RequireSame(c, "attention_head_dim", gqa.head_dim);
  gqa.qk_norm = c.Bool("use_qk_norm", true);
  gqa.qk_norm_place = QkNormPlace::kAfterRope;
  gqa.qkv_bias = gqa.output_bias = c.Bool("attention_bias", false);
  return gqa;
}

MoeFfnSpec ReadHunyuanExperts(const ConfigView& c) {
  RequireBool(c, "use_mixed_mlp_moe", true);
  RequireBool(c, "norm_topk_prob", true);
  c.Ignore("moe_drop_tokens");    // of training: inference drops no token
  c.Ignore("intermediate_size");  // GGUF files name the width of the shared block apart
  if (const double scale = c.Double("routed_scaling_factor", 1.0); scale != 1.0) {
    Fail(ErrorCode::kUnsupported, "{}: routed_scaling_factor is {}, supported is 1", c.where(),
         scale);
  }
  MoeFfnSpec moe = ReadExperts(c, {"num_experts", "moe_topk", "moe_intermediate_size"});
  moe.router.normalize = true;
  moe.shared_size = c.Has("shared_expert_intermediate_size")
                        ? c.Int("shared_expert_intermediate_size")
                        : c.Int("intermediate_size");
  if (const int count = UniformInt(c, "num_shared_expert"); count != 1) {
    Fail(ErrorCode::kUnsupported, "{}: num_shared_expert is {}, supported is 1", c.where(), count);
  }
  return moe;
}

DecoderSpec DescribeHunyuanDense(const ConfigView& c) {
  const GqaSpec gqa = ReadHunyuanAttention(c);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "hunyuan-dense";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadDenseFfn(c)});
  return spec;
}

DecoderSpec DescribeHunyuanMoe(const ConfigView& c) {
  RequireBool(c, "use_mla", false);
  const GqaSpec gqa = ReadHunyuanAttention(c);
  DecoderSpec spec = ReadCommon(c);
  spec.family = "hunyuan-moe";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = ReadHunyuanExperts(c)});
  return spec;
}

}  // namespace

extern const Family kHunyuanDense;
const Family kHunyuanDense{"HunYuanDenseV1ForCausalLM", &DescribeHunyuanDense, kNames};

extern const Family kHunyuanMoe;
const Family kHunyuanMoe{"HunYuanMoEV1ForCausalLM", &DescribeHunyuanMoe, kNames};

}  // namespace tael
