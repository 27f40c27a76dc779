// Typed access to the tensors of golden files, and the measure of error.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "text/tokenizer.h"

namespace tael {

// An opened golden file. Every failure is kCorrupt: a golden that cannot be read is a failed check.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& path);

  bool Has(const std::string& name) const { return data_.tensors.Find(name) != nullptr; }
  std::vector<float> Floats(const std::string& name) const;       // F32 or F64
  std::vector<TokenId> Ids(const std::string& name) const;        // I64 or I32, 0 .. 2^31-1
  std::span<const uint8_t> Bytes(const std::string& name) const;  // U8
  std::vector<int64_t> Shape(const std::string& name) const;
  std::vector<std::string> Names() const;
  std::string Metadata(const std::string& key) const;  // "" when absent
  const std::string& path() const { return path_; }

 private:
  const TensorInfo& Find(const std::string& name) const;
  std::string path_;
  Safetensors data_;
};

// sum((a - g)^2) / sum(g^2) over a whole tensor, in double. Both zero: 0; only g zero: infinity.
// Different sizes or a NaN: infinity.
double Nmse(std::span<const float> actual, std::span<const float> golden);

// Member `key` of an object as the wanted type; throws kCorrupt naming `where`.
const Json& Member(const Json& object, const std::string& key, const std::string& where);
std::vector<TokenId> IdsMember(const Json& object, const std::string& key,
                               const std::string& where);
std::vector<double> NumbersMember(const Json& object, const std::string& key,
                                  const std::string& where);
std::string TextMember(const Json& object, const std::string& key, const std::string& where);

// Ids of a JSON array of integers.
std::vector<TokenId> IdsFromJson(const Json& array, const std::string& where);

}  // namespace tael
