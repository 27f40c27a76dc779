// Integer matrix product (numerics.md, 5) in tiles of eight weight rows, which are the lanes of the
// float chains. The integers are those of impl/matmul_integer.inl.h in another order of exact
// additions; the chains are the same, block by block.
//
// Few activation rows: each weight block is unpacked in registers, multiplied, and the eight rows'
// partial sums are added across (VectorTile). Many: 256 weights of eight rows are turned into a
// panel in which four bytes of each row lie side by side, so that products land in their row's lane
// without any adding across, and all activation rows pass over the panel (PanelTile).
namespace tael::TAEL_ISA {
namespace {

// From this many activation rows on, making panels pays.
inline constexpr size_t kPanelMinRows = 4;
inline constexpr size_t kPanelSpan = 256;

struct IntegerProduct {
  const QuantizedRows& x;
  const uint8_t* w;
  size_t row_bytes, n;
  float* y;
  size_t ldy;

  const int8_t* Q(size_t i, size_t element) const { return x.q + i * x.k_padded + element; }
  const int16_t* Sums(size_t i, size_t element) const {
    return x.sums + (i * x.k_padded + element) / 16;
  }
  float Scale(size_t i, size_t element) const {
    return x.scales[(i * x.k_padded + element) / x.block];
  }
};

// The weight rows of the tile at j; beyond the last row, that one again.
inline void TileRows(const IntegerProduct& a, size_t j, const uint8_t* (&rows)[kRowTile]) {
  for (size_t r = 0; r < kRowTile; ++r) {
    rows[r] = a.w + (j + r < a.n ? j + r : a.n - 1) * a.row_bytes;
  }
}

template <bool Signed>
inline Words16 MulBytes(Bytes32 w, Bytes32 q) {
  return Signed ? MulBytePairs(Magnitudes(w), WithSignOf(w, q)) : MulBytePairs(w, q);
}

// One block of one row: eight partial sums of isum and, where there are minima, of msum.
template <class F>
inline Ints8 RowBlock(const F& f, const uint8_t* block, size_t r, const int8_t* q, Words16 sums,
                      Ints8* msum) {
  constexpr size_t kChunks = F::kSize / 32;
  Bytes32 w[kChunks];
  f.Weights(block, r, w);
  if constexpr (kChunks == 1) {
    return MulWordPairs(MulBytes<F::kSigned>(w[0], LoadBytes(q)), SplatWords(1));
  } else {
    RunScales runs;
    f.Runs(block, r, &runs);
    Ints8 isum = ZeroInts();
    if constexpr (F::kOffset != 0) {
      isum = MulWordPairs(MulWords(runs.subscale, SplatWords(-F::kOffset)), sums);
    }
    ForEach<kChunks>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 products = MulBytes<F::kSigned>(w[c], LoadBytes(q + 32 * c));
      isum = AddInts(isum, MulWordPairs(products, SpreadRuns(runs.subscale, static_cast<int>(c))));
    });
    if constexpr (F::kMinimum) *msum = MulWordPairs(runs.minimum, sums);
    return isum;
  }
}

// Eight outputs of activation row i.
template <class F>
inline void VectorTile(const IntegerProduct& a, F& f, size_t i, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Floats8 acc = ZeroFloats(), accm = ZeroFloats();
  for (size_t b = 0; b < a.x.k / F::kSize; ++b) {
    f.Prepare(rows, b);
    const int8_t* q = a.Q(i, b * F::kSize);
    const int16_t* sums = a.Sums(i, b * F::kSize);
    const Words16 sorted = F::kSize == 256 ? SortRuns(LoadBytes(sums)) : ZeroInts();
    Ints8 part[kRowTile], mpart[kRowTile];
    ForEach<kRowTile>([&](auto r) TAEL_INLINE_LAMBDA {
      part[r] = RowBlock(f, rows[r] + b * sizeof(typename F::Block), r, q, sorted, &mpart[r]);
    });
    Ints8 isum = SumEach(part);
    if constexpr (F::kSize == 32 && F::kOffset != 0) {
      isum = SubInts(isum, SplatInts(F::kOffset * (sums[0] + sums[1])));
    }
    const Floats8 da = SplatFloats(a.Scale(i, b * F::kSize));
    acc = FmaFloats(ToFloats(isum), MulFloats(f.Scales(rows, b), da), acc);
    if constexpr (F::kMinimum) {
      Ints8 msum;
      if constexpr (F::kSize == 32) {
        msum = SplatInts(sums[0] + sums[1]);
      } else {
        msum = SumEach(mpart);
      }
      accm = FmaFloats(ToFloats(msum), MulFloats(f.MinimumScales(rows, b), da), accm);
    }
  }
  if constexpr (F::kMinimum) acc = AddFloats(acc, accm);
  StoreFloats(acc, a.y + i * a.ldy + j, a.n - j);
}

