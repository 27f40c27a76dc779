// The forms in which checkpoints store latent attention, and what else follows from its cache: one
// model gives one result.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/open.h"
#include "engine/hash_grid.h"
#include "engine/memory_plan.h"
#include "engine/session.h"
#include "model/model.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/sanitized.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::vector<float> LogitsOf(const std::string& path, DType kv_dtype = DType::kF32) {
  const auto model = LoadModel(path);
  SessionOptions options;
  options.max_context = 100;
  options.runner = {.threads = 2, .matmul = MatmulMode::kFloat, .kv_dtype = kv_dtype};
  Session session(*model, options);
  std::vector<TokenId> tokens;
  for (int i = 0; i < 90; ++i) tokens.push_back(i * 37 % model->spec.vocab_size);
  return session.Evaluate(tokens, {.all_logits = true}).logits;
}

std::string_view Text(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Rewrites a GGUF file whose up-projections are stored apart into the two older forms.
class OlderForm {
 public:
  OlderForm(const std::string& path, bool keep_parts)
      : source_(OpenCheckpoint(path)), keep_parts_(keep_parts) {
    heads_ = source_.config.Int("num_attention_heads");
  }

  std::string Bytes() {
    for (const auto& [key, value] : source_.gguf->entries) CopyEntry(key, value);
    for (const TensorInfo& tensor : source_.tensors.all()) CopyTensor(tensor);
    return writer_.Bytes();
  }

 private:
  int64_t Number(const std::string& key) const { return source_.gguf->Integer(key, -1); }

  void CopyEntry(const std::string& key, const GgufValue& value) {
    if (key.starts_with("tokenizer.") || key.ends_with("_mla")) return;
    if (key == "deepseek2.attention.head_count_kv") {
      writer_.U32(key, static_cast<uint32_t>(heads_));
    } else if (key.ends_with("key_length") || key.ends_with("value_length")) {
      writer_.U32(key, static_cast<uint32_t>(Number(key + "_mla")));
    } else if (value.type == GgufType::kString) {
      writer_.String(key, value.text);
    } else if (value.type == GgufType::kBool) {
      writer_.Bool(key, value.integer != 0);
    } else if (value.is_number()) {
      writer_.F32(key, static_cast<float>(value.number));
    } else {
      writer_.U32(key, static_cast<uint32_t>(value.integer));
    }
  }

  void Add(const std::string& name, const std::vector<int64_t>& shape, DType dtype,
           std::string_view bytes) {
    writer_.Tensor(name, static_cast<uint32_t>(Info(dtype).ggml_id), shape, bytes);
  }

  void CopyTensor(const TensorInfo& tensor) {
    const bool key = tensor.name.ends_with("attn_k_b.weight");
    const bool part = key || tensor.name.ends_with("attn_v_b.weight");
    if (!part) return Add(tensor.name, tensor.shape, tensor.dtype, Text(tensor.bytes));
    if (keep_parts_) {
      Add(tensor.name, {tensor.shape[0] * tensor.shape[1], tensor.shape[2]}, tensor.dtype,
          Text(tensor.bytes));
    }
    if (key) AddJoined(tensor);
  }

  // Per head the transposed keys' part, then the values' part; elements of 16 bits.
  void AddJoined(const TensorInfo& keys) {
    std::string name = keys.name;
    name.replace(name.find("attn_k_b"), 8, "attn_v_b");
    const TensorInfo& values = *source_.tensors.Find(name);
    const int64_t latent = keys.shape[1], nope = keys.shape[2], wide = values.shape[1];
    std::string bytes;
    for (int64_t h = 0; h < heads_; ++h) {
      for (int64_t i = 0; i < nope; ++i) {
        for (int64_t j = 0; j < latent; ++j) {
          bytes +=
              Text(keys.bytes.subspan(static_cast<size_t>(2 * ((h * latent + j) * nope + i)), 2));
        }
      }
      const auto size = static_cast<size_t>(2 * wide * latent);
      bytes += Text(values.bytes.subspan(static_cast<size_t>(h) * size, size));
    }
    name.replace(name.find("attn_v_b"), 8, "attn_kv_b");
    Add(name, {heads_ * (nope + wide), latent}, keys.dtype, bytes);
  }

  Checkpoint source_;
  bool keep_parts_;
  int64_t heads_ = 0;
  GgufWriter writer_;
};

class LatentForms : public testing::TestWithParam<const char*> {};

TEST_P(LatentForms, EveryFileOfAModelGivesTheSameBits) {
  const auto folder = SharedPath(std::string("goldens/") + GetParam());
  if (!folder) GTEST_SKIP() << "no shared goldens";
  const std::string gguf = *folder + "/model.gguf";
  const std::vector<float> wanted = LogitsOf(*folder);
  EXPECT_EQ(LogitsOf(gguf), wanted);
  const auto path = std::filesystem::temp_directory_path() /
                    ("tael_latent_forms_" + std::to_string(getpid()) + ".gguf");
  for (const bool keep_parts : {false, true}) {
    WriteFileAtomically(path, OlderForm(gguf, keep_parts).Bytes());
    EXPECT_EQ(LogitsOf(path), wanted) << keep_parts;
  }
  std::filesystem::remove(path);
}

INSTANTIATE_TEST_SUITE_P(Families, LatentForms,
                         testing::Values("deepseek-v2", "deepseek-v2-lite", "deepseek-v3"));

TEST(LatentCache, HoldsOneRowPerToken) {
  const auto folder = SharedPath("goldens/deepseek-v3");
  if (!folder) GTEST_SKIP() << "no shared goldens";
  const auto model = LoadModel(*folder);
  const auto layers = static_cast<int64_t>(model->spec.layers.size());
  EXPECT_EQ(KvCacheBytes(*model, DType::kF16, 3), layers * 3 * 64 * (32 + 32) * 2);
  EXPECT_EQ(KvCacheBytes(*model, DType::kQ8_0, 3), layers * 3 * 64 * 2 * 34);
  const auto narrow = LoadModel(*SharedPath("goldens/deepseek-v2"));  // rows of 32 + 16
  EXPECT_THROW(KvCacheBytes(*narrow, DType::kQ8_0, 1), Error);
}

size_t CountHashes(const Model& model, DType dtype) {
  std::set<std::string> hashes;
  std::vector<GridCell> cells = {{1, 512, 1, false}, {2, 5, 2, true}};
  if (!kSanitized) cells.insert(cells.end(), {{3, 64, 2, false}, {7, 512, 3, true}});
  for (const GridCell& cell : cells) {
    hashes.insert(RunGridCell(model, cell, {.kv_dtype = dtype}).hash);
  }
  return hashes.size();
}

TEST(LatentCache, GivesOneHashWhateverTheCompany) {
  for (const char* name : {"deepseek-v3", "deepseek-v32"}) {
    const auto folder = SharedPath(std::string("goldens/") + name);
    if (!folder) GTEST_SKIP() << "no shared goldens";
    const auto model = LoadModel(*folder);
    for (const DType dtype : {DType::kF32, DType::kF16, DType::kQ8_0}) {
      if (kSanitized && dtype == DType::kF32) continue;
      EXPECT_EQ(CountHashes(*model, dtype), 1u) << name << " " << Name(dtype);
    }
  }
}

TEST(LatentCache, ExpandedGivesOneHashWhateverTheCompany) {
  for (const char* name : {"deepseek-v2", "deepseek-v3", "kimi-k2"}) {
    const auto folder = SharedPath(std::string("goldens/") + name);
    if (!folder) GTEST_SKIP() << "no shared goldens";
    LoadOptions expanded;
    expanded.expanded_latents = true;
    const auto model = LoadModel(*folder, expanded);
    EXPECT_EQ(CountHashes(*model, DType::kF16), 1u) << name;
    // Rows of every head's keys and values, where the latent form has one for all heads.
    EXPECT_GT(KvCacheBytes(*model, DType::kF16, 3),
              2 * KvCacheBytes(*LoadModel(*folder), DType::kF16, 3));
  }
}

TEST(LatentCache, ExpandedIsRefusedWhereSomethingElseReadsTheLatents) {
  const auto folder = SharedPath("goldens/deepseek-v32");
  const auto dense = SharedPath("goldens/qwen3");
  if (!folder || !dense) GTEST_SKIP() << "no shared goldens";
  LoadOptions expanded;
  expanded.expanded_latents = true;
  EXPECT_THROW(LoadModel(*folder, expanded), Error);  // its indexer
  EXPECT_THROW(LoadModel(*dense, expanded), Error);   // no latents
}

}  // namespace
}  // namespace tael
