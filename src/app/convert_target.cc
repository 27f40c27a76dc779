#include "app/convert_target.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <system_error>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/printable.h"

namespace tael {
namespace {

constexpr std::string_view kGgufEnding = ".gguf";

// STEM-00001-of-00002ENDING, with any digits.
bool IsPart(std::string_view name, std::string_view stem, std::string_view ending) {
  constexpr std::string_view kPattern = "-00000-of-00000";
  if (name.size() != stem.size() + kPattern.size() + ending.size() || !name.starts_with(stem) ||
      !name.ends_with(ending)) {
    return false;
  }
  const auto fits = [](char pattern, char c) {
    return pattern == '0' ? c >= '0' && c <= '9' : c == pattern;
  };
  return std::equal(kPattern.begin(), kPattern.end(),
                    name.begin() + static_cast<std::ptrdiff_t>(stem.size()), fits);
}

// Files that are read as part of a directory's model and that a conversion may leave as they are.
bool BelongsToModel(std::string_view name) {
  static constexpr std::string_view kNames[] = {
      "model.safetensors",   "model.safetensors.index.json",
      "chat_template.jinja", "chat_template.json",
      "tokenizer.json.gz",   "tokenizer.model",
      "tiktoken.model",      "tokenizer.bin"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames) ||
         name.ends_with(".tiktoken") || IsPart(name, "model", ".safetensors");
}

// As the user wrote the directory of `path`.
std::string Beside(const std::string& path, const std::string& name) {
  return path.substr(0, path.size() - BaseName(path).size()) + Printable(name);
}

}  // namespace

void CheckTargetKind(Container from, const std::string& path, const std::string& target) {
  const bool is_directory = target.ends_with('/') || DirectoryExists(target);
  if (from == Container::kGguf) {
    if (!target.empty() && (is_directory || !target.ends_with(kGgufEnding))) return;
    Fail(ErrorCode::kInvalidArgument,
         "target '{}': is no directory, and {} is a GGUF file, which becomes a directory with "
         "safetensors. Hint: name a new directory",
         target, path);
  }
  if (!is_directory && target.ends_with(kGgufEnding) && BaseName(target) != kGgufEnding) return;
  std::string name = target;
  while (name.ends_with('/')) name.pop_back();
  Fail(ErrorCode::kInvalidArgument,
       "target '{}': {}, and {} holds {}, which become a file NAME.gguf. Hint: {}", target,
       is_directory ? "is a directory" : "does not end in NAME.gguf", path,
       from == Container::kLlama2c ? "llama2.c's arrays" : "safetensors",
       is_directory
           ? JoinPath(name, "NAME.gguf")
           : (name.empty() || BaseName(name) == kGgufEnding ? "model.gguf" : name + ".gguf"));
}

void CheckGgufTarget(const std::string& target, const std::vector<std::string>& paths, bool force) {
  const std::string directory = DirName(target), name = BaseName(target);
  const std::string_view stem = std::string_view(name).substr(0, name.size() - kGgufEnding.size());
  if (!DirectoryExists(directory)) {
    Fail(ErrorCode::kNotFound, "{}: its directory does not exist. Hint: make it first", target);
  }
  std::vector<std::string> there;
  for (const std::string& file : ListDirectory(directory)) {
    if (file == name || IsPart(file, stem, kGgufEnding)) there.push_back(file);
  }
  for (const std::string& file : there) {
    if (std::any_of(paths.begin(), paths.end(),
                    [&](const auto& p) { return BaseName(p) == file; })) {
      continue;
    }
    Fail(ErrorCode::kInvalidArgument,
         "{}: exists already and would stay beside the new {}. Hint: remove it, or choose another "
         "name",
         Beside(target, file), BaseName(paths[0]));
  }
  if (there.empty() || force) return;
  Fail(ErrorCode::kInvalidArgument, "{}: exists already. Hint: --force replaces it",
       Beside(target, there[0]));
}

void CheckSafetensorsTarget(const std::string& directory, const std::vector<std::string>& names,
                            bool force) {
  if (FileExists(directory)) {
    Fail(ErrorCode::kInvalidArgument, "{}: is a file, needed a new or empty directory", directory);
  }
  if (!DirectoryExists(directory)) return;
  const std::vector<std::string> there = ListDirectory(directory);
  for (const std::string& file : there) {
    const bool replaced = std::find(names.begin(), names.end(), file) != names.end();
    if (replaced || !BelongsToModel(file)) continue;
    Fail(ErrorCode::kInvalidArgument,
         "{}: holds another model ({}), which would stay beside the new one. Hint: choose an empty "
         "directory",
         directory, Printable(file));
  }
  if (there.empty() || force) return;
  Fail(ErrorCode::kInvalidArgument,
       "{}: exists already, needed a new or empty directory. Hint: --force writes into it",
       directory);
}

void CheckSourceStaysWhole(const std::string& source_directory, const std::string& directory,
                           const std::vector<std::string>& removed) {
  std::error_code unknown;  // a directory that is not there yet is another one
  if (removed.empty() || !std::filesystem::equivalent(source_directory, directory, unknown)) return;
  Fail(ErrorCode::kInvalidArgument,
       "{}: is the source's own directory, and {} in it would be removed, for the new model has "
       "none. Hint: choose another directory",
       directory, Printable(removed[0]));
}

}  // namespace tael
