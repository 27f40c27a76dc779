// Reads tokenizer.model: the protocol buffer ModelProto of SentencePiece.
#include <cstring>

#include "base/error.h"
#include "base/utf8.h"
#include "text/formats.h"

namespace tael {
namespace {

// Fields of one protocol buffer message, in order. Borrows the bytes.
class ProtoReader {
 public:
  ProtoReader(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

  struct Field {
    uint32_t number = 0;
    uint64_t integer = 0;    // varints and fixed-width values (bits)
    std::string_view bytes;  // length-delimited values
    bool is_bytes = false;
    float number32() const {
      const auto bits = static_cast<uint32_t>(integer);
      float value;
      std::memcpy(&value, &bits, 4);
      return value;
    }
  };

  // False at the end.
  bool Next(Field* field) {
    if (pos_ == bytes_.size()) return false;
    const uint64_t tag = Varint();
    *field = {};
    field->number = static_cast<uint32_t>(tag >> 3);
    switch (tag & 7) {
      case 0:
        field->integer = Varint();
        break;
      case 1:
        field->integer = Fixed(8);
        break;
      case 2: {
        const uint64_t size = Varint();
        if (size > bytes_.size() - pos_) Broken("a field longer than the file");
        field->bytes = bytes_.substr(pos_, size);
        field->is_bytes = true;
        pos_ += size;
        break;
      }
      case 5:
        field->integer = Fixed(4);
        break;
      default:
        Broken("a wire type that does not exist");
    }
    return true;
  }

 private:
  [[noreturn]] void Broken(const char* what) const {
    Fail(ErrorCode::kCorrupt, "{}: not a SentencePiece model: {} at byte {}", where_, what, pos_);
  }
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (pos_ == bytes_.size()) Broken("the end inside a number");
      const auto byte = static_cast<uint8_t>(bytes_[pos_++]);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    Broken("a number that is too long");
  }
  uint64_t Fixed(size_t size) {
    if (bytes_.size() - pos_ < size) Broken("the end inside a number");
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + pos_, size);
    pos_ += size;
    return value;
  }

  std::string_view bytes_, where_;
  size_t pos_ = 0;
};

struct ModelFile {
  SentencePieces pieces;
  int64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  int64_t bos = 1, eos = 2;
  bool treat_whitespace_as_suffix = false;
};

void ReadPiece(std::string_view bytes, std::string_view where, SentencePieces& pieces) {
  ProtoReader reader(bytes, where);
  ProtoReader::Field field;
  std::string text;
  double score = 0;
  uint64_t type = 1;
  while (reader.Next(&field)) {
    if (field.number == 1) text = field.bytes;
    if (field.number == 2) score = field.number32();
    if (field.number == 3) type = field.integer;
  }
  if (type < 1 || type > 6) {
    Fail(ErrorCode::kUnsupported, "{}: piece {} has type {}, known are 1 to 6", where,
         pieces.texts.size(), type);
  }
  if (!IsValidUtf8(text)) {
    Fail(ErrorCode::kCorrupt, "{}: piece {} is not UTF-8", where, pieces.texts.size());
  }
  pieces.texts.push_back(std::move(text));
  pieces.scores.push_back(score);
  pieces.types.push_back(static_cast<PieceType>(type));
}

void ReadTrainer(std::string_view bytes, std::string_view where, ModelFile& file) {
  ProtoReader reader(bytes, where);
  ProtoReader::Field field;
  while (reader.Next(&field)) {
    const auto integer = static_cast<int64_t>(field.integer);
    if (field.number == 3) file.model_type = integer;
    if (field.number == 24) file.treat_whitespace_as_suffix = integer != 0;
    if (field.number == 35) file.pieces.byte_fallback = integer != 0;
    if (field.number == 41) file.bos = integer;
    if (field.number == 42) file.eos = integer;
  }
}

void ReadNormalizer(std::string_view bytes, std::string_view where, ModelFile& file) {
  ProtoReader reader(bytes, where);
  ProtoReader::Field field;
  bool escapes = true;
  while (reader.Next(&field)) {
    const bool flag = field.integer != 0;
    if (field.number == 2) file.pieces.charsmap = field.bytes;
    if (field.number == 3) file.pieces.add_dummy_prefix = flag;
    if (field.number == 4) file.pieces.remove_extra_whitespaces = flag;
    if (field.number == 5) escapes = flag;
  }
  if (!escapes) {
    Fail(ErrorCode::kUnsupported, "{}: escape_whitespaces = false is not implemented", where);
  }
}

ModelFile ReadModelFile(std::string_view bytes, std::string_view where) {
  ModelFile file;
  file.pieces.remove_extra_whitespaces = true;  // the format's default
  ProtoReader reader(bytes, where);
  ProtoReader::Field field;
  while (reader.Next(&field)) {
    if (field.number <= 3 && !field.is_bytes) {
      Fail(ErrorCode::kCorrupt, "{}: not a SentencePiece model: field {} is no message", where,
           field.number);
    }
    if (field.number == 1) ReadPiece(field.bytes, where, file.pieces);
    if (field.number == 2) ReadTrainer(field.bytes, where, file);
    if (field.number == 3) ReadNormalizer(field.bytes, where, file);
  }
  if (file.model_type != 1 && file.model_type != 2) {
    Fail(ErrorCode::kUnsupported, "{}: SentencePiece model type {}. Known: 1 (unigram), 2 (BPE)",
         where, file.model_type);
  }
  if (file.treat_whitespace_as_suffix) {
    Fail(ErrorCode::kUnsupported, "{}: treat_whitespace_as_suffix is not implemented", where);
  }
  return file;
}

bool ConfigFlag(const Json& config, std::string_view key, bool fallback) {
  const Json* value = config.Find(key);
  return value != nullptr && value->is_bool() ? value->as_bool() : fallback;
}

}  // namespace

TokenizerParts ReadSentencePiece(std::string_view bytes, const Json& config,
                                 std::string_view where) {
  ModelFile file = ReadModelFile(bytes, where);
  file.pieces.unigram = file.model_type == 1;
  // Transformers' "legacy" tokenizers put the prefix after every special token; later ones do not.
  file.pieces.prefix_after_special = ConfigFlag(config, "legacy", true);
  const auto count = static_cast<int64_t>(file.pieces.texts.size());
  TokenizerParts parts = PartsFromPieces(std::move(file.pieces), where);
  if (file.bos >= 0 && file.bos < count) parts.bos = static_cast<TokenId>(file.bos);
  if (file.eos >= 0 && file.eos < count) parts.eos = static_cast<TokenId>(file.eos);
  ApplyTokenizerConfig(config, parts);
  if (parts.bos && ConfigFlag(config, "add_bos_token", file.model_type == 2)) {
    parts.prefix.push_back(*parts.bos);
  }
  if (parts.eos && ConfigFlag(config, "add_eos_token", false)) parts.suffix.push_back(*parts.eos);
  return parts;
}

}  // namespace tael
