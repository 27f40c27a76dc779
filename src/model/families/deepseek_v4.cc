// DeepSeek-V4: several residual streams, attention over a window and over entries that sum up runs
// of positions, a router that finds the experts of some layers by the token alone.
// Source: DeepSeek-V4 technical report; transformers, models/deepseek_v4.
#include <cmath>
#include <utility>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

// The published form, FP8 with E8M0 scales and FP4 experts under the same names, with ".scale".
// Unverified: transformers reads a checkpoint made like it to the same logits, but no published
// file was compared.
constexpr NameRule kNames[] = {
    {Role::kEmbedding, "embed.weight", "token_embd.weight"},
    {Role::kFinalNorm, "norm.weight", "output_norm.weight"},
    {Role::kHead, "head.weight", "output.weight"},
    {Role::kEndStreams, "hc_head_fn", "output_hc_fn.weight"},
    {Role::kEndStreamsBase, "hc_head_base", "output_hc_base.weight"},
    {Role::kEndStreamsScale, "hc_head_scale", "output_hc_scale.weight"},
    {Role::kInputNorm, "layers.{}.attn_norm.weight", "blk.{}.attn_norm.weight"},
    {Role::kPostAttentionNorm, "layers.{}.ffn_norm.weight", "blk.{}.ffn_norm.weight"},
    {Role::kAttentionStreams, "layers.{}.hc_attn_fn", "blk.{}.hc_attn_fn.weight"},
    {Role::kAttentionStreamsBase, "layers.{}.hc_attn_base", "blk.{}.hc_attn_base.weight"},
    {Role::kAttentionStreamsScale, "layers.{}.hc_attn_scale", "blk.{}.hc_attn_scale.weight"},
    {Role::kFfnStreams, "layers.{}.hc_ffn_fn", "blk.{}.hc_ffn_fn.weight"},
    {Role::kFfnStreamsBase, "layers.{}.hc_ffn_base", "blk.{}.hc_ffn_base.weight"},
    {Role::kFfnStreamsScale, "layers.{}.hc_ffn_scale", "blk.{}.hc_ffn_scale.weight"},
    {Role::kQueryDown, "layers.{}.attn.wq_a.weight", "blk.{}.attn_q_a.weight"},
    {Role::kQueryDownNorm, "layers.{}.attn.q_norm.weight", "blk.{}.attn_q_a_norm.weight"},
    {Role::kQueryUp, "layers.{}.attn.wq_b.weight", "blk.{}.attn_q_b.weight"},
    {Role::kLatent, "layers.{}.attn.wkv.weight", "blk.{}.attn_kv.weight"},
    {Role::kLatentNorm, "layers.{}.attn.kv_norm.weight", "blk.{}.attn_kv_a_norm.weight"},
    {Role::kSinks, "layers.{}.attn.attn_sink", "blk.{}.attn_sinks.weight"},
    {Role::kOutputDown, "layers.{}.attn.wo_a.weight", "blk.{}.attn_output_a.weight"},
    {Role::kOutput, "layers.{}.attn.wo_b.weight", "blk.{}.attn_output_b.weight"},
    {Role::kCompressorValues, "layers.{}.attn.compressor.wkv.weight",
     "blk.{}.attn_compressor_kv.weight"},
    {Role::kCompressorGates, "layers.{}.attn.compressor.wgate.weight",
     "blk.{}.attn_compressor_gate.weight"},
    {Role::kCompressorPlaces, "layers.{}.attn.compressor.ape", "blk.{}.attn_compressor_ape.weight"},
    {Role::kCompressorNorm, "layers.{}.attn.compressor.norm.weight",
     "blk.{}.attn_compressor_norm.weight"},
    {Role::kIndexQuery, "layers.{}.attn.indexer.wq_b.weight", "blk.{}.indexer.attn_q_b.weight"},
    {Role::kIndexWeights, "layers.{}.attn.indexer.weights_proj.weight",
     "blk.{}.indexer.proj.weight"},
    {Role::kIndexCompressorValues, "layers.{}.attn.indexer.compressor.wkv.weight",
     "blk.{}.indexer_compressor_kv.weight"},
    {Role::kIndexCompressorGates, "layers.{}.attn.indexer.compressor.wgate.weight",
     "blk.{}.indexer_compressor_gate.weight"},
    {Role::kIndexCompressorPlaces, "layers.{}.attn.indexer.compressor.ape",
     "blk.{}.indexer_compressor_ape.weight"},
    {Role::kIndexCompressorNorm, "layers.{}.attn.indexer.compressor.norm.weight",
     "blk.{}.indexer_compressor_norm.weight"},
    {Role::kRouter, "layers.{}.ffn.gate.weight", "blk.{}.ffn_gate_inp.weight"},
    {Role::kRouterCorrection, "layers.{}.ffn.gate.bias", "blk.{}.exp_probs_b.bias"},
    {Role::kTokenExperts, "layers.{}.ffn.gate.tid2eid", "blk.{}.ffn_gate_tid2eid.weight"},
    {Role::kExpertGate, "layers.{}.ffn.experts.{}.w1.weight", ""},
    {Role::kExpertUp, "layers.{}.ffn.experts.{}.w3.weight", ""},
    {Role::kExpertDown, "layers.{}.ffn.experts.{}.w2.weight", ""},
    {Role::kSharedGate, "layers.{}.ffn.shared_experts.w1.weight", "blk.{}.ffn_gate_shexp.weight"},
    {Role::kSharedUp, "layers.{}.ffn.shared_experts.w3.weight", "blk.{}.ffn_up_shexp.weight"},
    {Role::kSharedDown, "layers.{}.ffn.shared_experts.w2.weight", "blk.{}.ffn_down_shexp.weight"},
};

