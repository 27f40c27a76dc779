// Reads llama2.c's tokenizer.bin: i32 longest token, then per token f32 score, i32 length, bytes.
// The vocabulary size is not in the file: tokens go on to its end. Spaces are plain spaces.
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"
#include "text/byte_alphabet.h"
#include "text/formats.h"

namespace tael {
namespace {

constexpr size_t kFirstPiece = 259;  // <unk>, <s>, </s>, 256 bytes
constexpr int32_t kMaxPieceBytes = 1 << 16;

template <typename T>
T ReadAt(std::string_view bytes, size_t pos) {
  T value;
  std::memcpy(&value, bytes.data() + pos, sizeof(T));
  return value;
}

}  // namespace

SentencePieces ReadLlama2cPieces(std::string_view bytes, std::string_view where) {
  SentencePieces pieces;
  size_t pos = 4;
  while (pos < bytes.size()) {
    if (bytes.size() - pos < 8) Fail(ErrorCode::kCorrupt, "{}: cut inside a token", where);
    const auto score = ReadAt<float>(bytes, pos);
    const auto length = ReadAt<int32_t>(bytes, pos + 4);
    pos += 8;
    if (length < 0 || length > kMaxPieceBytes || static_cast<size_t>(length) > bytes.size() - pos) {
      Fail(ErrorCode::kCorrupt, "{}: token {} claims {} bytes; {} are left", where,
           pieces.texts.size(), length, bytes.size() - pos);
    }
    const size_t id = pieces.texts.size();
    std::string text(bytes.substr(pos, static_cast<size_t>(length)));
    pos += static_cast<size_t>(length);
    if (!IsValidUtf8(text)) Fail(ErrorCode::kCorrupt, "{}: token {} is not UTF-8", where, id);
    PieceType type = PieceType::kNormal;
    if (id == 0) type = PieceType::kUnknown;
    if (id == 1 || id == 2) {
      type = PieceType::kControl;
      text = id == 1 ? "<s>" : "</s>";  // some exports decorate them with line breaks
    }
    if (id >= 3 && id < kFirstPiece) {
      type = PieceType::kByte;
      if (text != ByteTokenText(static_cast<uint8_t>(id - 3))) {
        Fail(ErrorCode::kCorrupt, "{}: token {} is '{}', needed the byte token '{}'", where, id,
             text.substr(0, 100), ByteTokenText(static_cast<uint8_t>(id - 3)));
      }
    }
    // The format writes the metaspace as a space; the rest of Tael expects it back.
    std::string spelled;
    for (const char c : text) c == ' ' ? spelled += "\xE2\x96\x81" : spelled += c;
    pieces.texts.push_back(std::move(spelled));
    pieces.scores.push_back(score);
    pieces.types.push_back(type);
  }
  if (pieces.texts.size() < kFirstPiece) {
    Fail(ErrorCode::kCorrupt, "{}: {} tokens, needed at least the {} of every llama2.c vocabulary",
         where, pieces.texts.size(), kFirstPiece);
  }
  pieces.prefix_after_special = false;
  return pieces;
}

TokenizerParts ReadLlama2cTokenizer(std::string_view bytes, std::string_view where) {
  TokenizerParts parts = PartsFromPieces(ReadLlama2cPieces(bytes, where), where);
  parts.bos = 1;
  parts.eos = 2;
  parts.prefix = {1};
  return parts;
}

}  // namespace tael
