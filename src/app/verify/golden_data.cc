#include "app/verify/golden_data.h"

#include <cmath>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace tael {
namespace {

Safetensors Open(const std::string& path) {
  try {
    return OpenSafetensorsFile(path);
  } catch (const Error& error) {
    Fail(ErrorCode::kCorrupt, "{}", error.what());
  }
}

template <typename From, typename To>
std::vector<To> Convert(std::span<const uint8_t> bytes) {
  std::vector<To> out(bytes.size() / sizeof(From));
  for (size_t i = 0; i < out.size(); ++i) {
    From value;
    std::memcpy(&value, bytes.data() + i * sizeof(From), sizeof(From));
    out[i] = static_cast<To>(value);
  }
  return out;
}

TokenId CheckedId(int64_t value, const std::string& where) {
  if (value < 0 || value > std::numeric_limits<TokenId>::max()) {
    Fail(ErrorCode::kCorrupt, "{}: {} is no token id", where, value);
  }
  return static_cast<TokenId>(value);
}

}  // namespace

GoldenFile::GoldenFile(const std::string& path) : path_(path), data_(Open(path)) {}

const TensorInfo& GoldenFile::Find(const std::string& name) const {
  const TensorInfo* tensor = data_.tensors.Find(name);
  if (tensor == nullptr) Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is missing", path_, name);
  return *tensor;
}

std::vector<float> GoldenFile::Floats(const std::string& name) const {
  const TensorInfo& tensor = Find(name);
  if (tensor.dtype == DType::kF32) return Convert<float, float>(tensor.bytes);
  if (tensor.dtype == DType::kF64) return Convert<double, float>(tensor.bytes);
  Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is {}, needed F32", path_, name, Name(tensor.dtype));
}

std::vector<TokenId> GoldenFile::Ids(const std::string& name) const {
  const TensorInfo& tensor = Find(name);
  std::vector<int64_t> values;
  if (tensor.dtype == DType::kI64) {
    values = Convert<int64_t, int64_t>(tensor.bytes);
  } else if (tensor.dtype == DType::kI32) {
    values = Convert<int32_t, int64_t>(tensor.bytes);
  } else {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is {}, needed I64", path_, name, Name(tensor.dtype));
  }
  std::vector<TokenId> ids;
  ids.reserve(values.size());
  for (const int64_t value : values) ids.push_back(CheckedId(value, path_ + " " + name));
  return ids;
}

std::span<const uint8_t> GoldenFile::Bytes(const std::string& name) const {
  const TensorInfo& tensor = Find(name);
  if (tensor.dtype != DType::kU8) {
    Fail(ErrorCode::kCorrupt, "{}: tensor '{}' is {}, needed U8", path_, name, Name(tensor.dtype));
  }
  return tensor.bytes;
}

std::vector<int64_t> GoldenFile::Shape(const std::string& name) const { return Find(name).shape; }

std::vector<std::string> GoldenFile::Names() const {
  std::vector<std::string> names;
  for (const TensorInfo& tensor : data_.tensors.all()) names.push_back(tensor.name);
  return names;
}

std::string GoldenFile::Metadata(const std::string& key) const {
  for (const auto& [name, value] : data_.metadata) {
    if (name == key) return value;
  }
  return "";
}

double Nmse(std::span<const float> actual, std::span<const float> golden) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  if (actual.size() != golden.size()) return kInfinity;
  double error = 0, power = 0;
  for (size_t i = 0; i < golden.size(); ++i) {
    const double difference = static_cast<double>(actual[i]) - golden[i];
    error += difference * difference;
    power += static_cast<double>(golden[i]) * golden[i];
  }
  if (std::isnan(error) || std::isnan(power)) return kInfinity;
  if (power == 0) return error == 0 ? 0 : kInfinity;
  return error / power;
}

const Json& Member(const Json& object, const std::string& key, const std::string& where) {
  const Json* value = object.Find(key);
  if (value == nullptr) Fail(ErrorCode::kCorrupt, "{}: key '{}' is missing", where, key);
  return *value;
}

std::vector<TokenId> IdsFromJson(const Json& array, const std::string& where) {
  if (!array.is_array()) {
    Fail(ErrorCode::kCorrupt, "{}: {} where an array of ids is needed", where, array.type_name());
  }
  std::vector<TokenId> ids;
  for (const Json& value : array.as_array()) {
    ids.push_back(CheckedId(value.is_int() ? value.as_int() : -1, where));
  }
  return ids;
}

std::vector<TokenId> IdsMember(const Json& object, const std::string& key,
                               const std::string& where) {
  return IdsFromJson(Member(object, key, where), where + " " + key);
}

std::vector<double> NumbersMember(const Json& object, const std::string& key,
                                  const std::string& where) {
  const Json& array = Member(object, key, where);
  std::vector<double> numbers;
  if (array.is_array()) {
    for (const Json& value : array.as_array()) {
      if (value.is_number()) numbers.push_back(value.as_double());
    }
  }
  if (!array.is_array() || numbers.size() != array.as_array().size()) {
    Fail(ErrorCode::kCorrupt, "{}: key '{}' is no array of numbers", where, key);
  }
  return numbers;
}

std::string TextMember(const Json& object, const std::string& key, const std::string& where) {
  const Json& value = Member(object, key, where);
  if (!value.is_string()) Fail(ErrorCode::kCorrupt, "{}: key '{}' is no text", where, key);
  return value.as_string();
}

}  // namespace tael
