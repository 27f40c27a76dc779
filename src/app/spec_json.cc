#include "app/spec_json.h"

#include <fmt/format.h>

#include <initializer_list>
#include <optional>
#include <utility>
#include <variant>

#include "nn/attention_compressed.h"
#include "nn/gated_delta_net.h"
#include "spec/latent_form.h"

namespace tael {
namespace {

Json RopeToJson(const RopeSpec& rope) {
  static constexpr const char* kScalings[] = {"none", "linear", "llama3", "yarn", "longrope"};
  Json out = JsonObject{};
  if (rope.pairing == RopePairing::kNone) {
    out.Set("pairing", "none");
    return out;
  }
  out.Set("pairing", rope.pairing == RopePairing::kHalfSplit ? "half_split" : "interleaved");
  out.Set("rotary_dim", rope.rotary_dim);
  out.Set("theta", rope.theta);
  out.Set("scaling", kScalings[static_cast<size_t>(rope.scaling)]);
  if (rope.scaling != RopeScalingKind::kNone) out.Set("factor", rope.factor);
  if (rope.original_context > 0) out.Set("original_context", rope.original_context);
  if (rope.scaling == RopeScalingKind::kYarn) {
    out.Set("beta_fast", rope.beta_fast);
    out.Set("beta_slow", rope.beta_slow);
    out.Set("truncate", rope.truncate);
  }
  if (rope.scaling == RopeScalingKind::kFrequencyBands) {
    out.Set("low_freq_factor", rope.low_freq_factor);
    out.Set("high_freq_factor", rope.high_freq_factor);
  }
  if (rope.attention_factor != 1.0) out.Set("attention_factor", rope.attention_factor);
  for (const auto& [key, list] :
       {std::pair{"divisors", &rope.divisors}, {"long_divisors", &rope.long_divisors}}) {
    if (list->empty()) continue;
    Json divisors{JsonArray{}};
    for (const float divisor : *list) divisors.Append(static_cast<double>(divisor));
    out.Set(key, std::move(divisors));
  }
  return out;
}

void AddActivation(Activation activation, const ClampedSiluSpec& clamp, Json& ffn) {
  static constexpr const char* kActivations[] = {"silu", "gelu_tanh", "clamped_silu"};
  ffn.Set("activation", kActivations[static_cast<size_t>(activation)]);
  if (activation != Activation::kClampedSilu) return;
  ffn.Set("limit", static_cast<double>(clamp.limit));
  ffn.Set("alpha", static_cast<double>(clamp.alpha));
  ffn.Set("up_offset", static_cast<double>(clamp.up_offset));
}

Json FfnToJson(const DenseFfnSpec& dense) {
  Json ffn = JsonObject{};
  ffn.Set("kind", "dense");
  ffn.Set("intermediate_size", dense.intermediate_size);
  ffn.Set("bias", dense.bias);
  AddActivation(dense.activation, dense.clamp, ffn);
  return ffn;
}

Json FfnToJson(const MoeFfnSpec& moe) {
  const RouterSpec& router = moe.router;
  Json ffn = JsonObject{};
  ffn.Set("kind", "moe");
  ffn.Set("num_experts", router.num_experts);
  ffn.Set("experts_per_token", router.experts_per_token);
  ffn.Set("expert_size", moe.expert_size);
  ffn.Set("shared_size", moe.shared_size);
  ffn.Set("shared_gate", moe.shared_gate);
  AddActivation(moe.activation, moe.clamp, ffn);
  ffn.Set("bias", moe.expert_bias);
  static constexpr const char* kScorings[] = {"softmax", "sigmoid", "sqrt_softplus",
                                              "softmax_of_chosen"};
  ffn.Set("scoring", kScorings[static_cast<size_t>(router.scoring)]);
  ffn.Set("gate_bias", router.gate_bias);
  ffn.Set("correction_bias", router.correction_bias);
  if (router.expert_scales) ffn.Set("expert_scales", true);
  if (router.choice == ExpertChoice::kByToken) ffn.Set("choice", "by_token");
  if (router.choice == ExpertChoice::kBestOfEachGroup) ffn.Set("choice", "best_of_each_group");
  ffn.Set("normalize", router.normalize);
  if (router.sum_floor != 0) ffn.Set("sum_floor", static_cast<double>(router.sum_floor));
  if (router.sum_addend != 0) ffn.Set("sum_addend", static_cast<double>(router.sum_addend));
  ffn.Set("scale", static_cast<double>(router.scale));
  if (router.groups_per_token < router.num_groups) {
    ffn.Set("num_groups", router.num_groups);
    ffn.Set("groups_per_token", router.groups_per_token);
    ffn.Set("group_score", router.group_score == GroupScore::kMax ? "max" : "top_two_sum");
  }
  return ffn;
}

using NumberRows = std::initializer_list<std::pair<const char*, int>>;
void AddRows(NumberRows rows, Json& out) {
  for (const auto& [key, value] : rows) out.Set(key, value);
}

Json Attention(const char* kind, NumberRows rows) {
  Json out = JsonObject{};
  out.Set("kind", kind);
  AddRows(rows, out);
  return out;
}

void AddIndexer(const std::optional<IndexerSpec>& indexer, Json& attention) {
  if (!indexer.has_value()) return;
  Json rows = JsonObject{};
  AddRows({{"num_heads", indexer->num_heads},
           {"head_dim", indexer->head_dim},
           {"top_k", indexer->top_k}},
          rows);
  rows.Set("interleaved", indexer->pairing == RopePairing::kInterleaved);
  attention.Set("indexer", std::move(rows));
}

// One overload per alternative of AttentionSpec.
Json AttentionToJson(const GqaSpec& gqa) {
  Json attention = Attention("gqa", {{"num_heads", gqa.num_heads},
                                     {"num_kv_heads", gqa.num_kv_heads},
                                     {"head_dim", gqa.head_dim}});
  attention.Set("qkv_bias", gqa.qkv_bias);
  attention.Set("output_bias", gqa.output_bias);
  attention.Set("qk_norm", gqa.qk_norm);
  if (gqa.qk_norm_place == QkNormPlace::kAfterRope) attention.Set("qk_norm_place", "after_rope");
  if (gqa.qk_norm_span == QkNormSpan::kProjection) attention.Set("qk_norm_span", "projection");
  if (gqa.output_gate) attention.Set("output_gate", true);
  attention.Set("scale", static_cast<double>(gqa.scale));
  attention.Set("sliding_window", gqa.sliding_window);
  attention.Set("sinks", gqa.sinks);
  attention.Set("rope", RopeToJson(gqa.rope));
  return attention;
}

Json AttentionToJson(const MlaSpec& mla) {
  Json attention =
      Attention(mla.indexer.has_value() ? "mla_sparse" : "mla", {{"num_heads", mla.num_heads},
                                                                 {"q_rank", mla.q_rank},
                                                                 {"latent_dim", mla.latent_dim},
                                                                 {"nope_dim", mla.nope_dim},
                                                                 {"rope_dim", mla.rope_dim},
                                                                 {"value_dim", mla.value_dim}});
  attention.Set("scale", static_cast<double>(mla.scale));
  attention.Set("rope", RopeToJson(mla.rope));
  attention.Set("inner_norm_eps", static_cast<double>(mla.inner_norm_eps));
  AddIndexer(mla.indexer, attention);
  return attention;
}

Json AttentionToJson(const CompressedSpec& spec) {
  Json attention = Attention(spec.ratio > 0 ? "compressed" : "shared_window",
                             {{"num_heads", spec.num_heads},
                              {"head_dim", spec.head_dim},
                              {"q_rank", spec.q_rank},
                              {"output_groups", spec.output_groups},
                              {"output_rank", spec.output_rank},
                              {"sliding_window", spec.window}});
  attention.Set("sinks", true);
  attention.Set("rope", RopeToJson(spec.rope));
  if (spec.ratio > 0) {
    attention.Set("positions_per_entry", spec.ratio);
    attention.Set("overlapping", spec.overlapping);
    attention.Set("state_bytes", StateSize(spec) * static_cast<int64_t>(sizeof(float)));
  }
  AddIndexer(spec.indexer, attention);
  return attention;
}

Json AttentionToJson(const GatedDeltaNetSpec& net) {
  Json attention = Attention("gated_delta_net", {{"num_key_heads", net.num_key_heads},
                                                 {"num_value_heads", net.num_value_heads},
                                                 {"key_dim", net.key_dim},
                                                 {"value_dim", net.value_dim},
                                                 {"conv_taps", net.conv_taps}});
  attention.Set("state_bytes", StateSize(net) * static_cast<int64_t>(sizeof(float)));
  if (net.tiled_value_heads) attention.Set("value_heads", "tiled");
  return attention;
}

Json LayerToJson(const LayerSpec& layer) {
  static constexpr const char* kPlacements[] = {"before", "after", "around"};
  Json out = JsonObject{};
  out.Set("norms", kPlacements[static_cast<size_t>(layer.norms)]);
  out.Set("attention",
          std::visit([](const auto& part) { return AttentionToJson(part); }, layer.attention));
  out.Set("ffn", std::visit([](const auto& ffn) { return FfnToJson(ffn); }, layer.ffn));
  return out;
}

}  // namespace

Json LongContextToJson(const LongContextSpec& context) {
  Json out = JsonObject{};
  out.Set("above", context.original);
  out.Set("longest", context.longest);
  out.Set("in_use", context.in_use);
  return out;
}

std::string LongContextText(const Json& context) {
  const int64_t original = context.Find("above")->as_int();
  return fmt::format(
      "rope has two lists of divisors: the first for contexts up to {}; a --ctx from {} to {} "
      "chooses the second, for all texts. In use: the {}",
      original, original + 1, context.Find("longest")->as_int(),
      context.Find("in_use")->as_bool() ? "second" : "first");
}

void SetLongContext(const Model& model, Json* result) {
  const auto& context = model.spec.long_context;
  if (context) result->Set("long_context", LongContextToJson(*context));
}

void SetLatentForm(const Model& model, Json* result) {
  if (!HasLatents(model.spec)) return;
  result->Set("mla", HasExpandedLatents(model.spec) ? "expanded" : "absorbed");
}

Json SpecToJson(const DecoderSpec& spec) {
  Json out = JsonObject{};
  out.Set("family", spec.family);
  out.Set("hidden_size", spec.hidden_size);
  out.Set("vocab_size", spec.vocab_size);
  out.Set("max_context", spec.max_context);
  if (spec.long_context) out.Set("long_context", LongContextToJson(*spec.long_context));
  out.Set("embedding_scale", static_cast<double>(spec.embedding_scale));
  out.Set("norm_eps", static_cast<double>(spec.norm_eps));
  out.Set("tied_head", spec.tied_head);
  if (spec.residual.streams > 1) out.Set("residual_streams", spec.residual.streams);
  out.Set("num_layers", static_cast<int64_t>(spec.layers.size()));
  Json groups = JsonArray{};
  for (const LayerSpec& layer : spec.layers) {
    Json entry = LayerToJson(layer);
    JsonArray& list = groups.as_array();
    int64_t count = 1;
    if (!list.empty()) {
      const int64_t previous = list.back().Find("count")->as_int();
      entry.Set("count", previous);
      if (entry == list.back()) {
        count = previous + 1;
        list.pop_back();
      }
    }
    entry.Set("count", count);
    list.push_back(std::move(entry));
  }
  out.Set("layers", std::move(groups));
  return out;
}

}  // namespace tael
