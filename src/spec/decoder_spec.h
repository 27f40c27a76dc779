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
  kPerDimension,  // rope type "longrope": a divisor for each frequency
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
  double original_context = 0;               // bands, yarn, per dimension
  double beta_fast = 32.0, beta_slow = 1.0;  // yarn
  bool truncate = true;                      // yarn: round the correction range
  double attention_factor = 1.0;             // multiplies cos and sin; resolved by the reader
  // Explicit divisors of the inverse frequencies [rotary_dim / 2]; empty for none. From the
  // configuration (per dimension), or from the tensor rope_freqs.weight of GGUF: then the binder
  // reads them.
  std::vector<float> divisors = {};
  // Per dimension: what takes the place of `divisors` in a model that is loaded for texts beyond
  // the original context (UseLongContext()); of the same size.
  std::vector<float> long_divisors = {};

  bool operator==(const RopeSpec&) const = default;
};

// On which side of rope q and k are normalised; the two differ because the gain is not the same for
// both elements of a rotated pair.
enum class QkNormPlace { kBeforeRope, kAfterRope };

// Over how many elements at once.
enum class QkNormSpan {
  kHead,        // each head by itself, the same head_dim gains for all
  kProjection,  // all heads of q, and all of k, as one vector with a gain for each element
};

// Grouped-query attention: query head h reads kv head h / (num_heads / num_kv_heads).
struct GqaSpec {
  int num_heads = 0, num_kv_heads = 0, head_dim = 0;
  RopeSpec rope;
  bool qkv_bias = false, output_bias = false;
  bool qk_norm = false;  // RMSNorm on q and k
  QkNormPlace qk_norm_place = QkNormPlace::kBeforeRope;
  QkNormSpan qk_norm_span = QkNormSpan::kHead;
  // The query projection gives twice as much: per head q, then a gate whose sigmoid multiplies what
  // the head found.
  bool output_gate = false;
  int sliding_window = 0;  // keys visible including the current one; 0 = all
  float scale = 0;         // of q.k; resolved: never 0 in a valid spec
  bool sinks = false;      // a learned logit for each head that enters only the softmax's sum
};

// Which positions a row attends to, where it does not attend to all: those whose keys fit small
// queries of their own best (DeepSeek-V3.2, "lightning indexer"; docs/numerics.md, 11).
struct IndexerSpec {
  int num_heads = 0, head_dim = 0;
  int top_k = 0;                                  // positions that a row sees
  RopePairing pairing = RopePairing::kHalfSplit;  // of the first elements of its queries and keys
};

// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): keys and values of all heads come
// from one latent row per token. What is cached is that row and one rotated key, or, where the form
// is the expanded one, what is made of them: keys and values of every head (spec/latent_form.h).
struct MlaSpec {
  int num_heads = 0;
  int q_rank = 0;      // width of what queries are made of; 0: of the hidden state itself
  int latent_dim = 0;  // r_kv
  int nope_dim = 0, rope_dim = 0, value_dim = 0;  // per head: [nope | rope] of queries and keys
  RopeSpec rope;                                  // of the last rope_dim elements of a head
  float inner_norm_eps = 1e-6f;  // of the norms of q_rank and latent_dim; not the model's
  float scale = 0;               // of q.k; resolved: never 0 in a valid spec
  std::optional<IndexerSpec> indexer = std::nullopt;
  bool expanded = false;  // a named mode with bits of its own

  int query_dim() const { return nope_dim + rope_dim; }     // of one head
  int cached_dim() const { return latent_dim + rope_dim; }  // of one position, absorbed
};

// Gated delta net: linear attention with a recurrent state (docs/numerics.md, 14). Its k, q and v
// come from a short causal convolution over time.
struct GatedDeltaNetSpec {
  int num_key_heads = 0, num_value_heads = 0;
  int key_dim = 0, value_dim = 0;  // of one head
  int conv_taps = 0;               // tokens that the convolution sees, the current one included
  // Which key head value head j reads: j mod num_key_heads, as GGUF files of Qwen3.5 order them;
  // else j / (num_value_heads / num_key_heads).
  bool tiled_value_heads = false;
};

// Attention of DeepSeek-V4: one row per position is key and value of all heads. A row sees the last
// `window` positions and, behind them, entries that each sum up `ratio` positions.
struct CompressedSpec {
  int num_heads = 0, head_dim = 0;
  int q_rank = 0;                          // width of what queries are made of
  int output_groups = 0, output_rank = 0;  // consecutive heads that share a projection, its width
  int window = 0;                          // positions seen as they are, the current one included
  int ratio = 0;                           // positions of an entry; 0: there are none
  bool overlapping = false;  // an entry also takes the `ratio` positions before its own
  RopeSpec rope;             // of the last rotary_dim elements of queries, rows and entries
  float scale = 0;
  std::optional<IndexerSpec> indexer = std::nullopt;  // chooses entries; nullopt: all are seen
};

enum class Activation {
  kSilu,
  kGeluTanh,     // x * Phi(x) with the approximation of Phi by tanh
  kClampedSilu,  // see ClampedSiluSpec
};

