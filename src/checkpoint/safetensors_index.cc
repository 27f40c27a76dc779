// Sharded safetensors: the index names for every tensor the file that holds it.
#include <unordered_map>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/printable.h"
#include "checkpoint/safetensors.h"

namespace tael {
namespace {

// The shards an index names, in the order of their first mention, and the shard of each tensor.
struct Index {
  std::vector<std::string> shards;
  std::unordered_map<std::string, size_t> shard_of;
};

Index ReadIndex(const std::string& path) {
  const Json json = ReadJsonFile(path);
  const Json* map = json.Find("weight_map");
  if (map == nullptr || !map->is_object()) {
    Fail(ErrorCode::kCorrupt, "{}: has no object 'weight_map'", path);
  }
  Index index;
  std::unordered_map<std::string, size_t> known;
  for (const auto& [name, file] : map->as_object()) {
    // A shard lies beside its index; a path could lead anywhere on this machine.
    if (!file.is_string() || file.as_string().empty() || file.as_string() == ".." ||
        file.as_string().find_first_of(std::string_view("/\\\0", 3)) != std::string::npos) {
      Fail(ErrorCode::kCorrupt,
           "{}: tensor '{}' is mapped to {}, needed the name of a file beside it", path,
           Printable(name), Printable(DumpJson(file)));
    }
    const auto [place, added] = known.try_emplace(file.as_string(), index.shards.size());
    if (added) index.shards.push_back(file.as_string());
    index.shard_of.emplace(name, place->second);
  }
  return index;
}

void RequireShards(const Index& index, const std::string& index_path) {
  std::string missing;
  int count = 0;
  for (const std::string& shard : index.shards) {
    if (FileExists(JoinPath(DirName(index_path), shard))) continue;
    if (++count <= 5) missing += (count == 1 ? "" : ", ") + Printable(shard);
  }
  if (count == 0) return;
  Fail(ErrorCode::kNotFound, "{}: {} of its {} files are missing: {}{}. Hint: download them to {}",
       index_path, count, index.shards.size(), missing, count > 5 ? ", ..." : "",
       DirName(index_path));
}

}  // namespace

Safetensors OpenSafetensorsIndex(const std::string& index_path) {
  const Index index = ReadIndex(index_path);
  RequireShards(index, index_path);
  Safetensors whole;
  for (size_t i = 0; i < index.shards.size(); ++i) {
    const std::string path = JoinPath(DirName(index_path), index.shards[i]);
    Safetensors shard = OpenSafetensorsFile(path);
    for (TensorInfo tensor : shard.tensors.all()) {
      const auto expected = index.shard_of.find(tensor.name);
      if (expected == index.shard_of.end() || expected->second != i) {
        Fail(ErrorCode::kCorrupt,
             "{}: holds tensor '{}', but {} {}. Hint: the files are of different revisions.", path,
             Printable(tensor.name), BaseName(index_path),
             expected == index.shard_of.end() ? "does not name it" : "places it in another file");
      }
      tensor.file = static_cast<int>(i);
      whole.tensors.Add(std::move(tensor), path);
    }
    whole.files.push_back(std::move(shard.files[0]));
    if (i == 0) whole.metadata = std::move(shard.metadata);
  }
  for (const auto& [name, shard] : index.shard_of) {
    if (whole.tensors.Find(name) == nullptr) {
      Fail(ErrorCode::kCorrupt, "{}: places tensor '{}' in {}, which does not hold it", index_path,
           Printable(name), Printable(index.shards[shard]));
    }
  }
  return whole;
}

}  // namespace tael
