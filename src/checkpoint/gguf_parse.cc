// Parsing of one GGUF file from memory: header, metadata, tensor table.
//
// The bytes are untrusted. Every count is compared with what the remaining bytes can hold before
// anything is allocated for it, every sum and product is checked, and the tensors are proved to
// lie inside the data blob, aligned and apart from each other, before anyone may look at them.
#include <algorithm>
#include <bit>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/utf8.h"
#include "checkpoint/byte_reader.h"
#include "checkpoint/gguf.h"
#include "checkpoint/gguf_values.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

static_assert(std::endian::native == std::endian::little, "the readers copy little-endian numbers");

constexpr uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr size_t kMaxNameBytes = 64;     // the format's own limits
constexpr uint32_t kMaxDims = 4;
constexpr uint32_t kMinAlignment = 8, kMaxAlignment = 1 << 20;
constexpr uint64_t kMinEntryBytes = 14;   // key length, 1 byte of key, type, 1 byte of value
constexpr uint64_t kMinTensorBytes = 33;  // name length, 1 byte, rank, 1 dimension, type, offset

class Parser {
 public:
  Parser(std::span<const uint8_t> bytes, const std::string& where)
      : bytes_(bytes), where_(where), reader_(bytes, where) {}

  Gguf Parse();

 private:
  // A tensor of the table and where it lies, relative to the data blob.
  struct Entry {
    TensorInfo tensor;
    uint64_t offset = 0, size = 0;
  };

  void ReadHeader();
  void ReadMetadata();
  void ReadAlignment();
  Entry ReadTensor();
  std::string ReadName();
  void ReadShape(TensorInfo* tensor);
  DType ReadDType(const std::string& shown_name);
  void PlaceTensors();
  void RefuseOverlaps() const;

  std::span<const uint8_t> bytes_;
  const std::string& where_;
  ByteReader reader_;
  uint64_t num_tensors_ = 0, num_entries_ = 0;
  GgufMetadata metadata_;
  std::vector<Entry> table_;
};

void Parser::ReadHeader() {
  if (reader_.Number<uint32_t>("the magic") != kMagic) {
    Fail(ErrorCode::kCorrupt, "{}: does not begin with 'GGUF': not a GGUF file", where_);
  }
  const uint32_t version = reader_.Number<uint32_t>("the version");
  if (version == 0x02000000 || version == 0x03000000) {
    Fail(ErrorCode::kUnsupported,
         "{}: is a big-endian GGUF file, needed little-endian. "
         "Hint: use the little-endian file of this model.",
         where_);
  }
  if (version != 2 && version != 3) {
    Fail(ErrorCode::kUnsupported, "{}: has GGUF version {}, needed 2 or 3. Hint: {}", where_,
         version,
         version == 1 ? "version 1 is from 2023; convert the model again."
                      : "the file is damaged or newer than this program.");
  }
  metadata_.version = static_cast<int>(version);
  num_tensors_ = reader_.Count(kMinTensorBytes, "the number of tensors");
  num_entries_ = reader_.Count(kMinEntryBytes, "the number of metadata entries");
}

void Parser::ReadAlignment() {
  const GgufValue* value = metadata_.Find("general.alignment");
  if (value == nullptr) return;
  // Other readers take it as u32 only; a file they refuse is not worth a second reading here.
  const int64_t alignment = value->integer;
  if (value->type != GgufType::kU32 || alignment < kMinAlignment || alignment > kMaxAlignment ||
      !std::has_single_bit(static_cast<uint64_t>(alignment))) {
    Fail(ErrorCode::kCorrupt,
         "{}: general.alignment is {}, needed a u32 power of two from {} to {}", where_,
         value->type == GgufType::kU32 ? fmt::format("{}", alignment) : "of another type",
         kMinAlignment, kMaxAlignment);
  }
  metadata_.alignment = static_cast<uint32_t>(alignment);
}

DType Parser::ReadDType(const std::string& shown_name) {
  const uint32_t id = reader_.Number<uint32_t>("a tensor type");
  const std::optional<DType> dtype = DTypeFromGgml(id);
  if (dtype) return *dtype;
  const bool removed = id == 4 || id == 5 || (id >= 31 && id <= 33) || (id >= 36 && id <= 38);
  if (removed) {
    Fail(ErrorCode::kUnsupported,
         "{}: tensor '{}' has type {}, which was removed from the format. "
         "Hint: convert the model again (Q4_0 replaces the repacked types).",
         where_, shown_name, id);
  }
  if (id >= 97 && id < 1000) {
    Fail(ErrorCode::kUnsupported,
         "{}: tensor '{}' has type {}, one of ik_llama.cpp's own. "
         "Hint: use a file in one of the common types, such as Q4_K_M.",
         where_, shown_name, id);
  }
  Fail(ErrorCode::kUnsupported, "{}: tensor '{}' has type {}, which is not known", where_,
       shown_name, id);
}

