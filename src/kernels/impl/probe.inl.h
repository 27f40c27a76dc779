// The measuring loops of probe_table.h. Needs the 16-lane vector, ReadVector with LoadRead, XorRead
// and FoldRead, kFmaChains, and AddByteProducts / AddSmallByteProducts with kProbeSums sums.
namespace tael::TAEL_ISA {
namespace {

// Keeps the compiler from knowing what `memory` holds: from carrying values over from one round to
// the next, and from seeing that two chains are alike.
inline void Forget(const void* memory) { asm volatile("" : : "r"(memory) : "memory"); }

// 64 bytes at p, into two of the sums.
inline void ReadLine(const uint8_t* p, ReadVector* sums) {
  constexpr size_t kLoads = 64 / sizeof(ReadVector);
  ForEach<kLoads>([&](auto i) TAEL_INLINE_LAMBDA {
    sums[i % 2] = XorRead(sums[i % 2], LoadRead(p + i * sizeof(ReadVector)));
  });
}

// `Streams` pieces of `piece` bytes that lie behind each other, a line of each in turn; `Lines`
// consecutive lines at a time.
template <size_t Streams, size_t Lines>
inline void ReadPieces(const uint8_t* p, size_t piece, ReadVector (&sums)[8]) {
  for (size_t offset = 0; offset < piece; offset += 64 * Lines) {
    ForEach<Streams>([&](auto s) TAEL_INLINE_LAMBDA {
      ForEach<Lines>([&](auto l) TAEL_INLINE_LAMBDA {
        ReadLine(p + s * piece + offset + 64 * l, sums + 2 * ((s + l) % 4));
      });
    });
  }
}

template <size_t Pages>
inline uint64_t ReadAll(const uint8_t* p, size_t bytes) {
  ReadVector sums[8] = {};
  constexpr size_t kWindow = Pages * kProbePageBytes;
  for (; bytes >= kWindow; bytes -= kWindow, p += kWindow) {
    ReadPieces<Pages, Pages == 1 ? 4 : 1>(p, kProbePageBytes, sums);
  }
  ReadPieces<1, 1>(p, bytes, sums);
  ReadVector all = sums[0];
  ForEach<7>([&](auto i) TAEL_INLINE_LAMBDA { all = XorRead(all, sums[i + 1]); });
  return FoldRead(all);
}

uint64_t ReadPages(const uint8_t* memory, size_t bytes, size_t pages) noexcept {
  switch (pages) {
    case 4:
      return ReadAll<4>(memory, bytes);
    case 8:
      return ReadAll<8>(memory, bytes);
    case 16:
      return ReadAll<16>(memory, bytes);
    default:
      return ReadAll<1>(memory, bytes);
  }
}

// Every lane goes from c + lane / 16 in chain c towards 2 by x = x / 2 + 1.
float MultiplyFloats(size_t rounds) noexcept {
  float start[kFmaChains * kLanes];
  for (size_t i = 0; i < kFmaChains * kLanes; ++i) start[i] = static_cast<float>(i) / kLanes;
  Forget(start);
  F32x16 chain[kFmaChains];
  ForEach<kFmaChains>([&](auto c) TAEL_INLINE_LAMBDA { chain[c] = Load(start + c * kLanes); });
  const F32x16 half = Splat(0.5f), one = Splat(1.0f);
  for (size_t i = 0; i < rounds; ++i) {
    ForEach<kFmaChains>([&](auto c) TAEL_INLINE_LAMBDA { chain[c] = Fma(chain[c], half, one); });
  }
  float sum = 0;
  ForEach<kFmaChains>([&](auto c) TAEL_INLINE_LAMBDA {
    float lanes[kLanes];
    Store(chain[c], lanes);
    for (const float lane : lanes) sum += lane;
  });
  return sum;
}

// All weights times 3; every sum takes its piece of kProbeWeightBytes / kProbeSums bytes.
template <bool Small>
inline uint32_t MultiplyAll(const uint8_t* weights, size_t rounds) {
  ProbeSum sums[kProbeSums] = {};
  for (size_t i = 0; i < rounds; ++i) {
    Forget(weights);
    ForEach<kProbeSums>([&](auto s) TAEL_INLINE_LAMBDA {
      const uint8_t* piece = weights + s * (kProbeWeightBytes / kProbeSums);
      sums[s] = Small ? AddSmallByteProducts(sums[s], piece) : AddByteProducts(sums[s], piece);
    });
  }
  uint32_t total = 0;
  ForEach<kProbeSums>([&](auto s) TAEL_INLINE_LAMBDA { total += FoldSum(sums[s]); });
  return total;
}

uint32_t MultiplyBytes(const uint8_t* weights, size_t rounds) noexcept {
  return MultiplyAll<false>(weights, rounds);
}

uint32_t MultiplySmallBytes(const uint8_t* weights, size_t rounds) noexcept {
  return MultiplyAll<true>(weights, rounds);
}

}  // namespace
}  // namespace tael::TAEL_ISA
