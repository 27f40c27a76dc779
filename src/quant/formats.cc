// The table of block formats: one line per format (docs/howto/add-a-format.md).
#include <array>
#include <cstring>

#include "quant/block_format.h"
#include "quant/fp4.h"
#include "quant/iq1.h"
#include "quant/iq2.h"
#include "quant/iq3.h"
#include "quant/iq4.h"
#include "quant/k_quants.h"
#include "quant/legacy.h"
#include "quant/low_bit.h"

namespace tael {
namespace {

template <typename Block>
Block Load(const uint8_t* bytes) noexcept {
  Block block;
  std::memcpy(&block, bytes, sizeof(block));
  return block;
}

template <typename Block>
void UnpackAt(const uint8_t* bytes, size_t part, IntegerBlock* out) noexcept {
  Unpack(Load<Block>(bytes), part, out);
}

template <typename Block>
bool SurelyFiniteAt(const uint8_t* bytes) noexcept {
  return Load<Block>(bytes).SurelyFinite();
}

enum class Offset { kNone, kMinimum };
enum class Use { kWeights, kActivations };

template <typename Block>
constexpr BlockFormat Of(DType dtype, size_t elements, size_t unit, Offset offset = Offset::kNone,
                         Use use = Use::kWeights) {
  return {.dtype = dtype,
          .elements = elements,
          .unit = unit,
          .bytes = sizeof(Block),
          .has_minimum = offset == Offset::kMinimum,
          .integer_form = use == Use::kWeights,
          .unpack = &UnpackAt<Block>,
          .surely_finite = &SurelyFiniteAt<Block>};
}

// clang-format off
constexpr BlockFormat kFormats[] = {
    //                         type        block unit
    Of<BlockQ4_0>   (DType::kQ4_0,      32,  32),
    Of<BlockQ4_1>   (DType::kQ4_1,      32,  32, Offset::kMinimum),
    Of<BlockQ5_0>   (DType::kQ5_0,      32,  32),
    Of<BlockQ5_1>   (DType::kQ5_1,      32,  32, Offset::kMinimum),
    Of<BlockQ8_0>   (DType::kQ8_0,      32,  32),
    Of<BlockQ8_1>   (DType::kQ8_1,      32,  32, Offset::kNone, Use::kActivations),
    Of<BlockQ2_K>   (DType::kQ2_K,     256, 256, Offset::kMinimum),
    Of<BlockQ3_K>   (DType::kQ3_K,     256, 256),
    Of<BlockQ4_K>   (DType::kQ4_K,     256, 256, Offset::kMinimum),
    Of<BlockQ5_K>   (DType::kQ5_K,     256, 256, Offset::kMinimum),
    Of<BlockQ6_K>   (DType::kQ6_K,     256, 256),
    Of<BlockQ8_K>   (DType::kQ8_K,     256, 256, Offset::kNone, Use::kActivations),
    Of<BlockIQ1_S>  (DType::kIQ1_S,    256, 256),
    Of<BlockIQ1_M>  (DType::kIQ1_M,    256, 256),
    Of<BlockIQ2_XXS>(DType::kIQ2_XXS,  256, 256),
    Of<BlockIQ2_XS> (DType::kIQ2_XS,   256, 256),
    Of<BlockIQ2_S>  (DType::kIQ2_S,    256, 256),
    Of<BlockIQ3_XXS>(DType::kIQ3_XXS,  256, 256),
    Of<BlockIQ3_S>  (DType::kIQ3_S,    256, 256),
    Of<BlockIQ4_NL> (DType::kIQ4_NL,    32,  32),
    Of<BlockIQ4_XS> (DType::kIQ4_XS,   256, 256),
    Of<BlockTQ1_0>  (DType::kTQ1_0,    256, 256),
    Of<BlockTQ2_0>  (DType::kTQ2_0,    256, 256),
    Of<BlockMXFP4>  (DType::kMXFP4,     32,  32),
    Of<BlockNVFP4>  (DType::kNVFP4,     64,  16),
    Of<BlockQ1_0>   (DType::kQ1_0,     128,  32),
    Of<BlockQ2_0>   (DType::kQ2_0,      64,  32),
};
// clang-format on

// kFormats by DType.
constexpr auto kByType = [] {
  std::array<const BlockFormat*, static_cast<size_t>(DType::kCount)> table{};
  for (const BlockFormat& format : kFormats) table[static_cast<size_t>(format.dtype)] = &format;
  return table;
}();

}  // namespace

const BlockFormat* FindBlockFormat(DType dtype) {
  const size_t index = static_cast<size_t>(dtype);
  return index < kByType.size() ? kByType[index] : nullptr;
}

}  // namespace tael
