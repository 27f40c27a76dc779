#include "checkpoint/lora.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

class PeftTest : public testing::Test {
 protected:
  void Add(const std::string& name, const std::vector<int64_t>& shape) {
    int64_t count = 4;
    for (const int64_t size : shape) count *= size;
    storage_.push_back(std::make_unique<std::vector<uint8_t>>(static_cast<size_t>(count)));
    tensors_.push_back({"base_model.model." + name, DType::kF32, shape, *storage_.back()});
  }
  void AddPair(const std::string& module, int64_t rank) {
    Add(module + ".lora_A.weight", {rank, 8});
    Add(module + ".lora_B.weight", {6, rank});
  }

  // `more` are members of adapter_config.json.
  LoraFile Open(const std::string& more = "") {
    folder_.Write("adapter_model.safetensors", SerializeSafetensors(tensors_));
    folder_.Write("adapter_config.json", R"({"peft_type":"LORA","r":4,"lora_alpha":)" + alpha_ +
                                             R"(,"target_modules":)" + targets_ + more + "}");
    return OpenLora(folder_.path());
  }
  std::string Problem(const std::string& more = "") {
    try {
      Open(more);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  TemporaryFolder folder_;
  std::string targets_ = R"(["q_proj","my_q_proj","lm_head"])", alpha_ = "8";
  std::vector<TensorInfo> tensors_;
  std::vector<std::unique_ptr<std::vector<uint8_t>>> storage_;
};

TEST_F(PeftTest, ScaleIsAlphaOverTheRankOrItsRoot) {
  AddPair("model.layers.0.self_attn.q_proj", 4);
  const LoraFile file = Open();
  ASSERT_EQ(file.modules.size(), 1u);
  EXPECT_EQ(file.modules[0].target, "model.layers.0.self_attn.q_proj.weight");
  EXPECT_EQ(file.modules[0].scale, 2.0);
  EXPECT_EQ(Open(R"(,"use_rslora":true)").modules[0].scale, 4.0);
}

TEST_F(PeftTest, TheFirstPatternThatMatchesTheEndOfAModuleWins) {
  AddPair("model.layers.0.self_attn.q_proj", 2);
  AddPair("model.layers.1.self_attn.q_proj", 2);
  AddPair("model.layers.11.self_attn.my_q_proj", 4);
  const LoraFile file = Open(
      R"(,"rank_pattern":{"q_proj":2},"alpha_pattern":{"layers\\.[1-9]\\.self_attn\\.q_proj":6,"q_proj":10})");
  EXPECT_EQ(file.modules[0].scale, 5.0);
  EXPECT_EQ(file.modules[1].scale, 3.0);
  EXPECT_EQ(file.modules[2].scale, 2.0);
}

TEST_F(PeftTest, ARankThatTheConfigurationDoesNotNameIsAnError) {
  AddPair("model.layers.0.self_attn.q_proj", 3);
  EXPECT_NE(Problem().find("rank 3, but the configuration says 4"), std::string::npos);
}

TEST_F(PeftTest, HalfAPairAndForeignTensorsAreErrorsInOneMessage) {
  Add("model.layers.0.self_attn.q_proj.lora_A.weight", {4, 8});
  Add("model.norm.weight", {8});
  const std::string problem = Problem();
  EXPECT_NE(problem.find("only one of lora_A and lora_B"), std::string::npos) << problem;
  EXPECT_NE(problem.find("model.norm.weight"), std::string::npos) << problem;
}

TEST_F(PeftTest, CopiesOfTheBaseAndSavedModulesAreKept) {
  Add("lm_head.base_layer.weight", {6, 8});
  AddPair("lm_head", 4);
  Add("model.embed_tokens.weight", {6, 8});
  const LoraFile file = Open(R"(,"modules_to_save":["embed_tokens"])");
  ASSERT_EQ(file.modules.size(), 2u);
  EXPECT_EQ(file.modules[0].target, "lm_head.weight");
  EXPECT_NE(file.modules[0].base_copy, nullptr);
  EXPECT_NE(file.modules[1].saved, nullptr);
}

TEST_F(PeftTest, WhatWouldChangeTheResultIsRefusedByName) {
  AddPair("model.layers.0.self_attn.q_proj", 4);
  EXPECT_EQ(Problem(R"(,"fan_in_fan_out":false,"layer_replication":null,"lora_dropout":0.1)"), "");
  for (const char* more : {R"("bias":"all")", R"("target_parameters":["mlp.experts.gate_up_proj"])",
                           R"("use_qalora":true)", R"("init_lora_weights":"pissa")",
                           R"("fan_in_fan_out":true)", R"("new_trick":1)"}) {
    const std::string name = std::string(more).substr(1, std::string(more).find('"', 1) - 1);
    EXPECT_NE(Problem(std::string(",") + more).find(name), std::string::npos) << more;
  }
}

TEST_F(PeftTest, TwoTensorsInOnePlaceAreAnError) {
  const std::string module = "model.layers.0.self_attn.q_proj";
  AddPair(module, 4);
  const size_t pair = tensors_.size();
  for (const char* ending : {".lora_A.default.weight", ".lora_B.default.weight",
                             ".lora_embedding_A", ".lora_embedding_B.default"}) {
    tensors_.resize(pair);
    Add(module + ending, {4, 4});
    EXPECT_NE(Problem().find(ending), std::string::npos) << ending;
  }
  tensors_.resize(pair);
  Add("lm_head.weight", {6, 8});
  Add("lm_head.modules_to_save.weight", {6, 8});
  EXPECT_NE(Problem(R"(,"modules_to_save":["lm_head"])").find("says the same"), std::string::npos);
}

TEST_F(PeftTest, WhatTheConfigurationAndTheTensorsDoNotBothNameIsAnError) {
  AddPair("model.layers.0.self_attn.q_proj", 4);
  EXPECT_NE(Problem(R"(,"modules_to_save":["lm_head"])").find("'lm_head'"), std::string::npos);
  for (const char* targets : {R"(["k_proj"])", R"(["proj"])", R"("q_proj")", R"(".*\\.k_proj")"}) {
    targets_ = targets;
    EXPECT_NE(Problem().find("target_modules"), std::string::npos) << targets;
  }
  for (const char* targets : {"null", R"("all-linear")", R"(".*\\.(?:q|k)_proj")"}) {
    targets_ = targets;
    EXPECT_EQ(Problem(), "") << targets;
  }
}

TEST_F(PeftTest, AScaleThatIsNoFiniteFloatIsAnError) {
  AddPair("model.layers.0.self_attn.q_proj", 4);
  alpha_ = "1e40";
  EXPECT_NE(Problem().find("q_proj"), std::string::npos);
  alpha_ = "1e38";
  EXPECT_EQ(Problem(), "");
}

TEST_F(PeftTest, ExpressionsThatTakeLongOrMeanSomethingElseAreRefused) {
  AddPair("model.layers.0.self_attn.q_proj", 4);
  for (const char* pattern :
       {"(?=a)b", "(?!a)b", "(a?){20000}", "a{2}", "(a)\\\\1", "\\\\Aq", "[]a]", "a*+"}) {
    EXPECT_NE(Problem(std::string(R"(,"rank_pattern":{")") + pattern + R"(":2})"), "") << pattern;
  }
  std::string many;
  for (int i = 0; i < 65; ++i) many += (i > 0 ? ",\"a+" : "\"a+") + std::to_string(i) + "\":2";
  EXPECT_NE(Problem(R"(,"rank_pattern":{)" + many + "}").find("64"), std::string::npos);
  EXPECT_NE(Problem(R"(,"rank_pattern":{")" + std::string(513, 'a') + R"(":2})"), "");
  EXPECT_EQ(Problem(R"(,"rank_pattern":{"(?:.*)*\\.[k]_proj$":2})"), "");
}

TEST_F(PeftTest, OfManyProblemsTheFirstAreListed) {
  for (int i = 0; i < 50; ++i) Add("x" + std::to_string(i) + ".lora_A.weight", {4, 8});
  const std::string problem = Problem();
  EXPECT_NE(problem.find("more"), std::string::npos) << problem;
  EXPECT_EQ(problem.find("'x49'"), std::string::npos) << problem;
}

TEST(GgufLora, ScaleIsAlphaOverTheRankOfEachPair) {
  TemporaryFolder folder;
  GgufWriter writer;
  writer.String("general.type", "adapter")
      .String("general.architecture", "llama")
      .String("adapter.type", "lora")
      .F32("adapter.lora.alpha", 12);
  writer.F32Tensor("blk.0.attn_q.weight.lora_a", {4, 8});
  writer.F32Tensor("blk.0.attn_q.weight.lora_b", {6, 4});
  const std::string path = folder.Write("adapter.gguf", writer.Bytes());
  EXPECT_TRUE(IsLora(path));
  const LoraFile file = OpenLora(path);
  ASSERT_EQ(file.modules.size(), 1u);
  EXPECT_EQ(file.modules[0].target, "blk.0.attn_q.weight");
  EXPECT_EQ(file.modules[0].scale, 3.0);
}

TEST(GgufLora, StacksOfExpertsAreRefusedByName) {
  TemporaryFolder folder;
  GgufWriter writer;
  writer.String("general.type", "adapter").String("general.architecture", "qwen3moe");
  writer.String("adapter.type", "lora");
  writer.F32Tensor("blk.0.ffn_up_exps.weight.lora_a", {2, 4, 8});
  const std::string path = folder.Write("adapter.gguf", writer.Bytes());
  try {
    OpenLora(path);
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("ffn_up_exps"), std::string::npos);
  }
}

}  // namespace
}  // namespace tael
