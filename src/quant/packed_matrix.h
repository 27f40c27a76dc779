// Matrices whose values need more than one tensor: codes, and beside them scales, zero points or
// the order of groups, as the quantisers of Hugging Face checkpoints store them. They are read in
// place; the value of every form is what its decoder here gives (docs/numerics.md, 3).
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "quant/dtype.h"

namespace tael {

// Every pointer below is borrowed from a file's mapping and may have any alignment. Strides are in
// bytes. Row r is output r, with k inputs.

// Codes of one byte: float8 or int8. value = code * scale, rounded once; (code - zero) * scale with
// zero points. A scale (and zero) counts for `row_span` x `column_span` elements; the last ones of
// a row or column of the grid may have fewer.
struct ByteCodes {
  DType dtype = DType::kF8E4M3;  // kF8E4M3, kF8E5M2, kI8
  const uint8_t* codes = nullptr;
  int64_t row_stride = 0;
  DType scale_dtype = DType::kF32;  // kF32, kF16, kBF16, kF8E8M0
  const uint8_t* scales = nullptr;  // [ceil(n / row_span), grid_columns]
  const uint8_t* zeros = nullptr;   // int8 in the same grid, or nullptr
  int64_t grid_columns = 1, row_span = 1, column_span = 1;
  // In a stack of matrices every matrix begins a new row of the grid: rows of one, and rows of its
  // part of the grid. 0: a single matrix.
  int64_t matrix_rows = 0, matrix_grid_rows = 0;

