// Finds what a golden needs but does not hold: tokenizers, templates, corpora, models.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace tael {

// `folder` as an absolute path without "." parts and without a slash at its end.
std::string NormalFolder(const std::string& folder);

// Folders searched for a golden in `folder`, nearest first: `folder`, `folder`/files, its parent,
// the parent's files and other subfolders (siblings); then every folder below each of `assets`.
std::vector<std::string> LookupFolders(const std::string& folder,
                                       const std::vector<std::string>& assets);

// The first of `names` (relative paths) that exists, as file or directory, in the first folder that
// holds any of them.
std::optional<std::string> LookUp(const std::vector<std::string>& folders,
                                  const std::vector<std::string>& names);

// The file of `size` bytes (0 = any size) with this SHA-256 among all files of `folders`.
std::optional<std::string> LookUpHash(const std::vector<std::string>& folders,
                                      const std::string& sha256, int64_t size);

}  // namespace tael
