// What a network is, as plain data: one entry per layer, no code. Family files fill it in;
// nn, the binder, the planner and `inspect` read it.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tael {

// Which elements of a head form the rotated pairs.
enum class RopePairing {
  kHalfSplit,    // (i, i + n/2): "NEOX", Hugging Face layout
  kInterleaved,  // (2i, 2i + 1): "NORM", GGUF files of the llama architecture
  kNone,         // nothing is rotated: a layer without positions ("NoPE")
};

enum class RopeScalingKind {
  kNone,
  kLinear,
  kFrequencyBands,  // rope type "llama3": long wavelengths stretched, short kept, blended between
  kYarn,
};

// Rotary position embedding of the first `rotary_dim` elements of each head.
struct RopeSpec {
  RopePairing pairing = RopePairing::kHalfSplit;
  int rotary_dim = 0;
  double theta = 10000.0;
  RopeScalingKind scaling = RopeScalingKind::kNone;
  double factor = 1.0;                       // linear, bands, yarn
  double low_freq_factor = 1.0;              // bands
  double high_freq_factor = 4.0;             // bands
  double original_context = 0;               // bands, yarn
  double beta_fast = 32.0, beta_slow = 1.0;  // yarn
  bool truncate = true;                      // yarn: round the correction range
  double attention_factor = 1.0;             // multiplies cos and sin; resolved by the reader
  // Explicit divisors of the inverse frequencies [rotary_dim / 2] (GGUF rope_freqs.weight); empty
  // for none. Read by the binder from the tensor, not by the family.
  std::vector<float> divisors = {};

  bool operator==(const RopeSpec&) const = default;
};

// On which side of rope q and k are normalised; the two differ because the gain is not the same for
// both elements of a rotated pair.
enum class QkNormPlace { kBeforeRope, kAfterRope };

// Grouped-query attention: query head h reads kv head h / (num_heads / num_kv_heads).
struct GqaSpec {
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  RopeSpec rope;
  bool qkv_bias = false, output_bias = false;
  bool qk_norm = false;  // RMSNorm over head_dim on q and k
  QkNormPlace qk_norm_place = QkNormPlace::kBeforeRope;
  int sliding_window = 0;  // keys visible including the current one; 0 = all
  float scale = 0;         // of q.k; resolved: never 0 in a valid spec
};

enum class Activation { kSilu };

// down(act(gate(x)) * up(x))
struct DenseFfnSpec {
  int intermediate_size = 0;
  Activation activation = Activation::kSilu;
  bool bias = false;
};

using AttentionSpec = std::variant<GqaSpec>;
using FfnSpec = std::variant<DenseFfnSpec>;

struct LayerSpec {
  AttentionSpec attention;
  FfnSpec ffn;
};

struct DecoderSpec {
  std::string family;
  int hidden_size = 0, vocab_size = 0, max_context = 0;
  float norm_eps = 0;
  bool tied_head = false;
  std::vector<LayerSpec> layers;
};

// More layers than any model has; bounds what a hostile configuration can make us allocate.
inline constexpr int kMaxLayers = 4096;

// Rejects impossible specs (sizes below 1, heads that do not divide, odd rotary dimension, ...).
// Throws kCorrupt with every problem in one message. `where` names the checkpoint.
void Validate(const DecoderSpec& spec, const std::string& where);

}  // namespace tael
