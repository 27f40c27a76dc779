// Integer matrix product with code blocks of packed matrices, in the tiles of the block formats.
namespace tael::TAEL_ISA {
namespace {

void MatmulCodes(const QuantizedRows& x, const CodeBlock* w, size_t n, float* y,
                 size_t ldy) noexcept {
  const size_t row_bytes = x.k / 32 * sizeof(CodeBlock);
  const IntegerProduct product{x, reinterpret_cast<const uint8_t*>(w), row_bytes, n, y, ldy};
  MatmulDirect<FormatCodes>(product);
}

}  // namespace
}  // namespace tael::TAEL_ISA