// 256 elements of eight weight rows. Lane r of every register belongs to row r.
template <class F>
struct Panel {
  static constexpr size_t kBlocks = kPanelSpan / F::kSize;
  static constexpr bool kRuns = F::kSize == 256;
  Bytes32 w[kPanelSpan / 4];                      // elements 4g .. 4g + 3 (of |w| if kSigned)
  Bytes32 sign[F::kSigned ? kPanelSpan / 4 : 1];  // the same with their sign
  Words16 subscale[kRuns ? 16 : 1];               // of run r, twice per lane
  Words16 correction[kRuns ? 8 : 1];              // -kOffset * sub-scale of runs 2c, 2c + 1
  Words16 minimum[kRuns ? 8 : 1];                 // of runs 2c, 2c + 1
  Floats8 d[kBlocks], dm[kBlocks];
};

template <class F>
inline void FillPanelRuns(const Words16 (&subscale)[8], const Words16 (&minimum)[8],
                          Panel<F>* panel) {
  Words16 t[8];
  ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = subscale[r]; });
  TransposeWords(t);
  ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA {
    panel->subscale[2 * c] = EvenTwice(t[c]);
    panel->subscale[2 * c + 1] = OddTwice(t[c]);
    if constexpr (F::kOffset != 0) {
      panel->correction[c] = MulWords(EvenAndOdd(t[c]), SplatWords(-F::kOffset));
    }
  });
  if constexpr (F::kMinimum) {
    ForEach<8>([&](auto r) TAEL_INLINE_LAMBDA { t[r] = minimum[r]; });
    TransposeWords(t);
    ForEach<8>([&](auto c) TAEL_INLINE_LAMBDA { panel->minimum[c] = EvenAndOdd(t[c]); });
  }
}

// Integer blocks [first, first + count) of eight rows.
template <class F>
inline void FillPanel(F& f, const uint8_t* const (&rows)[kRowTile], size_t first, size_t count,
                      Panel<F>* panel) {
  constexpr size_t kChunks = F::kSize / 32;
  Bytes32 chunk[kChunks][kRowTile];
  Words16 subscale[kRowTile], minimum[kRowTile];
  for (size_t b = 0; b < count; ++b) {
    f.Prepare(rows, first + b);
    for (size_t r = 0; r < kRowTile; ++r) {
      const uint8_t* block = rows[r] + (first + b) * sizeof(typename F::Block);
      Bytes32 w[kChunks];
      f.Weights(block, r, w);
      ForEach<kChunks>([&](auto c) TAEL_INLINE_LAMBDA { chunk[c][r] = w[c]; });
      if constexpr (F::kSize == 256) {
        RunScales runs;
        f.Runs(block, r, &runs);
        subscale[r] = runs.subscale;
        if constexpr (F::kMinimum) minimum[r] = runs.minimum;
      }
    }
    for (size_t c = 0; c < kChunks; ++c) {
      Bytes32* out = panel->w + 8 * (b * kChunks + c);
      TransposeInts(chunk[c], out);
      if constexpr (F::kSigned) {
        ForEach<8>([&](auto g) TAEL_INLINE_LAMBDA {
          panel->sign[8 * (b * kChunks + c) + g] = out[g];
          out[g] = Magnitudes(out[g]);
        });
      }
    }
    if constexpr (F::kSize == 256) FillPanelRuns<F>(subscale, minimum, panel);
    panel->d[b] = f.Scales(rows, first + b);
    if constexpr (F::kMinimum) panel->dm[b] = f.MinimumScales(rows, first + b);
  }
}

// Adds run `run` of the panel times 16 activations at `q` to the sums of eight rows.
template <class F>
inline Ints8 AddRun(const Panel<F>& panel, size_t run, const int8_t* q, Ints8 isum) {
  const Words16 scale = F::kSize == 256 ? panel.subscale[run] : SplatWords(1);
  constexpr size_t kDepth = static_cast<size_t>(F::kDepth);
  ForEach<4 / kDepth>([&](auto part) TAEL_INLINE_LAMBDA {
    Words16 products = SplatWords(0);
    ForEach<kDepth>([&](auto i) TAEL_INLINE_LAMBDA {
      const size_t e = part * kDepth + i;
      Bytes32 bytes = Broadcast4Bytes(q + 4 * e);
      if constexpr (F::kSigned) bytes = WithSignOf(panel.sign[4 * run + e], bytes);
      products = AddWords(products, MulBytePairs(panel.w[4 * run + e], bytes));
    });
    isum = AddInts(isum, MulWordPairs(products, scale));
  });
  return isum;
}

