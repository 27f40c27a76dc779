// Binding of the parts of a layer: one function for each alternative of AttentionSpec and FfnSpec.
#pragma once

#include "model/binder.h"
#include "nn/layer.h"
#include "spec/decoder_spec.h"

namespace tael {

// `hidden` is the width of the residual stream. What is missing is reported by the binder and empty
// in the result.
GqaWeights BindAttention(const GqaSpec& spec, int64_t hidden, int layer, Binder& binder);
MlaWeights BindAttention(const MlaSpec& spec, int64_t hidden, int layer, Binder& binder);
GatedDeltaNetWeights BindAttention(const GatedDeltaNetSpec& spec, int64_t hidden, int layer,
                                   Binder& binder);

CompressedWeights BindAttention(const CompressedSpec& spec, int64_t hidden, int layer,
                                Binder& binder);

DenseFfnWeights BindFfn(const DenseFfnSpec& spec, int64_t hidden, int layer, Binder& binder);
MoeFfnWeights BindFfn(const MoeFfnSpec& spec, int64_t hidden, int layer, Binder& binder);

// What mixes residual streams: [outputs, width], [outputs], [scales].
struct StreamRoles {
  Role mix, base, scale;
};
struct StreamShape {
  int64_t outputs = 0, width = 0, scales = 0;
};
StreamWeights BindStreams(const StreamRoles& roles, const StreamShape& shape, int layer,
                          Binder& binder);

// `count` rows of a matrix from row `first` on, as a matrix; no bytes are copied. An empty matrix
// stays empty. The rows may reach into the matrices that follow in a stack.
Weight RowsOf(const Weight& all, int64_t first, int64_t count);

}  // namespace tael
