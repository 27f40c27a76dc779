#include "hub/pulled_model.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "hub/model_reference.h"

namespace tael {
namespace {

std::string TextOf(const Json& object, const char* key) {
  const Json* value = object.Find(key);
  return value != nullptr && value->is_string() ? value->as_string() : "";
}

// Throws kCorrupt, as CheckRemotePath() does, for paths that lead out of the folder.
PulledModel FromJson(const Json& note, const std::string& where) {
  PulledModel model{.name = TextOf(note, "name"),
                    .entry = TextOf(note, "entry"),
                    .source = TextOf(note, "source"),
                    .origin = TextOf(note, "origin"),
                    .commit = TextOf(note, "commit")};
  const Json* files = note.Find("files");
  if (model.name.empty() || files == nullptr || !files->is_array()) {
    Fail(ErrorCode::kCorrupt, "{}: says neither name nor files", where);
  }
  if (!model.entry.empty()) CheckRemotePath(model.entry, where);
  for (const Json& entry : files->as_array()) {
    const Json* size = entry.Find("size");
    PulledFile file{.path = TextOf(entry, "path"),
                    .size = size != nullptr && size->is_int() ? size->as_int() : -1,
                    .sha256 = TextOf(entry, "sha256")};
    CheckRemotePath(file.path, where);
    model.files.push_back(std::move(file));
  }
  return model;
}

}  // namespace

int64_t PulledModel::bytes() const {
  int64_t sum = 0;
  for (const PulledFile& file : files) sum += file.size;
  return sum;
}

std::optional<PulledModel> ReadPulledModel(const std::string& folder) {
  const std::string path = JoinPath(folder, kPulledNote);
  if (!FileExists(path)) return std::nullopt;
  try {
    return FromJson(ReadJsonFile(path), path);
  } catch (
      const Error&) {  // a damaged note makes no model; what lies beside it is found by its form
    return std::nullopt;
  }
}

std::string PulledModelToJson(const PulledModel& model) {
  Json files = JsonArray{};
  for (const PulledFile& file : model.files) {
    Json entry = JsonObject{};
    entry.Set("path", file.path);
    entry.Set("size", file.size);
    entry.Set("sha256", file.sha256);
    files.Append(std::move(entry));
  }
  Json note = JsonObject{};
  note.Set("version", 1);
  note.Set("name", model.name);
  note.Set("entry", model.entry);
  note.Set("source", model.source);
  note.Set("origin", model.origin);
  note.Set("commit", model.commit);
  note.Set("files", std::move(files));
  return DumpJsonPretty(note) + "\n";
}

std::string PulledFolder(const std::string& store, const std::string& name) {
  std::string path;
  int slashes = 0;
  for (const char c : name) {
    if (c == '@' || c == ':') {
      path += "--";
    } else if (c == '/' && ++slashes > 1) {
      path += '-';  // of a revision, "refs/pr/3"
    } else {
      path += c;
    }
  }
  try {
    CheckRemotePath(path, "model");
  } catch (const Error&) {
    Fail(ErrorCode::kInvalidArgument,
         "'{}': cannot be the name of a model in the store. Hint: "
         "--name gives another",
         name);
  }
  return JoinPath(store, path);
}

std::string PulledPath(const std::string& folder, const PulledModel& model) {
  return model.entry.empty() ? folder : JoinPath(folder, model.entry);
}

bool IsWhole(const std::string& folder, const PulledModel& model) {
  return std::all_of(model.files.begin(), model.files.end(), [&](const PulledFile& file) {
    const std::string path = JoinPath(folder, file.path);
    return FileExists(path) && FileSize(path) == file.size;
  });
}

}  // namespace tael
