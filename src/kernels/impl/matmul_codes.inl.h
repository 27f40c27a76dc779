// Integer matrix product (numerics.md, 5) with code blocks of packed matrices, row by row.
namespace tael::TAEL_ISA {
namespace {

void MatmulCodesAny(const QuantizedRows& x, const CodeBlock* w, size_t n, float* y,
                    size_t ldy) noexcept {
  const size_t blocks = x.k / 32;
  for (size_t i = 0; i < x.rows; ++i) {
    for (size_t j = 0; j < n; ++j) {
      float acc = 0.0f;
      for (size_t b = 0; b < blocks; ++b) {
        const CodeBlock& block = w[j * blocks + b];
        const int8_t* q = x.q + i * x.k_padded + 32 * b;
        int32_t isum = 0;
        for (size_t e = 0; e < 32; ++e) isum += block.w[e] * q[e];
        const float da = x.scales[i * x.k_padded / 32 + b];
        acc = FmaScalar(static_cast<float>(isum), block.d * da, acc);
      }
      y[i * ldy + j] = acc;
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
