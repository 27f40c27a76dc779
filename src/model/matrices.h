// Every matrix of a decoder that products read.
#pragma once

#include <functional>
#include <vector>

#include "model/decoder.h"

namespace tael {

enum class ProductArithmetic {
  kOfMode,         // what --matmul says
  kTwoTerms,       // the same, with ActivationTerms::kTwo where activations have 8 bits
  kAlwaysFloat32,  // in every mode: what it gives decides something
};
using MatrixVisitor = std::function<void(const Weight&, ProductArithmetic)>;

// Calls visit for each matrix of the layers that Matmul() multiplies by, parts of fused tensors
// each for themselves; some may be empty. Not among them: those of HeadMatmul() (the way from
// latent rows to keys and values), and routers.
void ForEachMatrix(const DecoderWeights& weights, const MatrixVisitor& visit);

// Those whose arithmetic the mode decides, and the head.
std::vector<Weight> MatricesOfMode(const DecoderWeights& weights);

}  // namespace tael
