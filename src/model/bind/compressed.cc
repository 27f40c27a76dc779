// Binding of compressed attention and of the weights that mix several residual streams.
#include "model/bind/parts.h"

namespace tael {
namespace {

// The four tensors of a compressor.
struct CompressorRoles {
  Role values, gates, place_bias, norm;
};
constexpr CompressorRoles kEntryRoles = {Role::kCompressorValues, Role::kCompressorGates,
                                         Role::kCompressorPlaces, Role::kCompressorNorm};
constexpr CompressorRoles kIndexRoles = {Role::kIndexCompressorValues, Role::kIndexCompressorGates,
                                         Role::kIndexCompressorPlaces, Role::kIndexCompressorNorm};

struct BindPlace {
  int layer;
  Binder& binder;
};

CompressorWeights BindCompressor(const CompressorRoles& roles, const CompressedSpec& spec,
                                 int64_t width, int64_t hidden, BindPlace place) {
  const int64_t row = spec.overlapping ? 2 * width : width;
  CompressorWeights w;
  w.values = place.binder.Matrix(roles.values, place.layer, row, hidden);
  w.gates = place.binder.Matrix(roles.gates, place.layer, row, hidden);
  w.place_bias = place.binder.Vectors(roles.place_bias, place.layer, spec.ratio, row);
  w.norm = place.binder.Vector(roles.norm, place.layer, width);
  return w;
}

}  // namespace

CompressedWeights BindAttention(const CompressedSpec& spec, int64_t hidden, int layer,
                                Binder& binder) {
  const int64_t heads = int64_t{spec.num_heads} * spec.head_dim;
  const int64_t down = int64_t{spec.output_groups} * spec.output_rank;
  const BindPlace place{layer, binder};
  CompressedWeights w;
  w.query_down = binder.Matrix(Role::kQueryDown, layer, spec.q_rank, hidden);
  w.query_down_norm = binder.Vector(Role::kQueryDownNorm, layer, spec.q_rank);
  w.query = binder.Matrix(Role::kQueryUp, layer, heads, spec.q_rank);
  w.query_norm.assign(static_cast<size_t>(spec.head_dim), 1.0f);
  w.shared = binder.Matrix(Role::kLatent, layer, spec.head_dim, hidden);
  w.shared_norm = binder.Vector(Role::kLatentNorm, layer, spec.head_dim);
  w.sinks = binder.Vector(Role::kSinks, layer, spec.num_heads);
  const Weight groups = binder.Matrix(Role::kOutputDown, layer, down, heads / spec.output_groups);
  for (int g = 0; g < spec.output_groups; ++g) {
    w.output_down.push_back(RowsOf(groups, int64_t{g} * spec.output_rank, spec.output_rank));
  }
  w.output = binder.Matrix(Role::kOutput, layer, hidden, down);
  w.rope = ComputeRopeFrequencies(spec.rope);
  if (spec.ratio > 0)
    w.compressor = BindCompressor(kEntryRoles, spec, spec.head_dim, hidden, place);
  if (spec.indexer.has_value()) {
    const int64_t dim = spec.indexer->head_dim, count = spec.indexer->num_heads;
    w.index.query = binder.Matrix(Role::kIndexQuery, layer, count * dim, spec.q_rank);
    w.index.head_weights = binder.Matrix(Role::kIndexWeights, layer, count, hidden);
    w.index.compressor = BindCompressor(kIndexRoles, spec, dim, hidden, place);
  }
  return w;
}

StreamWeights BindStreams(const StreamRoles& roles, const StreamShape& shape, int layer,
                          Binder& binder) {
  StreamWeights w;
  w.mix = binder.Matrix(roles.mix, layer, shape.outputs, shape.width);
  w.base = binder.Vector(roles.base, layer, shape.outputs);
  w.scale = binder.Vector(roles.scale, layer, shape.scales);
  return w;
}

}  // namespace tael
