// Describing and binding checkpoints: what is refused, and with which message.
#include "model/model.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/open.h"
#include "checkpoint/safetensors.h"
#include "model/bind.h"
#include "model/families.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::string Golden(const std::string& name) { return SourceRoot() + "/tests/golden/" + name; }

// A private copy of the llama3 golden whose config and tensors a test may change.
class EditedModel : public testing::Test {
 protected:
  EditedModel()
      : dir_(std::filesystem::temp_directory_path() /
             ("tael_model_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(dir_);
    config_ = ReadJsonFile(Golden("llama3") + "/config.json");
  }
  ~EditedModel() override { std::filesystem::remove_all(dir_); }

  // What loading says; "" when it works.
  std::string LoadProblem(const LoadOptions& options = {}) {
    WriteFileAtomically(dir_ / "config.json", DumpJson(config_));
    const Safetensors source = OpenSafetensorsFile(Golden("llama3") + "/model.safetensors");
    std::vector<TensorInfo> tensors;
    for (TensorInfo tensor : source.tensors.all()) {
      if (tensor.name != removed_) tensors.push_back(std::move(tensor));
    }
    if (!added_.empty()) {
      tensors.push_back(tensors[0]);
      tensors.back().name = added_;
    }
    WriteFileAtomically(dir_ / "model.safetensors", SerializeSafetensors(tensors));
    try {
      LoadModel(dir_.string(), options);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  std::filesystem::path dir_;
  Json config_;
  std::string removed_, added_;
};

TEST_F(EditedModel, LoadsUnchanged) { EXPECT_EQ(LoadProblem(), ""); }

TEST_F(EditedModel, RefusesAConfigKeyNobodyReadUnlessAllowed) {
  config_.Set("attention_twist", 3);
  EXPECT_NE(LoadProblem().find("attention_twist"), std::string::npos);
  EXPECT_EQ(LoadProblem({.allowed_keys = {"attention_twist"}, .config_override = ""}), "");
}

TEST_F(EditedModel, RefusesUnknownArchitectureRopeTypeAndActivation) {
  Json rope = *config_.Find("rope_scaling");
  rope.Set("rope_type", "spiral");
  config_.Set("rope_scaling", rope);
  EXPECT_NE(LoadProblem().find("'spiral' is not known; known are default, linear, llama3, yarn"),
            std::string::npos);
  config_.Set("rope_scaling", Json());
  config_.Set("hidden_act", "gelu");
  EXPECT_NE(LoadProblem().find("hidden_act is 'gelu'"), std::string::npos);
  config_.Set("architectures", JsonArray{"MadeUpForCausalLM"});
  const std::string problem = LoadProblem();
  EXPECT_NE(problem.find("MadeUpForCausalLM"), std::string::npos);
  EXPECT_NE(problem.find("LlamaForCausalLM"), std::string::npos);  // the known ones are listed
}

TEST_F(EditedModel, ListsMissingMisshapedAndUnexpectedTensorsTogether) {
  removed_ = "model.layers.1.mlp.up_proj.weight";
  added_ = "model.layers.0.self_attn.extra.weight";
  config_.Set("intermediate_size", 89);
  const std::string problem = LoadProblem();
  for (const char* part :
       {"missing tensor 'model.layers.1.mlp.up_proj.weight'",
        "unexpected tensor 'model.layers.0.self_attn.extra.weight'", "needed [89, 64]"}) {
    EXPECT_NE(problem.find(part), std::string::npos) << part << " not in: " << problem;
  }
}

TEST_F(EditedModel, RefusesImpossibleSizes) {
  config_.Set("num_hidden_layers", 2000000000);
  EXPECT_NE(LoadProblem().find("num_hidden_layers is 2000000000"), std::string::npos);
  config_.Set("num_hidden_layers", 2);
  config_.Set("num_key_value_heads", 3);
  EXPECT_NE(LoadProblem().find("cannot be shared"), std::string::npos);
}

TEST_F(EditedModel, RefusesQuantisationItCannotRead) {
  Json quantization;
  quantization.Set("quant_method", "bitsandbytes");
  config_.Set("quantization_config", quantization);
  EXPECT_NE(LoadProblem().find("'bitsandbytes'; known are awq, compressed-tensors, fp8, gptq"),
            std::string::npos);
}

TEST(Families, WindowedLayersAreListedOrCounted) {
  Checkpoint checkpoint = OpenCheckpoint(Golden("qwen3"));
  Json config = checkpoint.config.values();
  const auto windows = [&] {
    checkpoint.config = ConfigView(config, "config.json");
    std::vector<int> out;
    for (const LayerSpec& layer : DescribeCheckpoint(checkpoint).layers) {
      out.push_back(std::get<GqaSpec>(layer.attention).sliding_window);
    }
    return out;
  };
  config.Set("sliding_window", 16);
  config.Set("max_window_layers", 2);
  EXPECT_EQ(windows(), (std::vector<int>{0, 0, 0}));  // named, but not switched on
  config.Set("use_sliding_window", true);
  EXPECT_EQ(windows(), (std::vector<int>{0, 0, 16}));
  config.Set("layer_types", JsonArray{"sliding_attention", "full_attention", "sliding_attention"});
  EXPECT_EQ(windows(), (std::vector<int>{16, 0, 16}));
  config.Set("layer_types", JsonArray{"sliding_attention", "full_attention"});
  EXPECT_THROW(windows(), Error);
  config.Set("layer_types", JsonArray{"full_attention", "spiral", "full_attention"});
  EXPECT_THROW(windows(), Error);
}

TEST(Families, DescribeTheirMechanisms) {
  const DecoderSpec qwen3 = DescribeCheckpoint(OpenCheckpoint(Golden("qwen3")));
  EXPECT_TRUE(std::get<GqaSpec>(qwen3.layers[0].attention).qk_norm);
  const DecoderSpec mistral = DescribeCheckpoint(OpenCheckpoint(Golden("mistral")));
  EXPECT_EQ(std::get<GqaSpec>(mistral.layers[0].attention).sliding_window, 24);
  const DecoderSpec yarn = DescribeCheckpoint(OpenCheckpoint(Golden("qwen2-yarn")));
  const GqaSpec& gqa = std::get<GqaSpec>(yarn.layers[0].attention);
  EXPECT_TRUE(gqa.qkv_bias);
  EXPECT_EQ(gqa.sliding_window, 0);  // present in the config, but switched off
  EXPECT_EQ(gqa.rope.scaling, RopeScalingKind::kYarn);
  EXPECT_EQ(gqa.rope.factor, 4.0);
}

// The description of the llama3 golden's sizes as another family, with keys changed.
class OtherFamily : public testing::Test {
 protected:
  OtherFamily() : checkpoint_(OpenCheckpoint(Golden("llama3"))) {
    config_ = checkpoint_.config.values();
    config_.Set("rope_scaling", Json());
  }
  DecoderSpec Describe(const char* architecture) {
    config_.Set("architectures", JsonArray{architecture});
    checkpoint_.config = ConfigView(config_, "config.json");
    return DescribeCheckpoint(checkpoint_);
  }
  GqaSpec Attention(const char* architecture, size_t layer = 0) {
    return std::get<GqaSpec>(Describe(architecture).layers.at(layer).attention);
  }

  Checkpoint checkpoint_;
  Json config_;
};

TEST_F(OtherFamily, HunyuanRaisesTheBaseOfRopeByAlphaAndNormsAfterIt) {
  Json rope;
  rope.Set("type", "dynamic");
  config_.Set("rope_theta", 1e4);
  config_.Set("head_dim", 128);
  config_.Set("rope_scaling", rope);
  EXPECT_THROW(Describe("HunYuanDenseV1ForCausalLM"), Error);  // dynamic means alpha here
  rope.Set("alpha", 1000.0);
  config_.Set("rope_scaling", rope);
  const GqaSpec gqa = Attention("HunYuanDenseV1ForCausalLM");
  EXPECT_NEAR(gqa.rope.theta, 11158839.925, 1e-3);  // 1e4 * 1000^(128 / 126)
  EXPECT_EQ(gqa.rope.scaling, RopeScalingKind::kNone);
  EXPECT_TRUE(gqa.qk_norm);
  EXPECT_EQ(gqa.qk_norm_place, QkNormPlace::kAfterRope);
  config_.Set("use_cla", true);
  EXPECT_THROW(Describe("HunYuanDenseV1ForCausalLM"), Error);
  rope.Set("alpha", -1);
  config_.Set("use_cla", false);
  config_.Set("rope_scaling", rope);
  EXPECT_THROW(Describe("HunYuanDenseV1ForCausalLM"), Error);
}

TEST_F(OtherFamily, PanguHasBiasesAndErnieInterleavedRope) {
  std::erase_if(config_.as_object(),
                [](const auto& entry) { return entry.first == "attention_bias"; });
  const GqaSpec pangu = Attention("PanguEmbeddedForCausalLM");
  EXPECT_TRUE(pangu.qkv_bias && pangu.output_bias);
  for (const char* name : {"Ernie4_5ForCausalLM", "Ernie4_5_ForCausalLM"}) {
    EXPECT_EQ(Attention(name).rope.pairing, RopePairing::kInterleaved);
  }
  config_.Set("compression_ratio", 2.0);
  EXPECT_THROW(Describe("Ernie4_5ForCausalLM"), Error);
}

TEST_F(OtherFamily, Olmo2NormsWhatPartsGiveAndAllHeadsAtOnce) {
  EXPECT_EQ(Describe("Olmo2ForCausalLM").layers[0].norms, NormPlacement::kAfter);
  EXPECT_EQ(Attention("Olmo2ForCausalLM").qk_norm_span, QkNormSpan::kProjection);
  EXPECT_EQ(Describe("LlamaForCausalLM").layers[0].norms, NormPlacement::kBefore);
}

TEST_F(OtherFamily, Phi3HasTwoListsOfDivisorsAndEndsAtTheOriginalLength) {
  const auto half = static_cast<size_t>(Attention("Phi3ForCausalLM").head_dim) / 2;
  EXPECT_EQ(Describe("Phi3ForCausalLM").max_context,
            config_.Find("max_position_embeddings")->as_int());
  config_.Set("max_position_embeddings", 131072);
  config_.Set("original_max_position_embeddings", 4096);
  Json rope;
  rope.Set("type", "longrope");
  rope.Set("short_factor", JsonArray(half, Json(1.5)));
  rope.Set("long_factor", JsonArray(half, Json(4.0)));
  config_.Set("rope_scaling", rope);
  const GqaSpec gqa = Attention("Phi3ForCausalLM");
  EXPECT_EQ(gqa.rope.divisors, std::vector<float>(half, 1.5f));
  EXPECT_NEAR(gqa.rope.attention_factor, 1.1902380714238083, 1e-12);  // sqrt(1 + ln 32 / ln 4096)
  EXPECT_EQ(gqa.rope.long_divisors, std::vector<float>(half, 4.0f));
  EXPECT_EQ(Describe("Phi3ForCausalLM").max_context, 4096);
  EXPECT_EQ(Describe("Phi3ForCausalLM").long_context,
            (LongContextSpec{.original = 4096, .longest = 131072}));
  rope.Set("original_max_position_embeddings", 2048);
  config_.Set("rope_scaling", rope);
  EXPECT_THROW(Describe("Phi3ForCausalLM"), Error);  // 4096 outside
  rope.Set("original_max_position_embeddings", 4096);
  config_.Set("rope_scaling", rope);
  config_.Set("partial_rotary_factor", 0.5);
  EXPECT_THROW(Describe("Phi3ForCausalLM"), Error);  // twice as many divisors as frequencies
  rope.Set("short_factor", JsonArray(half / 2, Json(1.0)));
  config_.Set("rope_scaling", rope);
  EXPECT_THROW(Describe("Phi3ForCausalLM"), Error);  // the long list is checked, too
  rope.Set("long_factor", JsonArray(half / 2, Json(2.0)));
  config_.Set("rope_scaling", rope);
  EXPECT_EQ(Attention("Phi3ForCausalLM").rope.rotary_dim, static_cast<int>(half));
  config_.Set("partial_rotary_factor", 1.5);
  EXPECT_THROW(Describe("Phi3ForCausalLM"), Error);
}

TEST_F(OtherFamily, TwoListsOfDivisorsLimitEveryFamilyThatReadsThem) {
  const auto half = static_cast<size_t>(Attention("LlamaForCausalLM").head_dim) / 2;
  config_.Set("max_position_embeddings", 131072);
  Json rope;
  rope.Set("rope_type", "longrope");
  rope.Set("original_max_position_embeddings", 4096);
  rope.Set("short_factor", JsonArray(half, Json(1.5)));
  config_.Set("rope_scaling", rope);
  EXPECT_THROW(Describe("LlamaForCausalLM"), Error);  // no long list
  rope.Set("long_factor", JsonArray(half, Json(4.0)));
  config_.Set("rope_scaling", rope);
  EXPECT_EQ(Describe("LlamaForCausalLM").max_context, 4096);
}

TEST_F(OtherFamily, Gemma3HasLocalLayersWithARopeOfTheirOwn) {
  std::erase_if(config_.as_object(), [](const auto& entry) {
    return entry.first == "mlp_bias" || entry.first == "hidden_act";
  });
  Json rope;
  rope.Set("rope_type", "linear");
  rope.Set("factor", 8.0);
  config_.Set("rope_scaling", rope);
  config_.Set("rope_theta", 1e6);
  config_.Set("hidden_activation", "gelu_pytorch_tanh");
  config_.Set("query_pre_attn_scalar", 64);
  config_.Set("sliding_window", 24);
  config_.Set("sliding_window_pattern", 2);
  const DecoderSpec spec = Describe("Gemma3ForCausalLM");
  EXPECT_EQ(spec.embedding_scale, 8.0f);  // hidden size 64
  EXPECT_EQ(spec.layers[0].norms, NormPlacement::kAround);
  const GqaSpec local = Attention("Gemma3ForCausalLM", 0),
                global = Attention("Gemma3ForCausalLM", 1);
  EXPECT_EQ(local.sliding_window, 24);
  EXPECT_EQ(local.rope.theta, 1e4);
  EXPECT_EQ(local.rope.scaling, RopeScalingKind::kNone);
  EXPECT_EQ(global.sliding_window, 0);
  EXPECT_EQ(global.rope.theta, 1e6);
  EXPECT_EQ(global.rope.scaling, RopeScalingKind::kLinear);
  EXPECT_EQ(global.scale, 0.125f);
  config_.Set("final_logit_softcapping", 30.0);
  EXPECT_THROW(Describe("Gemma3ForCausalLM"), Error);
}

TEST_F(OtherFamily, SmolLm3SkipsRopeWhereTheListOrTheIntervalSaysSo) {
  const auto count = static_cast<int>(config_.Find("num_hidden_layers")->as_int());
  const auto rotated = [&] {
    std::vector<bool> out;
    for (const LayerSpec& layer : Describe("SmolLM3ForCausalLM").layers) {
      out.push_back(std::get<GqaSpec>(layer.attention).rope.pairing != RopePairing::kNone);
    }
    return out;
  };
  config_.Set("no_rope_layer_interval", 2);
  std::vector<bool> expected(static_cast<size_t>(count));
  for (size_t i = 0; i < expected.size(); i += 2) expected[i] = true;
  EXPECT_EQ(rotated(), expected);
  JsonArray list(static_cast<size_t>(count), Json(1));
  list[0] = 0;
  config_.Set("no_rope_layers", list);
  expected.assign(static_cast<size_t>(count), true);
  expected[0] = false;
  EXPECT_EQ(rotated(), expected);
  list.emplace_back(1);
  config_.Set("no_rope_layers", list);
  EXPECT_THROW(rotated(), Error);
}

// In GGUF it is one more block; it is known only where the configuration counts it.
TEST(DeepSeekV4, LeavesThePredictionBlockOfGgufAside) {
  Checkpoint checkpoint = OpenCheckpoint(Golden("deepseek-v4-gguf") + "/model.gguf");
  const auto bind = [&](int predictions) {
    Json config = checkpoint.config.values();
    config.Set("num_nextn_predict_layers", predictions);
    checkpoint.config = ConfigView(std::move(config), "test");
    return Bind(DescribeCheckpoint(checkpoint), *FindFamily("DeepseekV4ForCausalLM"), checkpoint);
  };
  const size_t taken = bind(0).sources.size();
  TensorInfo tensor = *checkpoint.tensors.Find("output_norm.weight");
  for (const char* name : {"blk.4.attn_norm.weight", "blk.4.nextn.eh_proj.weight"}) {
    tensor.name = name;
    checkpoint.tensors.Add(tensor, "test");
  }
  EXPECT_EQ(bind(1).sources.size(), taken);
  EXPECT_EQ(bind(3).sources.size(), taken);
  try {
    bind(0);
    FAIL() << "took a block that nobody counts";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("unexpected tensor 'blk.4.nextn.eh_proj.weight'"),
              std::string::npos)
        << error.what();
  }
}

TEST(DeepSeekV4, RefusesATypeOfExpertsThatIsNotKnown) {
  Checkpoint checkpoint = OpenCheckpoint(Golden("deepseek-v4-gguf") + "/model.gguf");
  const auto describe = [&](const char* type) -> std::string {
    Json config = checkpoint.config.values();
    config.Set("expert_dtype", type);
    checkpoint.config = ConfigView(std::move(config), "test");
    try {
      DescribeCheckpoint(checkpoint);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(describe("fp4"), "");
  EXPECT_NE(describe("fp3").find("test: expert_dtype is 'fp3', needed"), std::string::npos);
}

}  // namespace
}  // namespace tael
