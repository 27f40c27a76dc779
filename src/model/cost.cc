#include "model/cost.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "model/cost_adapters.h"
#include "model/cost_positions.h"
#include "ops/adapt_heads.h"
#include "ops/matmul.h"
#include "ops/row_places.h"
#include "ops/select_positions.h"

namespace tael {
namespace {

int64_t VectorBytes(const std::vector<float>& vector) {
  return static_cast<int64_t>(vector.size() * sizeof(float));
}

class Walker {
 public:
  Walker(const DecoderSpec& spec, const Batch& batch, const CostOptions& options)
      : spec_(spec),
        batch_(batch),
        options_(options),
        adapters_(batch),
        rows_(static_cast<int64_t>(batch.tokens.size())) {}

  // Outside of layers, then each layer.
  std::vector<StepCost> Walk(const DecoderWeights& weights) {
    std::vector<StepCost> costs;
    const auto finish = [&] { costs.push_back(std::exchange(cost_, {})); };
    Outside(weights);
    finish();
    for (size_t i = 0; i < spec_.layers.size(); ++i) {
      Layer(spec_.layers[i], weights.layers[i]);
      finish();
    }
    return costs;
  }

 private:
  void Outside(const DecoderWeights& weights) {
    cost_[CostKind::kEmbedding].weight_bytes +=
        rows_ * weights.embedding.bytes() / weights.embedding.n;
    Add(CostKind::kEmbedding, adapters_.OfEmbedding());
    const auto logits = static_cast<int64_t>(batch_.logit_rows.size());
    if (logits == 0) return;
    Streams(weights.end_streams, logits);
    Vector(CostKind::kNorm, weights.final_norm);
    BaseProduct(CostKind::kHead, weights.head, logits);
    Add(CostKind::kHead, adapters_.OfHead(weights.head));
  }

  void Vector(CostKind kind, const std::vector<float>& vector) {
    cost_[kind].weight_bytes += VectorBytes(vector);
  }

  void Add(CostKind kind, const AdapterCost& adapters) {
    cost_[kind].weight_bytes += adapters.bytes;
    cost_[kind].float_macs += adapters.macs;
  }

  // A matrix times the rows of the step, with what adapters do beside it.
  void Product(CostKind kind, const Weight& w, int terms = 1) {
    BaseProduct(kind, w, rows_, terms);
    Add(kind, adapters_.OfMatrix(KeyOf(w)));
  }

  // A matrix times `rows` activation rows, with `terms` products where it is done in integers.
  void BaseProduct(CostKind kind, const Weight& w, int64_t rows, int terms = 1) {
    Cost& cost = cost_[kind];
    cost.weight_bytes += w.bytes();
    const MatmulForm form = MatmulFormOf(w, options_.matmul);
    if (form == MatmulForm::kCodes) {  // blocks of half the inputs are multiplied whole
      const int64_t width = CodeShapeOf(*w.packed).halves ? 2 * w.k : w.k;
      cost.integer_macs += rows * w.n * width * terms;
    } else if (form == MatmulForm::kInteger) {
      cost.integer_macs += rows * w.n * w.k * terms;
    } else if (form == MatmulForm::kBf16) {
      cost.bf16_macs += rows * w.n * w.k;
    } else {
      cost.float_macs += rows * w.n * w.k;
    }
  }

  void Layer(const LayerSpec& layer, const LayerWeights& weights) {
    Vector(CostKind::kNorm, weights.input_norm);
    Vector(CostKind::kNorm, weights.post_attention_norm);
    Vector(CostKind::kNorm, weights.attention_output_norm);
    Vector(CostKind::kNorm, weights.ffn_output_norm);
    Streams(weights.attention_streams, rows_);
    Streams(weights.ffn_streams, rows_);
    std::visit([&](const auto& spec) { AttentionPart(spec, weights.attention); }, layer.attention);
    std::visit([&](const auto& spec) { FfnPart(spec, weights.ffn); }, layer.ffn);
  }

  // Mixing n streams of D elements: the product that says how, then n or n * n + n factors for D.
  void Streams(const StreamWeights& weights, int64_t rows) {
    if (weights.mix.empty()) return;
    cost_[CostKind::kNorm].weight_bytes += weights.mix.bytes();
    FloatProduct(CostKind::kNorm, weights.mix.n * (weights.mix.k + spec_.hidden_size), rows);
    Vector(CostKind::kNorm, weights.base);
  }

