// Multi-head latent attention over the paged cache.
#pragma once

#include <vector>

#include "nn/attention_gqa.h"
#include "nn/indexer.h"
#include "ops/compute_context.h"
#include "ops/head_matmul.h"
#include "ops/rope.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

struct MlaWeights {
  Weight query_down;                   // [Rq, D]; empty without a query rank
  std::vector<float> query_down_norm;  // [Rq]
  Weight query;                        // [H * (Dn + Dr), Rq], or [.., D] without a query rank
  Weight latent;                       // [R + Dr, D]
  std::vector<float> latent_norm;      // [R]
  HeadWeights key;                     // per head: from Dn to R, the transposed map to keys
  HeadWeights value;                   // per head: from R to Dv
  Weight output;                       // [D, H * Dv]
  RopeFrequencies rope;                // computed at bind time
  IndexerWeights indexer = {};         // empty when the spec has none
};

// x [T, D] (normed) -> out [T, D]. In the absorbed form queries are taken to the latent space,
// attend to the cached latent rows, and their results are taken back; in the expanded form keys and
// values of all heads are cached. The form is the spec's, the same for one row and for many
// (docs/numerics.md, 10).
void MlaForward(const MlaSpec& spec, const MlaWeights& weights, const AttentionStep& step,
                MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
