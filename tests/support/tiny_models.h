// Tiny random checkpoints of several kinds of networks, and LoRA adapters for them, with the model
// that an adapter merged into its weights would be.
#pragma once

#include <cmath>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "quant/packed_matrix.h"
#include "tests/support/temporary_folder.h"

namespace tael {

// Numbers in [-1, 1), the same on every machine.
class TinyNumbers {
 public:
  explicit TinyNumbers(uint32_t seed) : state_(seed * 2654435761u + 1) {}
  float Next() {
    state_ = state_ * 1664525u + 1013904223u;
    return static_cast<float>(static_cast<int32_t>(state_ >> 8) % 2000 - 1000) / 1000.0f;
  }
  std::vector<float> Vector(int64_t count, float scale, float offset = 0) {
    std::vector<float> values(static_cast<size_t>(count));
    for (float& value : values) value = offset + scale * Next();
    return values;
  }

 private:
  uint32_t state_;
};

// A module that an adapter changes: rows [first_row, first_row + n) of a tensor.
struct TinyTarget {
  std::string module, tensor;
  int64_t n = 0, k = 0, first_row = 0;
};

class TinyModel {
 public:
  explicit TinyModel(const std::string& config)
      : config_(ParseJson(config, "config.json")), numbers_(1) {}

  void Vector(const std::string& name, std::vector<int64_t> shape, float offset = 1) {
    Keep(name, std::move(shape), 0.2f, offset);
  }
  // A matrix that adapters change as one module.
  void Matrix(const std::string& module, int64_t n, int64_t k) {
    Keep(module + ".weight", {n, k}, 1.7f / std::sqrt(static_cast<float>(k)), 0);
    targets.push_back({module, module + ".weight", n, k, 0});
  }
  // A stack [count, n, k].
  void Stack(const std::string& name, int64_t count, int64_t n, int64_t k) {
    Keep(name, {count, n, k}, 1.7f / std::sqrt(static_cast<float>(k)), 0);
  }
  // Embedding, final norm and head over a vocabulary of 512.
  void Ends(int64_t hidden) {
    Keep("model.embed_tokens.weight", {512, hidden}, 1, 0);
    Vector("model.norm.weight", {hidden});
    Matrix("lm_head", 512, hidden);
  }

  // As a folder; matrices of the layers as float8 in blocks of 16 x 16 with a scale each, if asked
  // for: their values then become what that stores.
  std::string Write(const TemporaryFolder& folder, bool float8 = false);

  std::vector<TinyTarget> targets;

 private:
  friend class TinyAdapter;
  struct Tensor {
    std::string name;
    std::vector<int64_t> shape;
    std::vector<float> values;
  };

  void Keep(const std::string& name, std::vector<int64_t> shape, float scale, float offset) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    tensors_.push_back({name, std::move(shape), numbers_.Vector(count, scale, offset)});
  }

  Json config_;
  TinyNumbers numbers_;
  std::deque<Tensor> tensors_;
};

