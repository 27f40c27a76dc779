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
#include "quant/packed/bytes16.inl.h"
#include "quant/packed/blocks.inl.h"
// clang-format on

namespace tael {

const PackedDecoders kPlainDecoders = {.bytes = plain::DecodeByteCodes,
                                       .words = plain::DecodeWordCodes,
                                       .across = plain::DecodeAcrossCodes,
                                       .fp4 = plain::DecodeFp4Codes,
                                       .byte_blocks = plain::ByteCodeBlocks,
                                       .word_blocks = plain::WordCodeBlocks,
                                       .across_blocks = plain::AcrossCodeBlocks,
                                       .fp4_blocks = plain::Fp4CodeBlocks};

namespace {

// Inputs that share a block share a scale.
bool Fits(int64_t group_size, int64_t k) { return group_size >= k || group_size % 32 == 0; }

CodeShape ShapeOf(const ByteCodes& m, int64_t k) {
  const bool integers = m.dtype == DType::kI8 && m.zeros == nullptr;
  return {.blocks = integers && Fits(m.column_span, k) ? k / 32 : 0};
}
CodeShape ShapeOf(const WordCodes& m, int64_t k) {
  // With 8 bits, code - zero takes 9 unless all zeros are the middle.
  if (m.bits == 8 && m.zeros != nullptr) return {};
  const bool reordered = m.group_index != nullptr;
  if (reordered && (!m.even_groups || m.groups * m.group_size != k)) return {};
  return {.blocks = Fits(m.group_size, k) ? k / 32 : 0, .reordered = reordered};
}
CodeShape ShapeOf(const AcrossCodes& m, int64_t k) {
  return {.blocks = Fits(m.group_size, k) ? k / 32 : 0};
}
CodeShape ShapeOf(const Fp4Codes& m, int64_t k) {
  if (m.group_size != 16 && m.group_size != 32) return {};
  return {.blocks = k / m.group_size, .halves = m.group_size == 16};
}

}  // namespace

CodeShape CodeShapeOf(const PackedMatrix& matrix) {
  if (matrix.k % 32 != 0) return {};
  return std::visit([&](const auto& codes) { return ShapeOf(codes, matrix.k); }, matrix.codes);
}

std::vector<int32_t> GroupOrder(const PackedMatrix& matrix) {
  const auto& m = std::get<WordCodes>(matrix.codes);
  std::vector<int32_t> order(static_cast<size_t>(matrix.k));
  std::vector<int64_t> next(static_cast<size_t>(m.groups));  // where its next input goes
  for (size_t g = 0; g < next.size(); ++g) next[g] = static_cast<int64_t>(g) * m.group_size;
  for (int64_t i = 0; i < matrix.k; ++i) {
    int64_t& place = next[plain::LoadWord(m.group_index + 4 * i)];
    order[static_cast<size_t>(place++)] = static_cast<int32_t>(i);
  }
  return order;
}

bool IsFloat8(const PackedMatrix& matrix) {
  const auto* m = std::get_if<ByteCodes>(&matrix.codes);
  return m != nullptr && m->dtype == DType::kF8E4M3 && m->zeros == nullptr && matrix.k % 32 == 0 &&
         Fits(m->column_span, matrix.k);
}

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

void DecodeCodeBlocks(const PackedMatrix& matrix, RowRange rows, const PackedDecoders& decoders,
                      CodeBlock* out) noexcept {
  const int64_t k = matrix.k;
  if (const auto* bytes = std::get_if<ByteCodes>(&matrix.codes)) {
    decoders.byte_blocks(*bytes, k, rows, out);
  } else if (const auto* words = std::get_if<WordCodes>(&matrix.codes)) {
    const int32_t* order = matrix.order.empty() ? nullptr : matrix.order.data();
    decoders.word_blocks(*words, k, order, rows, out);
  } else if (const auto* across = std::get_if<AcrossCodes>(&matrix.codes)) {
    decoders.across_blocks(*across, k, rows, out);
  } else {
    decoders.fp4_blocks(std::get<Fp4Codes>(matrix.codes), k, rows, out);
  }
}

}  // namespace tael
