// Sums the squares of activations while a model evaluates texts.
#pragma once

#include <unordered_map>
#include <vector>

#include "adapt/importance.h"
#include "adapt/matrix_names.h"
#include "ops/activation_observer.h"
#include "tensor/adapter.h"

namespace tael {

// The sums do not depend on the number of threads: every column is added up row by row.
class ImportanceCollector final : public ActivationObserver {
 public:
  // The model must outlive it.
  explicit ImportanceCollector(const std::vector<NamedMatrix>& matrices);

  void See(const Weight& w, const MatrixView<const float>& x, ComputeContext& ctx) override;

  // What was summed so far; tensors that saw nothing are left out.
  Importance Result() const;

 private:
  struct Sums {
    int64_t columns = 0;
    std::vector<double> squares;  // [matrices, columns]
    std::vector<int64_t> rows;    // [matrices]
  };
  struct Place {
    Sums* sums;
    int64_t matrix;
  };
  std::map<std::string, Sums> tensors_;
  std::unordered_map<MatrixKey, Place, MatrixKeyHash> places_;
};

}  // namespace tael
