// What equal bits cost: the kernels of the product, other forms in the same order (the same bits),
// and variants whose order of additions is free (impl/free_order.inl.h), one thread, turn by turn,
// in processor time. "cache": weights that fit the second-level cache; "memory": weights larger
// than the caches, as in decoding. The cost is the time of the fastest form in the order over that
// of the fastest free one, minus 1; "form" is what the product's form costs within the order.
#if defined(__x86_64__)
#include <immintrin.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <limits>
#include <new>
#include <random>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "kernels/kernel_table.h"
#include "quant/float_bits.h"
#include "quant/fp4.h"
#include "quant/integer_form.h"
#include "quant/iq4.h"
#include "quant/k_quants.h"
#include "quant/legacy.h"

namespace tael {
namespace {

// y [m, n] = x [m, k] times w [n, k] transposed.
struct FloatCall {
  const float* x;
  const uint8_t* w;
  size_t row_bytes, m, n, k;
  float* y;
};
struct IntegerCall {
  const QuantizedRows* x;
  const uint8_t* w;
  size_t row_bytes, n;
  float* y;
};

// Memory as the engine has it: at a border of 64 bytes. Elsewhere every second load of the
// product's kernels would touch two lines.
template <typename T>
struct LineAllocator {
  using value_type = T;
  LineAllocator() = default;
  template <typename U>
  LineAllocator(const LineAllocator<U>&) {}  // NOLINT(google-explicit-constructor)
  T* allocate(size_t n) {
    return static_cast<T*>(::operator new(n * sizeof(T), std::align_val_t{64}));
  }
  void deallocate(T* p, size_t) { ::operator delete(p, std::align_val_t{64}); }
  bool operator==(const LineAllocator&) const { return true; }
};
template <typename T>
using Aligned = std::vector<T, LineAllocator<T>>;

enum class Order { kSame, kFree };

// The variants of one instruction set.
struct FreeKernels {
  struct Float {
    const char* name;
    Order order;
    DType dtype;
    bool matrix;  // for many activation rows; false: for one
    void (*run)(const FloatCall&);
  };
  struct Integer {
    const char* name;
    Order order;
    DType dtype;
    bool matrix;
    void (*run)(const IntegerCall&);
  };
  struct Attention {
    const char* name;
    Order order;
    DType dtype;
    void (*run)(const AttentionArgs&);
  };
  struct Norm {
    const char* name;
    Order order;
    void (*run)(const float* x, const float* gain, float eps, size_t n, float* out);
  };
  std::vector<Float> floats;
  std::vector<Integer> integers;
  std::vector<Attention> attention;
  std::vector<Norm> norms;
};

}  // namespace
}  // namespace tael

// clang-format off
#pragma GCC diagnostic push
// The variants use only parts of the tables' code.
#pragma GCC diagnostic ignored "-Wunused-function"
#define TAEL_ISA free_avx2
#include "kernels/isa/target_avx2_begin.h"
#include "kernels/isa/unroll.h"
#include "kernels/isa/avx2.h"
#include "kernels/isa/x86_reduce.h"
#include "kernels/isa/avx2_integer.h"
#include "kernels/isa/avx2_dot.h"
#include "kernels/isa/avx2_formats.h"
#include "kernels/impl/exp.inl.h"
#include "kernels/impl/elementwise.inl.h"
#include "kernels/impl/cache.inl.h"
#include "kernels/impl/quantize.inl.h"
#include "kernels/impl/attention_query.inl.h"
#include "kernels/isa/attention_by_4.h"
#include "kernels/impl/attention_tiles.inl.h"
#include "kernels/impl/attention_parts.inl.h"
#include "kernels/isa/avx2_keys.h"
#include "kernels/isa/x86_keys.h"
#include "kernels/impl/attention_pack.inl.h"
#include "kernels/impl/attention_codes.inl.h"
#include "kernels/impl/attention_block.inl.h"
#include "kernels/impl/attention.inl.h"
#include "kernels/impl/matmul_float.inl.h"
#include "kernels/impl/matmul_integer.inl.h"
#include "kernels/impl/fetch_ahead.inl.h"
#include "kernels/impl/integer_product.inl.h"
#include "kernels/impl/matmul_integer_row_tile.inl.h"
#include "kernels/impl/panel_chains.inl.h"
#include "kernels/impl/matmul_integer_pair_panel.inl.h"
namespace tael::TAEL_ISA { inline constexpr size_t kOuterActs = 6, kBlockedActs = 3, kBlockedRows = 2; }
#include "kernels/impl/free_order.inl.h"
#include "kernels/impl/free_order_attention.inl.h"
#include "kernels/impl/free_order_avx2.inl.h"
#include "kernels/impl/free_order_list.inl.h"
#include "kernels/isa/target_end.h"
#undef TAEL_ISA

