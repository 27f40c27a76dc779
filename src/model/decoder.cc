#include "model/decoder.h"

#include <algorithm>

#include "ops/adapt.h"
#include "ops/embedding.h"
#include "ops/matmul.h"
#include "ops/profile.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

void Record(const MatrixView<float>& hidden, HiddenRecorder* recorder) {
  if (recorder == nullptr) return;
  recorder->states.emplace_back(hidden.data, hidden.data + hidden.rows * hidden.cols);
}

// Sequences with the same adapters share a list.
AdapterRows AdapterRowsOf(const Batch& batch) {
  AdapterRows all;
  for (const BatchSequence& sequence : batch.sequences) {
    if (sequence.adapters.empty()) continue;
    const auto found = std::find(all.lists.begin(), all.lists.end(), sequence.adapters);
    const auto list = static_cast<size_t>(found - all.lists.begin());
    if (list == all.lists.size()) {
      all.lists.push_back(sequence.adapters);
      all.rows.emplace_back();
    }
    for (int i = 0; i < sequence.count; ++i) all.rows[list].push_back(sequence.first_row + i);
  }
  return all;
}

// One overload per alternative of AttentionWeights.
const RopeFrequencies* RopeOf(const GqaWeights& weights) { return &weights.rope; }
const RopeFrequencies* RopeOf(const MlaWeights& weights) { return &weights.rope; }
const RopeFrequencies* RopeOf(const GatedDeltaNetWeights&) { return nullptr; }
const RopeFrequencies* RopeOf(const CompressedWeights&) { return nullptr; }  // turns its own back

// Of all layers; mostly they are the same for all.
StepRopeTables TablesOf(const DecoderWeights& weights, const Batch& batch, ComputeContext& ctx) {
  StepRopeTables tables;
  for (const LayerWeights& layer : weights.layers) {
    const RopeFrequencies* rope =
        std::visit([](const auto& attention) { return RopeOf(attention); }, layer.attention);
    if (rope != nullptr) tables.Add(*rope, batch.positions, ctx);
  }
  return tables;
}

// Copies of these rows [rows, D], their streams joined, behind the final norm.
MatrixView<float> Normed(const DecoderSpec& spec, const DecoderWeights& weights,
                         const MatrixView<float>& hidden, const std::vector<int32_t>& rows,
                         ComputeContext& ctx) {
  const MatrixView<float> part = GatherRows(Const(hidden), rows, ctx);
  const MatrixView<float> last =
      JoinStreams(spec.residual, weights.end_streams, spec.norm_eps, part, ctx);
  RmsNorm(Const(last), weights.final_norm, spec.norm_eps, last, ctx);
  return last;
}

}  // namespace

ForwardResult Forward(const DecoderSpec& spec, const DecoderWeights& weights, const Batch& batch,
                      const Caches& caches, ComputeContext& ctx, const ForwardOptions& options) {
  HiddenRecorder* const recorder = options.recorder;
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  const ResidualSpec& residual = spec.residual;
  const MatrixView<float> embedded = NewMatrix(rows, spec.hidden_size, ctx);
  const AdapterScope adapted(ctx, AdapterRowsOf(batch));
  EmbeddingLookup(weights.embedding, batch.tokens, spec.embedding_scale, embedded, ctx);
  const MatrixView<float> hidden = SpreadOverStreams(residual, embedded, ctx);
  Record(hidden, recorder);
  ctx.routers = recorder != nullptr ? &recorder->routers : nullptr;
  const StepRopeTables rope_tables = TablesOf(weights, batch, ctx);
  for (size_t i = 0; i < spec.layers.size(); ++i) {
    if (options.abandoned != nullptr && options.abandoned->load(std::memory_order_relaxed)) {
      return {.abandoned = true};
    }
    const AttentionStep step{batch,         caches.keys_values, caches.states, static_cast<int>(i),
                             spec.norm_eps, residual,           &rope_tables};
    if (ctx.profile != nullptr) ctx.profile->SetLayer(static_cast<int>(i));
    LayerForward(spec.layers[i], weights.layers[i], step, hidden, ctx);
    Record(hidden, recorder);
  }
  if (ctx.profile != nullptr) ctx.profile->SetLayer(kOutsideLayers);
  ForwardResult result;
  if (!batch.hidden_rows.empty()) {
    result.hidden = Normed(spec, weights, hidden, batch.hidden_rows, ctx);
  }
  const MatrixView<float> last = Normed(spec, weights, hidden, batch.logit_rows, ctx);
  result.logits = NewMatrix(last.rows, spec.vocab_size, ctx);
  const AdapterScope with_logits(ctx, batch.logit_rows.data(), last.rows);
  const OpScope head(ctx.profile, OpKind::kHead);
  MatmulInput input(Const(last), ctx);
  Matmul(input, weights.head, result.logits, ctx);
  return result;
}

namespace {

KvLayout LayoutOf(const GqaSpec& spec) {
  return {.num_kv_heads = spec.num_kv_heads, .head_dim = spec.head_dim};
}

KvLayout LayoutOf(const MlaSpec& spec) {
  if (spec.expanded) {
    return {
        .num_kv_heads = spec.num_heads, .head_dim = spec.query_dim(), .value_part = spec.value_dim};
  }
  return {.num_kv_heads = 1,
          .head_dim = spec.cached_dim(),
          .latent_dim = spec.latent_dim,
          .index_dim = spec.indexer.has_value() ? spec.indexer->head_dim : 0};
}

KvLayout LayoutOf(const GatedDeltaNetSpec&) { return {}; }

KvLayout LayoutOf(const CompressedSpec& spec) {
  return {.num_kv_heads = 1,
          .head_dim = spec.head_dim,
          .latent_dim = spec.head_dim,
          .planes = PlanesOf(spec)};
}

// One overload per alternative of AttentionSpec, as above.
int64_t StateSizeOf(const GqaSpec&) { return 0; }
int64_t StateSizeOf(const MlaSpec&) { return 0; }
int64_t StateSizeOf(const CompressedSpec& spec) { return StateSize(spec); }
int64_t StateSizeOf(const GatedDeltaNetSpec& net) { return StateSize(net); }

}  // namespace

KvLayout LayoutOf(const AttentionSpec& attention) {
  return std::visit([](const auto& spec) { return LayoutOf(spec); }, attention);
}

std::vector<KvLayout> KvLayouts(const DecoderSpec& spec) {
  std::vector<KvLayout> layouts;
  layouts.reserve(spec.layers.size());
  for (const LayerSpec& layer : spec.layers) {
    layouts.push_back(LayoutOf(layer.attention));
  }
  return layouts;
}

std::vector<int64_t> StateSizes(const DecoderSpec& spec) {
  std::vector<int64_t> sizes;
  sizes.reserve(spec.layers.size());
  for (const LayerSpec& layer : spec.layers) {
    sizes.push_back(
        std::visit([](const auto& part) { return StateSizeOf(part); }, layer.attention));
  }
  return sizes;
}

}  // namespace tael
