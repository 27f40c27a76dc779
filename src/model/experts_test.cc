// Experts in checkpoints: one tensor each or stacked, sparse and dense layers, what is refused.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <deque>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "model/families.h"
#include "model/model.h"

namespace tael {
namespace {

constexpr int64_t kHidden = 12, kExperts = 3, kWidth = 5, kLayers = 2;

// A Qwen3-MoE checkpoint whose tensor elements all differ. Layer 1 is sparse, layer 0 dense.
class ExpertCheckpoint : public testing::Test {
 protected:
  ExpertCheckpoint()
      : dir_(std::filesystem::temp_directory_path() /
             ("tael_experts_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(dir_);
    config_ = ParseJson(R"({"architectures": ["Qwen3MoeForCausalLM"], "hidden_size": 12,
      "head_dim": 4, "num_attention_heads": 2, "num_key_value_heads": 1, "num_hidden_layers": 2,
      "vocab_size": 7, "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "hidden_act": "silu",
      "intermediate_size": 9, "moe_intermediate_size": 5, "num_experts": 3,
      "num_experts_per_tok": 2, "norm_topk_prob": true, "decoder_sparse_step": 2,
      "mlp_only_layers": []})",
                        "config.json");
    Add("model.embed_tokens.weight", {7, kHidden});
    Add("model.norm.weight", {kHidden});
    Add("lm_head.weight", {7, kHidden});
    for (int64_t layer = 0; layer < kLayers; ++layer) {
      const std::string start = "model.layers." + std::to_string(layer) + ".";
      Add(start + "input_layernorm.weight", {kHidden});
      Add(start + "post_attention_layernorm.weight", {kHidden});
      Add(start + "self_attn.q_proj.weight", {8, kHidden});
      Add(start + "self_attn.k_proj.weight", {4, kHidden});
      Add(start + "self_attn.v_proj.weight", {4, kHidden});
      Add(start + "self_attn.o_proj.weight", {kHidden, 8});
      Add(start + "self_attn.q_norm.weight", {4});
      Add(start + "self_attn.k_norm.weight", {4});
    }
    for (const char* name : {"gate", "up"}) {
      Add(std::string("model.layers.0.mlp.") + name + "_proj.weight", {9, kHidden});
    }
    Add("model.layers.0.mlp.down_proj.weight", {kHidden, 9});
    Add("model.layers.1.mlp.gate.weight", {kExperts, kHidden});
  }
  ~ExpertCheckpoint() override { std::filesystem::remove_all(dir_); }

  void Add(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t size = 1;
    for (const int64_t n : shape) size *= n;
    std::vector<float>& values = values_.emplace_back(static_cast<size_t>(size));
    for (float& value : values) value = static_cast<float>(++last_);
    tensors_.push_back(
        {name, DType::kF32, shape, {reinterpret_cast<uint8_t*>(values.data()), values.size() * 4}});
  }

  void AddExpertsOneByOne() {
    for (int64_t e = 0; e < kExperts; ++e) {
      const std::string start = "model.layers.1.mlp.experts." + std::to_string(e) + ".";
      Add(start + "gate_proj.weight", {kWidth, kHidden});
      Add(start + "up_proj.weight", {kWidth, kHidden});
    }
    for (int64_t e = 0; e < kExperts; ++e) {
      Add("model.layers.1.mlp.experts." + std::to_string(e) + ".down_proj.weight",
          {kHidden, kWidth});
    }
  }

  std::unique_ptr<Model> Load() {
    WriteFileAtomically(dir_ / "config.json", DumpJson(config_));
    WriteFileAtomically(dir_ / "model.safetensors", SerializeSafetensors(tensors_));
    return LoadModel(dir_.string());
  }

