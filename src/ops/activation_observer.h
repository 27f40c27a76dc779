// For whoever wants to know what products read.
#pragma once

#include "ops/compute_context.h"
#include "tensor/weight.h"

namespace tael {

class ActivationObserver {
 public:
  virtual ~ActivationObserver() = default;
  // A product of `w` with the rows x [M, K] was computed. Called by one thread, outside loops.
  virtual void See(const Weight& w, const MatrixView<const float>& x, ComputeContext& ctx) = 0;
};

}  // namespace tael
