#include "hub/listing.h"

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/json.h"

namespace tael {
namespace {

const JsonLimits kLimits{.max_depth = 16};
constexpr int64_t kMaxFileBytes = int64_t{1} << 46;  // 64 TiB

const Json& Member(const Json& object, const char* key, std::string_view where) {
  const Json* value = object.Find(key);
  if (value == nullptr) {
    Fail(ErrorCode::kCorrupt, "{}: the hub's answer has no member '{}'", where, key);
  }
  return *value;
}

std::string TextMember(const Json& object, const char* key, std::string_view where) {
  const Json& value = Member(object, key, where);
  if (!value.is_string()) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' in the hub's answer is {}, needed a string", where, key,
         value.type_name());
  }
  return value.as_string();
}

int64_t SizeMember(const Json& object, const char* key, std::string_view where) {
  const Json& value = Member(object, key, where);
  if (!value.is_int() || value.as_int() < 0 || value.as_int() > kMaxFileBytes) {
    Fail(ErrorCode::kCorrupt, "{}: '{}' of a file in the hub's answer is no size", where, key);
  }
  return value.as_int();
}

std::string LowerHex(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string CheckedSha256(const std::string& text, std::string_view where) {
  const std::string digest = LowerHex(text);
  if (!IsSha256(digest)) {
    Fail(ErrorCode::kCorrupt, "{}: the hub's answer gives a SHA-256 that has not 64 hex digits",
         where);
  }
  return digest;
}

const JsonArray& Entries(const Json& list, std::string_view where) {
  if (!list.is_array()) {
    Fail(ErrorCode::kCorrupt, "{}: the hub's list of files is {}, needed an array", where,
         list.type_name());
  }
  return list.as_array();
}

void CheckCount(size_t count, std::string_view where) {
  if (count > kMaxListedFiles) {
    Fail(ErrorCode::kCorrupt, "{}: the hub lists more than {} files", where, kMaxListedFiles);
  }
}

}  // namespace

bool IsSha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

std::string ParseHuggingFaceCommit(std::string_view text, std::string_view where) {
  const std::string commit = TextMember(ParseJson(text, where, kLimits), "sha", where);
  if (commit.empty() || commit.size() > 64 ||
      commit.find_first_not_of("0123456789abcdef") != commit.npos) {
    Fail(ErrorCode::kCorrupt, "{}: 'sha' in the hub's answer is no commit", where);
  }
  return commit;
}

void AppendHuggingFaceTree(std::string_view text, std::string_view where,
                           std::vector<RemoteFile>* files) {
  const Json page = ParseJson(text, where, kLimits);
  for (const Json& entry : Entries(page, where)) {
    if (TextMember(entry, "type", where) != "file") continue;
    RemoteFile file{.path = TextMember(entry, "path", where),
                    .size = SizeMember(entry, "size", where)};
    const Json* lfs = entry.Find("lfs");
    if (lfs != nullptr && lfs->is_object()) {
      file.sha256 = CheckedSha256(TextMember(*lfs, "oid", where), where);
      file.size = SizeMember(*lfs, "size", where);
    }
    files->push_back(std::move(file));
    CheckCount(files->size(), where);
  }
}

std::optional<std::string> NextPage(std::string_view link) {
  while (!link.empty()) {
    const size_t open = link.find('<'), close = link.find('>', open);
    if (open == link.npos || close == link.npos) return std::nullopt;
    const std::string_view after = link.substr(close + 1);
    // Parameters reach to the comma before the next '<'.
    const size_t next = std::min(after.find('<'), after.size());
    const std::string_view parameters = after.substr(0, next);
    if (parameters.find("rel=\"next\"") != parameters.npos ||
        parameters.find("rel=next") != parameters.npos) {
      return std::string(link.substr(open + 1, close - open - 1));
    }
    link = after.substr(next);
  }
  return std::nullopt;
}

std::vector<RemoteFile> ParseModelScopeFiles(std::string_view text, std::string_view where) {
  const Json answer = ParseJson(text, where, kLimits);
  const Json* code = answer.Find("Code");
  if (code != nullptr && code->is_int() && code->as_int() != 200) {
    const Json* message = answer.Find("Message");
    Fail(ErrorCode::kCorrupt, "{}: the hub answers with code {}: {}", where, code->as_int(),
         message != nullptr && message->is_string() ? message->as_string().substr(0, 200) : "");
  }
  const Json& list = Member(Member(answer, "Data", where), "Files", where);
  std::vector<RemoteFile> files;
  for (const Json& entry : Entries(list, where)) {
    if (TextMember(entry, "Type", where) == "tree") continue;
    RemoteFile file{.path = TextMember(entry, "Path", where),
                    .size = SizeMember(entry, "Size", where)};
    const Json* digest = entry.Find("Sha256");
    if (digest != nullptr && digest->is_string() && !digest->as_string().empty()) {
      file.sha256 = CheckedSha256(digest->as_string(), where);
    }
    files.push_back(std::move(file));
    CheckCount(files.size(), where);
  }
  return files;
}

std::vector<std::string> ShardsOfIndex(std::string_view text, std::string_view where) {
  const Json index = ParseJson(text, where, kLimits);
  const Json& map = Member(index, "weight_map", where);
  if (!map.is_object() || map.as_object().empty()) {
    Fail(ErrorCode::kCorrupt, "{}: 'weight_map' names no file", where);
  }
  std::set<std::string> names;
  for (const auto& [tensor, file] : map.as_object()) {
    if (!file.is_string()) {
      Fail(ErrorCode::kCorrupt, "{}: 'weight_map' has an entry that is no name of a file", where);
    }
    names.insert(file.as_string());
  }
  return {names.begin(), names.end()};
}

}  // namespace tael
