// Experts and routers of a GGUF model.
#include "checkpoint/gguf_translator.h"

#include <cmath>
#include <utility>

namespace tael {

void GgufTranslator::AddExperts() {
  const int64_t experts = Integer("expert_count").value_or(0);
  const int64_t used = Integer("expert_used_count").value_or(0);
  if (used > experts) {
    Problem("{} is {}, needed at most expert_count ({})", Key("expert_used_count"), used, experts);
  }
  if (const auto function = Integer("expert_gating_func"); function && *function != 0) {
    constexpr const char* kNames[] = {"softmax", "sigmoid", "softmax_after_topk", "sqrtsoftplus"};
    if (*function > 4) {
      Problem("{} is {}, known are 1 softmax, 2 sigmoid, 3 softmax after top-k, 4 sqrt(softplus)",
              Key("expert_gating_func"), *function);
    } else {
      config_.Set("scoring_func", kNames[*function - 1]);
    }
  }
  const std::string_view arch = arch_->name;
  if (arch == "llama" && experts > 0) {
    config_.Set("model_type", "mixtral");
    config_.Set("architectures", JsonArray{Json("MixtralForCausalLM")});
  }
  if (arch == "deepseek2") AddDeepSeekRouter(Integer("expert_gating_func") == 2);
  if (arch == "deepseek32") AddDeepSeekGroups(true);
  // Constants of architectures whose files have no key for it.
  if ((arch == "qwen3moe" || arch == "hunyuan-moe") && !HasKey("expert_weights_norm")) {
    config_.Set("norm_topk_prob", true);
  }
  AddClamp();
  if (arch == "gpt-oss") config_.Set("swiglu_limit", 7.0);  // a constant of the architecture
}

// Files of old lack the keys; the published models have these groups (models.md section 1.8).
void GgufTranslator::AddDeepSeekGroups(bool sigmoid) {
  // Files say 1 by leaving the key out; configurations must name it.
  if (!HasKey("expert_weights_scale")) config_.Set("routed_scaling_factor", 1.0);
  const bool groups = HasKey("expert_group_count"), used = HasKey("expert_group_used_count");
  if (groups != used) {
    Problem("{} is missing, needed beside {}",
            Key(groups ? "expert_group_used_count" : "expert_group_count"),
            Key(groups ? "expert_group_count" : "expert_group_used_count"));
  }
  if (groups || used) return;
  const std::optional<int64_t> experts = Configured("n_routed_experts");
  const bool grouped = (experts == 256 && sigmoid) || (experts == 160 && !sigmoid);
  config_.Set("n_group", grouped ? 8 : 1);
  config_.Set("topk_group", grouped ? (sigmoid ? 4 : 3) : 1);
}

// V2 and V3 share an architecture name; the router tells them apart.
void GgufTranslator::AddDeepSeekRouter(bool sigmoid) {
  AddDeepSeekGroups(sigmoid);
  if (sigmoid) {
    config_.Set("model_type", "deepseek_v3");
    config_.Set("architectures", JsonArray{Json("DeepseekV3ForCausalLM")});
    config_.Set("topk_method", "noaux_tc");
  } else {
    config_.Set("topk_method", Configured("n_group") == 1 ? "greedy" : "group_limited_greedy");
  }
}

// Limits of the experts and of the shared expert, one for each layer or one for all. All must be
// the same: configurations have one.
void GgufTranslator::AddClamp() {
  constexpr const char* kKeys[] = {"swiglu_clamp_exp", "swiglu_clamp_shexp"};
  if (std::string_view(arch_->name) != "deepseek4") {
    for (const char* key : kKeys) {
      if (HasKey(key)) {
        Problem("{} is not known for {}, whose limit is not in its files", Key(key), arch_->name);
      }
    }
    return;
  }
  if (HasKey(kKeys[0]) != HasKey(kKeys[1])) {
    const bool first = HasKey(kKeys[0]);
    Problem("{} is missing, needed beside {}", Key(kKeys[first ? 1 : 0]),
            Key(kKeys[first ? 0 : 1]));
    return;
  }
  std::optional<double> limit;
  for (const char* key : kKeys) {
    for (const double found : ClampLimits(key)) {
      if (!limit) limit = found;
      if (found == *limit && found > 0 && std::isfinite(found)) continue;
      Problem("{} has {}, needed one limit above 0 for all layers ({})", Key(key), found, *limit);
      return;
    }
  }
  if (limit) config_.Set("swiglu_limit", Decimal(static_cast<float>(*limit)));
}

// The limits that `key` lists, rounded to float32 as they are used; none, and a problem, where it
// is no floating-point number and no list of them for all layers.
std::vector<double> GgufTranslator::ClampLimits(const char* key) {
  const GgufValue* value = metadata_.Find(Key(key));
  if (value == nullptr) return {};
  const bool list = value->type == GgufType::kArray;
  const GgufType type = list ? value->element : value->type;
  if (type != GgufType::kF32 && type != GgufType::kF64) {
    Problem("{} is {}, needed a floating-point number or an array of them", Key(key),
            DumpJson(AsJson(*value)));
    return {};
  }
  std::vector<double> limits = list ? value->numbers : std::vector<double>{value->number};
  const int64_t layers = Integer("block_count").value_or(0);
  if (limits.size() != 1 && std::cmp_not_equal(limits.size(), layers)) {
    Problem("{} has {} entries, needed 1 or one for each of the {} layers", Key(key), limits.size(),
            layers);
    return {};
  }
  for (double& limit : limits) limit = static_cast<double>(static_cast<float>(limit));
  return limits;
}

// No key says which layers behind the first ones are dense again, nor whether the router has a
// correction; the tensors do.
void GgufTranslator::AddErnieLayers() {
  int64_t last = -1;
  bool corrected = false;
  for (int64_t i = 0; i < Configured("num_hidden_layers").value_or(0); ++i) {
    if (!HasTensor(fmt::format("blk.{}.ffn_gate_inp.weight", i))) continue;
    last = i;
    corrected = corrected || HasTensor(fmt::format("blk.{}.exp_probs_b.bias", i));
  }
  if (last >= 0) config_.Set("moe_layer_end_index", last);
  config_.Set("moe_use_aux_free", corrected);
}

}  // namespace tael
