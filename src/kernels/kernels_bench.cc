// Speed of the matrix products, one thread: GB/s of weights and GOP/s (2 per multiply-add) for one
// activation row and for 64. Not part of any test: build by hand (docs/howto/add-a-kernel.md).
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

}  // namespace

// Arguments: names of formats; all when there are none.
int main(int argc, char** argv) {
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    for (int t = 0; t < static_cast<int>(DType::kCount); ++t) {
      const DType dtype = static_cast<DType>(t);
      const bool plain = dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
      if (!plain && IntegerBlockSize(dtype) == 0) continue;
      const bool wanted =
          argc < 2 || std::any_of(
                          argv + 1, argv + argc,
                          [&](const char* name) { return std::strcmp(name, Name(dtype)) == 0; });
      if (!wanted) continue;
      for (const size_t m : {1, 4, 64}) Bench(**table, dtype, m);
    }
  }
  return 0;
}
