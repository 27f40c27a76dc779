// The promise of equal bits as a measurement: one request, evaluated in many ways, hashed.
#pragma once

#include <string>
#include <vector>

#include "engine/model_runner.h"

namespace tael {

// One way to evaluate the request.
struct GridCell {
  int batch = 1;  // sequences served together; the request is the middle one
  int chunk = 1;  // rows of each sequence per step of the prompt
  int threads = 1;
  bool shared_prefix = false;  // most of the prompt comes from an earlier request's work
};

// {1,2,3,7,16} sequences x chunks {1,5,64,512} x {1,2,3,4} threads x prefix shared or not: 160.
std::vector<GridCell> AllGridCells();
// The extremes of all four.
std::vector<GridCell> CornerGridCells();
// A few cells in which every pair of values of two different axes occurs.
std::vector<GridCell> PairwiseGridCells();
// The same among the corners: the fewest cells, for where a cell takes long.
std::vector<GridCell> CornerPairGridCells();

struct GridOptions {
  MatmulMode matmul = MatmulMode::kInteger;
  DType kv_dtype = DType::kF16;
  const KernelTable* kernels = nullptr;  // nullptr = SelectKernelTable()
};

inline constexpr int kGridPromptTokens = 600;
inline constexpr int kGridSteps = 16;  // tokens evaluated after the prompt
inline constexpr int kGridContext = kGridPromptTokens + kGridSteps + 1;

struct GridResult {
  std::string hash;     // SHA-256 over the float32 logits of all positions and the chosen tokens
  int prompt_rows = 0;  // rows of the largest call into the model
  int decode_rows = 0;  // rows of each call after the prompt
};

// Evaluates the cell. Throws kInvalidArgument when the model's context is below kGridContext,
// kInternal when the calls into the model did not have the rows that the cell asks for.
GridResult RunGridCell(const Model& model, const GridCell& cell, const GridOptions& options);

}  // namespace tael
