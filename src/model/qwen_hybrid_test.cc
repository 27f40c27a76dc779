// Configurations of Qwen3-Next and Qwen3.5, of Gemma 3 with a rope for each kind of layers, and the
// names of tensors inside multimodal checkpoints.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/text_config.h"
#include "model/model.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::string Golden(const std::string& name) { return SourceRoot() + "/tests/golden/" + name; }

// A configuration over tensors that do not matter.
class HybridConfig : public testing::Test {
 protected:
  HybridConfig() : checkpoint_(OpenCheckpoint(Golden("llama3"))) {
    config_ = ParseJson(R"({
      "architectures": ["Qwen3NextForCausalLM"], "hidden_size": 64, "num_hidden_layers": 5,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 512,
      "max_position_embeddings": 512, "rms_norm_eps": 1e-6, "rope_theta": 1e7,
      "partial_rotary_factor": 0.25, "intermediate_size": 88, "linear_num_key_heads": 3,
      "linear_num_value_heads": 6, "linear_key_head_dim": 16, "linear_value_head_dim": 8,
      "linear_conv_kernel_dim": 4, "num_experts": 12, "num_experts_per_tok": 4,
      "moe_intermediate_size": 24, "shared_expert_intermediate_size": 40,
      "norm_topk_prob": true})",
                        "test");
  }
  DecoderSpec Describe() {
    checkpoint_.config = ConfigView(FlattenTextConfig(config_, "config.json"), "config.json");
    return DescribeCheckpoint(checkpoint_);
  }
  std::string Problem() {
    try {
      Describe();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  Checkpoint checkpoint_;
  Json config_;
};

bool IsFull(const LayerSpec& layer) { return std::holds_alternative<GqaSpec>(layer.attention); }

TEST_F(HybridConfig, EveryFourthLayerIsGatedAttentionTheOthersAreDeltaNets) {
  const DecoderSpec spec = Describe();
  ASSERT_EQ(spec.layers.size(), 5u);
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(IsFull(spec.layers[i]), i == 3) << i;
  const GqaSpec& gqa = std::get<GqaSpec>(spec.layers[3].attention);
  EXPECT_TRUE(gqa.output_gate && gqa.qk_norm);
  EXPECT_EQ(gqa.rope.rotary_dim, 8);
  const auto& net = std::get<GatedDeltaNetSpec>(spec.layers[0].attention);
  EXPECT_EQ(net.num_value_heads, 6);
  EXPECT_EQ(net.conv_taps, 4);
  EXPECT_FALSE(net.tiled_value_heads);
  const auto& moe = std::get<MoeFfnSpec>(spec.layers[0].ffn);
  EXPECT_TRUE(moe.shared_gate && moe.router.normalize);
  const std::vector<int64_t> states = StateSizes(spec);
  EXPECT_EQ(states[0], 3 * (2 * 48 + 48) + 6 * 8 * 16);
  EXPECT_EQ(states[3], 0);
}

TEST_F(HybridConfig, ListedLayersWinAndUnknownKindsAreRefused) {
  config_.Set("layer_types", JsonArray{"full_attention", "linear_attention", "linear_attention",
                                       "full_attention", "linear_attention"});
  EXPECT_TRUE(IsFull(Describe().layers[0]));
  config_.Set("layer_types", JsonArray{"full_attention"});
  EXPECT_NE(Problem().find("layer_types lists 1"), std::string::npos);
  config_.Set("layer_types", JsonArray{"strange"});
  EXPECT_NE(Problem().find("'strange'"), std::string::npos);
}

TEST_F(HybridConfig, ContradictionsAreRefusedByName) {
  config_.Set("linear_num_value_heads", 7);
  EXPECT_NE(Problem().find("7 value heads"), std::string::npos);
  config_.Set("linear_num_value_heads", 6);
  config_.Set("linear_conv_kernel_dim", 0);
  EXPECT_NE(Problem().find("linear_conv_kernel_dim is 0"), std::string::npos);
  config_.Set("linear_conv_kernel_dim", 4);
  config_.Set("attn_output_gate", false);
  EXPECT_NE(Problem().find("attn_output_gate"), std::string::npos);
}

TEST_F(HybridConfig, AWrapperForImagesGivesTheSameAsItsText) {
  Json text = config_;
  text.Set("rope_theta", Json());
  text.Set("partial_rotary_factor", Json());
  text.Set("norm_topk_prob", Json());
  text.Set("rope_parameters", ParseJson(R"({"rope_type": "default", "rope_theta": 1e7,
      "partial_rotary_factor": 0.25, "mrope_interleaved": true, "mrope_section": [2, 1, 1]})",
                                        "test"));
  const auto wrap = [&] {
    config_ = ParseJson(R"({"architectures": ["Qwen3_5MoeForConditionalGeneration"],
        "image_token_id": 3, "vision_config": {"depth": 1}})",
                        "test");
    config_.Set("text_config", text);
  };
  wrap();
  const DecoderSpec spec = Describe();
  const GqaSpec& gqa = std::get<GqaSpec>(spec.layers[3].attention);
  EXPECT_EQ(gqa.rope.rotary_dim, 8);
  EXPECT_EQ(gqa.rope.theta, 1e7);
  EXPECT_TRUE(std::get<MoeFfnSpec>(spec.layers[0].ffn).router.normalize);
  text.Set("rope_parameters", ParseJson(R"({"rope_theta": 1e7, "partial_rotary_factor": 0.25,
      "mrope_section": [2, 2, 1]})",
                                        "test"));
  wrap();
  EXPECT_NE(Problem().find("mrope_section sums up to 5"), std::string::npos);
}

