// Finds the reference data that tests compare with. It lives outside the repository: in the folder
// named by TAEL_SHARED, else in `../shared` beside the checkout.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace tael {

// The repository's own root directory.
inline std::string SourceRoot() { return TAEL_SOURCE_ROOT; }

// Path of `name` below the shared folder, or nullopt when it is not there.
inline std::optional<std::string> SharedPath(const std::string& name) {
  const char* root = std::getenv("TAEL_SHARED");
  const std::filesystem::path base =
      root != nullptr ? std::filesystem::path(root)
                      : std::filesystem::path(TAEL_SOURCE_ROOT) / ".." / "shared";
  const std::filesystem::path path = base / name;
  if (!std::filesystem::exists(path)) return std::nullopt;
  return path.lexically_normal().string();
}

}  // namespace tael
