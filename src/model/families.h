// The list of model families, and the readers of configuration parts that they share.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "checkpoint/config_view.h"
#include "model/names.h"
#include "spec/decoder_spec.h"

namespace tael {

// Another lab's tool stores the same network under other names.
struct OtherNames {
  const char* mark;  // a tensor that shows it, in safetensors checkpoints only
  std::span<const NameRule> names;
  bool by_columns;  // matrices but the embedding are stored [in, out]
};

// One family: pure data. `describe` reads every configuration key that matters and nothing else; it
// has no access to tensors.
struct Family {
  const char* architecture;  // config.json "architectures"[0]; GGUF's name is translated to it
  DecoderSpec (*describe)(const ConfigView& config);
  std::span<const NameRule> names;  // what it calls differently from kLlamaNames
  const OtherNames* other = nullptr;
};

// All families, one line each (families.cc).
std::span<const Family* const> AllFamilies();

// The family of an architecture, or nullptr.
const Family* FindFamily(std::string_view architecture);

// Sizes, eps, vocabulary, tied head: what every decoder-only model states the same way. Layers stay
// empty. `tied_by_default` is the class's default of tie_word_embeddings.
DecoderSpec ReadCommon(const ConfigView& config, bool tied_by_default = false);

// Throws kUnsupported unless the boolean `key` is absent or has the one value this build computes.
void RequireBool(const ConfigView& config, const char* key, bool value);

// Throws kUnsupported unless the integer `key` is absent or the one value this build computes.
void RequireInt(const ConfigView& config, const char* key, int value);

// Throws kCorrupt unless `key` is absent or repeats `value`, which another key gave.
void RequireSame(const ConfigView& config, const char* key, int value);

// Throws kUnsupported unless the text `key` is absent or the one value this build computes.
void RequireText(const ConfigView& config, const char* key, const char* value);

// Throws kCorrupt when no key gives rope's base: for families whose default is not Llama's.
void RequireRopeTheta(const ConfigView& config);

// sliding_window of layers that have one. Throws kCorrupt below 1.
int ReadWindow(const ConfigView& config);
// sliding_window of families in which null means none and a missing key means `absent`.
int ReadWindowOr(const ConfigView& config, int absent);

// Yarn's factor for a context stretched by `factor` (arXiv:2309.00071, section 3.4).
double YarnScale(double factor, double mscale);

// What a family's class takes for keys of rope that its configuration leaves out.
struct RopeDefaults {
  double theta = 10000.0;
  // Of a head that is rotated; nullopt for families that always rotate the whole of it.
  std::optional<double> part = std::nullopt;
};

// rope_theta, rope_scaling or rope_parameters, partial rotary. Throws kUnsupported for an unknown
// type, listing the known ones, and for a part of a head where the family knows none. `rotary_dim`
// is the default when the config names no other.
RopeSpec ReadRope(const ConfigView& config, int rotary_dim, const RopeDefaults& usual = {});

// The same from one object of `rope_parameters` that is for one kind of layers only.
RopeSpec ReadRopeOfLayers(const ConfigView& config, const ConfigView& rope, int rotary_dim,
                          const RopeDefaults& defaults = {});

// Heads, head size, rope and scale of plain grouped-query attention without biases or norms.
GqaSpec ReadGqa(const ConfigView& config, const RopeDefaults& usual = {});

// What a family's configuration calls the sizes of latent attention.
struct MlaKeys {
  const char *query_rank, *latent_rank, *nope_dim, *rope_dim, *value_dim;
};
inline constexpr MlaKeys kDeepSeekMlaKeys{"q_lora_rank", "kv_lora_rank", "qk_nope_head_dim",
                                          "qk_rope_head_dim", "v_head_dim"};
// Latent attention without biases: heads, sizes, rope, and the scale with yarn's part in it. A
// missing or null query rank means that queries are made of the hidden state.
MlaSpec ReadMla(const ConfigView& config, const MlaKeys& keys = kDeepSeekMlaKeys);

// The gated feed-forward block with hidden_act checked.
DenseFfnSpec ReadDenseFfn(const ConfigView& config);

// Which layers `layer_types` lists as sliding_attention; nullopt without that key. Throws for
// another number of layers than num_hidden_layers and for types this build does not know.
std::optional<std::vector<bool>> ReadSlidingLayers(const ConfigView& config);

// Layers that differ only in what attention sees: all of the past, or the last `sliding_window`
// positions. The windowed ones are those `layer_types` lists, else those from `max_window_layers`
// on; without `use_sliding_window` none is. Throws kCorrupt where keys that windows need are
// absent.
std::vector<LayerSpec> ReadWindowedLayers(const ConfigView& config, const GqaSpec& gqa,
                                          const DenseFfnSpec& ffn);

// Keys of a family's configuration that hold the sizes of its experts; each an integer, or a list
// of equal ones.
struct ExpertKeys {
  const char* count;
  const char* per_token;
  const char* width;
};
// Routed experts with a softmax router and nothing else; hidden_act and the absence of biases are
// checked. Throws kUnsupported for a list of different numbers.
MoeFfnSpec ReadExperts(const ConfigView& config, const ExpertKeys& keys);

// An integer from the configuration, or a list of equal ones.
int UniformInt(const ConfigView& config, const char* key);

// Width of `count` shared experts together, each as wide as a routed one. Throws kCorrupt beyond
// what any model has.
int SharedSize(const ConfigView& config, int count, int expert_size);

// Gives `moe` to the layers for which `sparse` holds, the dense block of the configuration to the
// others. Which kind a layer has now does not matter.
void UseExperts(const ConfigView& config, const MoeFfnSpec& moe,
                const std::function<bool(int)>& sparse, std::vector<LayerSpec>* layers);

// DeepSeek's rule: every `moe_layer_freq`-th layer, but none of the first ones, whose number is
// under `dense_key`, or `dense` where it is missing. Keys of its training are ignored.
void UseExpertsBehindDense(const ConfigView& config, const MoeFfnSpec& moe,
                           std::vector<LayerSpec>* layers,
                           const char* dense_key = "first_k_dense_replace", int dense = 0);

// For a family with `blocks` blocks of multi-token prediction that described one layer more than
// the model has, by the rule of its layers: makes the last one the layer of the blocks.
void SplitOffPrediction(int blocks, DecoderSpec* spec);

// Qwen's rule: every `decoder_sparse_step`-th layer, but none of `mlp_only_layers`.
void UseExpertsAtSteps(const ConfigView& config, const MoeFfnSpec& moe,
                       std::vector<LayerSpec>* layers);

}  // namespace tael
