// The integer matrix product over interleaved rows on NEON for many activation rows: 256 weights of
// a strip are unpacked into the panel of neon_tiles.h, and its passes go on.
namespace tael::TAEL_ISA {
namespace {

// Blocks [first, first + count) of the strip of rows j .. j + 7.
template <class F>
[[gnu::noinline]] void FillStripPanel(const StripProduct<F>& product, size_t j, size_t first,
                                      size_t count, Panel<typename F::Rows>* panel) {
  for (size_t b = 0; b < count; ++b) {
    const StripBlock block = product.Block(j, first + b);
    FetchStrip<F>(block);
    for (size_t piece = 0; piece < F::kPieces; ++piece) {
      const size_t at = b * F::kSize / 4 + piece * F::kPieceQuads;
      ForEach<F::kPieceQuads>([&](auto g) TAEL_INLINE_LAMBDA {
        const Quad8 w = F::template Quad<g>(block, piece);
        panel->w[at + g][0] = vreinterpretq_s8_u8(w.lo);
        panel->w[at + g][1] = vreinterpretq_s8_u8(w.hi);
      });
    }
    F::Runs(block, {panel->subscale, panel->minimum});
    const StripScales scales = F::Scales(block);
    panel->d[b] = scales.d;
    panel->dm[b] = scales.dm;
  }
}

// `Strips`, which is 1: the strip of rows j .. j + 7 with activation rows [begin, begin + count),
// count <= kIntegerActs.
template <class F, size_t Strips>
inline void StripPanels(const StripProduct<F>& product, size_t begin, size_t count, size_t j) {
  static_assert(Strips == 1);
  PassPanels<typename F::Rows, Panel<typename F::Rows>>(
      product.a, begin, count, j, product.blocks(),
      [&](size_t first, size_t some, Panel<typename F::Rows>* panel)
          TAEL_INLINE_LAMBDA { FillStripPanel(product, j, first, some, panel); });
}

}  // namespace
}  // namespace tael::TAEL_ISA
