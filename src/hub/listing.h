// The answers of hubs about a repository: which files there are. Pure functions of text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

// A file as its hub describes it.
struct RemoteFile {
  std::string path = {};    // inside the repository; unchecked (CheckRemotePath)
  int64_t size = 0;         // bytes
  std::string sha256 = {};  // 64 lower-case hex digits, or "" when the hub gives none
  std::string url = {};     // where its bytes are; set by whoever knows the hub
  std::string etag = {};    // strong ETag with its quotes, of a plain URL; "" = none
};

// More files than any model has; a listing beyond it is refused.
inline constexpr size_t kMaxListedFiles = 100'000;

// The commit of a Hugging Face repository (/api/models/REPO/revision/REV): member "sha". Throws
// kCorrupt. `where` names the repository in messages, here and below.
std::string ParseHuggingFaceCommit(std::string_view text, std::string_view where);

// One page of /api/models/REPO/tree/COMMIT?recursive=true, appended. Folders are left out.
// Throws kCorrupt.
void AppendHuggingFaceTree(std::string_view text, std::string_view where,
                           std::vector<RemoteFile>* files);

// The address of the next page in a Link header: `<URL>; rel="next"`, among others.
std::optional<std::string> NextPage(std::string_view link);

// /api/v1/models/REPO/repo/files: {"Code": 200, "Data": {"Files": [...]}}. Throws kCorrupt, also
// with the hub's own message when it says that it failed.
std::vector<RemoteFile> ParseModelScopeFiles(std::string_view text, std::string_view where);

// Names of the files in a model.safetensors.index.json, sorted, each once. Throws kCorrupt.
std::vector<std::string> ShardsOfIndex(std::string_view text, std::string_view where);

// Whether `text` is 64 lower-case hex digits.
bool IsSha256(std::string_view text);

}  // namespace tael
