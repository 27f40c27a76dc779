// Baidu ERNIE 4.5 with experts: rope over neighbouring elements, a softmax router whose choice is
// corrected by a bias, shared experts as one block.
// Source: ERNIE 4.5 Technical Report; transformers, models/ernie4_5_moe.
#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

constexpr NameRule kNames[] = {
    {Role::kRouterCorrection, "model.layers.{}.mlp.moe_statics.e_score_correction_bias",
     "blk.{}.exp_probs_b.bias"},
};

MoeFfnSpec ReadErnieExperts(const ConfigView& c) {
  MoeFfnSpec moe = ReadExperts(c, {"moe_num_experts", "moe_k", "moe_intermediate_size"});
  c.Ignore("moe_capacity");  // of training: inference drops no token
  const std::string gate = c.String("moe_gate", "topk"), act = c.String("moe_gate_act", "softmax");
  if (gate != "topk" || act != "softmax") {
    Fail(ErrorCode::kUnsupported,
         "{}: moe_gate is '{}' and moe_gate_act '{}'; known are topk and softmax", c.where(), gate,
         act);
  }
  moe.router.correction_bias = c.Bool("moe_use_aux_free", c.Bool("use_correction_bias", true));
  moe.router.normalize = true;
  moe.router.sum_floor = static_cast<float>(c.Double("moe_norm_min", 1e-12));
  if (c.Has("moe_num_shared_experts")) {
    moe.shared_size = SharedSize(c, UniformInt(c, "moe_num_shared_experts"), moe.expert_size);
  }
  return moe;
}

DecoderSpec DescribeErnie45Moe(const ConfigView& c) {
  GqaSpec gqa = ReadGqa(c, {.theta = 5e5});
  gqa.rope.pairing = RopePairing::kInterleaved;
  if (c.Bool("use_bias", false)) {
    Fail(ErrorCode::kUnsupported, "{}: use_bias is true; known for this family is false",
         c.where());
  }
  DecoderSpec spec = ReadCommon(c, /*tied_by_default=*/true);
  spec.family = "ernie4_5-moe";
  c.Ignore("num_nextn_predict_layers");  // its tensors are ignored by name
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")), LayerSpec{gqa, {}});
  const int interval = c.Int("moe_layer_interval", 1);
  const int start = c.Int("moe_layer_start_index", 1), end = c.Int("moe_layer_end_index", -1);
  if (interval < 1) {
    Fail(ErrorCode::kCorrupt, "{}: moe_layer_interval is {}, needed at least 1", c.where(),
         interval);
  }
  UseExperts(
      c, ReadErnieExperts(c),
      [&](int i) { return (i + 1) % interval == 0 && i >= start && (end < 0 || i <= end); },
      &spec.layers);
  return spec;
}

// The form with PaddlePaddle's names. Unverified: no published file of it was compared.
const OtherNames kPaddle{"ernie.embed_tokens.weight", kErniePaddleNames, /*by_columns=*/true};

}  // namespace

extern const Family kErnie45Moe;
const Family kErnie45Moe{"Ernie4_5_MoeForCausalLM", &DescribeErnie45Moe, kNames, &kPaddle};

}  // namespace tael
