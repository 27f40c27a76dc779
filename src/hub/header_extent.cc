// Walks over the lengths in a header; what the values are is the checkpoint readers' business.
#include "hub/header_extent.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace tael {
namespace {

constexpr int64_t kMostHeaderBytes = int64_t{1} << 30;
constexpr uint64_t kMostEntries = 1 << 24;

// Thrown when the walk leaves the bytes at hand.
struct NeedsMore {
  int64_t bytes;
};

class GgufWalk {
 public:
  GgufWalk(std::span<const uint8_t> bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  int64_t Run() {
    Skip(4);  // the magic, checked before
    const auto version = Take<uint32_t>();
    if (version != 2 && version != 3) Wrong("its version is no known one");
    const uint64_t tensors = Count(), entries = Count();
    for (uint64_t i = 0; i < entries; ++i) {
      SkipText();
      SkipValue(Take<uint32_t>(), 0);
    }
    for (uint64_t i = 0; i < tensors; ++i) {
      SkipText();
      const auto dimensions = Take<uint32_t>();
      if (dimensions > 8) Wrong("a tensor has too many dimensions");
      Skip(8 * int64_t{dimensions} + 4 + 8);
    }
    return position_;
  }

 private:
  [[noreturn]] void Wrong(const char* what) const {
    Fail(ErrorCode::kCorrupt, "{}: is no GGUF file: {}", name_, what);
  }
  void Skip(int64_t bytes) {
    if (bytes > kMostHeaderBytes - position_) Wrong("its header has no end");
    position_ += bytes;
  }
  template <typename T>
  T Take() {
    const int64_t begin = position_;
    Skip(sizeof(T));
    if (position_ > static_cast<int64_t>(bytes_.size())) throw NeedsMore{position_};
    T value;
    std::memcpy(&value, bytes_.data() + begin, sizeof(T));
    return value;
  }
  uint64_t Count() {
    const auto count = Take<uint64_t>();
    if (count > kMostEntries) Wrong("it has too many entries");
    return count;
  }
  void SkipText() {
    const auto length = Take<uint64_t>();
    if (length > static_cast<uint64_t>(kMostHeaderBytes)) Wrong("a text has no end");
    Skip(static_cast<int64_t>(length));
  }
  void SkipValue(uint32_t type, int depth) {
    constexpr int64_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    constexpr uint32_t kText = 8, kArray = 9;
    if (type >= std::size(kSizes) || depth > 4) Wrong("a value has no known type");
    if (type == kText) {
      SkipText();
    } else if (type == kArray) {
      const auto element = Take<uint32_t>();
      const uint64_t count = Count();
      if (element < std::size(kSizes) && kSizes[element] > 0) {
        Skip(kSizes[element] * static_cast<int64_t>(count));
      } else {
        for (uint64_t i = 0; i < count; ++i) SkipValue(element, depth + 1);
      }
    } else {
      Skip(kSizes[type]);
    }
  }

  std::span<const uint8_t> bytes_;
  const std::string& name_;
  int64_t position_ = 0;
};

int64_t SafetensorsExtent(std::span<const uint8_t> bytes, const std::string& name) {
  if (bytes.size() < 8) return 8;
  uint64_t length = 0;
  std::memcpy(&length, bytes.data(), 8);
  constexpr uint64_t kMost = 100'000'000;  // the format's own limit
  if (length < 2 || length > kMost) {
    Fail(ErrorCode::kCorrupt, "{}: is no safetensors file: the header would have {} bytes", name,
         length);
  }
  if (bytes.size() > 8 && bytes[8] != '{') {
    Fail(ErrorCode::kCorrupt, "{}: is no safetensors file: its header is no JSON object", name);
  }
  return 8 + static_cast<int64_t>(length);
}

int64_t GgufExtent(std::span<const uint8_t> bytes, const std::string& name) {
  constexpr int64_t kFirst = 24;
  const std::string_view magic = "GGUF";
  if (bytes.size() < magic.size()) return kFirst;
  if (!std::equal(magic.begin(), magic.end(), bytes.begin())) {
    Fail(ErrorCode::kCorrupt, "{}: is no GGUF file: it does not begin like one", name);
  }
  try {
    return GgufWalk(bytes, name).Run();
  } catch (const NeedsMore& more) {
    // The next number is a few bytes away; what follows it, likely as much again.
    return std::max(more.bytes, 2 * static_cast<int64_t>(bytes.size()));
  }
}

}  // namespace

int64_t HeaderExtent(std::span<const uint8_t> bytes, int64_t file_size, const std::string& name) {
  int64_t extent = 0;
  if (name.ends_with(".safetensors")) {
    extent = SafetensorsExtent(bytes, name);
    if (extent > file_size) {
      Fail(ErrorCode::kCorrupt, "{}: its header would have {} bytes, but the file has {}", name,
           extent, file_size);
    }
  } else if (name.ends_with(".gguf")) {
    extent = GgufExtent(bytes, name);
    const bool all_there = static_cast<int64_t>(bytes.size()) >= file_size;
    if (extent > file_size && all_there) {
      Fail(ErrorCode::kCorrupt, "{}: its header is larger than the file of {} bytes", name,
           file_size);
    }
    extent = std::min(extent, file_size);
  }
  return extent;
}

}  // namespace tael
