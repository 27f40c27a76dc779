// Walks folders and recognises goldens by their names and neighbours.
#pragma once

#include <string>
#include <vector>

#include "app/verify/golden.h"

namespace tael {

// Every golden at or below `path`, in path order. Symbolic links are followed, each real folder
// once. `path` may be a golden file itself, or a
// file of its checkpoint. Throws kNotFound when `path` does not exist.
std::vector<Golden> FindGoldens(const std::string& path);

}  // namespace tael
