#include "checkpoint/write_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>
#include <utility>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file_set.h"

namespace tael {
namespace {

constexpr uint32_t kVersion = 3;
constexpr int64_t kDefaultAlignment = 32;

// Little endian, as the file is; so are the processors this runs on.
class Encoder {
 public:
  template <typename T>
  void Number(T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out_.append(bytes, sizeof(T));
  }
  void Text(std::string_view text) {
    Number(static_cast<uint64_t>(text.size()));
    out_ += text;
  }
  void Integer(GgufType type, int64_t value);
  void Float(GgufType type, double value);
  void Value(const GgufValue& value);
  void Entry(const std::string& key, const GgufValue& value) {
    Text(key);
    Number(static_cast<uint32_t>(value.type));
    Value(value);
  }
  void Raw(std::string_view bytes) { out_ += bytes; }
  void Pad(int64_t alignment) {
    const auto unit = static_cast<size_t>(alignment);
    out_.resize((out_.size() + unit - 1) / unit * unit, '\0');
  }
  std::span<const uint8_t> bytes() const {
    return {reinterpret_cast<const uint8_t*>(out_.data()), out_.size()};
  }

 private:
  std::string out_;
};

void Encoder::Integer(GgufType type, int64_t value) {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kBool:
      return Number(static_cast<uint8_t>(value));
    case GgufType::kU16:
    case GgufType::kI16:
      return Number(static_cast<uint16_t>(value));
    case GgufType::kU32:
    case GgufType::kI32:
      return Number(static_cast<uint32_t>(value));
    default:
      return Number(value);
  }
}

void Encoder::Float(GgufType type, double value) {
  if (type == GgufType::kF32) {
    Number(static_cast<float>(value));
  } else {
    Number(value);
  }
}

void Encoder::Value(const GgufValue& value) {
  switch (value.type) {
    case GgufType::kF32:
    case GgufType::kF64:
      return Float(value.type, value.number);
    case GgufType::kString:
      return Text(value.text);
    case GgufType::kArray:
      break;
    default:
      return Integer(value.type, value.integer);
  }
  Number(static_cast<uint32_t>(value.element));
  Number(static_cast<uint64_t>(value.integers.size() + value.numbers.size() + value.strings.size() +
                               value.arrays.size()));
  for (const int64_t item : value.integers) Integer(value.element, item);
  for (const double item : value.numbers) Float(value.element, item);
  for (const std::string& item : value.strings) Text(item);
  for (const GgufValue& item : value.arrays) Value(item);
}

int64_t Alignment(const GgufEntries& metadata) {
  for (const auto& [key, value] : metadata) {
    if (key != "general.alignment") continue;
    if (value.type == GgufType::kU32 && value.integer >= 8 && value.integer <= 1 << 20 &&
        value.integer % 8 == 0) {
      return value.integer;
    }
    Fail(ErrorCode::kInvalidArgument,
         "GGUF: general.alignment is {}, needed a u32 that is a multiple of 8 up to 2^20",
         value.integer);
  }
  return kDefaultAlignment;
}

void Check(const GgufEntries& metadata, const std::vector<TensorSource>& tensors) {
  std::set<std::string_view> keys, names;
  for (const auto& [key, value] : metadata) {
    if (!keys.insert(key).second || key.starts_with("split.")) {
      Fail(ErrorCode::kInvalidArgument, "GGUF: the key '{}' is {}", key,
           key.starts_with("split.") ? "for the writer to set" : "there twice");
    }
  }
  for (const TensorSource& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      Fail(ErrorCode::kInvalidArgument, "GGUF: a second tensor '{}'", tensor.name);
    }
    if (tensor.shape.empty() || tensor.shape.size() > 4) {
      Fail(ErrorCode::kInvalidArgument,
           "GGUF: tensor '{}' has {} dimensions, the format holds 1 to 4", tensor.name,
           tensor.shape.size());
    }
    if (Info(tensor.dtype).ggml_id < 0) {
      Fail(
          ErrorCode::kInvalidArgument,
          "GGUF: tensor '{}' has type {}, which the format cannot hold. Hint: choose a type for it",
          tensor.name, Name(tensor.dtype));
    }
  }
}

int64_t Padded(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// Everything before the data of one part.
Encoder Head(const GgufEntries& metadata, std::span<const TensorSource> tensors,
             int64_t alignment) {
  Encoder head;
  head.Raw("GGUF");
  head.Number(kVersion);
  head.Number(static_cast<uint64_t>(tensors.size()));
  head.Number(static_cast<uint64_t>(metadata.size()));
  for (const auto& [key, value] : metadata) head.Entry(key, value);
  int64_t offset = 0;
  for (const TensorSource& tensor : tensors) {
    head.Text(tensor.name);
    head.Number(static_cast<uint32_t>(tensor.shape.size()));
    for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) {
      head.Number(static_cast<uint64_t>(*size));
    }
    head.Number(static_cast<uint32_t>(Info(tensor.dtype).ggml_id));
    head.Number(static_cast<uint64_t>(offset));
    offset += Padded(tensor.bytes(), alignment);
  }
  head.Pad(alignment);
  return head;
}

