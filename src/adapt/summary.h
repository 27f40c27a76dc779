// A plan of types in numbers, for people.
#pragma once

#include <string>
#include <vector>

#include "adapt/plan.h"

namespace tael {

struct TypeCount {
  DType type = DType::kF32;
  int64_t tensors = 0, bytes = 0;
};

struct PlanSummary {
  std::vector<TypeCount> types;  // the most bytes first
  int64_t bytes_before = 0, bytes = 0, weights = 0;
  // "90 x Q4_K -> Q5_0": tensors whose rows are no whole blocks of what they should have got.
  std::vector<std::string> fallbacks;
  int64_t requantised = 0;         // tensors that were in a block type before and get another
  int64_t without_importance = 0;  // that are encoded without, although there is a matrix
  double bits_per_weight() const {
    return weights == 0 ? 0 : 8.0 * static_cast<double>(bytes) / static_cast<double>(weights);
  }
};
PlanSummary Summarise(const std::vector<PlannedTensor>& plan, const Importance* importance);

}  // namespace tael
