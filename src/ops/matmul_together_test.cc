// Products in one loop have the bits that each has alone, whatever their forms are.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "ops/matmul.h"
#include "ops/rms_norm.h"
#include "quant/encode.h"
#include "tests/support/random_floats.h"

namespace tael {
namespace {

constexpr int64_t kInputs = 256;
constexpr MatmulMode kModes[] = {MatmulMode::kInteger, MatmulMode::kFloat, MatmulMode::kBf16};

struct Stored {
  Stored(DType dtype, int64_t n, uint32_t seed) {
    const std::vector<float> values = RandomFloats(n * kInputs, seed);
    const int64_t row_bytes = *StorageBytes(dtype, kInputs);
    bytes.resize(static_cast<size_t>(n * row_bytes));
    for (int64_t r = 0; r < n; ++r) {
      EncodeRow(dtype, values.data() + r * kInputs, kInputs, bytes.data() + r * row_bytes);
    }
    weight = {.dtype = dtype, .n = n, .k = kInputs, .data = bytes.data(), .row_bytes = row_bytes};
  }
  std::vector<uint8_t> bytes;
  Weight weight;
};

class Together : public testing::Test {
 protected:
  Together() {
    int64_t rows = 5;
    uint32_t seed = 10;
    for (const DType dtype : {DType::kQ4_0, DType::kBF16, DType::kQ8_0, DType::kQ8_0}) {
      stored_.push_back(std::make_unique<Stored>(dtype, rows, seed++));
      rows = 3 * rows + 1;
    }
  }

  // All of the products, with one and two terms in turn, in one loop or one after the other.
  std::vector<float> Run(int64_t m, int threads, MatmulMode mode, bool together) {
    WorkerPool pool(threads);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, mode, /*worth_a_thread=*/0};
    MatmulInput input({x_.data(), m, kInputs, kInputs}, ctx);
    std::vector<Product> products;
    for (size_t i = 0; i < stored_.size(); ++i) {
      const Weight& w = stored_[i]->weight;
      products.push_back({input, w, NewMatrix(m, w.n, ctx),
                          i % 2 == 1 ? ActivationTerms::kOne : ActivationTerms::kTwo});
    }
    if (together) MatmulTogether(products, ctx);
    std::vector<float> all;
    for (const Product& product : products) {
      MatmulInput own(input.x(), ctx);
      if (!together) Matmul({own, product.w, product.y, product.terms}, ctx);
      all.insert(all.end(), product.y.data, product.y.data + m * product.y.cols);
    }
    return all;
  }

  std::vector<float> x_ = RandomFloats(9 * kInputs, 1);
  std::vector<std::unique_ptr<Stored>> stored_;
};

TEST_F(Together, HasTheBitsOfEachAlone) {
  for (const MatmulMode mode : kModes) {
    for (const int64_t m : {1, 2, 9}) {
      const std::vector<float> alone = Run(m, 1, mode, false);
      for (const int threads : {1, 2, 5}) {
        const std::vector<float> together = Run(m, threads, mode, true);
        EXPECT_EQ(std::memcmp(alone.data(), together.data(), alone.size() * 4), 0)
            << m << " rows, " << threads << " threads";
      }
    }
  }
}

TEST_F(Together, TakesOneBarrier) {
  WorkerPool pool(2);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, /*worth_a_thread=*/0};
  MatmulInput input({x_.data(), 1, kInputs, kInputs}, ctx);
  std::vector<Product> products;
  products.reserve(stored_.size());
  for (const auto& stored : stored_) {
    products.push_back(
        {input, stored->weight, NewMatrix(1, stored->weight.n, ctx), ActivationTerms::kTwo});
  }
  MatmulTogether(products, ctx);
  EXPECT_EQ(pool.barriers(), 1);
}

// Groups of which all, one or none are read by rows (in float32 blocks are decoded, BF16 is not).
TEST_F(Together, WhatFollowsSeesEveryColumnOnceWhenItIsThere) {
  const Stored blocks(DType::kQ8_0, 53, 3), floats(DType::kBF16, 53, 4);
  for (const MatmulMode mode : kModes) {
    for (const int threads : {1, 3}) {
      WorkerPool pool(threads);
      Arena arena;
      ComputeContext ctx{pool, *SelectKernelTable(), arena, mode, /*worth_a_thread=*/0};
      MatmulInput input({x_.data(), 4, kInputs, kInputs}, ctx);
      std::vector<Product> products;
      for (const Stored* stored : {&blocks, &floats, &floats, &floats, &blocks, &blocks}) {
        products.push_back({input, stored->weight, NewMatrix(4, 53, ctx)});
        std::fill_n(products.back().y.data, 4 * 53, -1e30f);
      }
      std::vector<std::atomic<int>> visits(3 * 53);
      std::atomic<int> missing = 0;
      MatmulTogether(products, ctx, 2, AfterProducts([&](size_t group, int64_t begin, int64_t end) {
                       for (int64_t c = begin; c < end; ++c) {
                         ++visits[group * 53 + static_cast<size_t>(c)];
                         for (const size_t p : {2 * group, 2 * group + 1}) {
                           if (products[p].y.row(3)[c] == -1e30f) ++missing;
                         }
                       }
                     }));
      EXPECT_EQ(missing, 0);
      for (const auto& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

// Rows of the input that belong to different weights, as tokens of experts do.
TEST_F(Together, ProductsMayReadRowsOfTheInput) {
  const Weight& second = stored_[3]->weight;
  for (const size_t i : {2, 1}) {
    const Weight& first = stored_[i]->weight;
    WorkerPool pool(2);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kBf16, /*worth_a_thread=*/0};
    MatmulInput input({x_.data(), 9, kInputs, kInputs}, ctx);
    const Product products[] = {
        {.input = input, .w = second, .y = NewMatrix(4, second.n, ctx), .first_row = 0},
        {.input = input, .w = first, .y = NewMatrix(3, first.n, ctx), .first_row = 4}};
    MatmulTogether(products, ctx);
    for (const Product& product : products) {
      MatmulInput own({x_.data() + product.first_row * kInputs, product.y.rows, kInputs, kInputs},
                      ctx);
      const MatrixView<float> alone = NewMatrix(product.y.rows, product.w.n, ctx);
      Matmul(own, product.w, alone, ctx);
      EXPECT_EQ(std::memcmp(alone.data, product.y.data,
                            static_cast<size_t>(alone.rows * alone.cols) * sizeof(float)),
                0);
    }
  }
}

}  // namespace
}  // namespace tael
