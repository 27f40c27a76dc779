// How the parts of a layer read and write the residual stream: plainly, or as several streams that
// learned weights mix (hyper-connections, arXiv:2409.19606, with mixing matrices that are balanced
// first: arXiv:2512.24880).
#pragma once

#include <vector>

#include "ops/compute_context.h"
#include "spec/decoder_spec.h"
#include "tensor/weight.h"

namespace tael {

// Of one part of a layer, or of the end of the network. With n streams of D elements each:
struct StreamWeights {
  Weight mix;                // [n + n + n * n, n * D]; [n, n * D] at the end
  std::vector<float> base;   // [mix.n]
  std::vector<float> scale;  // [3]: of the first n rows, the second n, the rest; [1] at the end
};

// Between the residual stream and one part of a layer.
class Residual {
 public:
  // hidden [T, streams * D] is borrowed; the mixing weights are those of its state now. `weights`
  // is not used with one stream.
  Residual(const ResidualSpec& spec, const StreamWeights& weights, float norm_eps,
           MatrixView<float> hidden, ComputeContext& ctx);

  // [T, D]: what the part works on. With one stream the stream itself.
  MatrixView<const float> Input() const { return input_; }
  // Adds the part's result [T, D] to the stream, or spreads it over the streams while they are
  // mixed. Order: docs/numerics.md, 15.
  void Add(MatrixView<const float> result);

 private:
  ResidualSpec spec_;
  MatrixView<float> hidden_;
  MatrixView<const float> input_;
  MatrixView<float> mix_ = {};  // [T, n + n + n * n], ready for use
  ComputeContext& ctx_;
};

// [T, streams * D] from rows [T, D]: every stream begins with the embedding. With one stream `rows`
// itself.
MatrixView<float> SpreadOverStreams(const ResidualSpec& spec, MatrixView<float> rows,
                                    ComputeContext& ctx);

// One row [D] from the streams of each row of hidden [R, streams * D], at the end of the network.
// With one stream `hidden` itself.
MatrixView<float> JoinStreams(const ResidualSpec& spec, const StreamWeights& weights,
                              float norm_eps, MatrixView<float> hidden, ComputeContext& ctx);

}  // namespace tael
