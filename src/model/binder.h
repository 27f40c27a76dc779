// Looks tensors up by role, checks their shapes, remembers what was claimed and what went wrong.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/open.h"
#include "model/decoder.h"
#include "model/families.h"
#include "model/quantization.h"
#include "tensor/weight.h"

namespace tael {

struct NumberTableShape {
  int64_t rows = 0, columns = 0, limit = 0;
};

// One pass over one checkpoint. Problems are collected, not thrown: a weight that is missing or
// misshaped comes back empty, and Finish() reports all of them.
class Binder {
 public:
  // With `headers_only` no tensor's bytes are read: vectors are zeros. Borrows the first two
  // arguments. Throws as ReadQuantization() does.
  Binder(const Family& family, const Checkpoint& checkpoint, int64_t vocab_size, bool headers_only);

  // Whether a matrix is there, plain or packed.
  bool Has(Role role, int layer) const;
  // Whether the family stores this matrix, which is made of others.
  bool IsFused(Role role) const { return FindRule(names_, role) != nullptr; }
  int64_t vocab_size() const { return vocab_size_; }
  bool IsGguf() const { return checkpoint_.container == Container::kGguf; }

  // [n, k], borrowed from the checkpoint's mapping; packed where quantization_config says so.
  Weight Matrix(Role role, int layer, int64_t n, int64_t k, int expert = 0);
  // `count` matrices [n, k] in one tensor [count, n, k] or [count * n, k], as the first of them;
  // the others follow at a distance of bytes().
  Weight Stack(Role role, int layer, int64_t count, int64_t n, int64_t k);
  // The same stored transposed, [count, k, n], in a plain float type. A packed form keeps rows.
  Weight ColumnStack(Role role, int layer, int64_t count, int64_t n, int64_t k);

  // [size], decoded to float32.
  std::vector<float> Vector(Role role, int layer, int64_t size);
  // [count][size], from one tensor of that shape.
  std::vector<float> Vectors(Role role, int layer, int64_t count, int64_t size) {
    return VectorNamed(NameOf(role, layer), count * size, {count, size});
  }
  // [rows, columns] of I64, in GGUF files I32, borrowed: every row names different numbers from 0
  // to `limit` - 1. nullptr when something is wrong.
  const TensorInfo* NumberTable(Role role, int layer, const NumberTableShape& shape);
  // A vector that some files store as a matrix with one row, or column.
  std::vector<float> FlatVector(Role role, int layer, int64_t size);
  // All elements of a tensor that has one of `shapes`, in the order of the file.
  std::vector<float> Values(Role role, int layer, const std::vector<std::vector<int64_t>>& shapes);
  std::vector<float> VectorNamed(const std::string& name, int64_t size) {
    return VectorNamed(name, size, {size});
  }

  void Ignore(Role role, int layer) { claimed_.insert(NameOf(role, layer)); }
  // Whether there is any tensor of a block.
  bool HasBlock(int layer) const;

  // For matrices made of several tensors. The tensor, claimed; nullptr when it is missing, or has
  // none of the shapes or none of the types, which is reported.
  const TensorInfo* Take(const std::string& name, std::span<const std::vector<int64_t>> shapes,
                         std::span<const DType> types);
  // Marks a tensor as known that nothing here reads.
  void IgnoreNamed(const std::string& name) { claimed_.insert(name); }
  bool HasNamed(const std::string& name) const { return checkpoint_.tensors.Find(name) != nullptr; }
  std::optional<DType> TypeNamed(const std::string& name) const {
    const TensorInfo* tensor = checkpoint_.tensors.Find(name);
    return tensor != nullptr ? std::optional(tensor->dtype) : std::nullopt;
  }
  bool headers_only() const { return headers_only_; }
  template <typename... Args>
  void Problem(fmt::format_string<Args...> text, Args&&... args) {
    problems_.push_back(fmt::format(text, std::forward<Args>(args)...));
  }

  // The packed matrices that were bound.
  const std::vector<NamedPacked>& packed() const { return packed_; }

  // Leaves all tensors of a block to another pass, which FinishBlock() ends.
  void IgnoreBlock(int layer);

  // The tensors that were taken. Throws kCorrupt when anything went wrong or a tensor was not
  // claimed.
  std::vector<const TensorInfo*> Finish();

  // The same for a pass over one block's tensors, which throws nothing: `problem` is empty, or says
  // what went wrong.
  std::vector<const TensorInfo*> FinishBlock(int layer, std::string* problem);

 private:
  const NameRule& RuleOf(Role role) const;
  std::string NameOf(Role role, int layer, int expert = 0) const;
  // Reports the tensors that begin with `start` and that nobody claimed.
  void RefuseUnclaimed(std::string_view start);
  std::string ProblemText() const;
  std::string BlockStart(int layer) const;  // what all names of a block begin with
  float OffsetOf(Role role) const { return IsGguf() ? 0.0f : RuleOf(role).hf_offset; }
  std::vector<float> VectorNamed(const std::string& name, int64_t size,
                                 const std::vector<int64_t>& shape);
  Weight WeightOf(const TensorInfo* tensor, int64_t n, int64_t k);
  // The same of a tensor whose rows are the columns of the (first) matrix.
  Weight ColumnsOf(const TensorInfo* tensor, int64_t n, int64_t k);
  // The tensor of that shape whatever its type, or null.
  const TensorInfo* ClaimShape(const std::string& name, const std::vector<int64_t>& shape);
  const TensorInfo* Claim(const std::string& name, const std::vector<int64_t>& shape);

  // How `name` is stored, nullptr: plainly.
  const QuantScheme* SchemeOf(const std::string& name) const;
  Weight PackedWeight(const QuantScheme& scheme, const std::string& name, int64_t count, int64_t n,
                      int64_t k);

  const Family& family_;
  const Checkpoint& checkpoint_;
  std::span<const NameRule> names_;  // the family's, in this checkpoint's spelling
  bool by_columns_ = false;
  const int64_t vocab_size_;
  const bool headers_only_;
  const std::optional<Quantization> quantization_;
  std::vector<NamedPacked> packed_;
  std::vector<const TensorInfo*> used_;
  std::set<std::string> claimed_;
  std::vector<std::string> problems_;
};

}  // namespace tael
