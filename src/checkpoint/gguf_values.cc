// Reading of GGUF metadata keys and values.
#include "checkpoint/gguf_values.h"

#include <utility>

#include "base/utf8.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr int kMaxArrayDepth = 8;       // arrays of arrays; real files have none
constexpr size_t kMaxKeyBytes = 65535;  // the format's own limit

// Bytes of a scalar, or the least that one element of the type takes in an array.
constexpr uint64_t kTypeBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

class ValueReader {
 public:
  explicit ValueReader(ByteReader& reader) : reader_(reader) {}

  std::string ReadKey();
  GgufType ReadType(const char* what);
  GgufValue ReadValue(GgufType type);

 private:
  void ReadScalar(GgufType type, GgufValue* value);
  void ReadArray(int depth, GgufValue* value);
  template <typename T>
  void ReadIntegers(uint64_t count, std::vector<int64_t>* out);
  template <typename T>
  void ReadNumbers(uint64_t count, std::vector<double>* out);
  bool ReadBool();

  ByteReader& reader_;
};

std::string ValueReader::ReadKey() {
  const std::string_view key = reader_.Text("a metadata key");
  if (key.empty() || key.size() > kMaxKeyBytes || key.find('\0') != std::string_view::npos ||
      !IsValidUtf8(key)) {
    Fail(ErrorCode::kCorrupt,
         "{}: metadata key '{}' of {} bytes, needed 1 to {} bytes of UTF-8 without NUL",
         reader_.where(), Printable(key), key.size(), kMaxKeyBytes);
  }
  return std::string(key);
}

GgufType ValueReader::ReadType(const char* what) {
  const uint32_t type = reader_.Number<uint32_t>(what);
  if (type >= std::size(kTypeBytes)) {
    Fail(ErrorCode::kCorrupt, "{}: {} is {}, needed 0 to 12", reader_.where(), what, type);
  }
  return static_cast<GgufType>(type);
}

bool ValueReader::ReadBool() {
  const uint8_t value = reader_.Number<uint8_t>("a boolean");
  if (value > 1)
    Fail(ErrorCode::kCorrupt, "{}: a boolean is {}, needed 0 or 1", reader_.where(), value);
  return value != 0;
}

void ValueReader::ReadScalar(GgufType type, GgufValue* value) {
  constexpr const char* kWhat = "a metadata value";
  switch (type) {
    case GgufType::kU8:
      value->integer = reader_.Number<uint8_t>(kWhat);
      break;
    case GgufType::kI8:
      value->integer = reader_.Number<int8_t>(kWhat);
      break;
    case GgufType::kU16:
      value->integer = reader_.Number<uint16_t>(kWhat);
      break;
    case GgufType::kI16:
      value->integer = reader_.Number<int16_t>(kWhat);
      break;
    case GgufType::kU32:
      value->integer = reader_.Number<uint32_t>(kWhat);
      break;
    case GgufType::kI32:
      value->integer = reader_.Number<int32_t>(kWhat);
      break;
    case GgufType::kU64:
      value->integer = reader_.Number<int64_t>(kWhat);
      break;  // keeps the bits
    case GgufType::kI64:
      value->integer = reader_.Number<int64_t>(kWhat);
      break;
    case GgufType::kF32:
      value->number = reader_.Number<float>(kWhat);
      break;
    case GgufType::kF64:
      value->number = reader_.Number<double>(kWhat);
      break;
    case GgufType::kBool:
      value->integer = ReadBool();
      break;
    case GgufType::kString:
      value->text = reader_.Text("a string value");
      break;
    case GgufType::kArray:
      break;  // no scalar
  }
}

template <typename T>
void ValueReader::ReadIntegers(uint64_t count, std::vector<int64_t>* out) {
  out->reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    out->push_back(static_cast<int64_t>(reader_.Number<T>("an array element")));
  }
}

template <typename T>
void ValueReader::ReadNumbers(uint64_t count, std::vector<double>* out) {
  out->reserve(count);
  for (uint64_t i = 0; i < count; ++i) out->push_back(reader_.Number<T>("an array element"));
}

void ValueReader::ReadArray(int depth, GgufValue* value) {
  if (depth >= kMaxArrayDepth) {
    Fail(ErrorCode::kCorrupt, "{}: arrays are nested deeper than {} levels", reader_.where(),
         kMaxArrayDepth);
  }
  value->element = ReadType("the type of array elements");
  const uint64_t count =
      reader_.Count(kTypeBytes[static_cast<int>(value->element)], "the length of an array");
  switch (value->element) {
    case GgufType::kU8:
      ReadIntegers<uint8_t>(count, &value->integers);
      break;
    case GgufType::kI8:
      ReadIntegers<int8_t>(count, &value->integers);
      break;
    case GgufType::kU16:
      ReadIntegers<uint16_t>(count, &value->integers);
      break;
    case GgufType::kI16:
      ReadIntegers<int16_t>(count, &value->integers);
      break;
    case GgufType::kU32:
      ReadIntegers<uint32_t>(count, &value->integers);
      break;
    case GgufType::kI32:
      ReadIntegers<int32_t>(count, &value->integers);
      break;
    case GgufType::kU64:
    case GgufType::kI64:
      ReadIntegers<int64_t>(count, &value->integers);
      break;
    case GgufType::kF32:
      ReadNumbers<float>(count, &value->numbers);
      break;
    case GgufType::kF64:
      ReadNumbers<double>(count, &value->numbers);
      break;
    case GgufType::kBool:
      value->integers.reserve(count);
      for (uint64_t i = 0; i < count; ++i) value->integers.push_back(ReadBool());
      break;
    case GgufType::kString:
      value->strings.reserve(count);
      for (uint64_t i = 0; i < count; ++i) value->strings.emplace_back(reader_.Text("a string"));
      break;
    case GgufType::kArray:
      for (uint64_t i = 0; i < count; ++i) {
        GgufValue inner;
        inner.type = GgufType::kArray;
        ReadArray(depth + 1, &inner);
        value->arrays.push_back(std::move(inner));
      }
      break;
  }
}

GgufValue ValueReader::ReadValue(GgufType type) {
  GgufValue value;
  value.type = type;
  if (type == GgufType::kArray) {
    ReadArray(0, &value);
  } else {
    ReadScalar(type, &value);
  }
  return value;
}

}  // namespace

std::pair<std::string, GgufValue> ReadGgufEntry(ByteReader& reader) {
  ValueReader values(reader);
  std::string key = values.ReadKey();
  const GgufType type = values.ReadType("the type of a metadata value");
  return {std::move(key), values.ReadValue(type)};
}

}  // namespace tael
