// The tile of interleaved rows for few activation rows on x86, from the parts of
// interleaved_pair_tile.inl.h or interleaved_line_tile.inl.h:
//   TileSum              sums of products that are not finished
//   StartTile            the parts of a block that do not come from products of weights
//   FirstSum, LastSum    from them to sums, and what sums come to
//   AddPiece             adds a piece of a block times activation rows
namespace tael::TAEL_ISA {
namespace {

// Eight outputs of each of the activation rows [i, i + Acts): rows j .. j + 7 of the weights.
template <class F, size_t Acts>
[[gnu::noinline]] void StripTile(const StripProduct<F>& product, size_t i, size_t j) {
  const IntegerProduct& a = product.a;
  Floats8 acc[Acts], accm[Acts];
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { acc[s] = accm[s] = ZeroFloats(); });
  StripRuns runs;
  const size_t blocks = product.blocks();
  constexpr size_t kPieceBytes = kRowTile * F::kBytes / F::kPieces;
  for (size_t b = 0; b < blocks; ++b) {
    const StripBlock block = product.Block(j, b);
    const uint8_t* part = product.Part(j, b);
    F::Runs(block, &runs);
    const size_t element = b * F::kSize;
    const int8_t* q[Acts];
    Ints8 start[Acts], msum[Acts];
    TileSum isum[Acts];
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      q[s] = a.Q(i + s, element);
      StartTile<F>(runs, a.Sums(i + s, element), &start[s], &msum[s]);
      isum[s] = FirstSum(start[s]);
    });
    for (size_t piece = 0; piece < F::kPieces; ++piece, part += kPieceBytes) {
      AddPiece<F, Acts>(block, runs, piece, q, part, isum);
      ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA { q[s] += 4 * F::kPieceQuads; });
    }
    const StripScales scales = F::Scales(block);
    ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
      const Floats8 da = SplatFloats(a.Scale<F::kSize>(i + s, element));
      const Ints8 sum = LastSum(start[s], isum[s]);
      acc[s] = FmaFloats(ToFloats(sum), MulFloats(scales.d, da), acc[s]);
      if constexpr (F::kMinimum) {
        accm[s] = FmaFloats(ToFloats(msum[s]), MulFloats(scales.dm, da), accm[s]);
      }
    });
  }
  ForEach<Acts>([&](auto s) TAEL_INLINE_LAMBDA {
    if constexpr (F::kMinimum) acc[s] = AddFloats(acc[s], accm[s]);
    StoreFloats(acc[s], a.y + (i + s) * a.ldy + j, kRowTile);
  });
}

}  // namespace
}  // namespace tael::TAEL_ISA
