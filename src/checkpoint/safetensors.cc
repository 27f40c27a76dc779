// Safetensors: header checks, sharded sets, and writing.
//
// The rules follow the published format: an 8-byte length, a JSON object of at most 100 MB that may
// be padded with spaces, then data that the tensors cover exactly, without holes or overlaps. This
// leaves no room for a second content in the same file.
#include "checkpoint/safetensors.h"

#include <algorithm>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr int kMaxHeaderDepth = 4;  // object, tensor, array: 3 are needed

// A tensor of the header and the range of the data it names.
struct Entry {
  TensorInfo tensor;
  uint64_t begin = 0, end = 0;
};

class HeaderReader {
 public:
  explicit HeaderReader(const std::string& where) : where_(where) {}

  Entry ReadTensor(const std::string& name, const Json& json) const;
  std::vector<std::pair<std::string, std::string>> ReadMetadata(const Json& json) const;

 private:
  [[noreturn]] void Bad(const std::string& name, const char* needed) const {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' needs {}", where_, Printable(name), needed);
  }
  int64_t ReadShape(const std::string& name, const Json& json, TensorInfo* tensor) const;

  const std::string& where_;
};

// Returns the number of elements.
int64_t HeaderReader::ReadShape(const std::string& name, const Json& json,
                                TensorInfo* tensor) const {
  constexpr const char* kNeeded = "a shape of integers from 0 with a product below 2^63";
  if (!json.is_array()) Bad(name, kNeeded);
  int64_t elements = 1;
  for (const Json& size : json.as_array()) {
    if (!size.is_int() || size.as_int() < 0 ||
        __builtin_mul_overflow(elements, size.as_int(), &elements)) {
      Bad(name, kNeeded);
    }
    tensor->shape.push_back(size.as_int());
  }
  return elements;
}

Entry HeaderReader::ReadTensor(const std::string& name, const Json& json) const {
  if (!json.is_object()) Bad(name, "an object with dtype, shape and data_offsets");
  const Json *dtype = nullptr, *shape = nullptr, *offsets = nullptr;
  for (const auto& [key, value] : json.as_object()) {
    if (key == "dtype") {
      dtype = &value;
    } else if (key == "shape") {
      shape = &value;
    } else if (key == "data_offsets") {
      offsets = &value;
    } else {
      Bad(name, "the keys dtype, shape and data_offsets only");
    }
  }
  if (dtype == nullptr || !dtype->is_string()) Bad(name, "a dtype");
  if (shape == nullptr) Bad(name, "a shape");

  Entry entry;
  entry.tensor.name = name;
  const int64_t elements = ReadShape(name, *shape, &entry.tensor);
  const std::optional<DType> known = DTypeFromSafetensors(dtype->as_string());
  if (!known) {
    Fail(ErrorCode::kUnsupported, "{}: tensor '{}' has the unknown dtype '{}'", where_,
         Printable(name), Printable(dtype->as_string()));
  }
  entry.tensor.dtype = *known;

  if (offsets == nullptr || !offsets->is_array() || offsets->as_array().size() != 2) {
    Bad(name, "data_offsets of two numbers");
  }
  const Json &begin = offsets->as_array()[0], &end = offsets->as_array()[1];
  if (!begin.is_int() || !end.is_int() || begin.as_int() < 0 || begin.as_int() > end.as_int()) {
    Bad(name, "data_offsets [begin, end] with 0 <= begin <= end");
  }
  const std::optional<int64_t> size = StorageBytes(*known, elements);
  if (!size || *size != end.as_int() - begin.as_int()) {
    Fail(ErrorCode::kCorrupt,
         "{}: tensor '{}' has {} elements of {}, which is not the {} bytes of its data_offsets",
         where_, Printable(name), elements, Name(*known), end.as_int() - begin.as_int());
  }
  entry.begin = static_cast<uint64_t>(begin.as_int());
  entry.end = static_cast<uint64_t>(end.as_int());
  return entry;
}

std::vector<std::pair<std::string, std::string>> HeaderReader::ReadMetadata(
    const Json& json) const {
  std::vector<std::pair<std::string, std::string>> metadata;
  if (!json.is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: __metadata__ is {}, needed an object of strings", where_,
         json.type_name());
  }
  for (const auto& [key, value] : json.as_object()) {
    if (!value.is_string()) {
      Fail(ErrorCode::kCorrupt, "{}: __metadata__ key '{}' is {}, needed a string", where_,
           Printable(key), value.type_name());
    }
    metadata.emplace_back(key, value.as_string());
  }
  return metadata;
}

