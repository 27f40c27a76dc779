#include "model/bind.h"

#include <cmath>
#include <optional>
#include <utility>

#include "model/bind/parts.h"
#include "model/binder.h"

namespace tael {
namespace {

LayerWeights BindLayer(const LayerSpec& spec, int64_t hidden, int layer, Binder& binder) {
  LayerWeights w;
  if (spec.norms != NormPlacement::kAfter) {
    w.input_norm = binder.Vector(Role::kInputNorm, layer, hidden);
    w.post_attention_norm = binder.Vector(Role::kPostAttentionNorm, layer, hidden);
  }
  if (spec.norms != NormPlacement::kBefore) {
    w.attention_output_norm = binder.Vector(Role::kAttentionOutputNorm, layer, hidden);
    w.ffn_output_norm = binder.Vector(Role::kFfnOutputNorm, layer, hidden);
  }
  w.attention = std::visit(
      [&](const auto& part) -> AttentionWeights {
        return BindAttention(part, hidden, layer, binder);
      },
      spec.attention);
  w.ffn = std::visit(
      [&](const auto& part) -> FfnWeights { return BindFfn(part, hidden, layer, binder); },
      spec.ffn);
  return w;
}

constexpr StreamRoles kAttentionStreamRoles = {Role::kAttentionStreams, Role::kAttentionStreamsBase,
                                               Role::kAttentionStreamsScale};
constexpr StreamRoles kFfnStreamRoles = {Role::kFfnStreams, Role::kFfnStreamsBase,
                                         Role::kFfnStreamsScale};
constexpr StreamRoles kEndStreamRoles = {Role::kEndStreams, Role::kEndStreamsBase,
                                         Role::kEndStreamsScale};

void BindAllStreams(const DecoderSpec& spec, DecoderWeights* weights, Binder& binder) {
  const int64_t streams = spec.residual.streams, width = streams * spec.hidden_size;
  if (streams == 1) return;
  const StreamShape around{streams * (2 + streams), width, 3};
  for (size_t i = 0; i < weights->layers.size(); ++i) {
    LayerWeights& layer = weights->layers[i];
    const auto index = static_cast<int>(i);
    layer.attention_streams = BindStreams(kAttentionStreamRoles, around, index, binder);
    layer.ffn_streams = BindStreams(kFfnStreamRoles, around, index, binder);
  }
  weights->end_streams = BindStreams(kEndStreamRoles, {streams, width, 1}, 0, binder);
}

// Embedding, norm and head may be left out where they equal the model's.
PredictionWeights BindPrediction(const DecoderSpec& spec, const DecoderWeights& model, int layer,
                                 Binder& binder) {
  const int64_t hidden = spec.hidden_size, words = spec.vocab_size;
  const auto table = [&](Role role, const Weight& fallback) {
    return binder.Has(role, layer) ? binder.Matrix(role, layer, words, hidden) : fallback;
  };
  PredictionWeights w;
  w.embedding = table(Role::kPredictionEmbedding, model.embedding);
  w.embedding_norm = binder.Vector(Role::kPredictionEmbeddingNorm, layer, hidden);
  w.hidden_norm = binder.Vector(Role::kPredictionHiddenNorm, layer, hidden);
  w.projection = binder.Matrix(Role::kPredictionProjection, layer, hidden, 2 * hidden);
  w.layer = BindLayer(*spec.prediction_layer, hidden, layer, binder);
  w.norm = binder.Has(Role::kPredictionNorm, layer)
               ? binder.Vector(Role::kPredictionNorm, layer, hidden)
               : model.final_norm;
  w.head = table(Role::kPredictionHead, model.head);
  return w;
}

// Each block by a pass of its own: no run of the model needs them, so what is wrong with one must
// not refuse the others' work.
void BindPredictions(const DecoderSpec& spec, const Family& family, const Checkpoint& checkpoint,
                     DecoderWeights* weights, Binder& binder) {
  for (int i = 0; i < spec.prediction_layers; ++i) {
    const int layer = static_cast<int>(spec.layers.size()) + i;
    if (!binder.HasBlock(layer)) return;  // dropped by converters and fine-tuners
    binder.IgnoreBlock(layer);
    if (!weights->prediction_problem.empty()) continue;
    Binder pass(family, checkpoint, spec.vocab_size, binder.headers_only());
    PredictionWeights block = BindPrediction(spec, *weights, layer, pass);
    const auto tensors = pass.FinishBlock(layer, &weights->prediction_problem);
    if (!weights->prediction_problem.empty()) continue;
    weights->predictions.push_back(std::move(block));
    weights->packed.insert(weights->packed.end(), pass.packed().begin(), pass.packed().end());
    for (const TensorInfo* tensor : tensors) weights->prediction_sources.push_back(tensor->bytes);
  }
}

// DeepSeek-V4's blocks of multi-token prediction are not read. Safetensors have them under names of
// their own ("mtp."), GGUF as the blocks behind the last one, where its configuration counts them.
void LeavePredictionsAside(const DecoderSpec& spec, const Checkpoint& checkpoint, Binder& binder) {
  if (checkpoint.container != Container::kGguf || spec.family != "deepseek-v4") return;
  const int first = static_cast<int>(spec.layers.size());
  const int count = checkpoint.config.Int("num_nextn_predict_layers", 0);
  for (int i = 0; i < count && binder.HasBlock(first + i); ++i) binder.IgnoreBlock(first + i);
}

constexpr const char* kLongRopeTensors[] = {"rope_factors_short.weight",
                                            "rope_factors_long.weight"};

// The number of the first divisor that is not what the configuration's scaling comes to, but for
// rounding; nullopt: they say the same.
std::optional<size_t> OtherDivisor(const RopeSpec& rope) {
  constexpr double kTolerance = 1e-5;
  RopeSpec scaled = rope, divided = rope;
  scaled.divisors = {};
  divided.scaling = RopeScalingKind::kNone;
  const std::vector<float> wanted = ComputeRopeFrequencies(scaled).inverse;
  const std::vector<float> found = ComputeRopeFrequencies(divided).inverse;
  for (size_t i = 0; i < wanted.size(); ++i) {  // none where nothing is rotated
    const auto a = static_cast<double>(found[i]), b = static_cast<double>(wanted[i]);
    if (!(std::fabs(a - b) <= kTolerance * b)) return i;
  }
  return std::nullopt;
}

// GGUF writes llama3 scaling as divisors of the frequencies in a tensor of their own.
void BindRopeDivisors(const DecoderSpec& spec, const Checkpoint& checkpoint,
                      DecoderWeights* weights, Binder& binder) {
  if (checkpoint.container != Container::kGguf) return;
  for (const LayerSpec& layer : spec.layers) {
    const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
    if (gqa == nullptr || gqa->rope.scaling != RopeScalingKind::kPerDimension) continue;
    // They went into the configuration.
    for (const char* name : kLongRopeTensors) binder.IgnoreNamed(name);
  }
  if (checkpoint.tensors.Find("rope_freqs.weight") == nullptr) return;
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    const auto* gqa = std::get_if<GqaSpec>(&spec.layers[i].attention);
    if (gqa == nullptr) continue;  // no file of another kind of attention has them
    RopeSpec rope = gqa->rope;
    rope.divisors = binder.VectorNamed("rope_freqs.weight", rope.rotary_dim / 2);
    if (rope.divisors.empty()) return;  // reported by the binder
    // A configuration that comes with the file, or in its place, names the scaling itself.
    if (rope.scaling == RopeScalingKind::kFrequencyBands) {
      const auto other = binder.headers_only() ? std::nullopt : OtherDivisor(rope);
      if (!other) continue;
      return binder.Problem(
          "'rope_freqs.weight': divisor {} is {}, which is not what the configuration's scaling of "
          "rope, type 'llama3', comes to in layer {}",
          *other, rope.divisors[*other], i);
    }
    std::get<GqaWeights>(weights->layers[i].attention).rope = ComputeRopeFrequencies(rope);
  }
}

}  // namespace

