// A small safetensors reader for tests of folders below checkpoint/: finds a tensor's bytes in a
// file that is known to be good.
#pragma once

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"

namespace tael {

class MiniSafetensors {
 public:
  explicit MiniSafetensors(const std::string& path) : data_(ReadFile(path)) {
    uint64_t header_size = 0;
    std::memcpy(&header_size, data_.data(), sizeof(header_size));
    start_ = sizeof(header_size) + header_size;
    header_ = ParseJson(std::string_view(data_).substr(sizeof(header_size), header_size), path);
  }

  std::vector<int64_t> Shape(const std::string& name) const {
    std::vector<int64_t> shape;
    for (const Json& size : Entry(name).Find("shape")->as_array()) shape.push_back(size.as_int());
    return shape;
  }

  // The elements of tensor `name`, whose stored type must be T.
  template <typename T>
  std::vector<T> Values(const std::string& name) const {
    const JsonArray& offsets = Entry(name).Find("data_offsets")->as_array();
    const size_t begin = start_ + static_cast<size_t>(offsets[0].as_int());
    const size_t end = start_ + static_cast<size_t>(offsets[1].as_int());
    std::vector<T> values((end - begin) / sizeof(T));
    if (!values.empty()) std::memcpy(values.data(), data_.data() + begin, end - begin);
    return values;
  }

 private:
  const Json& Entry(const std::string& name) const {
    const Json* entry = header_.Find(name);
    if (entry == nullptr) throw std::runtime_error("no tensor '" + name + "'");
    return *entry;
  }

  std::string data_;
  size_t start_ = 0;
  Json header_;
};

}  // namespace tael