std::string Parser::ReadName() {
  const std::string_view name = reader_.Text("a tensor name");
  if (name.empty() || name.size() > kMaxNameBytes || name.find('\0') != std::string_view::npos ||
      !IsValidUtf8(name)) {
    Fail(ErrorCode::kCorrupt,
         "{}: tensor name '{}' of {} bytes, needed 1 to {} bytes of UTF-8 without NUL", where_,
         Printable(name), name.size(), kMaxNameBytes);
  }
  return std::string(name);
}

void Parser::ReadShape(TensorInfo* tensor) {
  const std::string shown = Printable(tensor->name);
  const uint32_t rank = reader_.Number<uint32_t>("a tensor's number of dimensions");
  if (rank < 1 || rank > kMaxDims) {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' has {} dimensions, needed 1 to {}", where_, shown,
         rank, kMaxDims);
  }
  int64_t elements = 1;
  for (uint32_t i = 0; i < rank; ++i) {
    const int64_t size = reader_.Number<int64_t>("a dimension");
    if (size < 1 || __builtin_mul_overflow(elements, size, &elements)) {
      Fail(ErrorCode::kCorrupt,
           "{}: tensor '{}' has dimension {}, needed positive ones with a product below 2^63",
           where_, shown, size);
    }
    tensor->shape.insert(tensor->shape.begin(), size);  // the file lists the fastest first
  }
}

Parser::Entry Parser::ReadTensor() {
  Entry entry;
  TensorInfo& tensor = entry.tensor;
  tensor.name = ReadName();
  const std::string shown = Printable(tensor.name);
  ReadShape(&tensor);
  tensor.dtype = ReadDType(shown);
  entry.offset = reader_.Number<uint64_t>("a tensor offset");

  int64_t elements = 1;
  for (const int64_t size : tensor.shape) elements *= size;  // cannot overflow: ReadShape checked
  const int block = Info(tensor.dtype).block_size;
  if (tensor.shape.back() % block != 0) {
    Fail(ErrorCode::kCorrupt,
         "{}: tensor '{}' has rows of {} elements, but {} needs a multiple of {}", where_, shown,
         tensor.shape.back(), Name(tensor.dtype), block);
  }
  const std::optional<int64_t> size = StorageBytes(tensor.dtype, elements);
  if (!size) {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' has {} elements of {}, needed fewer than 2^63 bytes",
         where_, shown, elements, Name(tensor.dtype));
  }
  entry.size = static_cast<uint64_t>(*size);
  return entry;
}

// Turns offsets into spans, after proving that they lie inside the data blob.
void Parser::PlaceTensors() {
  const uint64_t alignment = metadata_.alignment;
  const uint64_t start = (reader_.position() + alignment - 1) / alignment * alignment;
  const uint64_t blob = start < bytes_.size() ? bytes_.size() - start : 0;
  for (Entry& entry : table_) {
    const std::string shown = Printable(entry.tensor.name);
    if (entry.offset % alignment != 0) {
      Fail(ErrorCode::kCorrupt, "{}: tensor '{}' begins at offset {}, needed a multiple of {}",
           where_, shown, entry.offset, alignment);
    }
    if (entry.offset > blob || entry.size > blob - entry.offset) {
      Fail(ErrorCode::kCorrupt,
           "{}: tensor '{}' needs {} bytes at offset {}, but there are only {} bytes of data. "
           "Hint: the file was not downloaded completely.",
           where_, shown, entry.size, entry.offset, blob);
    }
    entry.tensor.bytes = bytes_.subspan(start + entry.offset, entry.size);
  }
}

void Parser::RefuseOverlaps() const {
  std::vector<const Entry*> order;
  order.reserve(table_.size());
  for (const Entry& entry : table_) order.push_back(&entry);
  std::sort(order.begin(), order.end(),
            [](const Entry* a, const Entry* b) { return a->offset < b->offset; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (order[i - 1]->offset + order[i - 1]->size > order[i]->offset) {
      Fail(ErrorCode::kCorrupt, "{}: tensors '{}' and '{}' overlap, needed bytes of their own",
           where_, Printable(order[i - 1]->tensor.name), Printable(order[i]->tensor.name));
    }
  }
}

void Parser::ReadMetadata() {
  std::unordered_set<std::string> seen;
  for (uint64_t i = 0; i < num_entries_; ++i) {
    metadata_.entries.push_back(ReadGgufEntry(reader_));
    const std::string& key = metadata_.entries.back().first;
    if (!seen.insert(key).second) {
      Fail(ErrorCode::kCorrupt, "{}: metadata key '{}' appears twice, needed each key once", where_,
           Printable(key));
    }
  }
}

Gguf Parser::Parse() {
  metadata_.where = where_;
  ReadHeader();
  ReadMetadata();
  ReadAlignment();
  table_.reserve(num_tensors_);
  for (uint64_t i = 0; i < num_tensors_; ++i) table_.push_back(ReadTensor());
  PlaceTensors();
  RefuseOverlaps();
  Gguf gguf;
  for (Entry& entry : table_) gguf.tensors.Add(std::move(entry.tensor), where_);
  gguf.metadata = std::move(metadata_);
  return gguf;
}

}  // namespace

Gguf ParseGguf(std::span<const uint8_t> bytes, const std::string& where) {
  return Parser(bytes, where).Parse();
}

}  // namespace tael
