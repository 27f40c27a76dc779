#include "app/verify/discover.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "app/verify/gguf_groups.h"
#include "app/verify/lookup.h"
#include "base/error.h"
#include "base/file.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 32;

// One folder's file names and how they are shown.
struct Folder {
  std::string path, shown;
  std::vector<std::string> files;  // sorted

  bool Has(const std::string& name) const {
    return std::binary_search(files.begin(), files.end(), name);
  }
  std::string Full(const std::string& file) const { return JoinPath(path, file); }
  std::string Shown(const std::string& file) const {
    return shown.empty() ? file : JoinPath(shown, file);
  }
  bool IsCalled(const char* name) const { return BaseName(NormalFolder(path)) == name; }
};

bool HasSafetensorsModel(const Folder& folder) {
  const bool weights =
      std::any_of(folder.files.begin(), folder.files.end(), [](const std::string& file) {
        return file.ends_with(".safetensors") && !file.ends_with("golden.safetensors") &&
               !file.starts_with("adapter") && file != "grads.safetensors";
      });
  return weights || folder.Has("model.safetensors.index.json");
}

// golden.safetensors: of the folder's checkpoint, and of each GGUF file without a golden of its
// own.
void AddFolderGolden(const Folder& folder, std::vector<Golden>& out) {
  const std::string path = folder.Full("golden.safetensors");
  const std::string shown =
      folder.shown.empty() ? BaseName(NormalFolder(folder.path)) : folder.shown;
  if (folder.Has("adapter_config.json")) {
    out.push_back({GoldenKind::kLora, path, shown, ""});
    return;
  }
  const size_t before = out.size();
  if (HasSafetensorsModel(folder) || folder.Has("config.json")) {
    out.push_back({GoldenKind::kDecoder, path, shown, folder.path});
  }
  for (const GgufGroup& group : GroupGgufFiles(folder.files)) {
    if (folder.Has(group.stem + ".golden.safetensors")) continue;
    out.push_back(
        {GoldenKind::kDecoder, path, JoinPath(shown, group.first), folder.Full(group.first)});
  }
  if (out.size() == before) out.push_back({GoldenKind::kDecoder, path, shown, ""});
}

// X.golden.safetensors belongs to X.gguf (or the split set X-0000N-of-...), and to every other GGUF
// file of the folder that holds the same tensors and has no golden of its own.
void AddNamedGoldens(const Folder& folder, std::vector<Golden>& out) {
  constexpr std::string_view kSuffix = ".golden.safetensors";
  const std::vector<GgufGroup> groups = GroupGgufFiles(folder.files);
  std::vector<std::string> stems;
  for (const std::string& file : folder.files) {
    if (file.ends_with(kSuffix) && file.size() > kSuffix.size()) {
      stems.push_back(file.substr(0, file.size() - kSuffix.size()));
    }
  }
  if (stems.empty()) return;
  std::map<std::string, std::vector<std::string>> models;  // stem of the golden -> GGUF files
  std::vector<GgufGroup> orphans;
  for (const GgufGroup& group : groups) {
    if (std::find(stems.begin(), stems.end(), group.stem) != stems.end()) {
      models[group.stem].insert(models[group.stem].begin(), folder.Full(group.first));
    } else if (!folder.Has("golden.safetensors")) {
      orphans.push_back(group);
    }
  }
  for (const GgufGroup& orphan : orphans) {
    const std::string path = folder.Full(orphan.first);
    const std::optional<std::string> owner = FindOwner(path, stems, models);
    if (owner) models[*owner].push_back(path);
  }
  for (const std::string& stem : stems) {
    const std::string golden = folder.Full(stem + std::string(kSuffix));
    if (models[stem].empty()) {
      const std::string directory = folder.Full(stem);
      const std::string model = DirectoryExists(directory) ? directory : "";
      out.push_back({GoldenKind::kDecoder, golden, folder.Shown(stem), model});
    }
    for (const std::string& model : models[stem]) {
      out.push_back({GoldenKind::kDecoder, golden, folder.Shown(BaseName(model)), model});
    }
  }
}

