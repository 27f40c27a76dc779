// GGUF files of a folder: split sets count once, and equal contents are recognised.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tael {

struct GgufGroup {
  std::string stem;   // "model" of model.gguf and of model-00001-of-00003.gguf
  std::string first;  // the file that opens it
};

// `files` are the sorted names of one folder; other files are ignored. A shard whose first part is
// missing forms a group of its own.
std::vector<GgufGroup> GroupGgufFiles(const std::vector<std::string>& files);

// For a GGUF file without a golden of its own: the stem (of `stems`) whose first model has the same
// tensor names, shapes and types; the only stem when that one has no model at all. nullopt when
// none fits or the file is of a kind that must be refused (other byte order, version 1). A file
// that is damaged belongs to every golden it could be of: the first stem, so that its row fails.
std::optional<std::string> FindOwner(const std::string& path, const std::vector<std::string>& stems,
                                     const std::map<std::string, std::vector<std::string>>& models);

}  // namespace tael
