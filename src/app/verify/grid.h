// `tael verify --hash-grid`: one request evaluated in many ways must give one hash.
#pragma once

#include <string>

#include "app/settings.h"
#include "engine/model_runner.h"

namespace tael {

struct GridCommand {
  std::string model;           // path or name
  std::string cells = "auto";  // "all", "pairwise", "corners", "corner-pairs"; "auto": by size
  MatmulMode matmul = MatmulMode::kInteger;  // this and `kv` name the mode, which has its own hash
  DType kv = DType::kF16;
  bool expanded_latents = false;  // --mla expanded, a mode as well
  std::string tables;             // all, best, or "": all for small models
  bool json = false;
};

// Prints a line per cell and, last, the distinct hashes. Returns the exit code: 0 when there is
// one. The best kernel table of the machine (or TAEL_FORCE_ISA) runs the chosen cells. With a small
// model and `other_tables` every other table runs corner cells: all, or with a pairwise choice
// those that cover pairs.
int RunHashGrid(const GridCommand& command, const Settings& settings);

}  // namespace tael
