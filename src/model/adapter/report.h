// What is wrong with the modules of an adapter, gathered for one message.
#pragma once

#include <initializer_list>
#include <string>
#include <vector>

#include "checkpoint/lora.h"
#include "checkpoint/tensor_index.h"

namespace tael {

class AdapterReport {
 public:
  // What does not fit the model, and what cannot be computed.
  void Problem(const std::string& target, const std::string& what);
  void Unsupported(const std::string& target, const std::string& what);
  bool empty() const { return problems_.empty(); }

  // Whether the tensor has the shape and a plain float type; else it is reported.
  bool HasShape(const LoraModule& module, const TensorInfo& tensor,
                const std::vector<int64_t>& shape);
  // Whether all numbers are finite; else it is reported.
  bool AllFinite(const LoraModule& module, std::initializer_list<const std::vector<float>*> lists);

  // Throws everything at once: kUnsupported if anything is, else kCorrupt.
  [[noreturn]] void Throw(const LoraFile& file, const std::string& base) const;

 private:
  std::vector<std::string> problems_;
  bool unsupported_ = false;
};

}  // namespace tael
