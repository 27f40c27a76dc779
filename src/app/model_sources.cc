#include "app/model_sources.h"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hub/pulled_model.h"

namespace tael {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 5;

std::vector<std::string> Children(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

int64_t SizeOrZero(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : static_cast<int64_t>(size);
}

// Position of the shard in a split set: "x-00002-of-00003.gguf" gives 2; nullopt for other names.
std::optional<int> ShardNumber(const std::string& stem) {
  const size_t of = stem.rfind("-of-");
  if (of == std::string::npos || of < 6 || stem[of - 6] != '-') return std::nullopt;
  const std::string digits = stem.substr(of - 5, 5);
  if (digits.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::stoi(digits);
}

struct GgufGroup {
  std::string name, first;  // without the shard suffix; file name of the first shard
  int64_t bytes = 0;
};

std::vector<GgufGroup> GgufGroups(const std::string& folder,
                                  const std::vector<std::string>& files) {
  std::vector<GgufGroup> groups;
  for (const std::string& file : files) {
    if (!file.ends_with(".gguf")) continue;
    const std::string stem = file.substr(0, file.size() - 5);
    const std::optional<int> shard = ShardNumber(stem);
    const std::string name = shard ? stem.substr(0, stem.rfind("-of-") - 6) : stem;
    const int64_t bytes = SizeOrZero(JoinPath(folder, file));
    if (shard && *shard > 1 && !groups.empty() && groups.back().name == name) {
      groups.back().bytes += bytes;
    } else {
      groups.push_back({name, file, bytes});
    }
  }
  return groups;
}

void Collect(const std::string& folder, const std::string& prefix, const std::string& source,
             int depth, std::vector<ModelEntry>& out) {
  if (const auto pulled = ReadPulledModel(folder)) {
    out.push_back({pulled->name, PulledPath(folder, *pulled), source, pulled->bytes(), ""});
    return;
  }
  const std::vector<std::string> names = Children(folder);
  for (const GgufGroup& group : GgufGroups(folder, names)) {
    out.push_back({prefix + group.name, JoinPath(folder, group.first), source, group.bytes, ""});
  }
  int64_t weights = 0;
  for (const std::string& name : names) {
    if (name.ends_with(".safetensors")) weights += SizeOrZero(JoinPath(folder, name));
  }
  if (weights > 0 && FileExists(JoinPath(folder, "config.json")) && !prefix.empty()) {
    out.push_back({prefix.substr(0, prefix.size() - 1), folder, source, weights, ""});
  }
  if (depth >= kMaxDepth) return;
  for (const std::string& name : names) {
    const std::string below = JoinPath(folder, name);
    if (name[0] != '.' && DirectoryExists(below)) {
      Collect(below, prefix + name + "/", source, depth + 1, out);
    }
  }
}

std::string Trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \n\r\t") + 1);
  return text;
}

// The files of one repository's snapshot: the whole directory, or its GGUF files one by one.
void AddSnapshot(const std::string& folder, const std::string& name, std::vector<ModelEntry>& out) {
  std::vector<ModelEntry> found;
  Collect(folder, name + "/", "huggingface", 0, found);
  if (found.size() == 1) found[0].name = name;
  for (ModelEntry& entry : found) out.push_back(std::move(entry));
}

}  // namespace

void FindModelsBelow(const std::string& root, const std::string& source,
                     std::vector<ModelEntry>& out) {
  Collect(root, "", source, 0, out);
}

void FindHuggingFaceModels(const std::string& hub, std::vector<ModelEntry>& out) {
  for (const std::string& repository : Children(hub)) {
    if (!repository.starts_with("models--")) continue;
    std::string name = repository.substr(8);
    const size_t dashes = name.find("--");
    if (dashes != std::string::npos) name.replace(dashes, 2, "/");
    const std::string folder = JoinPath(hub, repository);
    const std::string snapshots = JoinPath(folder, "snapshots");
    const std::vector<std::string> commits = Children(snapshots);
    const std::string main_ref = JoinPath(JoinPath(folder, "refs"), "main");
    std::string main_commit = commits.size() == 1 ? commits[0] : "";
    try {
      if (FileExists(main_ref)) main_commit = Trimmed(ReadFile(main_ref, 1 << 10));
    } catch (const Error&) {  // unreadable: every snapshot is listed by its commit
    }
    for (const std::string& commit : commits) {
      const bool is_main = commit == main_commit;
      if (!is_main && std::count(commits.begin(), commits.end(), main_commit) > 0) continue;
      AddSnapshot(JoinPath(snapshots, commit), is_main ? name : name + "@" + commit.substr(0, 8),
                  out);
    }
  }
}

namespace {

// A manifest lists layers; the one of type "...model" is a GGUF blob.
void AddOllamaManifest(const std::string& root, const std::string& manifest,
                       const std::string& name, std::vector<ModelEntry>& out) {
  try {
    const Json json = ParseJson(ReadFile(manifest, 1 << 20), manifest);
    const Json* layers = json.Find("layers");
    if (layers == nullptr || !layers->is_array()) return;
    for (const Json& layer : layers->as_array()) {
      const Json* type = layer.Find("mediaType");
      const Json* digest = layer.Find("digest");
      if (type == nullptr || digest == nullptr || !type->is_string() || !digest->is_string() ||
          type->as_string() != "application/vnd.ollama.image.model") {
        continue;
      }
      std::string blob = digest->as_string();  // "sha256:HEX", stored as "sha256-HEX"
      std::replace(blob.begin(), blob.end(), ':', '-');
      if (blob.find('/') != std::string::npos) continue;
      const std::string path = JoinPath(JoinPath(root, "blobs"), blob);
      if (FileExists(path)) out.push_back({name, path, "ollama", SizeOrZero(path), ""});
      return;
    }
  } catch (const Error&) {  // somebody else's file: what cannot be read is not listed
  }
}

}  // namespace

void FindOllamaModels(const std::string& root, std::vector<ModelEntry>& out) {
  const std::string manifests = JoinPath(root, "manifests");
  for (const std::string& host : Children(manifests)) {
    const std::string host_folder = JoinPath(manifests, host);
    for (const std::string& user : Children(host_folder)) {
      const std::string user_folder = JoinPath(host_folder, user);
      for (const std::string& model : Children(user_folder)) {
        const std::string model_folder = JoinPath(user_folder, model);
        for (const std::string& tag : Children(model_folder)) {
          const std::string base = fmt::format("{}:{}", model, tag);
          AddOllamaManifest(root, JoinPath(model_folder, tag),
                            user == "library" ? base : user + "/" + base, out);
        }
      }
    }
  }
}

}  // namespace tael