// X.gguf.out, when the vocabulary X.gguf lies beside it (packed or not).
bool IsVocabularyGolden(const Folder& folder, const std::string& file) {
  if (!file.ends_with(".gguf.out")) return false;
  const std::string gguf = file.substr(0, file.size() - 4);
  return folder.Has(gguf) || folder.Has(gguf + ".gz");
}

std::optional<GoldenKind> KindOf(const Folder& folder, const std::string& file) {
  if (file.ends_with(".safetensors")) {
    if (folder.IsCalled("dequant")) return GoldenKind::kDequant;
    if (!folder.IsCalled("quantize")) return std::nullopt;
    const bool rows = file == "rows.safetensors" && folder.Has("reference_error.json");
    return rows ? GoldenKind::kQuantizeError : GoldenKind::kQuantize;
  }
  if (file == "reference.json") return GoldenKind::kReference;
  if (file == "goldens.jsonl" || file == "goldens.jsonl.gz") return GoldenKind::kTemplate;
  if (file == "golden_greedy.json" || file == "golden_nll.json") return GoldenKind::kStories;
  if ((file.ends_with(".jsonl.gz") || file.ends_with(".jsonl")) && folder.IsCalled("goldens")) {
    return GoldenKind::kTokenizer;
  }
  if (IsVocabularyGolden(folder, file)) return GoldenKind::kVocabulary;
  return std::nullopt;
}

void AddFolder(const Folder& folder, std::vector<Golden>& out) {
  if (folder.Has("golden.safetensors")) AddFolderGolden(folder, out);
  AddNamedGoldens(folder, out);
  for (const std::string& file : folder.files) {
    if (file.ends_with("golden.safetensors")) continue;
    if (const auto kind = KindOf(folder, file)) {
      out.push_back({*kind, folder.Full(file), folder.Shown(file), ""});
    }
  }
}

struct Walker {
  std::vector<Golden> out;
  std::set<std::string> visited;

  void Walk(const std::string& path, const std::string& shown, int depth) {
    std::error_code error;
    const std::string real = fs::canonical(path, error).string();
    if (depth > kMaxDepth || !visited.insert(real).second) return;
    Folder folder{path, shown, {}};
    std::vector<std::string> below;
    for (const std::string& name : ListDirectory(path)) {
      const std::string child = JoinPath(path, name);
      if (FileExists(child)) folder.files.push_back(name);
      if (DirectoryExists(child)) below.push_back(name);
    }
    AddFolder(folder, out);
    for (const std::string& name : below) {
      Walk(JoinPath(path, name), shown.empty() ? name : JoinPath(shown, name), depth + 1);
    }
  }
};

// Files that stand for the checkpoint of their whole folder.
bool NamesFolderCheckpoint(const std::string& file) {
  return file == "config.json" || file.ends_with(".safetensors.index.json") ||
         (file.ends_with(".safetensors") && !file.ends_with("golden.safetensors"));
}

// A single file: the goldens of its folder that are this file or belong to this model.
std::vector<Golden> GoldensOfFile(const std::string& path) {
  Folder folder{DirName(path), "", {}};
  for (const std::string& name : ListDirectory(folder.path)) {
    if (FileExists(folder.Full(name))) folder.files.push_back(name);
  }
  std::vector<Golden> all, out;
  AddFolder(folder, all);
  for (Golden& golden : all) {
    const bool itself = BaseName(golden.path) == BaseName(path);
    const bool of_folder = golden.model == folder.path && NamesFolderCheckpoint(BaseName(path));
    const bool of_file = !golden.model.empty() && BaseName(golden.model) == BaseName(path);
    if (itself || of_file || of_folder) {
      out.push_back(std::move(golden));
    }
  }
  return out;
}

}  // namespace

std::vector<Golden> FindGoldens(const std::string& path) {
  if (FileExists(path)) return GoldensOfFile(path);
  if (!DirectoryExists(path)) {
    Fail(ErrorCode::kNotFound, "{}: no such file or directory", path);
  }
  Walker walker;
  walker.Walk(path, "", 0);
  return std::move(walker.out);
}

}  // namespace tael
