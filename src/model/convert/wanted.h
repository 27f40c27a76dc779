// Which Hugging Face tensors a GGUF file becomes, for the files of the conversion only.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/convert/tensors.h"
#include "model/places.h"

namespace tael {

inline constexpr std::string_view kMxfp4Codes = "_blocks", kMxfp4Scales = "_scales";

// A Hugging Face tensor to make.
struct WantedTensor {
  std::string name;
  TensorPlace place;  // of the matrix, where this is a part of its packed form
  std::optional<DType> dtype = std::nullopt;                 // of the original; none: to be chosen
  std::optional<std::vector<int64_t>> shape = std::nullopt;  // the same
};

// Those of a list that ListTensors() gave. Lines without a role here are added to `unknown`.
std::vector<WantedTensor> ListedTensors(const Family& family, const std::vector<std::string>& list,
                                        std::vector<std::string>* unknown);

// Those that a checkpoint of this family usually has.
std::vector<WantedTensor> UsualTensors(const ConversionSource& source);

}  // namespace tael
