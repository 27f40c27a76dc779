// Writes small GGUF files for tests: any key, any tensor, also wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

namespace tael {

class GgufWriter {
 public:
  // Metadata values, by GGUF type.
  GgufWriter& U8(std::string_view key, uint8_t value) { return Scalar(key, 0, value); }
  GgufWriter& U16(std::string_view key, uint16_t value) { return Scalar(key, 2, value); }
  GgufWriter& U32(std::string_view key, uint32_t value) { return Scalar(key, 4, value); }
  GgufWriter& I32(std::string_view key, int32_t value) { return Scalar(key, 5, value); }
  GgufWriter& U64(std::string_view key, uint64_t value) { return Scalar(key, 10, value); }
  GgufWriter& F32(std::string_view key, float value) { return Scalar(key, 6, value); }
  GgufWriter& F64(std::string_view key, double value) { return Scalar(key, 12, value); }
  GgufWriter& Bool(std::string_view key, bool value) {
    return Scalar(key, 7, static_cast<uint8_t>(value));
  }
  GgufWriter& String(std::string_view key, std::string_view value) {
    std::string bytes;
    AppendText(value, bytes);
    return Raw(key, 8, bytes);
  }
  GgufWriter& Strings(std::string_view key, const std::vector<std::string>& values) {
    std::string bytes = ArrayHead(8, values.size());
    for (const std::string& value : values) AppendText(value, bytes);
    return Raw(key, 9, bytes);
  }
  GgufWriter& U32s(std::string_view key, const std::vector<uint32_t>& values) {
    std::string bytes = ArrayHead(4, values.size());
    for (const uint32_t value : values) Append(value, bytes);
    return Raw(key, 9, bytes);
  }
  GgufWriter& F32s(std::string_view key, const std::vector<float>& values) {
    std::string bytes = ArrayHead(6, values.size());
    for (const float value : values) Append(value, bytes);
    return Raw(key, 9, bytes);
  }
  // A value given as its type number and bytes.
  GgufWriter& Raw(std::string_view key, uint32_t type, std::string_view bytes) {
    AppendText(key, metadata_);
    Append(type, metadata_);
    metadata_ += bytes;
    ++num_entries_;
    return *this;
  }
  static std::string ArrayHead(uint32_t type, uint64_t count) {
    std::string bytes;
    Append(type, bytes);
    Append(count, bytes);
    return bytes;
  }

  // A tensor of `type` (GGML's number) with the given bytes; `shape` is row-major (fastest last).
  GgufWriter& Tensor(std::string_view name, uint32_t type, const std::vector<int64_t>& shape,
                     std::string_view bytes) {
    TensorAt(name, type, shape, data_.size());
    data_ += bytes;
    data_.resize((data_.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
    return *this;
  }
  // A table entry alone, with any offset and no data.
  GgufWriter& TensorAt(std::string_view name, uint32_t type, const std::vector<int64_t>& shape,
                       uint64_t offset) {
    AppendText(name, table_);
    Append(static_cast<uint32_t>(shape.size()), table_);
    for (auto size = shape.rbegin(); size != shape.rend(); ++size) Append(*size, table_);
    Append(type, table_);
    Append(offset, table_);
    ++num_tensors_;
    return *this;
  }
  GgufWriter& F32Tensor(std::string_view name, const std::vector<int64_t>& shape) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    return Tensor(name, 0, shape, std::string(static_cast<size_t>(count) * 4, '\0'));
  }

  GgufWriter& F32Tensor(std::string_view name, const std::vector<int64_t>& shape,
                        const std::vector<float>& values) {
    std::string bytes(values.size() * sizeof(float), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return Tensor(name, 0, shape, bytes);
  }

  // Does not write general.alignment; for the padding only. REQUIRES: no tensor so far.
  GgufWriter& Align(uint32_t alignment) {
    alignment_ = alignment;
    return *this;
  }
  GgufWriter& Version(uint32_t version) {
    version_ = version;
    return *this;
  }

  std::string Bytes() const {
    std::string out = "GGUF";
    Append(version_, out);
    Append(num_tensors_, out);
    Append(num_entries_, out);
    out += metadata_ + table_;
    out.resize((out.size() + alignment_ - 1) / alignment_ * alignment_, '\0');
    return out + data_;
  }

  template <typename T>
  static void Append(T value, std::string& out) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
  }
  static void AppendText(std::string_view text, std::string& out) {
    Append(static_cast<uint64_t>(text.size()), out);
    out += text;
  }

 private:
  template <typename T>
  GgufWriter& Scalar(std::string_view key, uint32_t type, T value) {
    std::string bytes;
    Append(value, bytes);
    return Raw(key, type, bytes);
  }

  std::string metadata_, table_, data_;
  uint64_t num_tensors_ = 0, num_entries_ = 0;
  uint32_t alignment_ = 32, version_ = 3;
};

// A llama of one layer whose metadata and tensors agree: 4 tokens, width 8, 2 heads, 1 kv head.
inline GgufWriter TinyLlama() {
  GgufWriter writer;
  writer.String("general.architecture", "llama")
      .U32("llama.context_length", 16)
      .U32("llama.embedding_length", 8)
      .U32("llama.block_count", 1)
      .U32("llama.feed_forward_length", 16)
      .U32("llama.attention.head_count", 2)
      .U32("llama.attention.head_count_kv", 1)
      .F32("llama.attention.layer_norm_rms_epsilon", 1e-5f)
      .String("tokenizer.ggml.model", "llama")
      .Strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "</s>", "a"})
      .U32("tokenizer.ggml.eos_token_id", 2);
  writer.F32Tensor("token_embd.weight", {4, 8})
      .F32Tensor("blk.0.attn_norm.weight", {8})
      .F32Tensor("blk.0.attn_q.weight", {8, 8})
      .F32Tensor("blk.0.attn_k.weight", {4, 8})
      .F32Tensor("blk.0.attn_v.weight", {4, 8})
      .F32Tensor("blk.0.attn_output.weight", {8, 8})
      .F32Tensor("blk.0.ffn_norm.weight", {8})
      .F32Tensor("blk.0.ffn_gate.weight", {16, 8})
      .F32Tensor("blk.0.ffn_up.weight", {16, 8})
      .F32Tensor("blk.0.ffn_down.weight", {8, 16})
      .F32Tensor("output_norm.weight", {8});
  return writer;
}

// A LoRA adapter of rank 2 for one matrix of 64 x 64, the values of layer 0, which names
// `architecture` as its base's.
inline std::string GgufAdapterOnValues(const std::string& architecture) {
  GgufWriter writer;
  writer.String("general.type", "adapter").String("general.architecture", architecture);
  writer.String("adapter.type", "lora").F32("adapter.lora.alpha", 4);
  writer.F32Tensor("blk.0.attn_v.weight.lora_a", {2, 64});
  writer.F32Tensor("blk.0.attn_v.weight.lora_b", {64, 2});
  return writer.Bytes();
}

}  // namespace tael
