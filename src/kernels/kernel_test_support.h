// What the kernel tests share: the tables to test, random rows, quantised rows, exact comparison.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "kernels/kernel_table.h"
#include "quant/encode.h"
#include "quant/float_bits.h"
#include "quant/integer_form.h"
#include "tests/support/random_floats.h"

namespace tael {

#if defined(__x86_64__)
extern const KernelTable kAvx512EmulatedTable;  // table_avx512_emulated_test.cc
// KernelTable::matmul_interleaved of it: table_avx512_interleaved_emulated_test.cc.
void MatmulInterleavedAvx512Emulated(const QuantizedRows& x, DType dtype, const uint8_t* w,
                                     size_t row_bytes, size_t n, float* y, size_t ldy) noexcept;
// The scalar table with the products over interleaved rows and the attention over Q8_0 of the AMX
// table: emulated, and as they are compiled, if this CPU can run all but their tile instructions;
// null if not.
const KernelTable& AmxEmulatedTable();  // table_amx_emulated_test.cc
const KernelTable* AmxTrappedTable();   // table_amx_trapped_test.cc
#endif

// Every table that can be tested here: those the CPU can run, and emulated ones.
inline std::vector<const KernelTable*> AllTables() {
  std::vector<const KernelTable*> tables;
  for (auto t = SupportedKernelTables(); *t != nullptr; ++t) tables.push_back(*t);
#if defined(__x86_64__)
  tables.push_back(&kAvx512EmulatedTable);
#endif
  return tables;
}
// With those that the AMX table has functions of.
inline std::vector<const KernelTable*> TablesWithTiles() {
  std::vector<const KernelTable*> tables = AllTables();
#if defined(__x86_64__)
  tables.push_back(&AmxEmulatedTable());
  if (AmxTrappedTable() != nullptr) tables.push_back(AmxTrappedTable());
#endif
  return tables;
}
inline const KernelTable& ScalarTable() { return *SupportedKernelTables()[0]; }

// Tests run once per table.
class KernelTest : public testing::TestWithParam<const KernelTable*> {};
inline std::string TableName(const testing::TestParamInfo<const KernelTable*>& info) {
  return info.param->name;
}
#define TAEL_FOR_ALL_TABLES(suite) \
  INSTANTIATE_TEST_SUITE_P(Tables, suite, testing::ValuesIn(AllTables()), TableName)

// Random values with every kind of float among them.
inline std::vector<float> SpecialFloats(size_t n, unsigned seed) {
  const float kinds[] = {0.0f,   -0.0f,   1e-40f, -0x1p-149f, INFINITY, -INFINITY,
                         NAN,    3.4e38f, -1.5f,  0x1p-126f,  65520.0f, 1e-8f,
                         -88.9f, 89.0f,   0.5f,   -104.5f,    2.5f,     -3.5f};
  std::mt19937 rng(seed);
  std::vector<float> out = RandomFloats(n, seed + 1, 10.0f);
  for (float& v : out) {
    if (rng() % 4 == 0) v = kinds[rng() % std::size(kinds)];
  }
  return out;
}

// Elements of a cache type (kF32, kF16, kBF16, or kQ8_0 in whole blocks); rows may start at any
// address.
inline std::vector<uint8_t> Encoded(const std::vector<float>& values, DType dtype) {
  std::vector<uint8_t> out;
  if (dtype == DType::kQ8_0) {
    const auto count = static_cast<int64_t>(values.size());
    out.resize(static_cast<size_t>(*StorageBytes(dtype, count)));
    EncodeRow(dtype, values.data(), count, out.data());
    return out;
  }
  for (const float v : values) {
    uint8_t bytes[4];
    const uint16_t half = dtype == DType::kF16 ? FloatToHalf(v) : FloatToBf16(v);
    const size_t size = dtype == DType::kF32 ? 4 : 2;
    std::memcpy(bytes, dtype == DType::kF32 ? static_cast<const void*>(&v) : &half, size);
    out.insert(out.end(), bytes, bytes + size);
  }
  return out;
}
inline double DecodedElement(const uint8_t* bytes, size_t i, DType dtype) {
  float v;
  uint16_t half;
  if (dtype == DType::kQ8_0) {
    const uint8_t* block = bytes + i / 32 * 34;
    std::memcpy(&half, block, 2);
    return static_cast<double>(HalfToFloat(half)) * static_cast<int8_t>(block[2 + i % 32]);
  }
  std::memcpy(&v, bytes + (dtype == DType::kF32 ? i * 4 : 0), 4);
  if (dtype == DType::kF32) return static_cast<double>(v);
  std::memcpy(&half, bytes + i * 2, 2);
  return static_cast<double>(dtype == DType::kF16 ? HalfToFloat(half) : Bf16ToFloat(half));
}

// Index of the first float whose bits differ, -1 when all agree. All NaN count as the same: which
// NaN an operation gives is not specified by IEEE 754.
inline long FirstDifference(const float* a, const float* b, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const bool both_nan = std::isnan(a[i]) && std::isnan(b[i]);
    if (!both_nan && std::memcmp(a + i, b + i, sizeof(float)) != 0) return static_cast<long>(i);
  }
  return -1;
}
inline long FirstDifference(const std::vector<float>& a, const std::vector<float>& b) {
  return a.size() == b.size() ? FirstDifference(a.data(), b.data(), a.size()) : -2;
}

// Owns the memory of QuantizedRows.
struct QuantizedBuffer {
  std::vector<int8_t> q;
  std::vector<float> scales;
  std::vector<int16_t> sums;
  QuantizedRows rows;

  QuantizedBuffer(size_t m, size_t k, size_t block) {
    rows.rows = m;
    rows.k = k;
    rows.block = block;
    rows.k_padded = (k + block - 1) / block * block;
    q.assign(m * rows.k_padded, 99);
    scales.assign(m * rows.k_padded / block, 99.0f);
    sums.assign(m * rows.k_padded / 16, 99);
    rows.q = q.data();
    rows.scales = scales.data();
    rows.sums = sums.data();
  }
};

}  // namespace tael
