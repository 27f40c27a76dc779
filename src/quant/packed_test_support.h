// Random packed matrices of every form, for the tests of their decoders.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "quant/packed_matrix.h"

namespace tael {

// A matrix with the memory that it borrows.
struct PackedExample {
  std::string name;
  PackedMatrix matrix;
  std::vector<std::vector<uint8_t>> memory;

  // Random bytes at an odd address, as files have them.
  uint8_t* Bytes(int64_t count, std::mt19937& rng) {
    std::vector<uint8_t>& bytes = memory.emplace_back(static_cast<size_t>(count) + 1);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(rng());
    return bytes.data() + 1;
  }
  // Random scales of a type, all finite.
  uint8_t* Scales(DType dtype, int64_t count, std::mt19937& rng) {
    const int64_t size = Info(dtype).block_bytes;
    uint8_t* bytes = Bytes(count * size, rng);
    for (int64_t i = 0; i < count; ++i) {
      uint8_t* scale = bytes + i * size;
      const float value = static_cast<float>(rng() % 1000 + 1) * 0x1p-12f;
      if (dtype == DType::kF32) std::memcpy(scale, &value, sizeof(value));
      if (dtype == DType::kF16) scale[1] &= 0xbbu;  // exponent below its largest
      if (dtype == DType::kBF16) scale[1] = 0x3cu;  // about 0.01
      if (dtype == DType::kF8E8M0) scale[0] = static_cast<uint8_t>(118 + scale[0] % 16);
      if (dtype == DType::kF8E4M3) scale[0] = static_cast<uint8_t>(scale[0] % 0x7f);
    }
    return bytes;
  }
};

// `matrix_rows`: of each matrix of a stack, whose last one is cut off; 0: a single matrix.
inline PackedExample ByteExample(DType dtype, DType scale, int64_t row_span, int64_t column_span,
                                 bool zeros, int64_t columns = 83, int64_t matrix_rows = 0) {
  std::mt19937 rng(static_cast<unsigned>(row_span * 131 + column_span));
  constexpr int64_t kRows = 37;
  PackedExample out;
  const int64_t rows = matrix_rows > 0 ? matrix_rows : kRows;
  const int64_t matrix_grid_rows = (rows + row_span - 1) / row_span;
  const int64_t grid_rows = (kRows + rows - 1) / rows * matrix_grid_rows;
  const int64_t grid_columns = (columns + column_span - 1) / column_span;
  ByteCodes codes{.dtype = dtype, .row_stride = columns, .scale_dtype = scale};
  codes.codes = out.Bytes(kRows * columns, rng);
  codes.scales = out.Scales(scale, grid_rows * grid_columns, rng);
  if (zeros) codes.zeros = out.Bytes(grid_rows * grid_columns, rng);
  codes.grid_columns = grid_columns;
  codes.row_span = row_span;
  codes.column_span = column_span;
  codes.matrix_rows = matrix_rows;
  codes.matrix_grid_rows = matrix_rows > 0 ? matrix_grid_rows : 0;
  out.matrix = {.n = kRows, .k = columns, .codes = codes, .bytes = 1, .form = ""};
  out.name = std::string("bytes ") + Name(dtype) + " " + Name(scale) + " " +
             std::to_string(row_span) + " x " + std::to_string(column_span) +
             (matrix_rows > 0 ? ", stacked" : "");
  return out;
}

// Like compressed-tensors' words (a row side by side) or, `transposed`, GPTQ's.
// `inputs`: k, of which every group gets group_size where they are reordered; 0: some odd number.
inline PackedExample WordExample(int bits, int64_t group_size, bool transposed, bool zeros,
                                 bool reordered, int64_t inputs = 0) {
  std::mt19937 rng(static_cast<unsigned>(bits * 1000 + group_size));
  // Rows of several tiles where they are decoded side by side.
  const int64_t per = 32 / bits, n = transposed ? 100 * per : 3 * per;
  const int64_t k = inputs > 0 ? inputs : transposed ? 7 * per : 7 * per - 1;
  const int64_t words = (k + per - 1) / per, groups = (k + group_size - 1) / group_size;
  PackedExample out;
  WordCodes codes{.bits = bits, .scale_dtype = transposed ? DType::kF16 : DType::kBF16};
  codes.words = out.Bytes(4 * words * n, rng);
  codes.row_stride = transposed ? 4 : 4 * words;
  codes.word_stride = transposed ? 4 * n : 4;
  codes.scales = out.Scales(codes.scale_dtype, n * groups, rng);
  codes.scale_row_stride = transposed ? 2 : 2 * groups;
  codes.scale_group_stride = transposed ? 2 * n : 2;
  if (zeros) codes.zeros = out.Bytes(4 * n / per * groups, rng);
  codes.zero_row_stride = transposed ? 4 : 4 * groups;
  codes.zero_group_stride = transposed ? 4 * (n / per) : 4;
  codes.zero_addend = transposed ? 0xffffffffu / ((1u << bits) - 1) : 0;
  codes.group_size = group_size;
  codes.groups = groups;
  if (reordered) {
    uint8_t* index = out.Bytes(4 * k, rng);
    std::vector<int32_t> group(static_cast<size_t>(k));
    for (size_t i = 0; i < group.size(); ++i) {
      group[i] = inputs > 0 ? static_cast<int32_t>(static_cast<int64_t>(i) / group_size)
                            : static_cast<int32_t>(rng() % static_cast<unsigned>(groups));
    }
    if (inputs > 0) std::shuffle(group.begin(), group.end(), rng);
    std::memcpy(index, group.data(), static_cast<size_t>(4 * k));
    codes.group_index = index;
    codes.even_groups = inputs > 0;
  }
  out.matrix = {.n = n, .k = k, .codes = codes, .bytes = 1, .form = ""};
  if (CodeShapeOf(out.matrix).reordered) out.matrix.order = GroupOrder(out.matrix);
  out.name = "words " + std::to_string(bits) + " bits, groups of " + std::to_string(group_size) +
             (transposed ? " transposed" : "") + (reordered ? " reordered" : "");
  return out;
}

inline PackedExample AcrossExample(int64_t group_size) {
  std::mt19937 rng(static_cast<unsigned>(group_size));
  const int64_t n = 800, k = 3 * group_size, groups = 3;
  PackedExample out;
  AcrossCodes codes{.stored_rows = n, .group_size = group_size, .groups = groups};
  codes.words = out.Bytes(k * n / 2, rng);
  codes.scales = out.Scales(DType::kF16, groups * n, rng);
  codes.zeros = out.Bytes(groups * n / 2, rng);
  out.matrix = {.n = n, .k = k, .codes = codes, .bytes = 1, .form = ""};
  out.name = "across, groups of " + std::to_string(group_size);
  return out;
}

inline PackedExample Fp4Example(DType scale, int64_t group_size, int64_t groups = 5) {
  std::mt19937 rng(static_cast<unsigned>(group_size));
  const int64_t n = 11, k = groups * group_size;
  PackedExample out;
  Fp4Codes codes{.row_stride = k / 2, .scale_dtype = scale, .scale_row_stride = groups};
  codes.group_size = group_size;
  codes.codes = out.Bytes(n * k / 2, rng);
  codes.scales = out.Scales(scale, n * groups, rng);
  if (scale == DType::kF8E4M3) codes.divisor = out.Scales(DType::kF32, 1, rng);
  out.matrix = {.n = n, .k = k, .codes = codes, .bytes = 1, .form = ""};
  out.name = "fp4, groups of " + std::to_string(group_size);
  return out;
}

// Those that have code blocks, and E4M3 in runs of several lengths.
inline void AddBlockExamples(std::vector<PackedExample>* all) {
  all->push_back(ByteExample(DType::kF8E4M3, DType::kF32, 128, 128, false, 200));
  all->push_back(ByteExample(DType::kF8E4M3, DType::kBF16, 1, 160, false, 160));
  all->push_back(ByteExample(DType::kF8E4M3, DType::kF8E8M0, 10, 32, false, 96));
  all->push_back(ByteExample(DType::kF8E4M3, DType::kF32, 5, 64, false, 96, 12));
  all->push_back(ByteExample(DType::kI8, DType::kF32, 5, 64, false, 96, 12));
  all->push_back(ByteExample(DType::kI8, DType::kBF16, 1, 96, false, 96));
  all->push_back(ByteExample(DType::kI8, DType::kF16, 3, 64, false, 160));
  for (const int bits : {2, 4, 8}) {
    all->push_back(WordExample(bits, 32, false, false, false, 96));
    all->push_back(WordExample(bits, 1000, true, false, false, 128));
    all->push_back(WordExample(bits, 64, true, bits != 8, false, 192));
    all->push_back(WordExample(bits, 128, false, bits != 8, false, 160));
    all->push_back(WordExample(bits, 32, true, bits != 8, true, 160));
    all->push_back(WordExample(bits, 64, false, bits != 8, true, 192));
  }
  all->push_back(AcrossExample(64));
}

inline std::vector<PackedExample> PackedExamples() {
  std::vector<PackedExample> all;
  AddBlockExamples(&all);
  all.push_back(ByteExample(DType::kF8E4M3, DType::kF32, 16, 16, false));
  all.push_back(ByteExample(DType::kF8E4M3, DType::kBF16, 37, 83, false));
  all.push_back(ByteExample(DType::kF8E4M3, DType::kF8E8M0, 10, 19, false));
  all.push_back(ByteExample(DType::kF8E5M2, DType::kF16, 1, 83, false));
  all.push_back(ByteExample(DType::kI8, DType::kBF16, 1, 83, false));
  all.push_back(ByteExample(DType::kI8, DType::kF32, 1, 33, true));
  for (const int bits : {2, 4, 8}) {
    all.push_back(WordExample(bits, 16, false, false, false));
    all.push_back(WordExample(bits, 1000, false, true, false));
    all.push_back(WordExample(bits, 13, false, true, false));
    all.push_back(WordExample(bits, 16, false, true, true));
    all.push_back(WordExample(bits, 16, true, true, false));
    all.push_back(WordExample(bits, 16, true, true, true));
  }
  all.push_back(AcrossExample(32));
  all.push_back(AcrossExample(129));
  all.push_back(Fp4Example(DType::kF8E8M0, 32));
  all.push_back(Fp4Example(DType::kF8E4M3, 16));
  all.push_back(Fp4Example(DType::kF8E4M3, 16, 140));  // more than one run of scales
  return all;
}

}  // namespace tael
