// Integer matrix product (numerics.md, 5) for every block format, through its unpacked integer
// form. Weight blocks are unpacked once for up to 64 activation rows.
namespace tael::TAEL_ISA {
namespace {

// The integers of one weight block times one activation block.
struct BlockSums {
  int32_t isum, msum;
};

inline BlockSums DotBlock(const IntegerBlock& w, size_t size, const int8_t* q,
                          const int16_t* sums) {
  BlockSums total{0, 0};
  for (size_t run = 0; run < size / 16; ++run) {
    int32_t dot = 0;
    for (size_t i = 0; i < 16; ++i) dot += w.w[run * 16 + i] * q[run * 16 + i];
    total.isum += w.subscale[run] * dot;
    total.msum += w.minimum[run] * sums[run];
  }
  return total;
}

// Outputs of weight row j for activation rows [begin, begin + count), count <= kUnpackedActs.
inline constexpr size_t kUnpackedActs = 64;

inline void IntegerRow(const QuantizedRows& x, DType dtype, const uint8_t* row, size_t begin,
                       size_t count, float* y, size_t ldy) {
  float acc[kUnpackedActs] = {}, accm[kUnpackedActs] = {};
  const size_t size = IntegerBlockSize(dtype), scales = x.k_padded / x.block;
  IntegerBlock block;
  for (size_t b = 0; b < x.k / size; ++b) {
    UnpackIntegerBlock(dtype, row, b, &block);
    for (size_t i = 0; i < count; ++i) {
      const size_t element = (begin + i) * x.k_padded + b * size;
      const BlockSums sums = DotBlock(block, size, x.q + element, x.sums + element / 16);
      const float da = x.scales[(begin + i) * scales + b * size / x.block];
      acc[i] = FmaScalar(static_cast<float>(sums.isum), block.d * da, acc[i]);
      accm[i] = FmaScalar(static_cast<float>(sums.msum), block.dm * da, accm[i]);
    }
  }
  const bool offset = HasMinimum(dtype);
  for (size_t i = 0; i < count; ++i) y[i * ldy] = offset ? acc[i] + accm[i] : acc[i];
}

void MatmulIntegerAny(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                      size_t n, float* y, size_t ldy) noexcept {
  for (size_t begin = 0; begin < x.rows; begin += kUnpackedActs) {
    const size_t left = x.rows - begin, count = left < kUnpackedActs ? left : kUnpackedActs;
    for (size_t j = 0; j < n; ++j) {
      IntegerRow(x, dtype, w + j * row_bytes, begin, count, y + begin * ldy + j, ldy);
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