// Of Activation::kClampedSilu: with g = min(gate, limit) and u = up within [-limit, limit] it is
// g * sigmoid(alpha * g) * (u + up_offset) instead of act(gate) * up.
struct ClampedSiluSpec {
  float limit = 0, alpha = 1, up_offset = 0;
};

// down(act(gate(x)) * up(x))
struct DenseFfnSpec {
  int intermediate_size = 0;
  Activation activation = Activation::kSilu;
  bool bias = false;
  ClampedSiluSpec clamp = {};
};

enum class RouterScoring {
  kSoftmax,  // over all experts
  kSigmoid,
  kSqrtSoftplus,     // sqrt(ln(1 + exp(x)))
  kSoftmaxOfChosen,  // the gate's product; a softmax over the chosen ones makes the weights
};

enum class ExpertChoice {
  kBest,             // of all, or of the best groups
  kByToken,          // a table says which, by the token's id
  kBestOfEachGroup,  // one expert of each of `num_groups` groups of consecutive experts
};

// By what a group of consecutive experts is ranked, where tokens may use only some groups.
enum class GroupScore {
  kMax,       // its best expert (DeepSeek-V2)
  kTopTwoSum  // the sum of its best two (DeepSeek-V3)
};

// How a token finds its experts (docs/numerics.md, 8).
struct RouterSpec {
  int num_experts = 0, experts_per_token = 0;
  RouterScoring scoring = RouterScoring::kSoftmax;
  ExpertChoice choice = ExpertChoice::kBest;
  bool gate_bias = false;        // added to the gate's product
  bool correction_bias = false;  // added to the scores for the choice, not for the weights
  int num_groups = 1, groups_per_token = 1;  // 1 and 1: no group limit
  GroupScore group_score = GroupScore::kTopTwoSum;
  bool normalize = false;  // divide the weights by max(their sum, sum_floor) + sum_addend
  float sum_floor = 0, sum_addend = 0;
  float scale = 1;             // of the weights, after normalisation
  bool expert_scales = false;  // a learned factor for each expert, after `scale`

  bool operator==(const RouterSpec&) const = default;
};

// Mixture of experts: weighted sum of the chosen experts, plus an expert that every token passes.
struct MoeFfnSpec {
  RouterSpec router;
  int expert_size = 0;       // width of one routed expert
  int shared_size = 0;       // width of the shared one, all of its parts together; 0 = none
  bool shared_gate = false;  // the shared one is multiplied by sigmoid(w . x)
  Activation activation = Activation::kSilu;
  ClampedSiluSpec clamp = {};
  bool expert_bias = false;  // of gate, up and down of the routed experts
};

using AttentionSpec = std::variant<GqaSpec, MlaSpec, GatedDeltaNetSpec, CompressedSpec>;
using FfnSpec = std::variant<DenseFfnSpec, MoeFfnSpec>;

// Where a layer normalises, for attention and the feed-forward part alike.
enum class NormPlacement {
  kBefore,  // what goes into the part
  kAfter,   // what comes out of it, before it is added to the residual stream
  kAround,  // both
};

struct LayerSpec {
  AttentionSpec attention;
  FfnSpec ffn;
  NormPlacement norms = NormPlacement::kBefore;
};

// How the parts of a layer read and write the residual stream.
struct ResidualSpec {
  int streams = 1;          // more than 1: hyper-connections (nn/residual.h)
  int balancing_steps = 0;  // of the matrix that mixes them
  float eps = 0;            // of gates and sums
};

// Rope type "longrope" has two lists of divisors, one of them for texts beyond the original
// context. Keys in the cache keep the angles that they were made with, so a model has one list for
// all of its texts, fixed when it is loaded.
struct LongContextSpec {
  int original = 0, longest = 0;  // what each list allows
  bool in_use = false;            // the list for long texts is

  bool operator==(const LongContextSpec&) const = default;
};

struct DecoderSpec {
  std::string family;
  int hidden_size = 0, vocab_size = 0, max_context = 0;
  std::optional<LongContextSpec> long_context = std::nullopt;
  float norm_eps = 0;
  bool tied_head = false;
  float embedding_scale = 1.0f;  // of the rows that tokens look up, not of a tied head
  ResidualSpec residual = {};
  std::vector<LayerSpec> layers;
  // Blocks of multi-token prediction that checkpoints number behind the layers, and the layer that
  // each of them has: what the family's rule says of the first number behind the model's own. Some
  // checkpoints lack them (model/prediction.h).
  int prediction_layers = 0;
  std::optional<LayerSpec> prediction_layer = std::nullopt;  // set where there are blocks
};

// More layers and experts than any model has; bounds what a hostile configuration can make us
// allocate.
inline constexpr int kMaxLayers = 4096;
inline constexpr int kMaxExperts = 4096;

// Rejects impossible specs (sizes below 1, heads that do not divide, odd rotary dimension, ...).
// Throws kCorrupt with every problem in one message. `where` names the checkpoint.
void Validate(const DecoderSpec& spec, const std::string& where);

}  // namespace tael