DecoderWeights Bind(const DecoderSpec& spec, const Family& family, const Checkpoint& checkpoint,
                    bool headers_only) {
  Binder binder(family, checkpoint, spec.vocab_size, headers_only);
  DecoderWeights weights;
  weights.embedding = binder.Matrix(Role::kEmbedding, 0, spec.vocab_size, spec.hidden_size);
  weights.final_norm = binder.Vector(Role::kFinalNorm, 0, spec.hidden_size);
  if (spec.tied_head) {
    weights.head = weights.embedding;
    binder.Ignore(Role::kHead, 0);  // some tied checkpoints carry a redundant copy
  } else {
    weights.head = binder.Matrix(Role::kHead, 0, spec.vocab_size, spec.hidden_size);
  }
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    weights.layers.push_back(
        BindLayer(spec.layers[i], spec.hidden_size, static_cast<int>(i), binder));
  }
  BindAllStreams(spec, &weights, binder);
  BindRopeDivisors(spec, checkpoint, &weights, binder);
  weights.packed = binder.packed();
  BindPredictions(spec, family, checkpoint, &weights, binder);
  LeavePredictionsAside(spec, checkpoint, binder);
  for (const TensorInfo* tensor : binder.Finish()) weights.sources.push_back(tensor->bytes);
  return weights;
}

}  // namespace tael
