// The readers of mixture-of-experts configurations that families share.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/families.h"

namespace tael {

int UniformInt(const ConfigView& config, const char* key) {
  const std::vector<int64_t> values = config.Ints(key);
  if (values.empty()) Fail(ErrorCode::kCorrupt, "{}: {} is an empty list", config.where(), key);
  for (const int64_t value : values) {
    if (value == values[0]) continue;
    Fail(ErrorCode::kUnsupported,
         "{}: {} has {} beside {}; layers with different ones are not "
         "supported",
         config.where(), key, value, values[0]);
  }
  // What is out of range here is also out of range in Validate().
  return static_cast<int>(std::clamp<int64_t>(values[0], -1, 1 << 30));
}

MoeFfnSpec ReadExperts(const ConfigView& config, const ExpertKeys& keys) {
  for (const char* key : {"output_router_logits", "router_aux_loss_coef", "router_jitter_noise"}) {
    config.Ignore(key);  // of training
  }
  const std::string act = config.String("hidden_act", "silu");
  if (act != "silu" && act != "swish") {
    Fail(ErrorCode::kUnsupported, "{}: hidden_act is '{}'; known for experts is silu",
         config.where(), act);
  }
  if (config.Bool("mlp_bias", false)) {
    Fail(ErrorCode::kUnsupported, "{}: mlp_bias is true; experts with biases are not supported",
         config.where());
  }
  MoeFfnSpec moe;
  moe.router.num_experts = UniformInt(config, keys.count);
  moe.router.experts_per_token = UniformInt(config, keys.per_token);
  moe.expert_size = UniformInt(config, keys.width);
  return moe;
}

int SharedSize(const ConfigView& config, int count, int expert_size) {
  constexpr int64_t kMost = int64_t{1} << 24;
  const int64_t size = int64_t{count} * expert_size;
  if (count >= 0 && expert_size >= 0 && size <= kMost) return static_cast<int>(size);
  Fail(ErrorCode::kCorrupt,
       "{}: {} shared experts of width {} each, needed 0 or more and at most {} together",
       config.where(), count, expert_size, kMost);
}

void UseExperts(const ConfigView& config, const MoeFfnSpec& moe,
                const std::function<bool(int)>& sparse, std::vector<LayerSpec>* layers) {
  config.Ignore("intermediate_size");  // of dense layers, of which there may be none
  for (size_t i = 0; i < layers->size(); ++i) {
    if (sparse(static_cast<int>(i))) {
      (*layers)[i].ffn = moe;
    } else {
      (*layers)[i].ffn = ReadDenseFfn(config);
    }
  }
}

void UseExpertsBehindDense(const ConfigView& config, const MoeFfnSpec& moe,
                           std::vector<LayerSpec>* layers, const char* dense_key, int dense) {
  for (const char* key : {"ep_size", "aux_loss_alpha", "seq_aux"}) config.Ignore(key);
  const int first = config.Int(dense_key, dense), step = config.Int("moe_layer_freq", 1);
  if (step < 1) {
    Fail(ErrorCode::kCorrupt, "{}: moe_layer_freq is {}, needed at least 1", config.where(), step);
  }
  UseExperts(config, moe, [&](int i) { return i >= first && i % step == 0; }, layers);
}

void SplitOffPrediction(int blocks, DecoderSpec* spec) {
  TAEL_CHECK(!spec->layers.empty());
  spec->prediction_layers = blocks;
  if (blocks > 0) spec->prediction_layer = std::move(spec->layers.back());
  spec->layers.pop_back();
}

void UseExpertsAtSteps(const ConfigView& config, const MoeFfnSpec& moe,
                       std::vector<LayerSpec>* layers) {
  const int step = config.Int("decoder_sparse_step", 1);
  if (step < 1) {
    Fail(ErrorCode::kCorrupt, "{}: decoder_sparse_step is {}, needed at least 1", config.where(),
         step);
  }
  config.Ignore("mlp_only_layers");
  const std::vector<int64_t> dense =
      config.Has("mlp_only_layers") ? config.Ints("mlp_only_layers") : std::vector<int64_t>();
  UseExperts(
      config, moe,
      [&](int i) {
        return (i + 1) % step == 0 && std::find(dense.begin(), dense.end(), i) == dense.end();
      },
      layers);
}

}  // namespace tael
