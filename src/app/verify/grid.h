// `tael verify --hash-grid`: one request evaluated in many ways must give one hash.
#pragma once

#include <string>

#include "app/settings.h"

namespace tael {

struct GridCommand {
  std::string model;           // path or name
  std::string cells = "auto";  // "all", "corners", "pairwise"; "auto" decides by the model's size
  bool json = false;
};

// Prints a line per cell and, last, the distinct hashes. Returns the exit code: 0 when there is
// one. The best kernel table of the machine runs the chosen cells; with a small model every other
// table runs the corner cells.
int RunHashGrid(const GridCommand& command, const Settings& settings);

}  // namespace tael
