#include "model/convert/layouts.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "model/convert/mxfp4.h"

namespace tael {
namespace {

// 0, 1, 2, ... as bytes of float32.
std::vector<uint8_t> Counted(int64_t count, float first = 0) {
  std::vector<float> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), first);
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::vector<uint8_t> Produced(const std::function<void(const ByteSink&)>& produce) {
  std::vector<uint8_t> all;
  produce([&](ByteSpan piece) { all.insert(all.end(), piece.begin(), piece.end()); });
  return all;
}

std::vector<uint8_t> Made(RowParts parts) {
  return Produced(ProduceRows({.parts = std::move(parts)}, "test"));
}

std::vector<float> Values(RowParts parts) { return ValuesOf({.parts = std::move(parts)}); }

TEST(ConversionLayouts, LatentAttentionIsTakenApartAndPutTogether) {
  MlaSpec mla;
  mla.num_heads = 2;
  mla.latent_dim = 3;
  mla.nope_dim = 2;
  mla.value_dim = 1;
  const std::vector<uint8_t> up = Counted(2 * 3 * 3);
  const auto keys = Made(LatentKeyParts(mla, up)), values = Made(LatentValueParts(mla, up));
  // Head 0 has the rows of keys 0 1 2 and 3 4 5, and that of values 6 7 8.
  EXPECT_EQ(Values(LatentKeyParts(mla, up)),
            (std::vector<float>{0, 3, 1, 4, 2, 5, 9, 12, 10, 13, 11, 14}));
  EXPECT_EQ(Values(LatentValueParts(mla, up)), (std::vector<float>{6, 7, 8, 15, 16, 17}));
  EXPECT_EQ(Made(LatentUpParts(mla, keys, values)), up);
}

TEST(ConversionLayouts, SharesOfKeyHeadsBecomeOneMatrixOfQkvAndOneOfGates) {
  // Two key heads of width 1, each with one value head of width 2: rows q k v v z z.
  const GatedDeltaNetSpec net{
      .num_key_heads = 2, .num_value_heads = 2, .key_dim = 1, .value_dim = 2};
  const std::vector<uint8_t> all = Counted(12);
  EXPECT_EQ(Values(DeltaQkvParts(net, all, 1)), (std::vector<float>{0, 6, 1, 7, 2, 3, 8, 9}));
  EXPECT_EQ(Values(DeltaZParts(net, all, 1)), (std::vector<float>{4, 5, 10, 11}));
  const auto qkv = Made(DeltaQkvParts(net, all, 1)), z = Made(DeltaZParts(net, all, 1));
  EXPECT_EQ(Made(DeltaQkvzParts(net, qkv, z, 1)), all);
}

TEST(ConversionLayouts, ValueHeadsAreTiledInRowsColumnsAndVectors) {
  // Value heads 0 1 2 belong to key head 0, 3 4 5 to key head 1; tiled: 0 3 1 4 2 5.
  const GatedDeltaNetSpec net{
      .num_key_heads = 2, .num_value_heads = 6, .key_dim = 1, .value_dim = 2};
  const std::vector<uint8_t> heads = Counted(6), wide = Counted(12), mixed = Counted(16);
  EXPECT_EQ(Values(*ValueHeadParts(Role::kDeltaRate, net, heads, 1, true)),
            (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(Values(*ValueHeadParts(Role::kDeltaZ, net, wide, 1, true)),
            (std::vector<float>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
  EXPECT_EQ(Values(*ValueHeadParts(Role::kDeltaOutput, net, wide, 12, true)),
            (std::vector<float>{0, 1, 6, 7, 2, 3, 8, 9, 4, 5, 10, 11}));
  EXPECT_EQ(Values(*ValueHeadParts(Role::kDeltaQkv, net, mixed, 1, true))[4], 4.0f);
  EXPECT_FALSE(ValueHeadParts(Role::kInputNorm, net, heads, 1, true).has_value());
  for (const auto& [role, bytes] : {std::pair{Role::kDeltaRate, heads},
                                    {Role::kDeltaZ, wide},
                                    {Role::kDeltaOutput, wide},
                                    {Role::kDeltaConv, mixed}}) {
    const int64_t width = role == Role::kDeltaOutput ? 12 : 1;
    const auto there = Made(*ValueHeadParts(role, net, bytes, width, true));
    EXPECT_NE(there, bytes);
    EXPECT_EQ(Made(*ValueHeadParts(role, net, there, width, false)), bytes);
  }
}

TEST(ConversionLayouts, ColumnsOfGateAndUpBecomeTwoStacks) {
  const ColumnShape shape{.experts = 2, .in = 3, .out = 2};
  const std::vector<uint8_t> columns = Counted(2 * 3 * 4);
  EXPECT_EQ(Values(HalfOfColumns(shape, columns, false)),
            (std::vector<float>{0, 4, 8, 2, 6, 10, 12, 16, 20, 14, 18, 22}));
  const auto gate = Made(HalfOfColumns(shape, columns, false));
  const auto up = Made(HalfOfColumns(shape, columns, true));
  EXPECT_EQ(Made(ColumnsOfHalves(shape, gate, up)), columns);
  EXPECT_EQ(Values(Transposed(2, 1, 3, Counted(6))), (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(Values(Transposed(1, 2, 3, Counted(6))), (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(ConversionLayouts, RowsThatAreNoWholeBlocksAreDecodedFirst) {
  // One row of Q8_0: scale 1, codes 0 to 31, as a matrix of two rows and transposed.
  std::vector<uint8_t> block{0x00, 0x3C};
  for (uint8_t i = 0; i < 32; ++i) block.push_back(i);
  const RowPlan plan{.from = DType::kQ8_0, .parts = Transposed(1, 2, 16, block)};
  const std::vector<float> values = ValuesOf(plan);
  ASSERT_EQ(values.size(), 32u);
  EXPECT_EQ(values[1], 16.0f);
  EXPECT_EQ(values[2], 1.0f);
}

TEST(ConversionMxfp4, BlocksGoThereAndBackAndKeepTheirNumbers) {
  // One expert with two rows, gate and up, of two blocks.
  const Mxfp4Rows rows{.experts = 1, .rows = 2, .blocks = 2};
  std::vector<uint8_t> codes, scales{120, 121, 122, 123};
  for (int i = 0; i < 64; ++i) codes.push_back(static_cast<uint8_t>(i * 37 + 11));
  const auto halves = [&](int64_t first) {
    Mxfp4Rows half = rows;
    half.first = first;
    half.step = 2;
    return Produced(Mxfp4ToGguf(half, codes, scales));
  };
  const std::vector<uint8_t> gate = halves(0), up = halves(1);
  ASSERT_EQ(gate.size(), 2u * 17);
  EXPECT_EQ(gate[0], 120);
  EXPECT_EQ(gate[17], 121);
  EXPECT_EQ(up[0], 122);
  // Element 0 is the low code of byte 0, element 16 that of byte 8, element 1 the high one of 0.
  EXPECT_EQ(gate[1], (codes[0] & 15) | ((codes[8] & 15) << 4));
  EXPECT_EQ(gate[2], (codes[0] >> 4) | (codes[8] & 0xF0));
  EXPECT_EQ(Produced(Mxfp4ToHf(rows, gate, up, /*scales=*/false)), codes);
  EXPECT_EQ(Produced(Mxfp4ToHf(rows, gate, up, /*scales=*/true)), scales);
  const auto whole = Produced(Mxfp4ToGguf(rows, codes, scales));
  EXPECT_EQ(Produced(Mxfp4ToHf(rows, whole, {}, /*scales=*/false)), codes);
}

}  // namespace
}  // namespace tael
