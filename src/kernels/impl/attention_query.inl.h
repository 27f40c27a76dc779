// Queries in 8 bits, for scores with keys of Q8_0 (numerics.md, 6). They lie in the scratch memory
// of a call, behind the keys or values at hand.
namespace tael::TAEL_ISA {
namespace {

// One row of a query: per block of 32 elements its numbers, their scale and the sums of both
// halves.
struct QueryCodes {
  int8_t* q;
  float* scales;
  int16_t* sums;
};

inline QueryCodes CodesOf(const AttentionArgs& a, size_t row) {
  const size_t blocks = a.head_dim / ElementQ8::kBlock;
  float* scales = a.scratch + AttentionFloats(a.head_dim);
  auto* sums = reinterpret_cast<int16_t*>(scales + kAttentionRows * blocks);
  auto* q = reinterpret_cast<int8_t*>(sums + 2 * kAttentionRows * blocks);
  return {q + row * a.head_dim, scales + row * blocks, sums + row * 2 * blocks};
}

inline void CodeQuery(const AttentionArgs& a, const float* query, size_t row) {
  constexpr size_t kBlock = ElementQ8::kBlock;
  const QueryCodes codes = CodesOf(a, row);
  for (size_t b = 0; b * kBlock < a.head_dim; ++b) {
    codes.scales[b] =
        QuantizeBlock(query + b * kBlock, kBlock, kBlock, codes.q + b * kBlock, codes.sums + 2 * b);
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
