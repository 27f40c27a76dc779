// The free-order variants of this instruction set as lists (isa/free_order_bench.cc). The fastest
// of those that fit a case is what the promise is measured against.
namespace tael::TAEL_ISA {
namespace {

template <class Element, size_t Rows, size_t Chains>
void FloatVectorEntry(const FloatCall& c) {
  FreeFloatVector<Element, Rows, Chains>({c.x, c.k, c.w, c.row_bytes, c.k, c.y, c.n}, c.n);
}
template <class Element>
void FloatMatrixEntry(const FloatCall& c) {
  FreeFloatMatrix<Element>({c.x, c.k, c.w, c.row_bytes, c.k, c.y, c.n}, c.m, c.n);
}
template <class F>
void IntegerVectorEntry(const IntegerCall& c) {
  FreeIntegerVector<F>({*c.x, c.w, c.row_bytes, c.n, c.y, c.n});
}

template <class Element, size_t Panel, size_t Span>
void BlockedMatrixEntry(const FloatCall& c) {
  SameFloatMatrix<Element, Panel, Span>({c.x, c.k, c.w, c.row_bytes, c.k, c.y, c.n}, c.m, c.n);
}

template <class Element>
void AppendFloats(DType dtype, FreeKernels& out) {
  const auto vector = [&](const char* name, Order order, auto run) {
    out.floats.push_back({name, order, dtype, false, run});
  };
  vector("2 rows", Order::kSame, FloatVectorEntry<Element, 2, 1>);
  vector("6 rows", Order::kSame, FloatVectorEntry<Element, 6, 1>);
  vector("8 rows", Order::kSame, FloatVectorEntry<Element, 8, 1>);
  vector("1 row in 4 chains", Order::kFree, FloatVectorEntry<Element, 1, 4>);
  vector("2 rows in 2 chains", Order::kFree, FloatVectorEntry<Element, 2, 2>);
  vector("3 rows in 2 chains", Order::kFree, FloatVectorEntry<Element, 3, 2>);
  vector("4 rows in 2 chains", Order::kFree, FloatVectorEntry<Element, 4, 2>);
  const auto matrix = [&](const char* name, Order order, auto run) {
    out.floats.push_back({name, order, dtype, true, run});
  };
  matrix("pieces of 256", Order::kSame, BlockedMatrixEntry<Element, 16, 256>);
  matrix("pieces of 512", Order::kSame, BlockedMatrixEntry<Element, 8, 512>);
  matrix("outer products", Order::kFree, FloatMatrixEntry<Element>);
}

template <class Element>
void AppendAttention(DType dtype, FreeKernels& out) {
  constexpr auto kOne = FreeScoring::kProduct, kFour = FreeScoring::kFourChains,
                 kPairs = FreeScoring::kPairs;
  const auto add = [&](const char* name, Order order, auto run) {
    out.attention.push_back({name, order, dtype, run});
  };
  add("row by row", Order::kSame, FreeAttention<Element, kOne, false>);
  add("scores in 4 chains", Order::kFree, FreeAttention<Element, kFour, false>);
  add("scores in 2 chains", Order::kFree, FreeAttention<Element, kPairs, false>);
  add("values in 2 chains", Order::kFree, FreeAttention<Element, kOne, true>);
  add("both in 2 chains", Order::kFree, FreeAttention<Element, kPairs, true>);
}

FreeKernels ListFreeKernels() {
  FreeKernels out;
  AppendFloats<ElementF32>(DType::kF32, out);
  AppendFloats<ElementBF16>(DType::kBF16, out);
  const char* lanes = "lanes scaled as floats";
  out.integers.push_back(
      {lanes, Order::kFree, DType::kQ8_0, false, IntegerVectorEntry<FormatQ8_0>});
  out.integers.push_back(
      {lanes, Order::kFree, DType::kQ4_0, false, IntegerVectorEntry<FormatQ4_0>});
  out.integers.push_back(
      {lanes, Order::kFree, DType::kQ4_K, false, IntegerVectorEntry<FormatQ4_K>});
  AppendAttention<ElementF32>(DType::kF32, out);
  AppendAttention<ElementF16>(DType::kF16, out);
  out.norms.push_back({"2 chains", Order::kFree, FreeRmsNorm<2>});
  out.norms.push_back({"4 chains", Order::kFree, FreeRmsNorm<4>});
  return out;
}

}  // namespace
}  // namespace tael::TAEL_ISA
