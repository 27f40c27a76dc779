// How a product with a weight is computed: chosen here, by a pure function of shape, format and
// machine, for the code that runs (ops/matmul.cc, ops/packed_matmul.cc) and for who asks
// (`tael plan --matmul`).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kernels/kernel_table.h"
#include "ops/matmul_mode.h"
#include "tensor/weight.h"

namespace tael {

// The ways a product with a weight is computed (docs/numerics.md, 3, 5 and 17).
enum class MatmulForm {
  kFloat,    // plain float weights, float32 arithmetic
  kBf16,     // BF16 weights, BF16 activations
  kInteger,  // block format, 8-bit activations
  kCodes,    // packed matrix with an integer form, 8-bit activations
  kDecoded,  // decoded to float32 a few rows at a time: block formats, packed matrices, those
             // stored [K, N]
};
MatmulForm MatmulFormOf(DType dtype, MatmulMode mode);
MatmulForm MatmulFormOf(const Weight& w, MatmulMode mode);

// What kernels read in the place of the weight.
enum class WeightSource {
  kRows,       // rows of the file
  kStrips,     // rows interleaved by eight (quant/interleave.h); the last ones from the file
  kRegisters,  // float8 codes of the file, decoded as they are multiplied
  kDecoded,    // some rows at a time in float32
  kCodes,      // some rows at a time as code blocks (quant/packed_matrix.h)
};
const char* Name(WeightSource source);  // "rows", "strips", ...

// What the choice depends on besides the weight and the number of activation rows. It shows in
// speed only: no choice changes a bit.
struct MatmulMachine {
  int threads = 1;
  int64_t worth_a_thread = 50'000;  // ComputeContext::worth_a_thread
  MatmulMode mode = MatmulMode::kInteger;
  bool strips = false;  // there are interleaved rows of this weight
  // KernelTable::interleaved_tiling, to name what kernels choose; null: nobody asks.
  StripTiling (*tiling)(DType dtype, size_t m) noexcept = nullptr;
};

struct MatmulPlan {
  MatmulForm form = MatmulForm::kFloat;
  WeightSource source = WeightSource::kRows;
  size_t activation_block = 0;  // elements of an activation block; 0: no such blocks
  int64_t strip_rows = 0;       // weight rows [0, strip_rows) are read from strips
  int64_t together = 0;         // weight rows decoded at a time; 0: none is decoded
  // Of each part's scratch memory: the same for every m, so that a plan of memory knows it.
  int64_t scratch_rows = 0;
  int64_t grain = 1;        // borders of parts are multiples of so many weight rows
  int64_t parts = 1;        // that run at the same time, of nearly equal size
  StripTiling tiling = {};  // of strips, if the machine tells; else zeros

  bool operator==(const MatmulPlan&) const = default;
};

// For x [m, K] times w [N, K] transposed. REQUIRES: m > 0, machine.threads > 0.
MatmulPlan PlanMatmul(const Weight& w, int64_t m, const MatmulMachine& machine);

// Weight rows of one product: a row costs `cost` multiply-adds or what takes as long.
struct RowShare {
  int64_t rows = 0, cost = 0;
};

// What a row of w costs with m activation rows: reading it counts like multiplying a few.
RowShare ShareOf(const Weight& w, int64_t m);

// How the rows of several products are shared out in one parallel loop: one stretch of cost, cut
// into parts of the same cost whose borders are whole units of rows. With one product it is the cut
// of its plan.
class SharedCut {
 public:
  SharedCut(std::span<const RowShare> shares, const MatmulMachine& machine);

  int64_t parts() const { return parts_; }
  // Rows [first, second) of a product that a part computes; none where they are equal.
  std::pair<int64_t, int64_t> RowsOf(int64_t part, size_t share) const {
    return {Border(part, share), Border(part + 1, share)};
  }

 private:
  int64_t Border(int64_t part, size_t share) const;

  std::vector<RowShare> shares_;
  std::vector<int64_t> starts_;  // cost before each share
  int64_t total_ = 0, parts_ = 1;
};

// "int8 in blocks of 256, strips, 2 parts"
std::string ToText(const MatmulPlan& plan);
}  // namespace tael
