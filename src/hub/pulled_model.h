// Models in the store that were pulled: a folder each, with a note of what they are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tael {

struct PulledFile {
  std::string path = {};  // below the folder
  int64_t size = 0;
  std::string sha256 = {};  // "" = not known (linked from this disk)
  bool operator==(const PulledFile&) const = default;
};

// What tael-model.json says. The folder has nothing else, and is whole when the note is there.
struct PulledModel {
  std::string name = {};    // "ORG/REPO:Q4_K_M": accepted wherever a model is named
  std::string entry = {};   // GGUF file to open; "" = the folder
  std::string source = {};  // "huggingface", "modelscope", "url", "disk"
  std::string origin = {};  // address or path it came from
  std::string commit = {};  // "" = none
  std::vector<PulledFile> files = {};
  int64_t bytes() const;
};

inline constexpr const char* kPulledNote = "tael-model.json";

// nullopt when the folder has no note or none that can be read.
std::optional<PulledModel> ReadPulledModel(const std::string& folder);
std::string PulledModelToJson(const PulledModel& model);

// Where in the store a model of that name lies: "ORG/REPO--Q4_K_M". Throws kInvalidArgument for
// names that lead out of it.
std::string PulledFolder(const std::string& store, const std::string& name);

// The path to open: the folder, or its entry.
std::string PulledPath(const std::string& folder, const PulledModel& model);

// Whether every file of the note is there with its size.
bool IsWhole(const std::string& folder, const PulledModel& model);

}  // namespace tael