AtomicFile WritePart(const std::string& path, const GgufEntries& metadata,
                     std::span<const TensorSource> tensors, int64_t alignment) {
  const Encoder head = Head(metadata, tensors, alignment);
  auto total = static_cast<int64_t>(head.bytes().size());
  for (const TensorSource& tensor : tensors) total += Padded(tensor.bytes(), alignment);
  AtomicFile file(path, total);
  file.Write(head.bytes());
  const std::vector<uint8_t> zeros(static_cast<size_t>(alignment));
  for (const TensorSource& tensor : tensors) {
    const int64_t bytes = tensor.bytes(), end = file.size() + bytes;
    tensor.produce([&](std::span<const uint8_t> piece) { file.Write(piece); });
    TAEL_CHECK(file.size() == end);  // a source gives what it announced
    file.Write(std::span(zeros).first(static_cast<size_t>(Padded(bytes, alignment) - bytes)));
  }
  file.Finish();
  return file;
}

GgufValue Scalar(GgufType type, int64_t value) {
  GgufValue out;
  out.type = type;
  out.integer = value;
  return out;
}

GgufValue Array(GgufType element) {
  GgufValue out;
  out.type = GgufType::kArray;
  out.element = element;
  return out;
}

}  // namespace

GgufValue GgufU16(uint16_t value) { return Scalar(GgufType::kU16, value); }
GgufValue GgufU32(uint32_t value) { return Scalar(GgufType::kU32, value); }
GgufValue GgufI32(int32_t value) { return Scalar(GgufType::kI32, value); }
GgufValue GgufBool(bool value) { return Scalar(GgufType::kBool, value ? 1 : 0); }

GgufValue GgufF32(float value) {
  GgufValue out;
  out.type = GgufType::kF32;
  out.number = static_cast<double>(value);
  return out;
}

GgufValue GgufText(std::string value) {
  GgufValue out;
  out.type = GgufType::kString;
  out.text = std::move(value);
  return out;
}

GgufValue GgufTexts(std::vector<std::string> values) {
  GgufValue out = Array(GgufType::kString);
  out.strings = std::move(values);
  return out;
}

GgufValue GgufInts(GgufType element, std::vector<int64_t> values) {
  GgufValue out = Array(element);
  out.integers = std::move(values);
  return out;
}

GgufValue GgufFloats(std::vector<float> values) {
  GgufValue out = Array(GgufType::kF32);
  out.numbers.assign(values.begin(), values.end());
  return out;
}

std::vector<std::string> GgufPaths(const std::string& path,
                                   const std::vector<TensorSource>& tensors,
                                   const GgufWriteOptions& options) {
  const size_t count = GroupBySize(tensors, options.max_shard_bytes).size();
  if (count == 1) return {path};
  const size_t stem = path.ends_with(".gguf") ? path.size() - 5 : path.size();
  std::vector<std::string> paths;
  paths.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    paths.push_back(fmt::format("{}-{:05}-of-{:05}.gguf", path.substr(0, stem), i + 1, count));
  }
  return paths;
}

std::vector<std::string> WriteGguf(const std::string& path, const GgufEntries& metadata,
                                   const std::vector<TensorSource>& tensors,
                                   const GgufWriteOptions& options) {
  Check(metadata, tensors);
  const int64_t alignment = Alignment(metadata);
  const std::vector<size_t> ends = GroupBySize(tensors, options.max_shard_bytes);
  if (ends.size() > 65535) {
    Fail(ErrorCode::kInvalidArgument, "{}: {} parts, needed at most 65535. Hint: larger ones", path,
         ends.size());
  }
  const std::vector<std::string> paths = GgufPaths(path, tensors, options);
  std::vector<AtomicFile> files;
  size_t begin = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    GgufEntries entries = i == 0 ? metadata : GgufEntries();
    if (ends.size() > 1) {
      // Every part is read with its own alignment.
      if (i > 0 && alignment != kDefaultAlignment) {
        entries.emplace_back("general.alignment", GgufU32(static_cast<uint32_t>(alignment)));
      }
      entries.emplace_back("split.no", GgufU16(static_cast<uint16_t>(i)));
      entries.emplace_back("split.count", GgufU16(static_cast<uint16_t>(ends.size())));
      entries.emplace_back("split.tensors.count", GgufI32(static_cast<int32_t>(tensors.size())));
    }
    files.push_back(WritePart(paths[i], entries, std::span(tensors).subspan(begin, ends[i] - begin),
                              alignment));
    begin = ends[i];
  }
  // The first part last: it is the one that is opened.
  std::vector<AtomicFile> ordered;
  for (; !files.empty(); files.pop_back()) ordered.push_back(std::move(files.back()));
  if (options.before_commit) options.before_commit();
  CommitTogether(ordered);
  return paths;
}

}  // namespace tael
