// MiniMax-M2: q and k normalised over whole projections, rope on a part of each head, a sigmoid
// router whose choice is corrected by a bias, no shared expert.
// Source: github.com/MiniMax-AI/MiniMax-M2; transformers, models/minimax_m2.
#include <algorithm>

#include "base/error.h"
#include "model/families.h"

namespace tael {
namespace {

void RefuseOtherVariants(const ConfigView& c) {
  const std::string norm = c.String("qk_norm_type", "per_layer");
  const std::string scoring = c.String("scoring_func", "sigmoid");
  if (norm != "per_layer" || scoring != "sigmoid") {
    Fail(ErrorCode::kUnsupported,
         "{}: qk_norm_type is '{}' and scoring_func '{}'; known are per_layer and sigmoid",
         c.where(), norm, scoring);
  }
  const std::vector<int64_t> types =
      c.Has("attn_type_list") ? c.Ints("attn_type_list") : std::vector<int64_t>();
  if (std::any_of(types.begin(), types.end(), [](int64_t type) { return type != 1; })) {
    Fail(ErrorCode::kUnsupported, "{}: attn_type_list names other types than 1, full attention",
         c.where());
  }
  if (const int shared = c.Int("shared_intermediate_size", 0); shared != 0) {
    Fail(ErrorCode::kUnsupported, "{}: shared_intermediate_size is {}, supported is 0", c.where(),
         shared);
  }
  c.Ignore("attn_type_list");
  // Multi-token prediction: published checkpoints hold no tensors of it.
  for (const char* key : {"use_mtp", "num_mtp_modules", "mtp_transformer_layers"}) c.Ignore(key);
}

DecoderSpec DescribeMiniMaxM2(const ConfigView& c) {
  RefuseOtherVariants(c);
  GqaSpec gqa = ReadGqa(c, {.theta = 5e6, .part = 1.0});
  gqa.qk_norm = c.Bool("use_qk_norm", true);
  gqa.qk_norm_span = QkNormSpan::kProjection;
  MoeFfnSpec moe =
      ReadExperts(c, {"num_local_experts", "num_experts_per_tok", "intermediate_size"});
  moe.router.scoring = RouterScoring::kSigmoid;
  moe.router.correction_bias = c.Bool("use_routing_bias", true);
  moe.router.normalize = true;
  DecoderSpec spec = ReadCommon(c);
  spec.family = "minimax-m2";
  spec.layers.assign(static_cast<size_t>(c.Int("num_hidden_layers")),
                     LayerSpec{.attention = gqa, .ffn = moe});
  return spec;
}

}  // namespace

extern const Family kMiniMaxM2;
const Family kMiniMaxM2{"MiniMaxM2ForCausalLM", &DescribeMiniMaxM2, kBlockSparseMoeNames};

}  // namespace tael
