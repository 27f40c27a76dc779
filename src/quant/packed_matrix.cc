// The plain decoders of packed matrices, which define their values.
#include "quant/packed_matrix.h"

#include <bit>
#include <cstring>

#include "quant/float_bits.h"
#include "quant/fp4.h"

#define TAEL_ISA plain

// clang-format off
// In the order of use.
#include "quant/packed/values.inl.h"
#include "quant/packed/bytes.inl.h"
#include "quant/packed/words.inl.h"
#include "quant/packed/across.inl.h"
#include "quant/packed/fp4.inl.h"
// clang-format on

namespace tael {

const PackedDecoders kPlainDecoders = {.bytes = plain::DecodeByteCodes,
                                       .words = plain::DecodeWordCodes,
                                       .across = plain::DecodeAcrossCodes,
                                       .fp4 = plain::DecodeFp4Codes};

void DecodePacked(const PackedMatrix& matrix, RowRange rows, const PackedDecoders& decoders,
                  float* out) noexcept {
  const int64_t k = matrix.k;
  if (const auto* bytes = std::get_if<ByteCodes>(&matrix.codes)) {
    decoders.bytes(*bytes, k, rows, out);
  } else if (const auto* words = std::get_if<WordCodes>(&matrix.codes)) {
    decoders.words(*words, k, rows, out);
  } else if (const auto* across = std::get_if<AcrossCodes>(&matrix.codes)) {
    decoders.across(*across, k, rows, out);
  } else {
    decoders.fp4(std::get<Fp4Codes>(matrix.codes), k, rows, out);
  }
}

}  // namespace tael
