// DeepSeek-V4 in GGUF's keys, as llama.cpp's converter writes them ('deepseek4').
#include <algorithm>

#include "model/convert/key_writer.h"

namespace tael {

void GgufKeyWriter::Compressed(const CompressedSpec& any) {
  // Layers differ in their entries, and with them in the base and the scaling of rope.
  const CompressedSpec *with = nullptr, *without = nullptr, *indexed = nullptr;
  std::vector<int64_t> ratios;
  for (const LayerSpec& layer : spec_.layers) {
    const auto* spec = std::get_if<CompressedSpec>(&layer.attention);
    if (spec == nullptr) Refuse("more than one kind of attention");
    (spec->ratio > 0 ? with : without) = spec;
    if (spec->indexer.has_value()) indexed = spec;
    ratios.push_back(spec->ratio);
  }
  Integer("attention.head_count", any.num_heads);
  Integer("attention.head_count_kv", 1);
  Integer("attention.key_length", any.head_dim);
  Integer("attention.value_length", any.head_dim);
  Integer("attention.q_lora_rank", any.q_rank);
  Integer("attention.sliding_window", any.window);
  Integer("attention.output_group_count", any.output_groups);
  Integer("attention.output_lora_rank", any.output_rank);
  Set("attention.compress_ratios", GgufInts(GgufType::kI32, std::move(ratios)));
  if (indexed != nullptr) {
    Integer("attention.indexer.head_count", indexed->indexer->num_heads);
    Integer("attention.indexer.key_length", indexed->indexer->head_dim);
    Integer("attention.indexer.top_k", indexed->indexer->top_k);
  }
  Integer("hyper_connection.count", spec_.residual.streams);
  Integer("hyper_connection.sinkhorn_iterations", spec_.residual.balancing_steps);
  Number("hyper_connection.epsilon", static_cast<double>(spec_.residual.eps));
  CompressedRope(with, without);
}

void GgufKeyWriter::CompressedRope(const CompressedSpec* with, const CompressedSpec* without) {
  const RopeSpec& rope = with != nullptr ? with->rope : without->rope;
  Integer("rope.dimension_count", rope.rotary_dim);
  // A base that no layer has is never read.
  Number("rope.freq_base", without != nullptr ? without->rope.theta : rope.theta);
  if (with == nullptr) return;
  Number("attention.compress_rope_freq_base", rope.theta);
  if (rope.scaling == RopeScalingKind::kNone) return;
  if (rope.scaling != RopeScalingKind::kYarn && rope.scaling != RopeScalingKind::kLinear) {
    Refuse("this scaling of rope");
  }
  RopeSpec plain = rope;
  // Rotated rows are values here, so no reader multiplies them by yarn's factor.
  plain.attention_factor = YarnFactor(rope);
  Scaling(plain);
}

void GgufKeyWriter::ExpertsOfDeepSeekV4(const MoeFfnSpec& moe) {
  const auto by_token = [](const LayerSpec& layer) {
    const auto* experts = std::get_if<MoeFfnSpec>(&layer.ffn);
    return experts != nullptr && experts->router.choice == ExpertChoice::kByToken;
  };
  const auto end = std::find_if_not(spec_.layers.begin(), spec_.layers.end(), by_token);
  if (std::any_of(end, spec_.layers.end(), by_token)) {
    Refuse("layers that find their experts by the token behind others");
  }
  Integer("hash_layer_count", end - spec_.layers.begin());
  Integer("expert_shared_count", moe.shared_size / moe.expert_size);
  Number("expert_weights_scale", static_cast<double>(moe.router.scale));
  Set("expert_weights_norm", GgufBool(moe.router.normalize));
  // One for each layer, of the routed experts and of the shared one.
  const std::vector<float> limits(spec_.layers.size(), moe.clamp.limit);
  Set("swiglu_clamp_exp", GgufFloats(limits));
  Set("swiglu_clamp_shexp", GgufFloats(limits));
}

}  // namespace tael
