#include "adapt/collect.h"

#include <algorithm>

namespace tael {

ImportanceCollector::ImportanceCollector(const std::vector<NamedMatrix>& matrices) {
  for (const NamedMatrix& named : matrices) {
    // Parts of one tensor read the same activations: the first one is enough.
    if (named.first_row != 0) continue;
    Sums& sums = tensors_[named.tensor];
    if (sums.rows.empty()) {
      sums.columns = named.weight.k;
      sums.rows.resize(static_cast<size_t>(named.matrices));
      sums.squares.resize(static_cast<size_t>(named.matrices * named.weight.k));
    }
    places_.emplace(KeyOf(named.weight), Place{&sums, named.matrix});
  }
}

void ImportanceCollector::See(const Weight& w, const MatrixView<const float>& x,
                              ComputeContext& ctx) {
  const auto found = places_.find(KeyOf(w));
  if (found == places_.end() || found->second.sums->columns != x.cols) return;
  Sums& sums = *found->second.sums;
  const int64_t matrix = found->second.matrix;
  double* squares = sums.squares.data() + matrix * sums.columns;
  ctx.pool.ParallelFor(x.cols, ctx.GrainFor(x.rows, 16), [&](int64_t begin, int64_t end) {
    for (int64_t r = 0; r < x.rows; ++r) {
      const float* row = x.row(r);
      for (int64_t c = begin; c < end; ++c) {
        squares[c] += static_cast<double>(row[c]) * static_cast<double>(row[c]);
      }
    }
  });
  sums.rows[static_cast<size_t>(matrix)] += x.rows;
}

Importance ImportanceCollector::Result() const {
  Importance out;
  for (const auto& [name, sums] : tensors_) {
    if (std::all_of(sums.rows.begin(), sums.rows.end(), [](int64_t n) { return n == 0; })) continue;
    ImportanceSums& sum = out.tensors[name];
    sum.matrices = static_cast<int64_t>(sums.rows.size());
    sum.columns = sums.columns;
    sum.squares.assign(sums.squares.begin(), sums.squares.end());
    sum.rows.assign(sums.rows.begin(), sums.rows.end());
  }
  return out;
}

}  // namespace tael
