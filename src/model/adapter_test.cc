// What BindAdapter() refuses, with what it says; the orders of rows; the cost of adapted products.
#include "model/adapter.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/adapter/order.h"
#include "model/cost.h"
#include "model/model.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/shared_data.h"
#include "tests/support/tiny_models.h"

namespace tael {
namespace {

// Over tests/golden/llama3: width 64, 8 heads of 16, 4 kv heads, feed-forward width 88.
class BindAdapterTest : public testing::Test {
 protected:
  const TensorInfo& Add(const std::string& name, std::vector<int64_t> shape, float value = 0.1f) {
    int64_t count = 1;
    for (const int64_t size : shape) count *= size;
    const std::vector<float>& values = values_.emplace_back(static_cast<size_t>(count), value);
    return tensors_.emplace_back(TensorInfo{
        "base_model.model." + name,
        DType::kF32,
        std::move(shape),
        {reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)}});
  }
  void AddPair(const std::string& module, int64_t n, int64_t k, int64_t rank = 2) {
    Add(module + ".lora_A.weight", {rank, k});
    Add(module + ".lora_B.weight", {n, rank});
  }

  std::unique_ptr<Model> Load(const std::string& more = "") {
    folder_.Write("adapter_model.safetensors",
                  SerializeSafetensors({tensors_.begin(), tensors_.end()}));
    folder_.Write("adapter_config.json",
                  R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4)" + more + "}");
    LoadOptions options;
    options.adapters = {{"a", folder_.path()}};
    return LoadModel(SourceRoot() + "/tests/golden/llama3", options);
  }

  void ExpectProblem(ErrorCode code, const std::string& text, const std::string& more = "") {
    try {
      Load(more);
      ADD_FAILURE() << "accepted; needed: " << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), code) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }

  std::deque<std::vector<float>> values_;
  std::deque<TensorInfo> tensors_;
  TemporaryFolder folder_;
};

const std::string kValue = "model.layers.0.self_attn.v_proj";

TEST_F(BindAdapterTest, AMatrixFits) {
  AddPair(kValue, 64, 64);
  const auto model = Load();
  ASSERT_EQ(model->adapters.size(), 1u);
  EXPECT_EQ(model->adapters[0]->products.size(), 1u);
  EXPECT_EQ(model->adapters[0]->max_rank(), 2);
}

TEST_F(BindAdapterTest, WrongShapesAreNamedWithTheRightOnes) {
  AddPair(kValue, 63, 64);
  ExpectProblem(ErrorCode::kCorrupt, "has shape [63, 2], needed [64, 2]");
  tensors_.clear();
  AddPair(kValue, 64, 65);
  ExpectProblem(ErrorCode::kCorrupt, "has shape [2, 65], needed [2, 64]");
}

TEST_F(BindAdapterTest, TwoRanksInOnePairAreRefused) {
  Add(kValue + ".lora_A.weight", {2, 64});
  Add(kValue + ".lora_B.weight", {64, 3});
  ExpectProblem(ErrorCode::kCorrupt, "has shape [64, 3], needed [64, 2]");
}

TEST_F(BindAdapterTest, ModulesThatTheModelHasNotAreListedTogether) {
  AddPair("model.layers.7.self_attn.v_proj", 64, 64);
  AddPair("model.layers.0.self_attn.w_proj", 64, 64);
  AddPair("model.layers.0.self_attn.kv_b_proj", 64, 64);
  ExpectProblem(ErrorCode::kCorrupt, "3 module(s) cannot be applied");
  ExpectProblem(ErrorCode::kCorrupt, "layers.7.self_attn.v_proj.weight': the model has no such");
  ExpectProblem(ErrorCode::kCorrupt, "kv_b_proj.weight': the model has no matrix of this kind");
}

TEST_F(BindAdapterTest, NormsAndVectorsAreNoMatrices) {
  AddPair("model.layers.0.input_layernorm", 64, 64);
  ExpectProblem(ErrorCode::kCorrupt, "the model has no matrix of this kind");
}

TEST_F(BindAdapterTest, NumbersThatAreNotFiniteAreRefused) {
  Add(kValue + ".lora_A.weight", {2, 64}, INFINITY);
  Add(kValue + ".lora_B.weight", {64, 2});
  ExpectProblem(ErrorCode::kCorrupt, "not a finite number");
}

TEST_F(BindAdapterTest, AnEmptyAdapterIsRefused) {
  ExpectProblem(ErrorCode::kCorrupt, "there is nothing in it");
}

TEST_F(BindAdapterTest, BiasesAreRefusedByName) {
  AddPair(kValue, 64, 64);
  ExpectProblem(ErrorCode::kUnsupported, "bias is 'all'", R"(, "bias": "all")");
}