  // One overload per alternative of AttentionSpec and FfnSpec.
  void AttentionPart(const GqaSpec& spec, const AttentionWeights& any) {
    const GqaWeights& weights = std::get<GqaWeights>(any);
    Product(CostKind::kProjection, weights.q);
    Product(CostKind::kProjection, weights.k, kKeyValueTerms);
    Product(CostKind::kProjection, weights.v, kKeyValueTerms);
    Product(CostKind::kProjection, weights.o);
    for (const auto* bias : {&weights.q_bias, &weights.k_bias, &weights.v_bias, &weights.o_bias}) {
      Vector(CostKind::kProjection, *bias);
    }
    Vector(CostKind::kNorm, weights.q_norm);
    Vector(CostKind::kNorm, weights.k_norm);
    Vector(CostKind::kAttention, weights.sinks);

    const Visible visible = CountVisible(batch_, spec.sliding_window);
    CacheTraffic(spec, visible.stored);
    Attention(visible.scored * spec.num_heads, spec.head_dim, spec.head_dim);
  }

  void AttentionPart(const MlaSpec& spec, const AttentionWeights& any) {
    const MlaWeights& weights = std::get<MlaWeights>(any);
    if (spec.q_rank > 0) Product(CostKind::kProjection, weights.query_down);
    Product(CostKind::kProjection, weights.query);
    Product(CostKind::kProjection, weights.latent, kKeyValueTerms);
    Product(CostKind::kProjection, weights.output);
    for (const HeadWeights* w : {&weights.key, &weights.value}) {
      const int64_t rows = spec.num_heads * w->rows;
      cost_[CostKind::kProjection].weight_bytes += w->all.bytes() * rows / w->all.n;
      FloatProduct(CostKind::kProjection, rows * w->all.k, rows_);
      Add(CostKind::kProjection, adapters_.OfMatrix(KeyOf(*w), spec.num_heads));
    }
    Vector(CostKind::kNorm, weights.query_down_norm);
    Vector(CostKind::kNorm, weights.latent_norm);
    Visible visible = CountVisible(batch_, 0);
    if (spec.indexer.has_value()) {
      const Chosen chosen = CountChosen(batch_, spec.indexer->top_k);
      IndexerPart(*spec.indexer, weights.indexer, chosen.index_scored);
      visible.scored = CountVisible(batch_, spec.indexer->top_k).scored;  // at most so many each
      const int64_t row = LayoutOf(spec).PositionBytes(options_.kv_dtype);
      const int64_t index = *StorageBytes(options_.kv_dtype, spec.indexer->head_dim);
      Cost& cost = cost_[CostKind::kAttention];
      cost.kv_read_bytes += chosen.latent_rows * (row - index) + chosen.index_rows * index;
      cost.kv_written_bytes += rows_ * row;
    } else {
      CacheTraffic(spec, visible.stored);
    }
    Attention(visible.scored * spec.num_heads, spec.expanded ? spec.query_dim() : spec.cached_dim(),
              spec.expanded ? spec.value_dim : spec.latent_dim);
  }

  void AttentionPart(const CompressedSpec& spec, const AttentionWeights& any) {
    const CompressedWeights& weights = std::get<CompressedWeights>(any);
    for (const Weight* w : {&weights.query_down, &weights.query, &weights.output}) {
      Product(CostKind::kProjection, *w);
    }
    Product(CostKind::kProjection, weights.shared, kKeyValueTerms);
    for (const Weight& w : weights.output_down) Product(CostKind::kProjection, w);
    Vector(CostKind::kNorm, weights.query_down_norm);
    Vector(CostKind::kNorm, weights.shared_norm);
    Vector(CostKind::kAttention, weights.sinks);
    Cost& cost = cost_[CostKind::kAttention];
    const KvLayout layout = LayoutOf(AttentionSpec(spec));
    const int64_t row_bytes = layout.PositionBytes(options_.kv_dtype);
    cost.kv_written_bytes += rows_ * layout.BlockBytes(options_.kv_dtype) / kKvBlockPositions;
    Visible seen = CountVisible(batch_, spec.window);
    if (spec.ratio > 0) {
      CompressorPart(spec, weights.compressor);
      if (spec.indexer.has_value()) EntryIndexPart(spec, weights.index);
      const int64_t most = spec.indexer.has_value() ? spec.indexer->top_k : 0;
      const Visible entries = CountEntries(batch_, spec.ratio, most);
      seen.stored += entries.stored;
      seen.scored += entries.scored;
    }
    cost.kv_read_bytes += seen.stored * row_bytes;
    Attention(seen.scored * spec.num_heads, spec.head_dim, spec.head_dim);
  }

