// The one place that rejects impossible specs.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "base/error.h"
#include "spec/decoder_spec.h"

namespace tael {
namespace {

// Larger than any published model, small enough that products of two fit int64 with room to spare.
constexpr int kMaxWidth = 1 << 24;

// Collects problems; equal ones (the same in every layer) are reported once.
class Report {
 public:
  void Positive(const char* name, int value) {
    if (value < 1 || value > kMaxWidth) {
      Add(fmt::format("{} is {}, needed 1 to {}", name, value, kMaxWidth));
    }
  }
  void Finite(const char* name, double value) {
    if (!std::isfinite(value) || value <= 0) {
      Add(fmt::format("{} is {}, needed a positive number", name, value));
    }
  }
  void Add(const std::string& problem) { problems_.insert(problem); }
  const std::set<std::string>& problems() const { return problems_; }

 private:
  std::set<std::string> problems_;
};

void CheckDivisors(const RopeSpec& rope, Report& report) {
  report.Finite("rope original_max_position_embeddings", rope.original_context);
  for (const auto& [key, list] :
       {std::pair{"short_factor", &rope.divisors}, {"long_factor", &rope.long_divisors}}) {
    if (std::cmp_not_equal(list->size(), rope.rotary_dim / 2)) {
      report.Add(fmt::format("{} has {} entries, needed half the rotary dimension {}", key,
                             list->size(), rope.rotary_dim));
    }
    for (const float divisor : *list) report.Finite(key, static_cast<double>(divisor));
  }
}

void CheckRope(const RopeSpec& rope, int head_dim, Report& report) {
  if (rope.pairing == RopePairing::kNone) return;  // the rest is not used
  if (rope.rotary_dim < 2 || rope.rotary_dim % 2 != 0 || rope.rotary_dim > head_dim) {
    report.Add(fmt::format("rotary dimension is {}, needed an even number from 2 to head_dim {}",
                           rope.rotary_dim, head_dim));
  }
  report.Finite("rope_theta", rope.theta);
  report.Finite("rope attention factor", rope.attention_factor);
  if (rope.scaling == RopeScalingKind::kNone) return;
  if (rope.scaling == RopeScalingKind::kPerDimension) {
    CheckDivisors(rope, report);
    return;
  }
  report.Finite("rope factor", rope.factor);
  if (rope.scaling == RopeScalingKind::kLinear) return;
  report.Finite("rope original_max_position_embeddings", rope.original_context);
  if (rope.scaling == RopeScalingKind::kFrequencyBands) {
    report.Finite("low_freq_factor", rope.low_freq_factor);
    report.Finite("high_freq_factor", rope.high_freq_factor);
    if (rope.low_freq_factor == rope.high_freq_factor) {
      report.Add("low_freq_factor equals high_freq_factor");
    }
  } else {
    report.Finite("beta_fast", rope.beta_fast);
    report.Finite("beta_slow", rope.beta_slow);
    if (rope.theta <= 1) report.Add("yarn needs rope_theta above 1");
  }
}

void CheckAttention(const GqaSpec& gqa, Report& report) {
  report.Positive("num_attention_heads", gqa.num_heads);
  report.Positive("num_key_value_heads", gqa.num_kv_heads);
  report.Positive("head_dim", gqa.head_dim);
  if (gqa.num_kv_heads > 0 && gqa.num_heads % gqa.num_kv_heads != 0) {
    report.Add(fmt::format("{} attention heads cannot be shared by {} key/value heads",
                           gqa.num_heads, gqa.num_kv_heads));
  }
  if (int64_t{gqa.num_heads} * gqa.head_dim > kMaxWidth) {
    report.Add(fmt::format("num_attention_heads * head_dim is larger than {}", kMaxWidth));
  }
  if (gqa.sliding_window < 0) {
    report.Add(fmt::format("sliding_window is {}, needed 0 or more", gqa.sliding_window));
  }
  report.Finite("attention scale", static_cast<double>(gqa.scale));
  CheckRope(gqa.rope, gqa.head_dim, report);
}

void CheckAttention(const MlaSpec& mla, Report& report) {
  report.Positive("num_attention_heads", mla.num_heads);
  if (mla.q_rank != 0) report.Positive("q_lora_rank", mla.q_rank);
  report.Positive("kv_lora_rank", mla.latent_dim);
  report.Positive("qk_nope_head_dim", mla.nope_dim);
  report.Positive("qk_rope_head_dim", mla.rope_dim);
  report.Positive("v_head_dim", mla.value_dim);
  const int64_t widest =
      std::max({int64_t{mla.nope_dim} + mla.rope_dim, int64_t{mla.value_dim},
                int64_t{mla.nope_dim} + mla.value_dim, int64_t{mla.latent_dim} + mla.rope_dim});
  if (mla.num_heads > 0 && widest > kMaxWidth / mla.num_heads) {
    report.Add(fmt::format("num_attention_heads * {} is larger than {}", widest, kMaxWidth));
  }
  report.Finite("attention scale", static_cast<double>(mla.scale));
  CheckRope(mla.rope, mla.rope_dim, report);
  if (mla.rope.pairing != RopePairing::kNone && mla.rope.rotary_dim != mla.rope_dim) {
    report.Add(fmt::format("{} rotated elements, needed all {} of qk_rope_head_dim",
                           mla.rope.rotary_dim, mla.rope_dim));
  }
  if (!mla.indexer.has_value()) return;
  report.Positive("index_n_heads", mla.indexer->num_heads);
  report.Positive("index_head_dim", mla.indexer->head_dim);
  report.Positive("index_topk", mla.indexer->top_k);
  if (int64_t{mla.indexer->num_heads} * mla.indexer->head_dim > kMaxWidth) {
    report.Add(fmt::format("index_n_heads * index_head_dim is larger than {}", kMaxWidth));
  }
  if (mla.rope_dim > mla.indexer->head_dim) {
    report.Add(fmt::format("index_head_dim is {}, needed at least qk_rope_head_dim {}",
                           mla.indexer->head_dim, mla.rope_dim));
  }
  if (mla.q_rank == 0) report.Add("an indexer needs q_lora_rank");
}

void CheckAttention(const GatedDeltaNetSpec& net, Report& report) {
  report.Positive("linear_num_key_heads", net.num_key_heads);
  report.Positive("linear_num_value_heads", net.num_value_heads);
  report.Positive("linear_key_head_dim", net.key_dim);
  report.Positive("linear_value_head_dim", net.value_dim);
  constexpr int kMostTaps = 64;
  if (net.conv_taps < 1 || net.conv_taps > kMostTaps) {
    report.Add(
        fmt::format("linear_conv_kernel_dim is {}, needed 1 to {}", net.conv_taps, kMostTaps));
  }
  if (net.num_key_heads > 0 && net.num_value_heads % net.num_key_heads != 0) {
    report.Add(
        fmt::format("{} value heads of linear attention cannot be shared out to {} key heads",
                    net.num_value_heads, net.num_key_heads));
  }
  const int64_t keys = int64_t{net.num_key_heads} * net.key_dim;
  const int64_t values = int64_t{net.num_value_heads} * net.value_dim;
  // The state of a head is a matrix of key_dim times value_dim.
  if (keys > kMaxWidth || values > kMaxWidth || values * net.key_dim > int64_t{kMaxWidth} * 64) {
    report.Add(fmt::format("{} x {} and {} x {} heads of linear attention are too large",
                           net.num_key_heads, net.key_dim, net.num_value_heads, net.value_dim));
  }
}

void CheckAttention(const CompressedSpec& spec, Report& report) {
  report.Positive("num_attention_heads", spec.num_heads);
  report.Positive("head_dim", spec.head_dim);
  report.Positive("q_lora_rank", spec.q_rank);
  report.Positive("o_groups", spec.output_groups);
  report.Positive("o_lora_rank", spec.output_rank);
  report.Positive("sliding_window", spec.window);
  if (spec.output_groups > 0 && spec.num_heads % spec.output_groups != 0) {
    report.Add(fmt::format("{} attention heads cannot be cut into {} groups", spec.num_heads,
                           spec.output_groups));
  }
  if (int64_t{spec.num_heads} * spec.head_dim > kMaxWidth ||
      int64_t{spec.output_groups} * spec.output_rank > kMaxWidth) {
    report.Add(fmt::format("heads or groups of the output are wider than {}", kMaxWidth));
  }
  if (spec.ratio < 0 || spec.ratio > kMaxWidth) {
    report.Add(fmt::format("an entry for {} positions", spec.ratio));
  }
  report.Finite("attention scale", static_cast<double>(spec.scale));
  CheckRope(spec.rope, spec.head_dim, report);
  if (!spec.indexer.has_value()) return;
  report.Positive("index_n_heads", spec.indexer->num_heads);
  report.Positive("index_head_dim", spec.indexer->head_dim);
  report.Positive("index_topk", spec.indexer->top_k);
  if (int64_t{spec.indexer->num_heads} * spec.indexer->head_dim > kMaxWidth) {
    report.Add(fmt::format("index_n_heads * index_head_dim is larger than {}", kMaxWidth));
  }
  CheckRope(spec.rope, spec.indexer->head_dim, report);
}

void CheckResidual(const ResidualSpec& residual, Report& report) {
  constexpr int kMostStreams = 64, kMostSteps = 1000;
  if (residual.streams < 1 || residual.streams > kMostStreams) {
    report.Add(fmt::format("hc_mult is {}, needed 1 to {}", residual.streams, kMostStreams));
  }
  if (residual.streams == 1) return;
  if (residual.balancing_steps < 1 || residual.balancing_steps > kMostSteps) {
    report.Add(fmt::format("hc_sinkhorn_iters is {}, needed 1 to {}", residual.balancing_steps,
                           kMostSteps));
  }
  report.Finite("hc_eps", static_cast<double>(residual.eps));
}

void CheckRouter(const RouterSpec& router, Report& report) {
  const int experts = router.num_experts, groups = router.num_groups;
  if (experts < 1 || experts > kMaxExperts) {
    report.Add(fmt::format("number of experts is {}, needed 1 to {}", experts, kMaxExperts));
    return;
  }
  if (router.experts_per_token < 1 || router.experts_per_token > experts) {
    report.Add(fmt::format("experts per token is {}, needed 1 to the number of experts {}",
                           router.experts_per_token, experts));
  }
  if (groups < 1 || experts % groups != 0) {
    report.Add(fmt::format("{} experts cannot be cut into {} groups", experts, groups));
    return;
  }
  if (router.groups_per_token < 1 || router.groups_per_token > groups) {
    report.Add(fmt::format("groups per token is {}, needed 1 to the number of groups {}",
                           router.groups_per_token, groups));
  } else if (router.experts_per_token > router.groups_per_token * (experts / groups)) {
    report.Add(fmt::format("{} groups of {} experts do not hold {} experts per token",
                           router.groups_per_token, experts / groups, router.experts_per_token));
  }
  if (router.choice == ExpertChoice::kBestOfEachGroup && router.experts_per_token != groups) {
    report.Add(fmt::format("{} experts per token are no single one of each of {} groups",
                           router.experts_per_token, groups));
  }
  report.Finite("scaling factor of the experts", static_cast<double>(router.scale));
}

void CheckActivation(Activation activation, const ClampedSiluSpec& clamp, Report& report) {
  if (activation != Activation::kClampedSilu) return;
  report.Finite("swiglu_limit", static_cast<double>(clamp.limit));
  report.Finite("swiglu_alpha", static_cast<double>(clamp.alpha));
}

void CheckFfn(const DenseFfnSpec& ffn, Report& report) {
  CheckActivation(ffn.activation, ffn.clamp, report);
  report.Positive("intermediate_size", ffn.intermediate_size);
}

void CheckFfn(const MoeFfnSpec& ffn, Report& report) {
  CheckActivation(ffn.activation, ffn.clamp, report);
  CheckRouter(ffn.router, report);
  report.Positive("width of the experts", ffn.expert_size);
  if (ffn.shared_size != 0) report.Positive("width of the shared expert", ffn.shared_size);
  if (ffn.shared_size == 0 && ffn.shared_gate) {
    report.Add("a shared expert's gate without a shared expert");
  }
}

}  // namespace

void Validate(const DecoderSpec& spec, const std::string& where) {
  Report report;
  report.Positive("hidden_size", spec.hidden_size);
  report.Positive("vocab_size", spec.vocab_size);
  // More would not leave room for sums of positions in 32 bits.
  constexpr int kMostPositions = 1 << 28;
  if (spec.max_context < 1 || spec.max_context > kMostPositions) {
    report.Add(fmt::format("max_position_embeddings is {}, needed 1 to {}", spec.max_context,
                           kMostPositions));
  }
  report.Finite("rms_norm_eps", static_cast<double>(spec.norm_eps));
  report.Finite("scale of the embedding", static_cast<double>(spec.embedding_scale));
  if (spec.layers.empty()) report.Add("there are no layers");
  if (spec.prediction_layers < 0 || spec.prediction_layers > kMaxLayers) {
    report.Add(fmt::format("num_nextn_predict_layers is {}, needed 0 to {}", spec.prediction_layers,
                           kMaxLayers));
  }
  if (spec.prediction_layers > 0 && !spec.prediction_layer.has_value()) {
    report.Add("prediction layers that are not described");
  }
  CheckResidual(spec.residual, report);
  const auto check = [&](const LayerSpec& layer) {
    std::visit([&](const auto& part) { CheckAttention(part, report); }, layer.attention);
    std::visit([&](const auto& ffn) { CheckFfn(ffn, report); }, layer.ffn);
  };
  for (const LayerSpec& layer : spec.layers) check(layer);
  if (spec.prediction_layer.has_value()) check(*spec.prediction_layer);
  if (report.problems().empty()) return;
  Fail(ErrorCode::kCorrupt, "{}: impossible model: {}", where, fmt::join(report.problems(), "; "));
}

}  // namespace tael
