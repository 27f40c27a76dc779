// The probes do all the work they claim, on every instruction set of this machine.
#include "kernels/probe_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/kernel_test_support.h"

namespace tael {
namespace {

class ProbeTest : public testing::TestWithParam<const KernelTable*> {
 protected:
  const ProbeTable& probes_ = ProbesOf(*GetParam());
};

TEST_P(ProbeTest, BelongsToItsTable) { EXPECT_STREQ(probes_.name, GetParam()->code_name()); }

TEST_P(ProbeTest, ReadsEveryWordWhateverThePattern) {
  // Whole windows of 16 pages, and remainders of every kind.
  for (const size_t bytes :
       {size_t{64}, size_t{4096}, 5 * kProbePageBytes + 192, 35 * kProbePageBytes + 64 * 63}) {
    std::vector<uint8_t> memory(bytes);
    std::mt19937 rng(1);
    for (uint8_t& b : memory) b = static_cast<uint8_t>(rng());
    uint64_t wanted = 0;
    for (size_t i = 0; i < bytes; i += 8) {
      uint64_t word;
      std::memcpy(&word, memory.data() + i, 8);
      wanted ^= word;
    }
    for (const size_t pages : {1, 4, 8, 16}) {
      EXPECT_EQ(probes_.read_pages(memory.data(), bytes, pages), wanted) << bytes << " " << pages;
    }
  }
}

TEST_P(ProbeTest, MultipliesAllBytesInEveryRound) {
  alignas(64) uint8_t weights[kProbeWeightBytes];
  std::mt19937 rng(2);
  uint32_t sum = 0;
  for (uint8_t& w : weights) sum += w = static_cast<uint8_t>(rng() % 32);
  for (const size_t rounds : {1, 2, 77}) {
    const auto wanted = static_cast<uint32_t>(rounds * sum * 3);
    EXPECT_EQ(probes_.multiply_bytes(weights, rounds), wanted);
    EXPECT_EQ(probes_.multiply_small_bytes(weights, rounds), wanted);
  }
}

TEST_P(ProbeTest, MultipliesFloatsInEveryChain) {
  const size_t chains = probes_.float_operations / 32;
  for (const size_t rounds : {0, 1, 3, 200}) {
    double wanted = 0;
    for (size_t i = 0; i < 16 * chains; ++i) {
      const double start = static_cast<double>(i) / 16;
      wanted += (start - 2) * std::ldexp(1.0, -static_cast<int>(rounds)) + 2;
    }
    EXPECT_NEAR(probes_.multiply_floats(rounds), wanted, 1e-4 * wanted + 1e-4) << rounds;
  }
}

std::vector<const KernelTable*> RealTables() {
  std::vector<const KernelTable*> tables;
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) tables.push_back(*table);
  return tables;
}

INSTANTIATE_TEST_SUITE_P(Tables, ProbeTest, testing::ValuesIn(RealTables()), TableName);

}  // namespace
}  // namespace tael
