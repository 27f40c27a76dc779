// Which GGUF tensor each matrix of the network lies in, whatever the model was read from.
#pragma once

#include <string>
#include <vector>

#include "model/families.h"
#include "model/model.h"

namespace tael {

struct NamedMatrix {
  Weight weight = {};
  std::string tensor = {};  // GGUF's name
  int64_t matrix = 0;       // which one of a stack of experts
  int64_t matrices = 1;     // of the stack
  int64_t first_row = 0;    // of the weight in its matrix: not 0 where several are stored as one
};

// All that Matmul() reads and that a GGUF tensor holds as it is, the head included; a matrix that
// is stored in another form in GGUF files is left out.
std::vector<NamedMatrix> NameMatrices(const Model& model, const Family& family);

}  // namespace tael
