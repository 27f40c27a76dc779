// The grid sees one hash where bits are equal, and more where they are not.
#include "engine/hash_grid.h"

#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "tests/support/sanitized.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::unique_ptr<Model> LongModel(const std::string& name) {
  auto model = LoadModel(SourceRoot() + "/tests/golden/" + name);
  model->spec.max_context = kGridContext;
  return model;
}

std::set<std::string> Hashes(const Model& model, const GridOptions& options) {
  std::set<std::string> hashes;
  std::vector<GridCell> cells = {{1, 512, 1, false}, {5, 5, 2, true}};
  if (!kSanitized) cells.insert(cells.end(), {{3, 64, 2, false}, {7, 512, 1, true}});
  for (const GridCell& cell : cells) {
    const GridResult result = RunGridCell(model, cell, options);
    EXPECT_EQ(result.decode_rows, cell.batch);
    hashes.insert(result.hash);
  }
  return hashes;
}

TEST(HashGrid, OneHashWhateverTheCompany) {
  for (const char* name : {"llama3", "quant/gguf/pure_Q4_K.gguf"}) {
    const auto model = LongModel(name);
    EXPECT_EQ(Hashes(*model, {}).size(), 1u) << name;
    EXPECT_EQ(Hashes(*model, {.matmul = MatmulMode::kFloat, .kv_dtype = DType::kF32}).size(), 1u);
    EXPECT_EQ(Hashes(*model, {.kv_dtype = DType::kQ8_0}).size(), 1u);
  }
}

// The second model has experts. `tael verify --hash-grid` takes all cells with all tables.
TEST(HashGrid, OneHashOfTheModeOfBf16) {
  for (const char* name : {"qwen3", "deepseek-moe"}) {
    const auto model = LongModel(name);
    EXPECT_EQ(Hashes(*model, {.matmul = MatmulMode::kBf16}).size(), 1u) << name;
  }
  const auto model = LongModel("qwen3");
  std::set<std::string> hashes;
  for (auto table = SupportedKernelTables() + 1; *table != nullptr; ++table) {
    const GridOptions options{.matmul = MatmulMode::kBf16, .kernels = *table};
    hashes.insert(RunGridCell(*model, {1, 512, 2, false}, options).hash);
  }
  EXPECT_LE(hashes.size(), 1u);
  EXPECT_NE(hashes, Hashes(*model, {}));
}

const KernelTable* true_kernels = nullptr;

// What engines do that are not invariant: large batches take another order of summation, here two
// halves instead of one whole.
void BatchDependentMatmul(const float* x, size_t ldx, size_t m, DType dtype, const uint8_t* w,
                          size_t row_bytes, size_t n, size_t k, float* y, size_t ldy) noexcept {
  if (m <= 4) return true_kernels->matmul_float(x, ldx, m, dtype, w, row_bytes, n, k, y, ldy);
  const size_t half = k / 2 / 16 * 16;
  const auto offset = half * static_cast<size_t>(Info(dtype).block_bytes);
  std::vector<float> upper(m * n);
  true_kernels->matmul_float(x, ldx, m, dtype, w, row_bytes, n, half, y, ldy);
  true_kernels->matmul_float(x + half, ldx, m, dtype, w + offset, row_bytes, n, k - half,
                             upper.data(), n);
  for (size_t i = 0; i < m; ++i) {
    for (size_t j = 0; j < n; ++j) y[i * ldy + j] += upper[i * n + j];
  }
}

TEST(HashGrid, FindsAKernelWhoseOrderDependsOnTheBatch) {
  const auto model = LongModel("llama3");
  true_kernels = SelectKernelTable();
  ASSERT_NE(true_kernels, nullptr);
  KernelTable broken = *true_kernels;
  broken.matmul_float = &BatchDependentMatmul;
  GridOptions options;
  options.kernels = &broken;
  EXPECT_GT(Hashes(*model, options).size(), 1u);
}

TEST(HashGrid, CoversWhatItSays) {
  EXPECT_EQ(AllGridCells().size(), 160u);
  EXPECT_EQ(CornerGridCells().size(), 16u);
  std::set<std::pair<int, int>> pairs;
  for (const GridCell& cell : PairwiseGridCells()) pairs.emplace(cell.batch, cell.chunk);
  EXPECT_EQ(pairs.size(), 20u);
  EXPECT_LT(PairwiseGridCells().size(), 30u);
  std::set<std::pair<int, bool>> corner_pairs;
  for (const GridCell& cell : CornerPairGridCells()) {
    EXPECT_TRUE(cell.batch == 1 || cell.batch == 16);
    corner_pairs.emplace(cell.threads, cell.shared_prefix);
  }
  EXPECT_EQ(corner_pairs.size(), 4u);
  EXPECT_LT(CornerPairGridCells().size(), 8u);
}

TEST(HashGrid, RefusesAModelWithTooShortAContext) {
  const auto model = LoadModel(SourceRoot() + "/tests/golden/llama3");
  EXPECT_THROW(RunGridCell(*model, {}, {}), Error);
}

}  // namespace
}  // namespace tael
