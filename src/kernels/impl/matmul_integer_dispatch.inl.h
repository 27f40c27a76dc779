// Chooses the format's tile code for an integer matrix product; formats without a struct of their
// own go through their unpacked form. Needs the formats, VectorTile (kRowTile weight rows, few
// activation rows) and PanelTile (kPanelRows weight rows, at least kPanelMinRows activation rows).
namespace tael::TAEL_ISA {
namespace {

template <class F>
void MatmulTiles(const IntegerProduct& a, F& f) {
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kIntegerActs) {
    const size_t left = m - begin, count = left < kIntegerActs ? left : kIntegerActs;
    if (count >= kPanelMinRows<F>) {
      for (size_t j = 0; j < a.n; j += kPanelRows) PanelTile(a, f, begin, count, j);
      continue;
    }
    for (size_t j = 0; j < a.n; j += kRowTile) VectorTile(a, f, begin, count, j);
  }
}

template <class F>
void MatmulDirect(const IntegerProduct& a) {
  F f;
  MatmulTiles(a, f);
}

template <size_t Size>
void MatmulUnpacked(const IntegerProduct& a, DType dtype) {
  AnyFormat<Size> f;
  f.dtype = dtype;
  MatmulTiles(a, f);
}

void MatmulInteger(const QuantizedRows& x, DType dtype, const uint8_t* w, size_t row_bytes,
                   size_t n, float* y, size_t ldy) noexcept {
  const IntegerProduct product{x, w, row_bytes, n, y, ldy};
  switch (dtype) {
    case DType::kQ4_0:
      return MatmulDirect<FormatQ4_0>(product);
    case DType::kQ4_1:
      return MatmulDirect<FormatQ4_1>(product);
    case DType::kQ5_0:
      return MatmulDirect<FormatQ5_0>(product);
    case DType::kQ5_1:
      return MatmulDirect<FormatQ5_1>(product);
    case DType::kQ8_0:
      return MatmulDirect<FormatQ8_0>(product);
    case DType::kIQ4_NL:
      return MatmulDirect<FormatIQ4_NL>(product);
    case DType::kMXFP4:
      return MatmulDirect<FormatMXFP4>(product);
    case DType::kQ2_K:
      return MatmulDirect<FormatQ2_K>(product);
    case DType::kQ3_K:
      return MatmulDirect<FormatQ3_K>(product);
    case DType::kQ4_K:
      return MatmulDirect<FormatQ4_K>(product);
    case DType::kQ5_K:
      return MatmulDirect<FormatQ5_K>(product);
    case DType::kQ6_K:
      return MatmulDirect<FormatQ6_K>(product);
    case DType::kIQ4_XS:
      return MatmulDirect<FormatIQ4_XS>(product);
    default:
      break;
  }
  const size_t size = IntegerBlockSize(dtype);
  if (size == 256 && !HasMinimum(dtype)) return MatmulUnpacked<256>(product, dtype);
  if (size == 32 && !HasMinimum(dtype)) return MatmulUnpacked<32>(product, dtype);
  MatmulIntegerAny(x, dtype, w, row_bytes, n, y, ldy);
}

}  // namespace
}  // namespace tael::TAEL_ISA
