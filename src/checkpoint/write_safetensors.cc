#include "checkpoint/write_safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>
#include <span>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/file_set.h"
#include "base/json.h"

namespace tael {
namespace {

std::span<const uint8_t> Bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void Check(const std::vector<TensorSource>& tensors) {
  std::set<std::string_view> names;
  for (const TensorSource& tensor : tensors) {
    if (!names.insert(tensor.name).second || tensor.name == "__metadata__") {
      Fail(ErrorCode::kInvalidArgument, "safetensors: a second tensor '{}'", tensor.name);
    }
    if (std::string_view(Info(tensor.dtype).safetensors).empty()) {
      Fail(
          ErrorCode::kInvalidArgument,
          "safetensors: tensor '{}' has type {}, which the format cannot hold. Hint: choose a type "
          "for it",
          tensor.name, Name(tensor.dtype));
    }
  }
}

std::string Header(std::span<const TensorSource* const> tensors,
                   const SafetensorsOptions& options) {
  JsonObject header;
  if (!options.metadata.empty()) {
    JsonObject metadata;
    for (const auto& [key, value] : options.metadata) metadata.emplace_back(key, value);
    header.emplace_back("__metadata__", std::move(metadata));
  }
  int64_t position = 0;
  for (const TensorSource* tensor : tensors) {
    Json shape{JsonArray{}};
    for (const int64_t size : tensor->shape) shape.Append(size);
    const int64_t end = position + tensor->bytes();
    JsonObject entry;
    entry.emplace_back("dtype", Info(tensor->dtype).safetensors);
    entry.emplace_back("shape", std::move(shape));
    entry.emplace_back("data_offsets", JsonArray{Json(position), Json(end)});
    header.emplace_back(tensor->name, std::move(entry));
    position = end;
  }
  std::string text = DumpJson(Json(std::move(header)));
  text.resize((text.size() + 7) / 8 * 8, ' ');
  return text;
}

// One file, complete under its temporary name.
AtomicFile WriteShard(const std::string& path, std::span<const TensorSource> group,
                      const SafetensorsOptions& options) {
  std::vector<const TensorSource*> tensors;
  for (const TensorSource& tensor : group) tensors.push_back(&tensor);
  std::stable_sort(tensors.begin(), tensors.end(), [](const auto* a, const auto* b) {
    return Info(a->dtype).bits > Info(b->dtype).bits;
  });
  const std::string header = Header(tensors, options);
  auto total = static_cast<int64_t>(sizeof(uint64_t) + header.size());
  for (const TensorSource* tensor : tensors) total += tensor->bytes();
  AtomicFile file(path, total);
  const uint64_t length = header.size();
  uint8_t head[sizeof(length)];
  std::memcpy(head, &length, sizeof(length));
  file.Write(head);
  file.Write(Bytes(header));
  for (const TensorSource* tensor : tensors) {
    const int64_t end = file.size() + tensor->bytes();
    tensor->produce([&](std::span<const uint8_t> bytes) { file.Write(bytes); });
    TAEL_CHECK(file.size() == end);  // a source gives what it announced
  }
  file.Finish();
  return file;
}

std::string Index(const std::vector<TensorSource>& tensors, const std::vector<size_t>& ends,
                  const std::vector<std::string>& names) {
  int64_t total = 0;
  JsonObject map;
  size_t shard = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    if (i == ends[shard]) ++shard;
    total += tensors[i].bytes();
    map.emplace_back(tensors[i].name, names[shard]);
  }
  Json metadata{JsonObject{}}, index{JsonObject{}};
  metadata.Set("total_size", total);
  index.Set("metadata", std::move(metadata));
  index.Set("weight_map", Json(std::move(map)));
  return DumpJsonPretty(index) + "\n";
}

AtomicFile WriteText(const std::string& path, const std::string& text) {
  AtomicFile file(path);
  file.Write(Bytes(text));
  file.Finish();
  return file;
}

}  // namespace

std::vector<std::string> SafetensorsNames(const std::vector<TensorSource>& tensors,
                                          const SafetensorsOptions& options) {
  const size_t count = GroupBySize(tensors, options.max_shard_bytes).size();
  if (count == 1) return {"model.safetensors"};
  std::vector<std::string> names;
  names.reserve(count + 1);
  for (size_t i = 0; i < count; ++i) {
    names.push_back(fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, count));
  }
  names.emplace_back("model.safetensors.index.json");
  return names;
}

std::vector<std::string> WriteSafetensors(const std::string& directory,
                                          const std::vector<TensorSource>& tensors,
                                          const SafetensorsOptions& options) {
  Check(tensors);
  const std::vector<size_t> ends = GroupBySize(tensors, options.max_shard_bytes);
  const std::vector<std::string> names = SafetensorsNames(tensors, options);
  std::vector<AtomicFile> files;
  size_t begin = 0;
  for (size_t i = 0; i < ends.size(); ++i) {
    files.push_back(WriteShard(JoinPath(directory, names[i]),
                               std::span(tensors).subspan(begin, ends[i] - begin), options));
    begin = ends[i];
  }
  if (ends.size() > 1) {
    files.push_back(WriteText(JoinPath(directory, names.back()), Index(tensors, ends, names)));
  }
  std::vector<std::string> paths;
  paths.reserve(files.size());
  for (const AtomicFile& file : files) paths.push_back(file.path());
  for (const auto& [name, text] : options.companions) {
    files.push_back(WriteText(JoinPath(directory, name), text));
  }
  std::vector<std::string> removed;
  removed.reserve(options.removed.size());
  for (const std::string& name : options.removed) removed.push_back(JoinPath(directory, name));
  if (options.before_commit) options.before_commit();
  CommitTogether(files, removed);
  return paths;
}

}  // namespace tael
