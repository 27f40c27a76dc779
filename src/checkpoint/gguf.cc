// GGUF metadata look-ups, and opening of files and split sets.
#include "checkpoint/gguf.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

[[noreturn]] void BadType(const std::string& where, std::string_view key, const char* needed) {
  Fail(ErrorCode::kCorrupt, "{}: metadata key '{}' has another type, needed {}", where,
       Printable(key), needed);
}

// The place of a file in a split set, from its metadata; count is 1 for a file of its own.
struct Split {
  int64_t number = 0, count = 1, num_tensors = 0;
};

Split ReadSplit(const GgufMetadata& metadata) {
  Split split;
  if (metadata.Find("split.count") == nullptr && metadata.Find("split.no") == nullptr) return split;
  split.count = metadata.Integer("split.count", -1);
  split.number = metadata.Integer("split.no", -1);
  split.num_tensors = metadata.Integer("split.tensors.count", -1);
  if (split.count == 0) split.count = 1;  // how merged files are marked
  if (split.count < 1 || split.count > 65535 || split.number < 0 || split.number >= split.count) {
    Fail(ErrorCode::kCorrupt,
         "{}: split.no is {} and split.count is {}, needed a count from 1 to 65535 and a smaller "
         "number",
         metadata.where, split.number, split.count);
  }
  return split;
}

// "-00002-of-00003.gguf", counted from 0 in `number`.
std::string SplitSuffix(int64_t number, int64_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number + 1, count);
}

// The common beginning of the paths of a split set, or nullopt when `path` is not named like one.
std::optional<std::string> SplitPrefix(const std::string& path, const Split& split) {
  const std::string suffix = SplitSuffix(split.number, split.count);
  if (!path.ends_with(suffix)) return std::nullopt;
  return path.substr(0, path.size() - suffix.size());
}

Gguf OpenPart(const std::string& path) {
  auto file = std::make_shared<MappedFile>(path);
  Gguf gguf = ParseGguf(file->bytes(), path);
  gguf.files.push_back(std::move(file));
  return gguf;
}

void RefuseLaterPart(const std::string& path, const Split& split) {
  if (split.number == 0) return;
  const std::optional<std::string> prefix = SplitPrefix(path, split);
  Fail(ErrorCode::kInvalidArgument,
       "{}: is part {} of a model split into {} files, needed the first one. Hint: open {}", path,
       split.number + 1, split.count,
       prefix ? *prefix + SplitSuffix(0, split.count)
              : fmt::format("the file whose name ends in {}", SplitSuffix(0, split.count)));
}

// The paths of the other parts, all of which exist.
std::vector<std::string> OtherParts(const std::string& first, const Split& split) {
  const std::optional<std::string> prefix = SplitPrefix(first, split);
  if (!prefix) {
    Fail(ErrorCode::kNotFound,
         "{}: is the first of {} files, but is not named like one. "
         "Hint: its name must end in {}, and the others must lie beside it.",
         first, split.count, SplitSuffix(0, split.count));
  }
  std::vector<std::string> parts, missing;
  for (int64_t i = 1; i < split.count; ++i) {
    parts.push_back(*prefix + SplitSuffix(i, split.count));
    if (!FileExists(parts.back())) missing.push_back(BaseName(parts.back()));
  }
  if (!missing.empty()) {
    const size_t shown = std::min<size_t>(missing.size(), 5);
    std::string names = missing[0];
    for (size_t i = 1; i < shown; ++i) names += ", " + missing[i];
    Fail(ErrorCode::kNotFound,
         "{}: {} of the {} files of this model are missing: {}{}. Hint: download them to {}", first,
         missing.size(), split.count, names, shown < missing.size() ? ", ..." : "", DirName(first));
  }
  return parts;
}

void AddPart(Gguf part, const Split& split, int64_t number, Gguf* whole) {
  const std::string& where = part.metadata.where;
  const Split own = ReadSplit(part.metadata);
  if (own.number != number || own.count != split.count || own.num_tensors != split.num_tensors) {
    Fail(ErrorCode::kCorrupt,
         "{}: says it is part {} of {} with {} tensors in all, needed part {} of {} with {}. "
         "Hint: files of different models were mixed.",
         where, own.number + 1, own.count, own.num_tensors, number + 1, split.count,
         split.num_tensors);
  }
  for (TensorInfo tensor : part.tensors.all()) {
    tensor.file = static_cast<int>(number);
    whole->tensors.Add(std::move(tensor), where);
  }
  whole->files.push_back(std::move(part.files[0]));
}

}  // namespace

bool GgufValue::is_integer() const {
  switch (type) {
    case GgufType::kU8:
    case GgufType::kI8:
    case GgufType::kU16:
    case GgufType::kI16:
    case GgufType::kU32:
    case GgufType::kI32:
    case GgufType::kU64:
    case GgufType::kI64:
      return true;
    default:
      return false;
  }
}

const GgufValue* GgufMetadata::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

int64_t GgufMetadata::Integer(std::string_view key, int64_t fallback) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return fallback;
  // A u64 above 2^63 - 1 keeps its bits and would look negative.
  if (!value->is_integer() || (value->type == GgufType::kU64 && value->integer < 0)) {
    BadType(where, key, "an integer below 2^63");
  }
  return value->integer;
}

double GgufMetadata::Number(std::string_view key, double fallback) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return fallback;
  if (!value->is_number()) BadType(where, key, "a floating-point number");
  return value->number;
}

bool GgufMetadata::Boolean(std::string_view key, bool fallback) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return fallback;
  if (value->type != GgufType::kBool) BadType(where, key, "a boolean");
  return value->integer != 0;
}

std::string GgufMetadata::Text(std::string_view key, std::string_view fallback) const {
  const GgufValue* value = Find(key);
  if (value == nullptr) return std::string(fallback);
  if (value->type != GgufType::kString) BadType(where, key, "a string");
  return value->text;
}

Gguf OpenGguf(const std::string& path) {
  Gguf whole = OpenPart(path);
  const Split split = ReadSplit(whole.metadata);
  RefuseLaterPart(path, split);
  if (split.count == 1) return whole;
  int64_t number = 1;
  for (const std::string& part : OtherParts(path, split)) {
    AddPart(OpenPart(part), split, number++, &whole);
  }
  const auto found = static_cast<int64_t>(whole.tensors.all().size());
  if (found != split.num_tensors) {
    Fail(ErrorCode::kCorrupt, "{}: the {} files hold {} tensors, but split.tensors.count is {}",
         path, split.count, found, split.num_tensors);
  }
  return whole;
}

}  // namespace tael