// What the entries of a layer sum up.
constexpr int kFewPositions = 4, kManyPositions = 128;

// The rope of layers with entries, but with the base of those without. transformers 5 writes an
// object for each of the two, and the rotated part of a head beside its number of elements.
RopeSpec ReadRotation(const ConfigView& c, int head_dim) {
  const int rotated = c.Int("qk_rope_head_dim");
  const double part = head_dim > 0 ? static_cast<double>(rotated) / head_dim : 1.0;
  const auto check = [&](const ConfigView& holder) {
    if (const double found = holder.Double("partial_rotary_factor", part); found != part) {
      Fail(ErrorCode::kCorrupt,
           "{}: partial_rotary_factor is {}, but {} of {} elements are rotated", c.where(), found,
           rotated, head_dim);
    }
  };
  check(c);
  const auto parameters = c.Object("rope_parameters");
  const auto main = parameters ? parameters->Object("main") : std::nullopt;
  if (!main) {
    RopeSpec rope = ReadRope(c, rotated, {.part = part});
    rope.rotary_dim = rotated;
    return rope;
  }
  const auto compress = parameters->Object("compress");
  if (!compress) Fail(ErrorCode::kCorrupt, "{}: rope_parameters has no compress", c.where());
  check(*main);
  check(*compress);
  RequireRopeTheta(*compress);
  if (ReadRopeOfLayers(c, *main, rotated).scaling != RopeScalingKind::kNone) {
    Fail(ErrorCode::kUnsupported, "{}: rope_parameters.main is scaled, known is default",
         c.where());
  }
  RopeSpec rope = ReadRopeOfLayers(c, *compress, rotated);
  if (rope.theta != c.Double("compress_rope_theta", rope.theta)) {
    Fail(ErrorCode::kCorrupt, "{}: compress_rope_theta and rope_parameters.compress differ",
         c.where());
  }
  rope.theta = main->Double("rope_theta");
  if (rope.theta != c.Double("rope_theta", rope.theta)) {
    Fail(ErrorCode::kCorrupt, "{}: rope_theta and rope_parameters.main differ", c.where());
  }
  return rope;
}

