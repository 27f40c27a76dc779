// The generated Unicode tables behind unicode.h (tools/make_unicode_tables.py).
#pragma once

#include <cstdint>

namespace tael::unicode {

// Two-stage tables over code points: blocks[index[c / 128] * 128 + c % 128].
extern const uint16_t kClassIndex[], kClassBlocks[];          // bits of CharClass
extern const uint16_t kNormIndex[], kNormBlocks[];            // combining class, quick checks
extern const uint16_t kCanonicalIndex[], kCanonicalBlocks[];  // offset into the pool, 0 = none
extern const uint16_t kCompatIndex[], kCompatBlocks[];        // the same, with compatibility

extern const uint32_t kDecompositionPool[];  // at an offset: count, then that many code points
extern const uint32_t kComposition[];        // (first, second, composed), sorted
extern const int kCompositionCount;
extern const uint32_t kLowercase[];  // (code point, its simple lower case), sorted
extern const int kLowercaseCount;

inline uint16_t Lookup(const uint16_t* index, const uint16_t* blocks, char32_t c) {
  return blocks[index[c >> 7] * 128u + (c & 127)];
}

}  // namespace tael::unicode