TEST_F(BindAdapterTest, DoraNeedsAGainForEachRow) {
  AddPair(kValue, 64, 64);
  Add(kValue + ".lora_magnitude_vector", {63});
  ExpectProblem(ErrorCode::kCorrupt, "has shape [63], needed [64]", R"(, "use_dora": true)");
  tensors_.pop_back();
  Add(kValue + ".lora_magnitude_vector", {64});
  EXPECT_FALSE(Load(R"(, "use_dora": true)")->adapters[0]->IsSum());
}

TEST_F(BindAdapterTest, DoraOfAnEmbeddingIsRefused) {
  Add("model.embed_tokens.lora_embedding_A", {2, 512});
  Add("model.embed_tokens.lora_embedding_B", {64, 2});
  Add("model.embed_tokens.lora_magnitude_vector", {64});
  ExpectProblem(ErrorCode::kUnsupported, "DoRA of an embedding", R"(, "use_dora": true)");
}

TEST_F(BindAdapterTest, SavedModulesMustHaveTheirShapeAndBeMatrices) {
  const std::string saved = R"(, "modules_to_save": ["v_proj"])";
  Add(kValue + ".weight", {64, 63});
  ExpectProblem(ErrorCode::kCorrupt, "has shape [64, 63], needed [64, 64]", saved);
  tensors_.clear();
  Add("model.norm.weight", {64});
  ExpectProblem(ErrorCode::kCorrupt, "the model has no", R"(, "modules_to_save": ["norm"])");
}

TEST_F(BindAdapterTest, AnEmbeddingIsAdaptedLikeOneAndNothingElseIs) {
  AddPair("model.embed_tokens", 64, 512);
  ExpectProblem(ErrorCode::kCorrupt, "is an embedding, but adapted like a matrix");
  tensors_.clear();
  Add(kValue + ".lora_embedding_A", {2, 64});
  Add(kValue + ".lora_embedding_B", {64, 2});
  ExpectProblem(ErrorCode::kCorrupt, "is no embedding, but adapted like one");
}

TEST_F(BindAdapterTest, ACopyOfTheBaseMustBeTheBase) {
  AddPair("lm_head", 512, 64);
  Add("lm_head.base_layer.weight", {512, 64});
  ExpectProblem(ErrorCode::kCorrupt, "was trained beside another weight: row 0");
}

TEST_F(BindAdapterTest, TheCostOfAStepCountsItsAdapters) {
  AddPair(kValue, 64, 64);
  const auto model = Load();
  const std::vector<AdapterUse> uses = ChooseAdapters(model->adapters, {{"a"}});
  Batch batch;
  for (int s = 0; s < 3; ++s) {
    BatchSequence sequence{.first_row = 2 * s, .count = 2, .begin = 0, .blocks = {s}};
    if (s > 0) sequence.adapters = uses;
    batch.sequences.push_back(sequence);
    for (int i = 0; i < 2; ++i) batch.tokens.push_back(0), batch.positions.push_back(i);
  }
  const Cost with = CostOf(model->spec, model->weights, batch, {})[CostKind::kProjection];
  for (BatchSequence& sequence : batch.sequences) sequence.adapters.clear();
  const Cost without = CostOf(model->spec, model->weights, batch, {})[CostKind::kProjection];
  EXPECT_EQ(with.weight_bytes - without.weight_bytes, 2 * (64 + 64) * 4);
  EXPECT_EQ(with.float_macs - without.float_macs, 4 * 2 * (64 + 64));
  EXPECT_EQ(with.integer_macs, without.integer_macs);
}

