// Sums up runs of positions into single cache rows: a softmax over the run, for each
// channel by itself, weighs a projection of every position.
#pragma once

#include <vector>

#include "nn/attention_gqa.h"
#include "ops/cache_planes.h"
#include "ops/compute_context.h"
#include "ops/matmul.h"
#include "ops/rope.h"
#include "tensor/weight.h"

namespace tael {

struct CompressorWeights {
  Weight values, gates;           // [W, D]; W = entry width, twice that where entries overlap
  std::vector<float> place_bias;  // [ratio, W], by the place of a position in its run
  std::vector<float> norm;        // [entry width]
};

struct CompressorShape {
  int ratio = 0;             // positions of a run
  bool overlapping = false;  // an entry also takes the run before its own, with weights of its own
  int width = 0;             // of an entry
  int first_plane = 0;       // of the layer: values of positions, gates of positions, entries

  int row_width() const { return overlapping ? 2 * width : width; }
  PlaneId values(int layer) const { return {layer, first_plane}; }
  PlaneId gates(int layer) const { return {layer, first_plane + 1}; }
  PlaneId entries(int layer) const { return {layer, first_plane + 2}; }
  static constexpr int kPlanes = 3;
};
// The planes that the shape needs, in their order.
std::vector<KvPlane> PlanesOf(const CompressorShape& shape);

// Stores what the batch's positions bring, then makes the entries whose last position is among
// them. Both are read back from the cache, so that an entry does not depend on how its positions
// came. The last elements of an entry are rotated by the position its run begins at. Order:
// docs/numerics.md, 16.
void Compress(const CompressorShape& shape, const CompressorWeights& weights,
              const AttentionStep& step, MatmulInput& x, const RopeFrequencies& rope,
              ComputeContext& ctx);

}  // namespace tael