// The text of the header: what lies between the length and the data.
std::string_view HeaderText(std::span<const uint8_t> bytes, const std::string& where) {
  uint64_t length = 0;
  if (bytes.size() < sizeof(length)) {
    Fail(ErrorCode::kCorrupt, "{}: has {} bytes, needed at least 8. Hint: {}", where, bytes.size(),
         "the file was not downloaded completely.");
  }
  std::memcpy(&length, bytes.data(), sizeof(length));
  if (length < 2 || length > kMaxHeaderBytes || length > bytes.size() - sizeof(length)) {
    Fail(ErrorCode::kCorrupt,
         "{}: the header length is {}, needed 2 to {} and no more than the {} bytes that follow. "
         "Hint: not a safetensors file, or not downloaded completely.",
         where, length, kMaxHeaderBytes, bytes.size() - sizeof(length));
  }
  std::string_view text(reinterpret_cast<const char*>(bytes.data()) + sizeof(length), length);
  const size_t last = text.find_last_not_of(' ');
  if (text.front() != '{' || last == std::string_view::npos || text[last] != '}') {
    Fail(ErrorCode::kCorrupt,
         "{}: the header must begin with '{{' and end with '}}', padded only with spaces", where);
  }
  return text.substr(0, last + 1);
}

// Points the tensors into the data, which they must cover exactly.
void PlaceTensors(std::vector<Entry>& entries, std::span<const uint8_t> data,
                  const std::string& where) {
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  uint64_t covered = 0;
  for (Entry& entry : entries) {
    if (entry.begin != covered) {
      Fail(ErrorCode::kCorrupt,
           "{}: tensor '{}' begins at byte {} of the data, needed {}: tensors may neither overlap "
           "nor leave holes",
           where, Printable(entry.tensor.name), entry.begin, covered);
    }
    if (entry.end > data.size()) {
      Fail(ErrorCode::kCorrupt,
           "{}: tensor '{}' ends at byte {} of the data, but there are only {}. "
           "Hint: the file was not downloaded completely.",
           where, Printable(entry.tensor.name), entry.end, data.size());
    }
    entry.tensor.bytes = data.subspan(entry.begin, entry.end - entry.begin);
    covered = entry.end;
  }
  if (covered != data.size()) {
    Fail(ErrorCode::kCorrupt, "{}: {} bytes follow the last tensor, needed none", where,
         data.size() - covered);
  }
}

}  // namespace

Safetensors ParseSafetensors(std::span<const uint8_t> bytes, const std::string& where) {
  const std::string_view text = HeaderText(bytes, where);
  const Json header = ParseJson(text, where, {.max_depth = kMaxHeaderDepth});
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof(length));
  Safetensors opened;
  std::vector<Entry> entries;
  entries.reserve(header.as_object().size());
  const HeaderReader reader(where);
  for (const auto& [name, json] : header.as_object()) {
    if (name == "__metadata__") {
      opened.metadata = reader.ReadMetadata(json);
    } else {
      entries.push_back(reader.ReadTensor(name, json));
    }
  }
  PlaceTensors(entries, bytes.subspan(sizeof(length) + length), where);
  for (Entry& entry : entries) opened.tensors.Add(std::move(entry.tensor), where);
  return opened;
}

Safetensors OpenSafetensorsFile(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  Safetensors opened = ParseSafetensors(file->bytes(), path);
  opened.files.push_back(std::move(file));
  return opened;
}

std::string SerializeSafetensors(const std::vector<TensorInfo>& tensors) {
  Json header{JsonObject{}};
  int64_t position = 0;
  for (const TensorInfo& tensor : tensors) {
    Json shape{JsonArray{}};
    for (const int64_t size : tensor.shape) shape.Append(size);
    const int64_t end = position + static_cast<int64_t>(tensor.bytes.size());
    Json entry{JsonObject{}};
    entry.Set("dtype", Info(tensor.dtype).safetensors);
    entry.Set("shape", std::move(shape));
    entry.Set("data_offsets", JsonArray{Json(position), Json(end)});
    header.as_object().emplace_back(tensor.name, std::move(entry));
    position = end;
  }
  std::string text = DumpJson(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');
  const uint64_t length = text.size();
  std::string out(sizeof(length), '\0');
  std::memcpy(out.data(), &length, sizeof(length));
  out += text;
  for (const TensorInfo& tensor : tensors) {
    out.append(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
  }
  return out;
}

}  // namespace tael
