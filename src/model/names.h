// Tensor roles and the names each has in checkpoints.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace tael {

// What a tensor is for. Roles of a layer are bound once per layer.
enum class Role {
  kEmbedding,
  kFinalNorm,
  kHead,  // of the whole model
  kInputNorm,
  kPostAttentionNorm,    // before the feed-forward part
  kAttentionOutputNorm,  // after attention, before the addition
  kFfnOutputNorm,
  kQuery,
  kKey,
  kValue,
  kOutput,
  kQueryKeyValue,  // the rows of q, then k, then v in one matrix
  kQueryDown,      // latent attention: to the query's rank, and from there to the heads
  kQueryDownNorm,
  kQueryUp,
  kLatent,  // the latent row and the rotated key
  kLatentNorm,
  kLatentUp,   // per head, the rows of keys, then those of values
  kLatentKey,  // the keys' part transposed, and the values' part, where they are apart
  kLatentValue,
  kIndexQuery,
  kIndexKey,
  kIndexKeyNorm,
  kIndexKeyNormBias,
  kIndexWeights,  // of the indexer's heads
  kOutputDown,    // of each group of heads
  kCompressorValues,
  kCompressorGates,
  kCompressorPlaces,  // biases of the gates by place
  kCompressorNorm,
  kIndexCompressorValues,
  kIndexCompressorGates,
  kIndexCompressorPlaces,
  kIndexCompressorNorm,
  kAttentionStreams,  // what mixes residual streams around attention
  kAttentionStreamsBase,
  kAttentionStreamsScale,
  kFfnStreams,
  kFfnStreamsBase,
  kFfnStreamsScale,
  kEndStreams,
  kEndStreamsBase,
  kEndStreamsScale,
  kQueryBias,
  kKeyBias,
  kValueBias,
  kOutputBias,
  kSinks,
  kDeltaQkvz,  // of a gated delta net: rows by key head, its q, k, v and z
  kDeltaQkv,   // all q, all k, all v
  kDeltaZ,
  kDeltaBa,  // rows by key head, its b and a
  kDeltaB,
  kDeltaA,
  kDeltaConv,
  kDeltaRate,  // A_log; in GGUF -exp(A_log)
  kDeltaTimeBias,
  kDeltaNorm,
  kDeltaOutput,
  kQueryNorm,
  kKeyNorm,
  kGate,
  kUp,
  kDown,
  kGateUp,  // the rows of gate, then those of up in one matrix
  kGateBias,
  kUpBias,
  kDownBias,
  kRouter,
  kRouterBias,
  kTokenExperts,      // [V, k]: the experts of each token
  kRouterCorrection,  // bias of the choice
  kExpertGate,        // one tensor per expert
  kExpertUp,
  kExpertDown,
  kExpertGateStack,  // all experts in one tensor [E, out, in]
  kExpertUpStack,
  kExpertDownStack,
  kExpertGateUp,       // one tensor per expert: the rows of gate, then those of up
  kExpertGateUpStack,  // [E, 2 out, in]: the rows of gate, then those of up
  // The same transposed: [E, in, 2 out] with the columns gate 0, up 0, gate 1, ...; [E, in, out].
  kExpertGateUpColumns,
  kExpertDownColumns,
  kExpertGateBiasStack,    // [E, out]
  kExpertUpBiasStack,      // [E, out]
  kExpertGateUpBiasStack,  // [E, 2 out]: gate 0, up 0, gate 1, ...
  kExpertDownBiasStack,    // [E, out]
  kExpertScales,           // [E], factors of the routed weights
  kSharedGateUp,           // the rows of gate, then those of up
  kSharedGate,
  kSharedUp,
  kSharedDown,
  kSharedRouter,  // of the shared expert's sigmoid
  kPredictionEmbedding,
  kPredictionEmbeddingNorm,
  kPredictionHiddenNorm,
  kPredictionProjection,
  kPredictionNorm,
  kPredictionHead,
};

// "{}" stands for the layer number, a second one for the expert's.
struct NameRule {
  Role role;
  const char* hf;    // in safetensors; "" where no checkpoint has it
  const char* gguf;  // in GGUF files
  // Added to every element of a vector from safetensors: 1 for gains stored as their distance from
  // 1. GGUF files hold the sum.
  float hf_offset = 0;
};

// The names of Llama-shaped models; most families share them. Also what a family's own table does
// not name.
extern const std::span<const NameRule> kLlamaNames;
// Names of the shared expert in the singular: Qwen2-MoE, openPangu Pro-MoE; here for the tables of
// families that have more names of their own.
inline constexpr NameRule kOneSharedExpertRules[] = {
    {Role::kSharedGate, "model.layers.{}.mlp.shared_expert.gate_proj.weight",
     "blk.{}.ffn_gate_shexp.weight"},
    {Role::kSharedUp, "model.layers.{}.mlp.shared_expert.up_proj.weight",
     "blk.{}.ffn_up_shexp.weight"},
    {Role::kSharedDown, "model.layers.{}.mlp.shared_expert.down_proj.weight",
     "blk.{}.ffn_down_shexp.weight"},
};
extern const std::span<const NameRule> kOneSharedExpertNames;
// ERNIE 4.5 as PaddlePaddle stores it: fused matrices, [in, out].
extern const std::span<const NameRule> kErniePaddleNames;
// Mixtral's spelling of experts, which others took over.
extern const std::span<const NameRule> kBlockSparseMoeNames;

// The rule for a role, or nullptr.
const NameRule* FindRule(std::span<const NameRule> rules, Role role);

// Tensors that checkpoints carry and nobody needs: a name that matches one of these endings is
// ignored instead of refused ("rotary_emb.inv_freq": recomputed from the config).
extern const std::span<const std::string_view> kIgnoredTensorEndings;

// The same for beginnings: multi-token prediction that is not computed ("model.mtp_": ERNIE 4.5,
// "mtp.": Qwen3.5), and the parts of multimodal checkpoints that are not text.
extern const std::span<const std::string_view> kIgnoredTensorStarts;

// The rule's pattern with the numbers filled in.
std::string TensorName(const char* pattern, int layer, int expert = 0);

}  // namespace tael
