// Grouped-query attention over the paged cache, with optional q/k norms, biases and window.
#pragma once

#include "kv/batch.h"
#include "kv/kv_cache.h"
#include "ops/compute_context.h"
#include "ops/rope.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct GqaWeights {
  Weight q, k, v, o;              // [H*Dh, D], [Hkv*Dh, D], [Hkv*Dh, D], [D, H*Dh]
  Weight q_bias, k_bias, v_bias, o_bias;  // empty when the spec has none
  Weight q_norm, k_norm;          // [Dh]; empty when the spec has none
  RopeFrequencies rope;           // inverse frequencies, computed at bind time
};

// x [T, D] (normed) -> out [T, D]. Writes K and V of the batch to `cache` first, then reads them back.
void GqaForward(const GqaSpec& spec, float norm_eps, int layer, const GqaWeights& weights,
                const Batch& batch, KvCache& cache, MatrixView<const float> x, MatrixView<float> out,
                ComputeContext& ctx);

}  // namespace tael