// What is said of a GGUF adapter of `architecture` beside the base at `path`.
std::string GgufAdapterProblem(const std::string& path, const std::string& architecture) {
  const TemporaryFolder folder;
  LoadOptions options;
  options.adapters = {{"a", folder.Write("adapter.gguf", GgufAdapterOnValues(architecture))}};
  try {
    LoadModel(path, options);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(GgufAdapterTest, MustBeOfTheArchitectureOfItsBase) {
  const std::string other = "is an adapter of the architecture";
  const std::string goldens = SourceRoot() + "/tests/golden/";
  EXPECT_EQ(GgufAdapterProblem(goldens + "llama3/model.gguf", "llama"), "");
  EXPECT_NE(GgufAdapterProblem(goldens + "llama3/model.gguf", "qwen3").find(other),
            std::string::npos);
  EXPECT_NE(GgufAdapterProblem(goldens + "llama3", "qwen3").find(other), std::string::npos);
  EXPECT_NE(GgufAdapterProblem(goldens + "llama3", "nobody").find(other), std::string::npos);
  // Families that share an architecture in GGUF: Mistral's is Llama's.
  EXPECT_EQ(GgufAdapterProblem(goldens + "mistral", "llama").find(other), std::string::npos);
  EXPECT_NE(GgufAdapterProblem(goldens + "mistral", "mistral3").find(other), std::string::npos);
}

// No GGUF file can be an adapter of a family that GGUF has no architecture for.
TEST(GgufAdapterTest, FitsNoFamilyThatGgufDoesNotKnow) {
  const TemporaryFolder folder;
  Json config = ParseJson(ReadFile(SourceRoot() + "/tests/golden/qwen2-yarn/config.json"), "test");
  config.Set("architectures", JsonArray{"MiMoForCausalLM"});
  config.Set("num_nextn_predict_layers", 0);
  folder.Write("config.json", DumpJson(config));
  folder.Write("model.safetensors",
               ReadFile(SourceRoot() + "/tests/golden/qwen2-yarn/model.safetensors"));
  ASSERT_NO_THROW(LoadModel(folder.path()));
  const std::string problem = GgufAdapterProblem(folder.path(), "qwen2");
  EXPECT_NE(problem.find("is 'MiMoForCausalLM'"), std::string::npos) << problem;
}

// Two key heads with two value heads of two elements each: grouped 0 0 1 1, tiled 0 1 0 1.
class AdapterOrderTest : public testing::Test {
 protected:
  AdapterOrderTest() {
    const GatedDeltaNetSpec net{.num_key_heads = 2,
                                .num_value_heads = 4,
                                .key_dim = 1,
                                .value_dim = 2,
                                .conv_taps = 2,
                                .tiled_value_heads = true};
    spec_.layers.push_back({.attention = net, .ffn = DenseFfnSpec()});
  }
  DecoderSpec spec_;
};

TEST_F(AdapterOrderTest, ValueHeadsComeIntoTheOrderOfTheBase) {
  const AdapterOrder order(spec_, {}, {.tiled_value_heads = true});
  const std::vector<float> heads = {0, 1, 10, 11, 20, 21, 30, 31};
  const std::vector<float> tiled = {0, 1, 20, 21, 10, 11, 30, 31};
  EXPECT_EQ(order.Rows({Role::kDeltaZ, 0}, heads, 1), tiled);
  EXPECT_EQ(order.Columns({Role::kDeltaOutput, 0}, heads, 1), tiled);
  EXPECT_EQ(order.Rows({Role::kDeltaOutput, 0}, heads, 1), heads);
  EXPECT_EQ(order.Rows({Role::kDeltaB, 0}, {0, 1, 2, 3}, 1), (std::vector<float>{0, 2, 1, 3}));
  // Four rows of q and k stay in front.
  std::vector<float> all = {-4, -3, -2, -1}, wanted = all;
  all.insert(all.end(), heads.begin(), heads.end());
  wanted.insert(wanted.end(), tiled.begin(), tiled.end());
  EXPECT_EQ(order.Rows({Role::kDeltaQkv, 0}, all, 1), wanted);
  EXPECT_TRUE(order.Differs({Role::kDeltaZ, 0}));
  EXPECT_TRUE(order.IsUnknown({Role::kDeltaQkvz, 0}));
}

TEST_F(AdapterOrderTest, TheWayBackIsTheInverse) {
  spec_.layers[0].attention = [&] {
    auto net = std::get<GatedDeltaNetSpec>(spec_.layers[0].attention);
    net.num_value_heads = 6;
    return net;
  }();
  const AdapterOrder there(spec_, {}, {.tiled_value_heads = true});
  const AdapterOrder back(spec_, {.tiled_value_heads = true}, {});
  const TensorPlace place{Role::kDeltaA, 0};
  const std::vector<float> heads = {0, 1, 2, 3, 4, 5};
  EXPECT_EQ(there.Rows(place, heads, 1), (std::vector<float>{0, 3, 1, 4, 2, 5}));
  EXPECT_EQ(back.Rows(place, there.Rows(place, heads, 1), 1), heads);
}

TEST_F(AdapterOrderTest, WithOneOrderNothingMoves) {
  const AdapterOrder order(spec_, {}, {});
  const std::vector<float> heads = {0, 1, 2, 3, 4, 5, 6, 7};
  EXPECT_EQ(order.Rows({Role::kDeltaZ, 0}, heads, 1), heads);
  EXPECT_FALSE(order.Differs({Role::kDeltaZ, 0}));
}

}  // namespace
}  // namespace tael