  // The first scale of row `row`.
  int64_t GridStart(int64_t row) const {
    const int64_t matrix = matrix_rows == 0 ? 0 : row / matrix_rows;
    const int64_t inside = row - matrix * matrix_rows;
    return (matrix * matrix_grid_rows + inside / row_span) * grid_columns;
  }
};

// Unsigned integers in 32-bit words along the inputs: input i is bits bits * (i % per) and up of
// word i / per of its row, per = 32 / bits. value = (code - zero) * scale, rounded once.
struct WordCodes {
  int bits = 4;  // 2, 4, 8
  const uint8_t* words = nullptr;
  int64_t row_stride = 0, word_stride = 0;
  DType scale_dtype = DType::kF16;  // kF32, kF16, kBF16
  const uint8_t* scales = nullptr;
  int64_t scale_row_stride = 0, scale_group_stride = 0;
  // Words along the outputs: row r is in word r / per, in the order of the codes, after
  // `zero_addend` was added to the word. nullptr: every zero is 2^(bits - 1).
  const uint8_t* zeros = nullptr;
  int64_t zero_row_stride = 0, zero_group_stride = 0;  // of words
  uint32_t zero_addend = 0;
  int64_t group_size = 0, groups = 0;    // input i is in group i / group_size
  const uint8_t* group_index = nullptr;  // int32 [k]: the group of each input instead, or nullptr
  bool even_groups = false;              // the index puts exactly group_size inputs into each group
};

// 4-bit integers in words along the outputs: word [i, r / 8] holds input i of eight rows, in the
// order kAcrossShifts. Zero points are packed in the same way, [i / group_size, r / 8], scales are
// [i / group_size, n]. value = (code - zero) * scale, rounded once.
struct AcrossCodes {
  const uint8_t* words = nullptr;
  DType scale_dtype = DType::kF16;  // kF32, kF16, kBF16
  const uint8_t* scales = nullptr;
  const uint8_t* zeros = nullptr;
  int64_t stored_rows = 0;  // n of the tensors
  int64_t group_size = 0, groups = 0;
};
// Where row r % 8 lies in its word.
inline constexpr int kAcrossShifts[8] = {0, 16, 4, 20, 8, 24, 12, 28};

// 4-bit floats (E2M1), two in a byte, low nibble first. A group of 16 or 32 inputs has one scale:
// E8M0, or E4M3 divided by the float32 at `divisor`. value = code * scale, rounded once.
struct Fp4Codes {
  const uint8_t* codes = nullptr;
  int64_t row_stride = 0;
  DType scale_dtype = DType::kF8E8M0;  // kF8E8M0, kF8E4M3
  const uint8_t* scales = nullptr;
  int64_t scale_row_stride = 0;
  int64_t group_size = 32;
  const uint8_t* divisor = nullptr;
};

// Groups in one row at most: decoders keep their scales on the stack.
inline constexpr int64_t kMaxGroups = 4096;

struct PackedMatrix {
  int64_t n = 0, k = 0;
  std::variant<ByteCodes, WordCodes, AcrossCodes, Fp4Codes> codes;
  int64_t bytes = 0;  // of all its tensors
  std::string form;   // for people: "FP8 E4M3, blocks of 128 x 128"
  // Where CodeShapeOf() says `reordered`: order[j] = the j-th input when they are sorted by group,
  // inputs of a group in ascending order, [k].
  std::vector<int32_t> order = {};
};

// Rows first, first + step, ..., `count` of them.
struct RowRange {
  int64_t first = 0, count = 0, step = 1;
};

// 32 values of a row as integers with one scale: d * w[i]. What the integer product reads
// (docs/numerics.md, 5); it exists for a few rows at a time only.
struct CodeBlock {
  float d;
  int8_t w[32];
};
static_assert(sizeof(CodeBlock) == 36);

// How the rows of a matrix become code blocks.
struct CodeShape {
  int64_t blocks = 0;  // per row; 0: the matrix has no integer form
  // Groups of 16: every 32 inputs are two blocks, the first half of them and zeros, zeros and the
  // second half.
  bool halves = false;
  bool reordered = false;  // inputs come sorted by their group: PackedMatrix::order
};
CodeShape CodeShapeOf(const PackedMatrix& matrix);

// What PackedMatrix::order has to be. REQUIRES: CodeShapeOf() says `reordered`.
std::vector<int32_t> GroupOrder(const PackedMatrix& matrix);

// One decoder per form: writes `rows.count` rows of k values, one after the other; and the same
// rows in code blocks, for matrices that have them. All sets of decoders give the same bits; the
// kernel tables have faster ones than kPlainDecoders.
struct PackedDecoders {
  void (*bytes)(const ByteCodes& codes, int64_t k, RowRange rows, float* out) noexcept;
  void (*words)(const WordCodes& codes, int64_t k, RowRange rows, float* out) noexcept;
  void (*across)(const AcrossCodes& codes, int64_t k, RowRange rows, float* out) noexcept;
  void (*fp4)(const Fp4Codes& codes, int64_t k, RowRange rows, float* out) noexcept;

  void (*byte_blocks)(const ByteCodes& codes, int64_t k, RowRange rows, CodeBlock* out) noexcept;
  // `order`: of the matrix, or nullptr.
  void (*word_blocks)(const WordCodes& codes, int64_t k, const int32_t* order, RowRange rows,
                      CodeBlock* out) noexcept;
  void (*across_blocks)(const AcrossCodes& codes, int64_t k, RowRange rows,
                        CodeBlock* out) noexcept;
  void (*fp4_blocks)(const Fp4Codes& codes, int64_t k, RowRange rows, CodeBlock* out) noexcept;
};
extern const PackedDecoders kPlainDecoders;

// Decodes rows of the matrix. REQUIRES: the rows are inside the matrix, every group index is below
// `groups`.
void DecodePacked(const PackedMatrix& matrix, RowRange rows, const PackedDecoders& decoders,
                  float* out) noexcept;

// The same rows in code blocks, CodeShapeOf(matrix).blocks each. REQUIRES: there are some; the
// matrix has its order where the shape is reordered.
void DecodeCodeBlocks(const PackedMatrix& matrix, RowRange rows, const PackedDecoders& decoders,
                      CodeBlock* out) noexcept;

// Whether KernelTable::matmul_float8 multiplies it: E4M3 whose scales count for whole runs of 32.
bool IsFloat8(const PackedMatrix& matrix);

}  // namespace tael
