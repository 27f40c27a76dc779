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
  int plane = 0;             // of the layer's cache rows: its entries
  int64_t state_offset = 0;  // in the layer's part of a state, in floats

  int row_width() const { return overlapping ? 2 * width : width; }
  PlaneId entries(int layer) const { return {layer, plane}; }
  // Positions that a state keeps: those of the unfinished run, and of the one before it where
  // entries overlap. Position p is row p % kept() [values, gates].
  int kept() const { return overlapping ? 2 * ratio : ratio; }
  int64_t state() const { return int64_t{kept()} * 2 * row_width(); }  // floats
};
// The plane of its entries.
KvPlane PlaneOf(const CompressorShape& shape);

// Makes the entries whose last position is in the batch, of what its positions bring and what the
// states keep of earlier ones; then brings the states to the end of the step and writes its
// snapshots. Positions are rounded to the cache's type as they come, so that an entry does not
// depend on how they came. The last elements of an entry are rotated by the position its run
// begins at. Order: docs/numerics.md, 16.
void Compress(const CompressorShape& shape, const CompressorWeights& weights,
              const AttentionStep& step, MatmulInput& x, const RopeFrequencies& rope,
              ComputeContext& ctx);

}  // namespace tael
