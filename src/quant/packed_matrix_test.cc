// Decoders of packed matrices against a computation element by element, and the golden rows.
#include "quant/packed_matrix.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/float_bits.h"
#include "quant/packed_test_support.h"

namespace tael {
namespace {

uint32_t Word(const uint8_t* p) {
  return static_cast<uint32_t>(p[0]) | static_cast<uint32_t>(p[1]) << 8 |
         static_cast<uint32_t>(p[2]) << 16 | static_cast<uint32_t>(p[3]) << 24;
}

double Scale(DType dtype, const uint8_t* base, int64_t index) {
  const uint8_t* p = base + index * Info(dtype).block_bytes;
  if (dtype == DType::kF8E8M0) return E8M0ToFloat(*p);
  if (dtype == DType::kF8E4M3) return E4M3ToFloat(*p);
  float value;
  DecodeRow(dtype, p, 1, &value);
  return value;
}

double Value(const ByteCodes& m, int64_t, int64_t r, int64_t c) {
  const uint8_t code = m.codes[r * m.row_stride + c];
  const double value = m.dtype == DType::kI8       ? static_cast<int8_t>(code)
                       : m.dtype == DType::kF8E4M3 ? E4M3ToFloat(code)
                                                   : E5M2ToFloat(code);
  // In a stack every matrix begins a new row of the grid.
  const int64_t rows = m.matrix_rows > 0 ? m.matrix_rows : r + 1;
  const int64_t grid_row = r / rows * m.matrix_grid_rows + r % rows / m.row_span;
  const int64_t cell = grid_row * m.grid_columns + c / m.column_span;
  const double zero = m.zeros == nullptr ? 0 : static_cast<int8_t>(m.zeros[cell]);
  return (value - zero) * Scale(m.scale_dtype, m.scales, cell);
}

double Value(const WordCodes& m, int64_t, int64_t r, int64_t c) {
  const int64_t per = 32 / m.bits;
  const uint32_t mask = (1u << m.bits) - 1;
  const uint32_t word = Word(m.words + r * m.row_stride + c / per * m.word_stride);
  const int64_t g =
      m.group_index == nullptr ? c / m.group_size : int64_t{Word(m.group_index + 4 * c)};
  double zero = 1 << (m.bits - 1);
  if (m.zeros != nullptr) {
    const uint8_t* at = m.zeros + r / per * m.zero_row_stride + g * m.zero_group_stride;
    zero = (Word(at) + m.zero_addend) >> (m.bits * (r % per)) & mask;
  }
  const uint8_t* scale = m.scales + r * m.scale_row_stride + g * m.scale_group_stride;
  return ((word >> (m.bits * (c % per)) & mask) - zero) * Scale(m.scale_dtype, scale, 0);
}

double Value(const AcrossCodes& m, int64_t, int64_t r, int64_t c) {
  constexpr int kOrder[8] = {0, 2, 4, 6, 1, 3, 5, 7};  // row r % 8 of the nibbles of a word
  int shift = 0;
  while (kOrder[shift / 4] != r % 8) shift += 4;
  const int64_t g = c / m.group_size, words = m.stored_rows / 8;
  const double code = Word(m.words + 4 * (c * words + r / 8)) >> shift & 15;
  const double zero = Word(m.zeros + 4 * (g * words + r / 8)) >> shift & 15;
  return (code - zero) * Scale(m.scale_dtype, m.scales, g * m.stored_rows + r);
}

double Value(const Fp4Codes& m, int64_t, int64_t r, int64_t c) {
  constexpr double kLevels[8] = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  const int code = m.codes[r * m.row_stride + c / 2] >> (4 * (c % 2)) & 15;
  const uint8_t* scales = m.scales + r * m.scale_row_stride;
  double scale = Scale(m.scale_dtype, scales, c / m.group_size);
  // The quotient is a float32 of its own.
  if (m.divisor != nullptr) {
    scale = static_cast<float>(scale) / static_cast<float>(Scale(DType::kF32, m.divisor, 0));
  }
  return (code >= 8 ? -1 : 1) * kLevels[code % 8] * scale;
}

double ValueAt(const PackedMatrix& matrix, int64_t r, int64_t c) {
  return std::visit([&](const auto& codes) { return Value(codes, matrix.k, r, c); }, matrix.codes);
}

TEST(PackedMatrix, EveryElementIsTheProductRoundedOnce) {
  for (const PackedExample& example : PackedExamples()) {
    const PackedMatrix& m = example.matrix;
    std::vector<float> out(static_cast<size_t>(m.n * m.k));
    DecodePacked(m, {.first = 0, .count = m.n}, kPlainDecoders, out.data());
    for (int64_t r = 0; r < m.n; ++r) {
      for (int64_t c = 0; c < m.k; ++c) {
        const auto wanted = static_cast<float>(ValueAt(m, r, c));
        const float found = out[static_cast<size_t>(r * m.k + c)];
        if (std::isnan(wanted) && std::isnan(found)) continue;
        ASSERT_EQ(found, wanted) << example.name << " at " << r << ", " << c;
      }
    }
  }
}

TEST(PackedMatrix, AnyRangeOfRowsDecodesToTheSameValues) {
  for (const PackedExample& example : PackedExamples()) {
    const PackedMatrix& m = example.matrix;
    std::vector<float> all(static_cast<size_t>(m.n * m.k));
    DecodePacked(m, {.first = 0, .count = m.n}, kPlainDecoders, all.data());
    for (const RowRange rows : {RowRange{0, 1, 1}, RowRange{3, 7, 1}, RowRange{1, 5, 2},
                                RowRange{2, 3, 3}, RowRange{m.n - 1, 1, 9}}) {
      std::vector<float> part(static_cast<size_t>(rows.count * m.k), -1.0f);
      DecodePacked(m, rows, kPlainDecoders, part.data());
      for (int64_t i = 0; i < rows.count; ++i) {
        const int64_t row = rows.first + i * rows.step;
        ASSERT_EQ(
            std::memcmp(&part[static_cast<size_t>(i * m.k)], &all[static_cast<size_t>(row * m.k)],
                        static_cast<size_t>(m.k) * sizeof(float)),
            0)
            << example.name << " row " << row;
      }
    }
  }
}

TEST(PackedMatrix, ZeroPointsAreRestoredByAddingToTheWholeWord) {
  // Zero points 0, 5, 0, ... minus one in each field: the word borrows from its neighbours.
  const uint32_t zeros = 0x00000050u - 0x11111111u, words[8] = {};
  const uint16_t scales[8] = {0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00, 0x3c00};
  const WordCodes codes{.bits = 4,
                        .words = reinterpret_cast<const uint8_t*>(words),
                        .row_stride = 4,
                        .word_stride = 32,
                        .scale_dtype = DType::kF16,
                        .scales = reinterpret_cast<const uint8_t*>(scales),
                        .scale_row_stride = 2,
                        .scale_group_stride = 16,
                        .zeros = reinterpret_cast<const uint8_t*>(&zeros),
                        .zero_row_stride = 4,
                        .zero_group_stride = 4,
                        .zero_addend = 0x11111111u,
                        .group_size = 8,
                        .groups = 1};
  float out[8 * 8];
  kPlainDecoders.words(codes, 8, {.first = 0, .count = 8}, out);
  EXPECT_EQ(out[0], 0.0f);
  EXPECT_EQ(out[8], -5.0f);
  EXPECT_EQ(out[16], 0.0f);
}

TEST(PackedMatrix, AllBytesOfFloat8HaveTheirValue) {
  std::vector<uint8_t> codes(256);
  for (size_t i = 0; i < 256; ++i) codes[i] = static_cast<uint8_t>(i);
  const float one = 1.0f;
  for (const DType dtype : {DType::kF8E4M3, DType::kF8E5M2}) {
    const ByteCodes m{.dtype = dtype,
                      .codes = codes.data(),
                      .row_stride = 256,
                      .scales = reinterpret_cast<const uint8_t*>(&one),
                      .row_span = 1,
                      .column_span = 256};
    float out[256];
    kPlainDecoders.bytes(m, 256, {.first = 0, .count = 1}, out);
    for (size_t i = 0; i < 256; ++i) {
      const float wanted = dtype == DType::kF8E4M3 ? E4M3ToFloat(codes[i]) : E5M2ToFloat(codes[i]);
      EXPECT_TRUE(out[i] == wanted || (std::isnan(out[i]) && std::isnan(wanted))) << i;
    }
  }
}

}  // namespace
}  // namespace tael
