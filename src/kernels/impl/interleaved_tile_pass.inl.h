// The passes of activation rows over a panel of interleaved_tile_panel.inl.h: products in tile
// registers, then the scales of the block in vector registers.
namespace tael::TAEL_ISA {
namespace {

// Activation rows that pass over a panel at most: their chains stay in the first-level cache.
inline constexpr size_t kTileActs = 128;

// What one pass multiplies: up to two groups of activation rows, up to two blocks of the panel.
struct TilePass {
  size_t group, groups, block, blocks;
  const int8_t* q[2];  // of each group: its first row at the block's first element
  size_t stride;
};
struct TileProducts {
  I32x16 sum[2][2][kTileRows];  // [group][plane or block][activation row]
};

inline void StoreTiles(const TilePass& pass, TileProducts* out) {
  StoreTile<0>(out->sum[0][0], kTileRowBytes);
  StoreTile<1>(out->sum[0][1], kTileRowBytes);
  if (pass.groups < 2) return;
  StoreTile<2>(out->sum[1][0], kTileRowBytes);
  StoreTile<3>(out->sum[1][1], kTileRowBytes);
}
inline void ZeroSums() {
  ZeroTile<0>();
  ZeroTile<1>();
  ZeroTile<2>();
  ZeroTile<3>();
}

// A block of 256: four products of 64 on each plane.
template <size_t Planes>
[[gnu::noinline]] void MultiplyScaled(const I32x16 (&w)[Planes][kTilePanelSpan / 4],
                                      const TilePass& pass, TileProducts* out) {
  ZeroSums();
  for (size_t step = 0; step < kTilePanelSpan / kTileRowBytes; ++step) {
    const size_t quad = step * kTileRows;
    LoadTile<6>(&w[0][quad], kTileRowBytes);
    LoadTile<4>(pass.q[0] + step * kTileRowBytes, pass.stride);
    if constexpr (Planes == 2) {
      LoadTile<7>(&w[1][quad], kTileRowBytes);
      AddSignedUnsignedProducts<0, 4, 6>();
      AddSignedProducts<1, 4, 7>();
    } else {
      AddSignedProducts<0, 4, 6>();
    }
    if (pass.groups < 2) continue;
    LoadTile<5>(pass.q[1] + step * kTileRowBytes, pass.stride);
    if constexpr (Planes == 2) {
      AddSignedUnsignedProducts<2, 5, 6>();
      AddSignedProducts<3, 5, 7>();
    } else {
      AddSignedProducts<2, 5, 6>();
    }
  }
  StoreTiles(pass, out);
}

// Two blocks of 32, the first at `w`: a product each.
[[gnu::noinline]] inline void MultiplyBlocks(const I32x16* w, const TilePass& pass,
                                             TileProducts* out) {
  ZeroSums();
  LoadTile<6>(w, kTileRowBytes);
  LoadTile<4>(pass.q[0], pass.stride);
  AddSignedProducts<0, 4, 6>();
  const bool both = pass.blocks == 2;
  if (both) {
    LoadTile<7>(w + 8, kTileRowBytes);
    LoadTile<5>(pass.q[0] + 32, pass.stride);
    AddSignedProducts<1, 5, 7>();
  }
  if (pass.groups == 2) {
    LoadTile<4>(pass.q[1], pass.stride);
    AddSignedProducts<2, 4, 6>();
    if (both) {
      LoadTile<5>(pass.q[1] + 32, pass.stride);
      AddSignedProducts<3, 5, 7>();
    }
  }
  StoreTiles(pass, out);
}

template <class Shape>
[[gnu::always_inline]] inline void Multiply(const TilePanel<Shape>& panel, const TilePass& pass,
                                            TileProducts* out) {
  if constexpr (Shape::kSize == 32) {
    MultiplyBlocks(&panel.w[0][8 * pass.block], pass, out);
  } else {
    MultiplyScaled<Shape::kPlanes>(panel.w, pass, out);
  }
}

// The running sums of every row of every group.
template <class Shape>
struct TileChains {
  F32x16 acc[kTileActs];
  F32x16 accm[Shape::kMinimum ? kTileActs : 1];
};

// Adds what a pass has multiplied to its chains; `first`: the panel's first block.
template <class Shape>
[[gnu::noinline]] void ApplyScales(const IntegerProduct& a, const ActGroups& acts,
                                   const TilePanel<Shape>& panel, size_t first,
                                   const TilePass& pass, const TileProducts& products,
                                   TileChains<Shape>* chains) {
  for (size_t g = 0; g < pass.groups; ++g) {
    const size_t row = acts.First(pass.group + g), slot = (pass.group + g) * kTileRows;
    for (size_t r = 0; r < acts.rows; ++r) {
      F32x16 acc = chains->acc[slot + r], accm = Zero();
      if constexpr (Shape::kMinimum) accm = chains->accm[slot + r];
      for (size_t b = 0; b < (Shape::kSize == 32 ? pass.blocks : 1); ++b) {
        const size_t block = pass.block + b, element = (first + block) * Shape::kSize;
        I32x16 isum = products.sum[g][Shape::kSize == 32 ? b : 0][r], msum = ZeroInts16();
        if constexpr (Shape::kSize != 32) {
          isum = Shape::kPlanes == 2 ? JoinBytes(isum, products.sum[g][1][r]) : NegateInts(isum);
        }
        if constexpr (Shape::kMinimum) {
          I32x16 none;
          StartSums(panel.scales[block], 0, a.Sums(row + r, element), &none, &msum);
        }
        StepChains(panel.scales[block], a.Scale<Shape::kSize>(row + r, element), isum, msum, &acc,
                   &accm);
      }
      chains->acc[slot + r] = acc;
      if constexpr (Shape::kMinimum) chains->accm[slot + r] = accm;
    }
  }
}

}  // namespace
}  // namespace tael::TAEL_ISA