TEST_F(HybridConfig, GemmaReadsARopeForEachKindOfLayers) {
  config_ = ParseJson(R"({
      "architectures": ["Gemma3ForConditionalGeneration"], "mm_tokens_per_image": 4,
      "vision_config": {}, "text_config": {
        "model_type": "gemma3_text", "hidden_size": 64, "intermediate_size": 96,
        "num_hidden_layers": 2, "sliding_window": 16,
        "layer_types": ["sliding_attention", "full_attention"],
        "rope_parameters": {
          "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
          "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}}})",
                      "test");
  const DecoderSpec spec = Describe();
  const GqaSpec& local = std::get<GqaSpec>(spec.layers[0].attention);
  const GqaSpec& global = std::get<GqaSpec>(spec.layers[1].attention);
  EXPECT_EQ(local.rope.theta, 1e4);
  EXPECT_EQ(local.rope.scaling, RopeScalingKind::kNone);
  EXPECT_EQ(local.rope.rotary_dim, 256);
  EXPECT_EQ(global.rope.theta, 1e6);
  EXPECT_EQ(global.rope.scaling, RopeScalingKind::kLinear);
  EXPECT_EQ(global.rope.factor, 8.0);
  EXPECT_EQ(spec.vocab_size, 262208);
}

// The Mistral golden as multimodal checkpoints hold their text model.
class WrappedCheckpoint : public testing::TestWithParam<const char*> {};

TEST_P(WrappedCheckpoint, HasTheWeightsOfTheTextModelAndLeavesImagesAside) {
  const auto dir =
      std::filesystem::temp_directory_path() / ("tael_wrapped_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(dir);
  Json config = ParseJson(R"({"architectures": ["Mistral3ForConditionalGeneration"],
      "image_token_index": 10, "vision_config": {"hidden_size": 3}})",
                          "test");
  config.Set("text_config", ReadJsonFile(Golden("mistral") + "/config.json"));
  WriteFileAtomically(dir / "config.json", DumpJson(config));
  const Safetensors source = OpenSafetensorsFile(Golden("mistral") + "/model.safetensors");
  const std::string style = GetParam();
  std::vector<TensorInfo> tensors;
  for (TensorInfo tensor : source.tensors.all()) {
    if (style == "outer") {
      tensor.name = "language_model." + tensor.name;
    } else if (tensor.name.starts_with("model.")) {
      tensor.name = "model.language_model." + tensor.name.substr(6);
    }
    tensors.push_back(tensor);
  }
  tensors.push_back(tensors[0]);
  tensors.back().name =
      style == "outer" ? "vision_tower.layer.weight" : "model.visual.patch.weight";
  WriteFileAtomically(dir / "model.safetensors", SerializeSafetensors(tensors));
  const auto wrapped = LoadModel(dir.string()), plain = LoadModel(Golden("mistral"));
  EXPECT_EQ(wrapped->weights.layers.size(), plain->weights.layers.size());
  EXPECT_EQ(wrapped->weights.final_norm, plain->weights.final_norm);
  EXPECT_EQ(wrapped->weights.sources.size(), plain->weights.sources.size());
  std::filesystem::remove_all(dir);
}

INSTANTIATE_TEST_SUITE_P(Styles, WrappedCheckpoint, testing::Values("outer", "inner"),
                         [](const auto& style) { return std::string(style.param); });

}  // namespace
}  // namespace tael