  void CompressorPart(const CompressedSpec& spec, const CompressorWeights& weights) {
    Product(CostKind::kProjection, weights.values, kKeyValueTerms);
    Product(CostKind::kProjection, weights.gates, kKeyValueTerms);
    Vector(CostKind::kProjection, weights.place_bias);
    Vector(CostKind::kNorm, weights.norm);
    const StatePositions positions = CountStatePositions(batch_, spec.ratio, spec.overlapping);
    const int64_t row = (weights.values.n + weights.gates.n) * static_cast<int64_t>(sizeof(float));
    cost_[CostKind::kAttention].kv_read_bytes += positions.read * row;
    cost_[CostKind::kAttention].kv_written_bytes += positions.written * row;
  }

  void EntryIndexPart(const CompressedSpec& spec, const EntryIndexWeights& weights) {
    CompressorPart(spec, weights.compressor);
    const Visible entries = CountEntries(batch_, spec.ratio, 0);
    if (LongestSequence(batch_) / spec.ratio <= spec.indexer->top_k) return;
    Product(CostKind::kProjection, weights.query);
    FloatMatrix(weights.head_weights);
    FloatProduct(CostKind::kAttention, spec.indexer->head_dim,
                 entries.scored * spec.indexer->num_heads);
    cost_[CostKind::kAttention].kv_read_bytes +=
        entries.stored * *StorageBytes(options_.kv_dtype, spec.indexer->head_dim);
  }

  // Keys are made in all steps, scores only where a row has something to choose.
  void IndexerPart(const IndexerSpec& spec, const IndexerWeights& weights, int64_t scored) {
    Product(CostKind::kProjection, weights.key, kKeyValueTerms);
    Vector(CostKind::kNorm, weights.key_norm);
    Vector(CostKind::kNorm, weights.key_norm_bias);
    if (!NeedsSelection(batch_, spec.top_k)) return;
    Product(CostKind::kProjection, weights.query);
    FloatMatrix(weights.head_weights);
    FloatProduct(CostKind::kAttention, spec.head_dim, scored * spec.num_heads);
  }

  // A matrix around attention that is multiplied in float32 in every mode.
  void FloatMatrix(const Weight& w) {
    cost_[CostKind::kProjection].weight_bytes += w.bytes();
    FloatProduct(CostKind::kProjection, w.n * w.k, rows_);
    Add(CostKind::kProjection, adapters_.OfMatrix(KeyOf(w)));
  }

  void FloatProduct(CostKind kind, int64_t macs, int64_t times) {
    cost_[kind].float_macs += macs * times;
  }

  // Scores of keys and sums of values; keys in 8 bits are multiplied as bytes.
  void Attention(int64_t scores, int64_t key_dim, int64_t value_dim) {
    Cost& cost = cost_[CostKind::kAttention];
    (options_.kv_dtype == DType::kQ8_0 ? cost.integer_macs : cost.float_macs) += scores * key_dim;
    cost.float_macs += scores * value_dim;
  }

  // `stored`: positions of the cache that are read.
  void CacheTraffic(const AttentionSpec& spec, int64_t stored) {
    const int64_t position_bytes = LayoutOf(spec).PositionBytes(options_.kv_dtype);
    cost_[CostKind::kAttention].kv_read_bytes += stored * position_bytes;
    cost_[CostKind::kAttention].kv_written_bytes += rows_ * position_bytes;
  }

  void AttentionPart(const GatedDeltaNetSpec& spec, const AttentionWeights& any) {
    const auto& weights = std::get<GatedDeltaNetWeights>(any);
    for (const Weight* w : {&weights.qkvz, &weights.qkv, &weights.z, &weights.out}) {
      Product(CostKind::kProjection, *w);
    }
    for (const Weight* w : {&weights.ba, &weights.b, &weights.a}) {
      Product(CostKind::kProjection, *w, kKeyValueTerms);
    }
    for (const auto* vector : {&weights.conv, &weights.rate, &weights.time_bias, &weights.norm}) {
      Vector(CostKind::kAttention, *vector);
    }
    Cost& cost = cost_[CostKind::kAttention];
    const int64_t state = StateSize(spec) * static_cast<int64_t>(sizeof(float));
    for (const BatchSequence& sequence : batch_.sequences) {
      if (sequence.begin > 0) cost.kv_read_bytes += state;
      cost.kv_written_bytes += state;
    }
    // S k, the update and S q; then the convolution.
    const int64_t matrix = int64_t{spec.num_value_heads} * spec.value_dim * spec.key_dim;
    cost.float_macs += rows_ * (3 * matrix + static_cast<int64_t>(weights.conv.size()));
  }

  void FfnPart(const DenseFfnSpec&, const FfnWeights& any) {
    const DenseFfnWeights& weights = std::get<DenseFfnWeights>(any);
    for (const Weight* w : {&weights.gate, &weights.up, &weights.down}) {
      Product(CostKind::kFfn, *w);
    }
    for (const auto* bias : {&weights.gate_bias, &weights.up_bias, &weights.down_bias}) {
      Vector(CostKind::kFfn, *bias);
    }
  }