  std::string Problem() {
    try {
      Load();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path dir_;
  Json config_;
  std::deque<std::vector<float>> values_;
  std::vector<TensorInfo> tensors_;
  int last_ = 0;
};

// First elements of gate, up and down of all experts.
std::vector<float> Corners(const Model& model) {
  std::vector<float> corners;
  for (const DenseFfnWeights& e : std::get<MoeFfnWeights>(model.weights.layers[1].ffn).experts) {
    for (const Weight* w : {&e.gate, &e.up, &e.down}) {
      for (const int64_t row : {int64_t{0}, w->n - 1}) {
        std::memcpy(&corners.emplace_back(), w->row(row), sizeof(float));
      }
    }
  }
  return corners;
}

TEST_F(ExpertCheckpoint, StacksHoldTheSameExpertsAsSingleTensors) {
  const std::vector<TensorInfo> common = tensors_;
  const int first = last_;
  AddExpertsOneByOne();
  const std::vector<float> single = Corners(*Load());
  // The same numbers in the same order: gate and up of each expert, then all of down.
  tensors_ = common;
  last_ = first;
  Add("model.layers.1.mlp.experts.gate_up_proj", {kExperts, 2 * kWidth, kHidden});
  Add("model.layers.1.mlp.experts.down_proj", {kExperts, kHidden, kWidth});
  EXPECT_EQ(Corners(*Load()), single);
  EXPECT_EQ(single[0], static_cast<float>(first + 1));
  EXPECT_EQ(single[2], static_cast<float>(first + 1 + kWidth * kHidden));
}

TEST_F(ExpertCheckpoint, SparseLayersAreCountedAndExceptionsNamed) {
  AddExpertsOneByOne();
  const auto model = Load();
  EXPECT_TRUE(std::holds_alternative<DenseFfnSpec>(model->spec.layers[0].ffn));
  const auto& moe = std::get<MoeFfnSpec>(model->spec.layers[1].ffn);
  EXPECT_EQ(moe.router.num_experts, 3);
  EXPECT_TRUE(moe.router.normalize);
  config_.Set("mlp_only_layers", JsonArray{Json(1)});
  EXPECT_NE(Problem().find("missing tensor 'model.layers.1.mlp.gate_proj.weight'"),
            std::string::npos);
  config_.Set("decoder_sparse_step", 0);
  EXPECT_NE(Problem().find("decoder_sparse_step is 0"), std::string::npos);
}

TEST_F(ExpertCheckpoint, MissingExpertsAndImpossibleNumbersAreRefusedByName) {
  AddExpertsOneByOne();
  tensors_.pop_back();
  EXPECT_NE(Problem().find("missing tensor 'model.layers.1.mlp.experts.2.down_proj.weight'"),
            std::string::npos);
  config_.Set("num_experts", 2000000000);
  EXPECT_NE(Problem().find("number of experts is"), std::string::npos);
  config_.Set("num_experts", 3);
  config_.Set("use_sliding_window", true);
  EXPECT_NE(Problem().find("use_sliding_window is true"), std::string::npos);
}

TEST(UniformInt, TakesANumberOrAListOfEqualOnes) {
  const ConfigView config(ParseJson(R"({"a": 3, "b": [4, 4], "c": [4, 5], "d": []})", "here"),
                          "here");
  EXPECT_EQ(UniformInt(config, "a"), 3);
  EXPECT_EQ(UniformInt(config, "b"), 4);
  EXPECT_THROW(UniformInt(config, "c"), Error);
  EXPECT_THROW(UniformInt(config, "d"), Error);
}

TEST(SharedSize, IsBoundedInsteadOfOverflowing) {
  const ConfigView config(ParseJson("{}", "here"), "here");
  EXPECT_EQ(SharedSize(config, 2, 2048), 4096);
  EXPECT_EQ(SharedSize(config, 0, 2048), 0);
  EXPECT_EQ(SharedSize(config, 4096, 4096), 1 << 24);
  EXPECT_THROW(SharedSize(config, 4097, 4096), Error);
  EXPECT_THROW(SharedSize(config, 2147483647, 2147483647), Error);
  EXPECT_THROW(SharedSize(config, -1, 8), Error);
}

}  // namespace
}  // namespace tael
