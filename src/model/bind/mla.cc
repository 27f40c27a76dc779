// Binding of latent attention, whose way from the latent row to keys and values files store in
// three forms (models.md, 1.7).
#include "model/bind/parts.h"

namespace tael {
namespace {

// Per head the rows of keys, then those of values: Hugging Face, and GGUF files of old.
void BindJoined(const MlaSpec& spec, int layer, Binder& binder, MlaWeights* w) {
  const int64_t rows = spec.nope_dim + spec.value_dim;
  const Weight all = binder.Matrix(Role::kLatentUp, layer, spec.num_heads * rows, spec.latent_dim);
  w->key = {all, 0, spec.nope_dim, rows, /*by_columns=*/true};
  w->value = {all, spec.nope_dim, spec.value_dim, rows, /*by_columns=*/false};
}

// Two tensors, that of the keys transposed; as stacks, or with the heads' rows below each other.
void BindApart(const MlaSpec& spec, int layer, Binder& binder, MlaWeights* w) {
  const auto all_heads = [&](Role role, int64_t rows, int64_t columns) {
    Weight all = binder.Stack(role, layer, spec.num_heads, rows, columns);
    all.n = spec.num_heads * rows;
    return HeadWeights{all, 0, rows, rows, /*by_columns=*/false};
  };
  w->key = all_heads(Role::kLatentKey, spec.latent_dim, spec.nope_dim);
  w->value = all_heads(Role::kLatentValue, spec.value_dim, spec.latent_dim);
  binder.Ignore(Role::kLatentUp, layer);  // some files hold both forms
}

IndexerWeights BindIndexer(const MlaSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const IndexerSpec& indexer = *spec.indexer;
  const int64_t heads = indexer.num_heads, dim = indexer.head_dim;
  IndexerWeights w;
  w.query = binder.Matrix(Role::kIndexQuery, layer, heads * dim, spec.q_rank);
  w.key = binder.Matrix(Role::kIndexKey, layer, dim, hidden);
  w.key_norm = binder.Vector(Role::kIndexKeyNorm, layer, dim);
  w.key_norm_bias = binder.Vector(Role::kIndexKeyNormBias, layer, dim);
  w.head_weights = binder.Matrix(Role::kIndexWeights, layer, heads, hidden);
  w.rope = ComputeRopeFrequencies(spec.rope);
  w.rope.pairing = indexer.pairing;
  return w;
}

}  // namespace

MlaWeights BindAttention(const MlaSpec& spec, int64_t hidden, int layer, Binder& binder) {
  const int64_t heads = spec.num_heads;
  MlaWeights w;
  if (spec.q_rank > 0) {
    w.query_down = binder.Matrix(Role::kQueryDown, layer, spec.q_rank, hidden);
    w.query_down_norm = binder.Vector(Role::kQueryDownNorm, layer, spec.q_rank);
    w.query = binder.Matrix(Role::kQueryUp, layer, heads * spec.query_dim(), spec.q_rank);
  } else {
    w.query = binder.Matrix(Role::kQuery, layer, heads * spec.query_dim(), hidden);
  }
  w.latent = binder.Matrix(Role::kLatent, layer, spec.cached_dim(), hidden);
  w.latent_norm = binder.Vector(Role::kLatentNorm, layer, spec.latent_dim);
  if (binder.IsGguf() && binder.Has(Role::kLatentKey, layer)) {
    BindApart(spec, layer, binder, &w);
  } else {
    BindJoined(spec, layer, binder, &w);
  }
  w.output = binder.Matrix(Role::kOutput, layer, hidden, heads * spec.value_dim);
  w.rope = ComputeRopeFrequencies(spec.rope);
  if (spec.indexer.has_value()) w.indexer = BindIndexer(spec, hidden, layer, binder);
  return w;
}

}  // namespace tael