  void FfnPart(const MoeFfnSpec& spec, const FfnWeights& any) {
    const MoeFfnWeights& weights = std::get<MoeFfnWeights>(any);
    const Weight& gate = weights.router.gate;  // always float32 arithmetic
    cost_[CostKind::kRouter].weight_bytes += gate.bytes();
    cost_[CostKind::kRouter].float_macs += rows_ * gate.n * gate.k;
    Vector(CostKind::kRouter, weights.router.correction_bias);
    Vector(CostKind::kRouter, weights.router.gate_bias);
    Vector(CostKind::kRouter, weights.router.expert_scales);
    const int64_t uses = rows_ * spec.router.experts_per_token;
    const int64_t active = std::min<int64_t>(uses, spec.router.num_experts);
    RoutedExperts(weights.experts, uses, active);
    Add(CostKind::kExperts,
        adapters_.OfExperts(weights.experts, active, spec.router.experts_per_token));
    for (const Weight* w : {&weights.shared.gate, &weights.shared.up, &weights.shared.down}) {
      if (spec.shared_size > 0) Product(CostKind::kFfn, *w);
    }
    Vector(CostKind::kFfn, weights.shared_gate);
    cost_[CostKind::kFfn].float_macs += rows_ * static_cast<int64_t>(weights.shared_gate.size());
    if (spec.shared_gate) Add(CostKind::kFfn, adapters_.OfMatrix(KeyOf(SharedGateRow(weights))));
  }

  // `active` of the experts, `uses` times all together, as an average of all: files may store some
  // in another form.
  void RoutedExperts(const std::vector<DenseFfnWeights>& experts, int64_t uses, int64_t active) {
    const auto count = static_cast<int64_t>(experts.size());
    Cost all;  // of every expert once
    std::swap(all, cost_[CostKind::kExperts]);
    for (const DenseFfnWeights& expert : experts) {
      for (const Weight* w : {&expert.gate, &expert.up, &expert.down}) {
        BaseProduct(CostKind::kExperts, *w, 1);
      }
      for (const auto* bias : {&expert.gate_bias, &expert.up_bias, &expert.down_bias}) {
        Vector(CostKind::kExperts, *bias);
      }
    }
    std::swap(all, cost_[CostKind::kExperts]);
    Cost& cost = cost_[CostKind::kExperts];
    cost.weight_bytes += all.weight_bytes * active / count;
    cost.expert_bytes += all.weight_bytes * active / count;
    cost.integer_macs += all.integer_macs * uses / count;
    cost.float_macs += all.float_macs * uses / count;
    cost.bf16_macs += all.bf16_macs * uses / count;
  }

  static constexpr int kKeyValueTerms = 2;  // ActivationTerms::kTwo (nn/attention_*.cc)

  const DecoderSpec& spec_;
  const Batch& batch_;
  const CostOptions& options_;
  const AdapterCosts adapters_;
  int64_t rows_;
  StepCost cost_;
};

}  // namespace

const char* Name(CostKind kind) {
  switch (kind) {
    case CostKind::kEmbedding:
      return "embedding";
    case CostKind::kProjection:
      return "projection";
    case CostKind::kAttention:
      return "attention";
    case CostKind::kFfn:
      return "ffn";
    case CostKind::kExperts:
      return "experts";
    case CostKind::kRouter:
      return "router";
    case CostKind::kNorm:
      return "norm";
    case CostKind::kHead:
      return "head";
    case CostKind::kCount:
      break;
  }
  return "unknown";
}

Cost& Cost::operator+=(const Cost& other) {
  weight_bytes += other.weight_bytes;
  expert_bytes += other.expert_bytes;
  kv_read_bytes += other.kv_read_bytes;
  kv_written_bytes += other.kv_written_bytes;
  integer_macs += other.integer_macs;
  float_macs += other.float_macs;
  bf16_macs += other.bf16_macs;
  return *this;
}

Cost StepCost::Total() const {
  Cost total;
  for (const Cost& part : parts) total += part;
  return total;
}

StepCost& StepCost::operator+=(const StepCost& other) {
  for (size_t i = 0; i < parts.size(); ++i) parts[i] += other.parts[i];
  return *this;
}

std::vector<StepCost> CostByLayer(const DecoderSpec& spec, const DecoderWeights& weights,
                                  const Batch& batch, const CostOptions& options) {
  return Walker(spec, batch, options).Walk(weights);
}

StepCost CostOf(const DecoderSpec& spec, const DecoderWeights& weights, const Batch& batch,
                const CostOptions& options) {
  StepCost sum;
  for (const StepCost& part : CostByLayer(spec, weights, batch, options)) sum += part;
  return sum;
}

}  // namespace tael
