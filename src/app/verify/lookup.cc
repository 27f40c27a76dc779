#include "app/verify/lookup.h"

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/sha256.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxAssetDepth = 8;
constexpr size_t kMaxFolders = 20000;  // a bound for --assets / by mistake

std::vector<std::string> Subfolders(const std::string& folder) {
  std::vector<std::string> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    std::error_code ignored;
    if (entry.is_directory(ignored)) out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  return out;
}

class FolderList {
 public:
  void Add(const std::string& folder) {
    if (folders_.size() < kMaxFolders && DirectoryExists(folder) && seen_.insert(folder).second) {
      folders_.push_back(folder);
    }
  }
  void AddTree(const std::string& folder, int depth) {
    Add(folder);
    if (depth >= kMaxAssetDepth || folders_.size() >= kMaxFolders) return;
    for (const std::string& below : Subfolders(folder)) AddTree(below, depth + 1);
  }
  std::vector<std::string> Take() { return std::move(folders_); }

 private:
  std::vector<std::string> folders_;
  std::set<std::string> seen_;
};

}  // namespace

std::string NormalFolder(const std::string& folder) {
  std::error_code error;
  fs::path path = fs::absolute(folder, error).lexically_normal();
  if (error) return folder;
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  return path.string();
}

std::vector<std::string> LookupFolders(const std::string& folder,
                                       const std::vector<std::string>& assets) {
  FolderList list;
  const std::string here = NormalFolder(folder);
  const std::string parent = DirName(here);
  list.Add(here);
  list.Add(JoinPath(here, "files"));
  list.Add(parent);
  list.Add(JoinPath(parent, "files"));
  for (const std::string& sibling : Subfolders(parent)) list.Add(sibling);
  for (const std::string& root : assets) list.AddTree(root, 0);
  return list.Take();
}

std::optional<std::string> LookUp(const std::vector<std::string>& folders,
                                  const std::vector<std::string>& names) {
  for (const std::string& folder : folders) {
    for (const std::string& name : names) {
      const std::string path = JoinPath(folder, name);
      if (FileExists(path) || DirectoryExists(path)) return path;
    }
  }
  return std::nullopt;
}

std::optional<std::string> LookUpHash(const std::vector<std::string>& folders,
                                      const std::string& sha256, int64_t size) {
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
      std::error_code ignored;
      if (!entry.is_regular_file(ignored)) continue;
      const auto bytes = static_cast<int64_t>(entry.file_size(ignored));
      if (ignored || (size > 0 && bytes != size)) continue;
      try {
        if (Sha256OfFile(entry.path().string()) == sha256) return entry.path().string();
      } catch (const Error&) {  // unreadable: not the file that is wanted
      }
    }
  }
  return std::nullopt;
}

}  // namespace tael