CompressedSpec ReadAttention(const ConfigView& c) {
  RequireBool(c, "attention_bias", false);
  if (const int heads = c.Int("num_key_value_heads", 1); heads != 1) {
    Fail(ErrorCode::kUnsupported, "{}: num_key_value_heads is {}, known for this family is 1",
         c.where(), heads);
  }
  CompressedSpec spec;
  spec.num_heads = c.Int("num_attention_heads");
  spec.head_dim = c.Int("head_dim");
  spec.q_rank = c.Int("q_lora_rank");
  spec.output_groups = c.Int("o_groups");
  spec.output_rank = c.Int("o_lora_rank");
  spec.window = c.Int("sliding_window");
  spec.rope = ReadRotation(c, spec.head_dim);
  spec.rope.pairing = RopePairing::kInterleaved;
  spec.rope.attention_factor = 1.0;  // rotated rows are values, too
  if (spec.head_dim > 0) spec.scale = 1.0f / std::sqrt(static_cast<float>(spec.head_dim));
  return spec;
}

double ReadCompressedTheta(const ConfigView& c) {
  if (c.Has("compress_rope_theta")) return c.Double("compress_rope_theta");
  const auto parameters = c.Object("rope_parameters");
  const auto compress = parameters ? parameters->Object("compress") : std::nullopt;
  return compress ? compress->Double("rope_theta") : c.Double("compress_rope_theta");
}

// Layers without entries see too little for a stretched rope.
CompressedSpec WithRatio(const ConfigView& c, CompressedSpec spec, int64_t ratio) {
  if (ratio == 0) {
    spec.rope.scaling = RopeScalingKind::kNone;
    return spec;
  }
  if (ratio != kFewPositions && ratio != kManyPositions) {
    Fail(ErrorCode::kUnsupported, "{}: compress_ratios names {}; known are 0, {}, {}", c.where(),
         ratio, kFewPositions, kManyPositions);
  }
  spec.ratio = static_cast<int>(ratio);
  spec.rope.theta = ReadCompressedTheta(c);
  if (ratio == kManyPositions) return spec;
  spec.overlapping = true;
  spec.indexer = IndexerSpec{.num_heads = c.Int("index_n_heads"),
                             .head_dim = c.Int("index_head_dim"),
                             .top_k = c.Int("index_topk"),
                             .pairing = RopePairing::kInterleaved};
  return spec;
}

// How many positions an entry of each layer sums up; 0 for layers without entries. The list may go
// on for blocks of multi-token prediction, which are not computed.
std::vector<int64_t> ReadRatios(const ConfigView& c) {
  if (!c.Has("layer_types")) return c.Ints("compress_ratios");
  const auto rates = c.Object("compress_rates");
  const auto rate = [&](const char* key, int usual) {
    return rates ? rates->Int(key, usual) : usual;
  };
  const int few = rate("compressed_sparse_attention", kFewPositions);
  const int many = rate("heavily_compressed_attention", kManyPositions);
  if (few != kFewPositions || many != kManyPositions) {
    Fail(ErrorCode::kUnsupported, "{}: compress_rates names {} and {}; known are {} and {}",
         c.where(), few, many, kFewPositions, kManyPositions);
  }
  std::vector<int64_t> ratios;
  for (const std::string& type : c.Strings("layer_types")) {
    if (type == "compressed_sparse_attention") {
      ratios.push_back(few);
    } else if (type == "heavily_compressed_attention") {
      ratios.push_back(many);
    } else if (type == "sliding_attention") {
      ratios.push_back(0);
    } else {
      Fail(ErrorCode::kUnsupported, "{}: layer type '{}' is not known", c.where(), type);
    }
  }
  return ratios;
}

// Which layers find their experts by the token alone: as listed, else the first ones.
std::vector<bool> ReadHashLayers(const ConfigView& c, int layers) {
  std::vector<bool> hashed;
  if (!c.Has("mlp_layer_types")) {
    const int first = c.Int("num_hash_layers", 3);
    for (int i = 0; i < layers; ++i) hashed.push_back(i < first);
    return hashed;
  }
  for (const std::string& type : c.Strings("mlp_layer_types")) {
    if (type != "hash_moe" && type != "moe") {
      Fail(ErrorCode::kUnsupported, "{}: type '{}' in mlp_layer_types is not known", c.where(),
           type);
    }
    hashed.push_back(type == "hash_moe");
  }
  if (std::cmp_not_equal(hashed.size(), layers)) {
    Fail(ErrorCode::kCorrupt, "{}: mlp_layer_types lists {} layers, num_hidden_layers says {}",
         c.where(), hashed.size(), layers);
  }
  return hashed;
}

