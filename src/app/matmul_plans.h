// How every product with a matrix of a model would be computed here: `tael plan --matmul`.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "engine/runner_options.h"
#include "model/model.h"
#include "ops/matmul_plan.h"

namespace tael {

// Activation rows for which the plans are shown: one token, few sequences, a small batch, a chunk.
inline constexpr int kPlannedRows[] = {1, 4, 16, 256};

// Matrices of equal shape, type and plans whose names differ by numbers only.
struct PlannedMatrices {
  std::string name;  // with '*' in the place of numbers that differ
  std::string type;
  int64_t n = 0, k = 0, bytes = 0;  // of one of them
  int count = 0;
  std::vector<MatmulPlan> plans;  // one for each of kPlannedRows
};

// In the order of the layers, the head last.
std::vector<PlannedMatrices> PlanMatmuls(const Model& model, const RunnerOptions& options);

Json MatmulsToJson(const std::vector<PlannedMatrices>& matrices);
std::string MatmulsToText(const std::vector<PlannedMatrices>& matrices);

}  // namespace tael
