// The GGUF container, versions 2 and 3: metadata values and tensors, also split over files.
// Source: ggml include/gguf.h; facts in models.md section 12.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/file.h"
#include "checkpoint/tensor_index.h"

namespace tael {

enum class GgufType : int32_t {
  kU8,
  kI8,
  kU16,
  kI16,
  kU32,
  kI32,
  kF32,
  kBool,
  kString,
  kArray,
  kU64,
  kI64,
  kF64,
};

// One metadata value. Scalars of all integer types live in `integer` (u64 keeps its bits), floats
// in `number`. Arrays are typed vectors; nested arrays keep their parts in `arrays`.
struct GgufValue {
  GgufType type = GgufType::kU8;
  GgufType element = GgufType::kU8;  // of an array
  int64_t integer = 0;               // integers and bool
  double number = 0;                 // f32, f64
  std::string text;                  // string
  std::vector<int64_t> integers;     // array of integers or bools
  std::vector<double> numbers;       // array of floats
  std::vector<std::string> strings;  // array of strings
  std::vector<GgufValue> arrays;     // array of arrays
  bool is_integer() const;           // any width; a bool is none
  bool is_number() const { return type == GgufType::kF32 || type == GgufType::kF64; }
};

// Metadata in file order; keys are unique.
class GgufMetadata {
 public:
  const GgufValue* Find(std::string_view key) const;  // nullptr when absent
  // Typed look-ups: fallback when absent, kCorrupt (naming `where`) when of another type.
  int64_t Integer(std::string_view key, int64_t fallback) const;
  double Number(std::string_view key, double fallback) const;
  bool Boolean(std::string_view key, bool fallback) const;
  std::string Text(std::string_view key, std::string_view fallback) const;

  std::string where;
  int version = 0;
  uint32_t alignment = 32;
  std::vector<std::pair<std::string, GgufValue>> entries;
};

// An opened GGUF file or set of split files (named by the first one).
struct Gguf {
  std::vector<std::shared_ptr<MappedFile>> files;
  GgufMetadata metadata;
  TensorIndex tensors;
};

// Reads one file's bytes; the tensors point into `bytes`, `files` stays empty and split.* keys are
// not acted upon. `where` names the source in messages. Throws kCorrupt, kUnsupported.
Gguf ParseGguf(std::span<const uint8_t> bytes, const std::string& where);

// Opens `path`; if it is the first file of a split set, all of them. Throws kNotFound, kCorrupt,
// kUnsupported (big endian, version 1, removed or foreign tensor types). Never allocates more than
// a small multiple of the file's size.
Gguf OpenGguf(const std::string& path);

}  // namespace tael
