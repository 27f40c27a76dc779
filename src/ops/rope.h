// Rotary position embedding: inverse frequencies of every scaling kind, tables, rotation.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// What RopeSpec comes down to. angle(position, i) = position * inverse[i].
struct RopeFrequencies {
  std::vector<float> inverse = {};  // [rotary_dim / 2]; empty when nothing is rotated
  float attention_factor = 1.0f;    // multiplies cos and sin
  RopePairing pairing = RopePairing::kHalfSplit;
};

// Source of the scalings: Hugging Face modeling_rope_utils; yarn:
// arXiv:2309.00071.
RopeFrequencies ComputeRopeFrequencies(const RopeSpec& spec);

// cos and sin for the positions of one step.
struct RopeTables {
  MatrixView<float> cos, sin;  // [T, rotary_dim / 2], arena memory
};
RopeTables MakeRopeTables(const RopeFrequencies& frequencies, const std::vector<int32_t>& positions,
                          ComputeContext& ctx);

// The tables of one step for layers that rotate alike: made once, looked up by each of them.
class StepRopeTables {
 public:
  // Makes them unless they are there. Arena memory, which must outlive this.
  void Add(const RopeFrequencies& frequencies, const std::vector<int32_t>& positions,
           ComputeContext& ctx);
  const RopeTables* Find(const RopeFrequencies& frequencies) const;  // null: not added

 private:
  struct Entry {
    const RopeFrequencies* frequencies;
    RopeTables tables;
  };
  std::vector<Entry> entries_;
};

// Rotates every head of x [T, heads * head_dim] in place. REQUIRES: a pairing other than kNone.
void ApplyRope(const RopeFrequencies& frequencies, const RopeTables& tables, int head_dim,
               MatrixView<float> x, ComputeContext& ctx);

}  // namespace tael
