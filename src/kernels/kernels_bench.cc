// Speed of the matrix products, one thread: GB/s of weights and GOP/s (2 per multiply-add) for one
// activation row and for 64; and of attention at depth, with each type of the cache. Not part of
// any test: build by hand (docs/howto/add-a-kernel.md).
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <random>
#include <vector>

#include "kernels/kernel_table.h"
#include "quant/integer_form.h"

namespace {

using namespace tael;

constexpr size_t kRows = 4096, kColumns = 4096;

// Processor time of this thread in seconds.
double Now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

// Seconds of the fastest of several calls.
template <class Fn>
double Fastest(Fn fn) {
  double best = 1e9, total = 0;
  for (int i = 0; i < 3 || (total < 0.15 && i < 50); ++i) {
    const double start = Now();
    fn();
    const double seconds = Now() - start;
    best = std::min(best, seconds);
    total += seconds;
  }
  return best;
}

void Report(const char* table, DType dtype, size_t m, size_t rows, size_t bytes, double seconds) {
  const double operations = 2.0 * static_cast<double>(m * rows * kColumns);
  std::printf("%-7s %-8s m=%-3zu %8.2f GB/s %8.1f GOP/s\n", table, Name(dtype), m,
              static_cast<double>(bytes) / seconds * 1e-9, operations / seconds * 1e-9);
}

void Bench(const KernelTable& table, DType dtype, size_t m) {
  const bool slow = std::strcmp(table.name, "scalar") == 0;
  const size_t rows = slow ? 32 : m == 1 ? kRows : 512;
  const size_t row_bytes = static_cast<size_t>(*StorageBytes(dtype, kColumns));
  std::vector<uint8_t> w(rows * row_bytes);
  std::mt19937 rng(1);
  for (uint8_t& b : w) b = static_cast<uint8_t>(rng() & 0x3b);  // finite in every format
  std::vector<float> x(m * kColumns), y(m * rows);
  for (float& v : x) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;

  double seconds;
  const size_t size = IntegerBlockSize(dtype);
  if (size == 0) {
    seconds = Fastest([&] {
      table.matmul_float(x.data(), kColumns, m, dtype, w.data(), row_bytes, rows, kColumns,
                         y.data(), rows);
    });
  } else {
    const size_t block = ActivationBlock(dtype);
    std::vector<int8_t> q(x.size());
    std::vector<float> scales(x.size() / block);
    std::vector<int16_t> sums(x.size() / 16);
    QuantizedRows rows_q{q.data(), scales.data(), sums.data(), m, kColumns, kColumns, block};
    table.quantize_rows(x.data(), kColumns, m, &rows_q);
    seconds = Fastest(
        [&] { table.matmul_integer(rows_q, dtype, w.data(), row_bytes, rows, y.data(), rows); });
  }
  Report(table.name, dtype, m, rows, w.size(), seconds);
}

// Query rows of one call.
struct Rows {
  size_t tokens, heads;
};

// 8 key heads over `depth` positions, each with keys and values of its own and `rows` queries.
void BenchAttention(const KernelTable& table, DType dtype, size_t head_dim, size_t depth,
                    const Rows& rows) {
  constexpr size_t kHeads = 8;
  const size_t blocks = depth / kKvBlockSize;
  const size_t block_bytes =
      kKvBlockSize * static_cast<size_t>(*StorageBytes(dtype, static_cast<int64_t>(head_dim)));
  std::vector<uint8_t> cache(2 * kHeads * blocks * block_bytes);
  std::mt19937 rng(1);
  std::vector<float> x(kKvBlockSize * head_dim), query(rows.tokens * rows.heads * head_dim),
      out(query.size());
  for (float& v : query) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
  std::vector<const void*> pointers;
  for (uint8_t* block = cache.data(); block < cache.data() + cache.size(); block += block_bytes) {
    for (float& v : x) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
    table.to_cache(x.data(), x.size(), dtype, block);
    pointers.push_back(block);
  }
  AttentionArgs args{.query = query.data(),
                     .query_stride = rows.heads * head_dim,
                     .tokens = rows.tokens,
                     .heads = rows.heads,
                     .head_dim = head_dim,
                     .value_dim = head_dim,
                     .dtype = dtype,
                     .end = depth - rows.tokens + 1};
  args.scale = 0.125f;
  args.out = out.data();
  args.out_stride = args.query_stride;
  std::vector<float> scratch(AttentionScratch(head_dim) + 16);
  args.scratch = scratch.data();
  const double seconds = Fastest([&] {
    for (size_t head = 0; head < kHeads; ++head) {
      args.k_blocks = &pointers[2 * head * blocks];
      args.v_blocks = &pointers[(2 * head + 1) * blocks];
      table.attention(args);
    }
  });
  const double products =
      2.0 * static_cast<double>(kHeads * depth * rows.tokens * rows.heads * head_dim);
  std::printf(
      "%-7s attention %-4s head_dim=%-3zu depth=%zu tokens=%-2zu heads=%-2zu %8.2f GB/s %8.1f "
      "GFLOP/s\n",
      table.name, Name(dtype), head_dim, depth, rows.tokens, rows.heads,
      static_cast<double>(cache.size()) / seconds * 1e-9, 2 * products / seconds * 1e-9);
}

}  // namespace

// Arguments: names of formats, "attention"; all when there are none.
int main(int argc, char** argv) {
  const auto named = [&](const char* what) {
    return argc < 2 || std::any_of(
                           argv + 1, argv + argc,
                           [&](const char* name) { return std::strcmp(name, what) == 0; });
  };
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    for (const size_t head_dim : {64, 128}) {
      if (!named("attention")) break;
      for (const DType dtype : {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0}) {
        for (const size_t depth : {1024, 8192}) {
          for (const Rows& rows : {Rows{1, 1}, {1, 2}, {1, 4}, {1, 8}, {32, 2}}) {
            BenchAttention(**table, dtype, head_dim, depth, rows);
          }
        }
      }
    }
    for (int t = 0; t < static_cast<int>(DType::kCount); ++t) {
      const DType dtype = static_cast<DType>(t);
      const bool plain = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
      if (!plain && IntegerBlockSize(dtype) == 0) continue;
      if (!named(Name(dtype))) continue;
      for (const size_t m : {1, 4, 64}) Bench(**table, dtype, m);
    }
  }
  return 0;
}
