// Grouped-query attention over the paged cache, with optional q/k norms, biases and window.
#pragma once

#include <vector>

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "kv/state_cache.h"
#include "ops/compute_context.h"
#include "ops/rope.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct GqaWeights {
  // With an output gate q has 2*H*Dh rows: per head those of q, then those of its gate.
  Weight q, k, v, o;  // [H*Dh, D], [Hkv*Dh, D], [Hkv*Dh, D], [D, H*Dh]
  std::vector<float> q_bias, k_bias, v_bias, o_bias;  // empty when the spec has none
  // [Dh], or [H*Dh] and [Hkv*Dh] with QkNormSpan::kProjection; empty when the spec has none.
  std::vector<float> q_norm, k_norm;
  RopeFrequencies rope;           // computed at bind time
  std::vector<float> sinks = {};  // [H]; empty when the spec has none
};

// The part of an attention layer that does not change from layer to layer.
struct AttentionStep {
  const Batch& batch;
  KvCache& cache;
  StateCache& states;
  int layer = 0;
  float norm_eps = 0;
  ResidualSpec residual = {};
  const StepRopeTables* rope_tables = nullptr;  // may be null, or lack some
};

// The tables of the step, which are only read, or new ones of this layer.
RopeTables RopeTablesOf(const RopeFrequencies& rope, const AttentionStep& step,
                        ComputeContext& ctx);

// x [T, D] (normed) -> out [T, D]. Writes K and V of the batch to the cache first, then reads them
// back in the cache's type.
void GqaForward(const GqaSpec& spec, const GqaWeights& weights, const AttentionStep& step,
                MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