// Block b of the panel, activation row i, elements from `element` on: one step of both chains.
template <class F>
inline void PanelBlock(const IntegerProduct& a, const Panel<F>& panel, size_t b, size_t i,
                       size_t element, Floats8* acc, Floats8* accm) {
  constexpr size_t kRunCount = F::kSize / 16;
  const int8_t* q = a.Q(i, element);
  const int16_t* sums = a.Sums(i, element);
  Ints8 isum = ZeroInts(), msum = ZeroInts();
  if constexpr (F::kSize == 32) {
    if constexpr (F::kOffset != 0) isum = SplatInts(-F::kOffset * (sums[0] + sums[1]));
    if constexpr (F::kMinimum) msum = SplatInts(sums[0] + sums[1]);
  } else {
    ForEach<kRunCount / 2>([&](auto c) TAEL_INLINE_LAMBDA {
      const Words16 pair = Broadcast4Bytes(sums + 2 * c);
      if constexpr (F::kOffset != 0) {
        isum = AddInts(isum, MulWordPairs(panel.correction[c], pair));
      }
      if constexpr (F::kMinimum) msum = AddInts(msum, MulWordPairs(panel.minimum[c], pair));
    });
  }
  ForEach<kRunCount>([&](auto run) TAEL_INLINE_LAMBDA {
    isum = AddRun(panel, b * kRunCount + run, q + 16 * run, isum);
  });
  const Floats8 da = SplatFloats(a.Scale(i, element));
  *acc = FmaFloats(ToFloats(isum), MulFloats(panel.d[b], da), *acc);
  if constexpr (F::kMinimum) {
    *accm = FmaFloats(ToFloats(msum), MulFloats(panel.dm[b], da), *accm);
  }
}

// Eight weight rows from j, activation rows [begin, begin + count), count <= kIntegerActs.
template <class F>
inline void PanelTile(const IntegerProduct& a, F& f, size_t begin, size_t count, size_t j) {
  const uint8_t* rows[kRowTile];
  TileRows(a, j, rows);
  Panel<F> panel;
  Floats8 acc[kIntegerActs], accm[F::kMinimum ? kIntegerActs : 1];
  for (size_t i = 0; i < count; ++i) acc[i] = ZeroFloats();
  if constexpr (F::kMinimum) {
    for (size_t i = 0; i < count; ++i) accm[i] = ZeroFloats();
  }
  const size_t blocks = a.x.k / F::kSize;
  for (size_t first = 0; first < blocks; first += Panel<F>::kBlocks) {
    const size_t left = blocks - first;
    const size_t some = left < Panel<F>::kBlocks ? left : Panel<F>::kBlocks;
    FillPanel(f, rows, first, some, &panel);
    for (size_t i = 0; i < count; ++i) {
      Floats8 chain = acc[i], chainm = ZeroFloats();
      if constexpr (F::kMinimum) chainm = accm[i];
      for (size_t b = 0; b < some; ++b) {
        PanelBlock(a, panel, b, begin + i, (first + b) * F::kSize, &chain, &chainm);
      }
      acc[i] = chain;
      if constexpr (F::kMinimum) accm[i] = chainm;
    }
  }
  for (size_t i = 0; i < count; ++i) {
    if constexpr (F::kMinimum) acc[i] = AddFloats(acc[i], accm[i]);
    StoreFloats(acc[i], a.y + (begin + i) * a.ldy + j, a.n - j);
  }
}

template <class F>
void MatmulTiles(const IntegerProduct& a, F& f) {
  const size_t m = a.x.rows;
  for (size_t begin = 0; begin < m; begin += kIntegerActs) {
    const size_t left = m - begin, count = left < kIntegerActs ? left : kIntegerActs;
    for (size_t j = 0; j < a.n; j += kRowTile) {
      if (count >= kPanelMinRows) {
        PanelTile(a, f, begin, count, j);
      } else {
        for (size_t i = 0; i < count; ++i) VectorTile(a, f, begin + i, j);
      }
    }
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
