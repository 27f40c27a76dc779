// `tael verify --hash-grid`: one request evaluated in many ways must give one hash.
#pragma once

#include <string>

#include "app/settings.h"
#include "engine/model_runner.h"

namespace tael {

struct GridCommand {
  std::string model;           // path or name
  std::string cells = "auto";  // "all", "corners", "pairwise"; "auto" decides by the model's size
  MatmulMode matmul = MatmulMode::kInteger;  // this and `kv` name the mode, which has its own hash
  DType kv = DType::kF16;
  bool json = false;
};

// Prints a line per cell and, last, the distinct hashes. Returns the exit code: 0 when there is
// one. The best kernel table of the machine runs the chosen cells; with a small model every other
// table runs the corner cells.
int RunHashGrid(const GridCommand& command, const Settings& settings);

}  // namespace tael