MoeFfnSpec ReadV4Experts(const ConfigView& c) {
  for (const auto& [key, known] :
       {std::pair{"scoring_func", "sqrtsoftplus"}, std::pair{"topk_method", "noaux_tc"}}) {
    if (const std::string found = c.String(key, known); found != known) {
      Fail(ErrorCode::kUnsupported, "{}: {} is '{}'; known for this family is {}", c.where(), key,
           found, known);
    }
  }
  MoeFfnSpec moe =
      ReadExperts(c, {"n_routed_experts", "num_experts_per_tok", "moe_intermediate_size"});
  moe.router.scoring = RouterScoring::kSqrtSoftplus;
  moe.router.correction_bias = true;
  moe.router.normalize = c.Bool("norm_topk_prob", true);
  moe.router.sum_addend = 1e-20f;
  moe.router.scale = static_cast<float>(c.Double("routed_scaling_factor", 1.5));
  moe.shared_size = SharedSize(c, c.Int("n_shared_experts"), moe.expert_size);
  moe.activation = Activation::kClampedSilu;
  moe.clamp = {.limit = static_cast<float>(c.Double("swiglu_limit")), .alpha = 1, .up_offset = 0};
  return moe;
}

// Of packed experts, which must be what it says (model/quantization/fp8.cc). Plain ones are read
// whatever it says: files of other programs keep the key when they write them out.
void CheckExpertType(const ConfigView& c) {
  if (!c.Has("expert_dtype")) return;
  if (const std::string found = c.String("expert_dtype"); found != "fp4" && found != "fp8") {
    Fail(ErrorCode::kUnsupported, "{}: expert_dtype is '{}', needed one of fp8, fp4", c.where(),
         found.substr(0, 80));
  }
}

DecoderSpec DescribeDeepSeekV4(const ConfigView& c) {
  for (const char* key : {"compress_rope_theta", "index_n_heads", "index_head_dim", "index_topk"}) {
    c.Ignore(key);  // of layers with entries, of which there may be none
  }
  DecoderSpec spec = ReadCommon(c);
  spec.family = "deepseek-v4";
  spec.residual = {.streams = c.Int("hc_mult"),
                   .balancing_steps = c.Int("hc_sinkhorn_iters"),
                   .eps = static_cast<float>(c.Double("hc_eps"))};
  const CompressedSpec attention = ReadAttention(c);
  const MoeFfnSpec moe = ReadV4Experts(c);
  MoeFfnSpec hashed = moe;
  hashed.router.correction_bias = false;
  hashed.router.choice = ExpertChoice::kByToken;
  const std::vector<int64_t> ratios = ReadRatios(c);
  const int layers = c.Int("num_hidden_layers");
  const std::vector<bool> by_token = ReadHashLayers(c, layers);
  // Of what drafts ("mtp."; in GGUF the blocks behind these), which stays unread: a block like the
  // others, or DSpark's.
  for (const char* key : {"num_nextn_predict_layers", "dspark_block_size", "dspark_markov_rank",
                          "dspark_noise_token_id", "dspark_target_layer_ids"}) {
    c.Ignore(key);
  }
  CheckExpertType(c);
  if (std::cmp_less(ratios.size(), layers)) {
    Fail(ErrorCode::kCorrupt, "{}: {} layers have a compress ratio, num_hidden_layers says {}",
         c.where(), ratios.size(), layers);
  }
  for (int i = 0; i < layers; ++i) {
    const auto at = static_cast<size_t>(i);
    spec.layers.push_back(
        {.attention = WithRatio(c, attention, ratios[at]), .ffn = by_token[at] ? hashed : moe});
  }
  return spec;
}

}  // namespace

extern const Family kDeepSeekV4;
const Family kDeepSeekV4{"DeepseekV4ForCausalLM", &DescribeDeepSeekV4, kNames};

}  // namespace tael
