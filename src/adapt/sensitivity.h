// How much a model's predictions change when one tensor is quantised: measured, tensor by tensor.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "adapt/importance.h"
#include "adapt/matrix_names.h"
#include "engine/session.h"
#include "kernels/block_encoders.h"

namespace tael {

// The error that a type makes in a tensor, relative to its size: sum w (x - y)^2 / sum w x^2 over
// some rows spread evenly, weighted by importance where it is known.
double RelativeError(const std::vector<NamedMatrix>& parts, DType type,
                     const Importance* importance, const KernelTable& kernels, WorkerPool& pool);

// Evaluates the same tokens again and again, each time with one tensor in another type. The
// quantised matrices stand in for the model's own as an adapter's replacements do, so nothing is
// written.
class SensitivityMeter {
 public:
  // Evaluates the model itself. Adds an adapter to it; it must outlive this. `tokens`: at least 2,
  // kept until the end.
  SensitivityMeter(Model& model, std::span<const TokenId> tokens, const RunnerOptions& runner);

  // Mean Kullback-Leibler divergence per token from the model's own predictions, in nats, with
  // these matrices, all of one tensor, in `type`. REQUIRES: rows are whole blocks of it.
  double Divergence(const std::vector<NamedMatrix>& parts, DType type,
                    const Importance* importance);

 private:
  template <typename Use>
  void ForLogits(const Use& use);
  Weight Replacement(const NamedMatrix& part, DType type, const Importance* importance);

  Model& model_;
  std::span<const TokenId> tokens_;
  Adapter* probe_;
  std::unique_ptr<Session> session_;
  WorkerPool pool_;
  std::vector<float> base_;  // [tokens - 1, V]
  std::vector<std::vector<uint8_t>> storage_;
};

}  // namespace tael