#define TAEL_ISA free_avx512
// GCC 12 takes the don't-care operands inside its own intrinsics for a mistake.
#pragma GCC diagnostic ignored "-Wuninitialized"
#include "kernels/isa/target_avx512_begin.h"
#include "kernels/isa/avx512_kernels.h"
namespace tael::TAEL_ISA { inline constexpr size_t kOuterActs = 12, kBlockedActs = 4, kBlockedRows = 4; }
#include "kernels/impl/free_order.inl.h"
#include "kernels/impl/free_order_attention.inl.h"
#include "kernels/impl/free_order_list.inl.h"
#include "kernels/isa/target_end.h"
#pragma GCC diagnostic pop
#undef TAEL_ISA
// clang-format on

namespace tael {
namespace {

constexpr size_t kColumns = 2048, kRounds = 41;
constexpr double kTurnSeconds = 0.0004;
constexpr size_t kMemoryBytes = size_t{1} << 26, kCacheBytes = size_t{1} << 19;

template <class F>
void IntegerMatrixEntry(const IntegerCall& c) {
  free_avx2::FreeIntegerMatrix<F>({*c.x, c.w, c.row_bytes, c.n, c.y, c.n});
}

template <class Element, size_t Panel, size_t Span>
void HalvesEntry(const FloatCall& c) {
  free_avx2::SameFloatHalves<Element, Panel, Span>({c.x, c.k, c.w, c.row_bytes, c.k, c.y, c.n}, c.m,
                                                   c.n);
}
template <class Element>
void AppendHalves(DType dtype, FreeKernels& out) {
  const auto add = [&](const char* name, auto run) {
    out.floats.push_back({name, Order::kSame, dtype, true, run});
  };
  add("half lanes, 16 rows x 256", HalvesEntry<Element, 16, 256>);
  add("half lanes, 8 rows x 512", HalvesEntry<Element, 8, 512>);
}

// The variants for `table`; none when there are none.
FreeKernels FreeKernelsOf(const KernelTable& table) {
  const std::string name = table.name;
  if (name == "avx512") return free_avx512::ListFreeKernels();
  if (name != "avx2") return {};
  FreeKernels out = free_avx2::ListFreeKernels();
  AppendHalves<free_avx2::ElementF32>(DType::kF32, out);
  AppendHalves<free_avx2::ElementBF16>(DType::kBF16, out);
  out.integers.push_back(
      {"2 chains", Order::kFree, DType::kQ8_0, true, IntegerMatrixEntry<free_avx2::FormatQ8_0>});
  out.integers.push_back(
      {"2 chains", Order::kFree, DType::kQ4_0, true, IntegerMatrixEntry<free_avx2::FormatQ4_0>});
  out.integers.push_back(
      {"2 chains", Order::kFree, DType::kQ4_K, true, IntegerMatrixEntry<free_avx2::FormatQ4_K>});
  return out;
}

// Processor time of this thread in seconds.
double Now() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Runner {
  const char* name;
  Order order;
  std::function<void()> run;
};

// Seconds per call in one turn of at least kTurnSeconds.
double Turn(const Runner& runner) {
  const double start = Now();
  double seconds = 0;
  size_t calls = 0;
  do {
    runner.run();
    ++calls;
    seconds = Now() - start;
  } while (seconds < kTurnSeconds);
  return seconds / static_cast<double>(calls);
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// The largest difference, relative to the largest magnitude.
double Difference(const Aligned<float>& a, const Aligned<float>& b) {
  double largest = 0, difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::fabs(double{a[i]}));
    difference = std::max(difference, std::fabs(double{a[i]} - double{b[i]}));
  }
  return difference / largest;
}

// Whether every runner computes what the first one does: the same bits, or about the same.
bool Agree(const char* label, const std::vector<Runner>& runners, Aligned<float>& y) {
  runners[0].run();
  const Aligned<float> wanted = y;
  for (const Runner& runner : runners) {
    std::fill(y.begin(), y.end(), 0.0f);
    runner.run();
    const double difference = Difference(wanted, y);
    if (runner.order == Order::kSame ? difference == 0 : difference < 1e-4) continue;
    std::printf("%s: '%s' differs by %g\n", label, runner.name, difference);
    return false;
  }
  return true;
}

// The first runner is the product's kernel; all write the same result to `y`.
void Compare(const char* isa, const std::string& label, const std::vector<Runner>& runners,
             Aligned<float>& y) {
  if (runners.size() < 2 || !Agree(label.c_str(), runners, y)) return;
  std::vector<std::vector<double>> seconds(runners.size());
  for (size_t round = 0; round < kRounds; ++round) {
    for (size_t i = 0; i < runners.size(); ++i) seconds[i].push_back(Turn(runners[i]));
  }
  const auto fastest = [&](Order order) {
    size_t best = runners.size();
    for (size_t i = 0; i < runners.size(); ++i) {
      if (runners[i].order != order) continue;
      if (best == runners.size() || Median(seconds[i]) < Median(seconds[best])) best = i;
    }
    return best;
  };
  const size_t same = fastest(Order::kSame), free = fastest(Order::kFree);
  // In percent; the median of the rounds, each a comparison within a few milliseconds.
  const auto excess = [&](size_t slower, size_t faster) {
    std::vector<double> ratios;
    for (size_t round = 0; round < kRounds; ++round) {
      ratios.push_back(seconds[slower][round] / seconds[faster][round]);
    }
    return 100 * (Median(ratios) - 1);
  };
  std::printf("%-7s %-26s %9.1f %9.1f %9.1f us  %+6.1f %%  %+6.1f %%  %s | %s\n", isa,
              label.c_str(), 1e6 * Median(seconds[0]), 1e6 * Median(seconds[same]),
              1e6 * Median(seconds[free]), excess(same, free), excess(0, same), runners[same].name,
              runners[free].name);
  std::fflush(stdout);
}

Aligned<float> RandomFloats(size_t count) {
  std::mt19937 rng(1);
  Aligned<float> values(count);
  for (float& v : values) v = static_cast<float>(rng()) * 0x1p-31f - 1.0f;
  return values;
}

// Bytes that are finite numbers of moderate size in every format.
Aligned<uint8_t> RandomWeights(DType dtype, size_t bytes) {
  std::mt19937 rng(2);
  Aligned<uint8_t> w(bytes);
  if (dtype == DType::kF32) {
    const Aligned<float> values = RandomFloats(bytes / 4);
    std::memcpy(w.data(), values.data(), bytes);
    return w;
  }
  for (uint8_t& b : w) b = static_cast<uint8_t>(rng() & 0x3b);
  return w;
}

struct Shape {
  const char* name;
  size_t m, n;
};

// Matrix-vector products from the cache and from memory, and a matrix product.
std::vector<Shape> Shapes(size_t row_bytes) {
  const auto rows = [&](size_t bytes) { return bytes / row_bytes / 48 * 48; };
  return {{"GEMV cache", 1, rows(kCacheBytes)},
          {"GEMV memory", 1, rows(kMemoryBytes)},
          {"GEMM 96", 96, 192}};
}

void CompareFloats(const KernelTable& table, const FreeKernels& free, DType dtype) {
  const size_t row_bytes = static_cast<size_t>(*StorageBytes(dtype, kColumns));
  for (const Shape& shape : Shapes(row_bytes)) {
    const Aligned<float> x = RandomFloats(shape.m * kColumns);
    const Aligned<uint8_t> w = RandomWeights(dtype, shape.n * row_bytes);
    Aligned<float> y(shape.m * shape.n);
    const FloatCall call{x.data(), w.data(), row_bytes, shape.m, shape.n, kColumns, y.data()};
    std::vector<Runner> runners = {{"product", Order::kSame, [&] {
                                      table.matmul_float(call.x, call.k, call.m, dtype, call.w,
                                                         row_bytes, call.n, call.k, call.y, call.n);
                                    }}};
    for (const FreeKernels::Float& f : free.floats) {
      if (f.dtype != dtype || f.matrix != (shape.m > 1)) continue;
      runners.push_back({f.name, f.order, [&] { f.run(call); }});
    }
    Compare(table.name, std::string(Name(dtype)) + " " + shape.name, runners, y);
  }
}

void CompareIntegers(const KernelTable& table, const FreeKernels& free, DType dtype) {
  const size_t row_bytes = static_cast<size_t>(*StorageBytes(dtype, kColumns));
  const size_t block = ActivationBlock(dtype);
  for (const Shape& shape : Shapes(row_bytes)) {
    const Aligned<float> x = RandomFloats(shape.m * kColumns);
    Aligned<int8_t> q(x.size());
    Aligned<float> scales(x.size() / block), y(shape.m * shape.n);
    Aligned<int16_t> sums(x.size() / 16);
    QuantizedRows rows{q.data(), scales.data(), sums.data(), shape.m, kColumns, kColumns, block};
    table.quantize_rows(x.data(), kColumns, shape.m, &rows);
    const Aligned<uint8_t> w = RandomWeights(dtype, shape.n * row_bytes);
    const IntegerCall call{&rows, w.data(), row_bytes, shape.n, y.data()};
    std::vector<Runner> runners = {
        {"product", Order::kSame,
         [&] { table.matmul_integer(rows, dtype, call.w, row_bytes, call.n, call.y, call.n); }}};
    for (const FreeKernels::Integer& f : free.integers) {
      if (f.dtype != dtype || f.matrix != (shape.m > 1)) continue;
      runners.push_back({f.name, f.order, [&] { f.run(call); }});
    }
    Compare(table.name, std::string(Name(dtype)) + " " + shape.name, runners, y);
  }
}

void CompareAttention(const KernelTable& table, const FreeKernels& free, DType dtype,
                      size_t head_dim) {
  constexpr size_t kPositions = 1024, kBlocks = kPositions / kKvBlockSize;
  const size_t row_bytes =
      static_cast<size_t>(*StorageBytes(dtype, static_cast<int64_t>(head_dim)));
  const Aligned<float> values = RandomFloats(kPositions * head_dim);
  Aligned<uint8_t> cache(kPositions * row_bytes);
  table.to_cache(values.data(), values.size(), dtype, cache.data());
  std::vector<const void*> blocks;
  for (size_t b = 0; b < kBlocks; ++b)
    blocks.push_back(cache.data() + b * kKvBlockSize * row_bytes);
  const Aligned<float> query = RandomFloats(head_dim);
  Aligned<float> out(head_dim), scratch(AttentionScratch(head_dim));
  const AttentionArgs args{.query = query.data(),
                           .head_dim = head_dim,
                           .value_dim = head_dim,
                           .k_blocks = blocks.data(),
                           .v_blocks = blocks.data(),
                           .dtype = dtype,
                           .end = kPositions,
                           .scale = 0.1f,
                           .out = out.data(),
                           .scratch = scratch.data()};
  std::vector<Runner> runners = {{"product", Order::kSame, [&] { table.attention(args); }}};
  for (const FreeKernels::Attention& f : free.attention) {
    if (f.dtype == dtype) runners.push_back({f.name, f.order, [&] { f.run(args); }});
  }
  const std::string label =
      std::string("attention ") + Name(dtype) + " heads of " + std::to_string(head_dim);
  Compare(table.name, label, runners, out);
}

void CompareNorms(const KernelTable& table, const FreeKernels& free, size_t n) {
  const Aligned<float> x = RandomFloats(n), gain = RandomFloats(n);
  Aligned<float> out(n);
  std::vector<Runner> runners = {{"product", Order::kSame, [&] {
                                    table.rms_norm(x.data(), gain.data(), 1e-5f, n, out.data());
                                  }}};
  for (const FreeKernels::Norm& f : free.norms) {
    runners.push_back(
        {f.name, f.order, [&] { f.run(x.data(), gain.data(), 1e-5f, n, out.data()); }});
  }
  Compare(table.name, "RMS norm of " + std::to_string(n), runners, out);
}

}  // namespace
}  // namespace tael

int main() {
  using namespace tael;
  std::printf("%-7s %-26s %9s %9s %9s     %8s  %8s  %s\n", "table", "kernel", "product", "same",
              "free", "cost", "form", "fastest in the same order | in any order");
  for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
    const FreeKernels free = FreeKernelsOf(**table);
    for (const DType dtype : {DType::kF32, DType::kBF16}) CompareFloats(**table, free, dtype);
    for (const DType dtype : {DType::kQ8_0, DType::kQ4_0, DType::kQ4_K}) {
      CompareIntegers(**table, free, dtype);
    }
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      for (const size_t head_dim : {64, 128}) CompareAttention(**table, free, dtype, head_dim);
    }
    for (const size_t n : {576, 1024, 4096}) CompareNorms(**table, free, n);
  }
  return 0;
}
#else
int main() { return 0; }  // variants are written for x86-64 only
#endif