inline std::string TinyModel::Write(const TemporaryFolder& folder, bool float8) {
  std::deque<std::vector<uint8_t>> bytes;
  std::deque<std::vector<float>> scales;
  std::vector<TensorInfo> infos;
  for (Tensor& t : tensors_) {
    const bool packed = float8 && t.shape.size() == 2 && t.name.starts_with("model.layers.");
    if (!packed) {
      infos.push_back({t.name,
                       DType::kF32,
                       t.shape,
                       {reinterpret_cast<const uint8_t*>(t.values.data()), t.values.size() * 4}});
      continue;
    }
    const int64_t n = t.shape[0], k = t.shape[1], columns = (k + 15) / 16;
    std::vector<uint8_t>& codes = bytes.emplace_back(t.values.size());
    std::vector<float>& grid = scales.emplace_back(static_cast<size_t>((n + 15) / 16 * columns));
    for (float& scale : grid) scale = 0.001f * (1.5f + numbers_.Next());
    for (uint8_t& code : codes) {
      code = static_cast<uint8_t>(0x40 + static_cast<int>(40 * numbers_.Next()));
      if (numbers_.Next() < 0) code |= 0x80;
    }
    const ByteCodes form{.codes = codes.data(),
                         .row_stride = k,
                         .scales = reinterpret_cast<const uint8_t*>(grid.data()),
                         .grid_columns = columns,
                         .row_span = 16,
                         .column_span = 16};
    kPlainDecoders.bytes(form, k, {.first = 0, .count = n}, t.values.data());
    infos.push_back({t.name, DType::kF8E4M3, t.shape, {codes.data(), codes.size()}});
    infos.push_back({t.name + "_scale_inv",
                     DType::kF32,
                     {(n + 15) / 16, columns},
                     {reinterpret_cast<const uint8_t*>(grid.data()), grid.size() * 4}});
  }
  Json config = config_;
  if (float8) {
    config.Set("quantization_config",
               ParseJson(R"({"quant_method": "fp8", "fmt": "e4m3", "weight_block_size": [16, 16],
                             "activation_scheme": "dynamic"})",
                         "test"));
  }
  folder.Write("config.json", DumpJson(config));
  folder.Write("model.safetensors", SerializeSafetensors(infos));
  return folder.path();
}

// A PEFT directory with random numbers for all targets of a model.
class TinyAdapter {
 public:
  TinyAdapter(const std::vector<TinyTarget>& targets, int64_t rank, uint32_t seed)
      : rank_(rank), targets_(targets) {
    TinyNumbers numbers(seed);
    for (const TinyTarget& t : targets_) {
      a_.push_back(numbers.Vector(rank * t.k, 1.7f / std::sqrt(static_cast<float>(t.k))));
      b_.push_back(numbers.Vector(t.n * rank, 0.2f));
    }
    std::vector<TensorInfo> infos;
    const auto add = [&](const std::string& name, const std::vector<float>& values, int64_t n) {
      infos.push_back({"base_model.model." + name,
                       DType::kF32,
                       {n, static_cast<int64_t>(values.size()) / n},
                       {reinterpret_cast<const uint8_t*>(values.data()), values.size() * 4}});
    };
    for (size_t i = 0; i < targets_.size(); ++i) {
      add(targets_[i].module + ".lora_A.weight", a_[i], rank);
      add(targets_[i].module + ".lora_B.weight", b_[i], targets_[i].n);
    }
    folder_.Write("adapter_model.safetensors", SerializeSafetensors(infos));
    folder_.Write("adapter_config.json", R"({"peft_type":"LORA","lora_alpha":)" +
                                             std::to_string(2 * rank) +
                                             ",\"r\":" + std::to_string(rank) + "}");
  }
  const std::string& path() const { return folder_.path(); }

  // The model with 2 B A added to its matrices.
  TinyModel MergedInto(TinyModel model) const {
    for (size_t i = 0; i < targets_.size(); ++i) {
      const TinyTarget& t = targets_[i];
      for (TinyModel::Tensor& tensor : model.tensors_) {
        if (tensor.name != t.tensor) continue;
        for (int64_t n = 0; n < t.n; ++n) {
          for (int64_t k = 0; k < t.k; ++k) {
            double sum = 0;
            for (int64_t r = 0; r < rank_; ++r) {
              sum += double{b_[i][static_cast<size_t>(n * rank_ + r)]} *
                     double{a_[i][static_cast<size_t>(r * t.k + k)]};
            }
            float& value = tensor.values[static_cast<size_t>((t.first_row + n) * t.k + k)];
            value = static_cast<float>(double{value} + 2 * sum);
          }
        }
      }
    }
    return model;
  }

 private:
  int64_t rank_;
  std::vector<TinyTarget> targets_;
  std::deque<std::vector<float>> a_, b_;
  TemporaryFolder folder_;
};

}  // namespace tael
