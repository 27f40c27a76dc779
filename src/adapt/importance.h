// Importance matrices: per input column of a matrix the mean square of its activations, in the GGUF
// form that llama.cpp writes and reads (general.type "imatrix").
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/tensor_source.h"

namespace tael {

// Of one tensor; of a stack of experts, per matrix.
struct ImportanceSums {
  int64_t matrices = 1, columns = 0;
  std::vector<float> squares = {};  // [matrices, columns] sums over the rows seen
  std::vector<float> rows = {};     // [matrices] how many those were
};

struct Importance {
  std::map<std::string, ImportanceSums> tensors;  // by GGUF name
  std::vector<std::string> texts;                 // what was evaluated, for people
  int64_t chunks = 0, chunk_size = 0;             // windows, and tokens in each

  // Mean squares [matrices, columns] of a tensor, empty when there are none. A matrix that saw
  // nothing counts every column the same.
  std::vector<float> MeansOf(const std::string& name) const;
};

// Throws kCorrupt, naming the tensor, for sums that are no finite numbers or do not fit together,
// kNotFound, kUnsupported for files that are no importance matrix.
Importance ReadImportance(const std::string& path);

// Replaces `path`, whole or not at all.
void WriteImportance(const std::string& path, const Importance& importance);

}  // namespace tael
