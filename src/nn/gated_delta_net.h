// Gated delta net (arXiv:2412.06464): linear attention with a state of fixed size, which hybrid
// models use between layers of full attention.
#pragma once

#include <cstdint>
#include <vector>

#include "nn/attention_gqa.h"
#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Hk, Dk: key heads and their size; Hv, Dv: value heads; R = Hv / Hk; C = 2 Hk Dk + Hv Dv.
struct GatedDeltaNetWeights {
  // Either both in one matrix [C + Hv Dv, D], whose rows stand together by key head: its q, its k,
  // its R values, its R gates z; or apart, qkv [C, D] with all q, all k, all v, and z [Hv Dv, D].
  Weight qkvz, qkv, z;
  // Either in one matrix [2 Hv, D], by key head: its R b, its R a; or apart, [Hv, D] each.
  Weight ba, b, a;
  std::vector<float> conv;       // [taps, C]
  std::vector<float> rate;       // [Hv], -exp(A_log): negative
  std::vector<float> time_bias;  // [Hv]
  // [Dk], all elements alike: with RmsNorm they make q / |q| / sqrt(Dk), and k / |k|.
  std::vector<float> q_gain, k_gain;
  std::vector<float> norm;  // [Dv]
  Weight out;               // [D, Hv Dv]
};

// Floats that a sequence keeps between steps.
int64_t StateSize(const GatedDeltaNetSpec& spec);

// Fills q_gain and k_gain.
void SetGains(const GatedDeltaNetSpec& spec, GatedDeltaNetWeights* weights);

// x [T, D] (normed) -> out [T, D]. Brings the states of the batch's sequences to the end of the
// step.
void GatedDeltaNetForward(const GatedDeltaNetSpec& spec, const GatedDeltaNetWeights& weights,
                          const AttentionStep& step, MatrixView<const float> x,
                          MatrixView<float> out, ComputeContext& ctx);

}  // namespace tael
