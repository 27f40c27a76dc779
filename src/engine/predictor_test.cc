// Drafts of a prediction block: independent of pieces, and what checkpoints may leave out.
#include "engine/predictor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "engine/memory_plan.h"
#include "runtime/process_memory.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

constexpr int kRows = 70;

class PredictorTest : public testing::Test {
 protected:
  PredictorTest()
      : dir_(std::filesystem::temp_directory_path() /
             ("tael_predictor_test_" + std::to_string(getpid()))) {
    std::filesystem::create_directories(dir_);
  }
  ~PredictorTest() override { std::filesystem::remove_all(dir_); }

  void SetUp() override {
    const auto folder = SharedPath("goldens/deepseek-v3");
    if (!folder) GTEST_SKIP() << "no shared goldens";
    folder_ = *folder;
  }

  // The golden without the tensors whose names contain one of `parts`.
  std::unique_ptr<Model> Without(const std::vector<std::string>& parts) {
    const Checkpoint source = OpenCheckpoint(folder_);
    std::vector<TensorInfo> kept;
    for (const TensorInfo& tensor : source.tensors.all()) {
      const bool dropped = std::any_of(parts.begin(), parts.end(), [&](const std::string& part) {
        return tensor.name.find(part) != std::string::npos;
      });
      if (!dropped) kept.push_back(tensor);
    }
    WriteFileAtomically(dir_ / "config.json", DumpJson(source.config.values()));
    WriteFileAtomically(dir_ / "model.safetensors", SerializeSafetensors(kept));
    return LoadModel(dir_.string());
  }

  static PredictionResult Drafts(const Model& model, size_t piece, int threads,
                                 MatmulMode matmul = MatmulMode::kFloat) {
    const auto width = static_cast<size_t>(model.spec.hidden_size);
    std::vector<float> hidden(kRows * width);
    for (size_t i = 0; i < hidden.size(); ++i) hidden[i] = static_cast<float>(i * 13 % 29) - 14.0f;
    std::vector<TokenId> next;
    for (int i = 0; i < kRows; ++i) next.push_back(i * 31 % model.spec.vocab_size);
    PredictorOptions options{.max_context = kRows,
                             .runner = {.threads = threads, .matmul = matmul}};
    Predictor predictor(model, options);
    PredictionResult all;
    for (size_t begin = 0; begin < kRows; begin += piece) {
      const size_t count = std::min<size_t>(piece, kRows - begin);
      const PredictionResult part =
          predictor.Evaluate(std::span(hidden).subspan(begin * width, count * width),
                             std::span(next).subspan(begin, count));
      all.hidden.insert(all.hidden.end(), part.hidden.begin(), part.hidden.end());
      all.logits.insert(all.logits.end(), part.logits.begin(), part.logits.end());
    }
    EXPECT_EQ(predictor.length(), kRows);
    return all;
  }

  std::string folder_;
  std::filesystem::path dir_;
};

TEST_F(PredictorTest, DoesNotDependOnPiecesOrThreads) {
  const auto model = LoadModel(folder_);
  const PredictionResult whole = Drafts(*model, kRows, 1);
  EXPECT_EQ(Drafts(*model, 1, 2).logits, whole.logits);
  EXPECT_EQ(Drafts(*model, 9, 3).hidden, whole.hidden);
}

TEST_F(PredictorTest, UsesTheModelsEmbeddingNormAndHeadWhereTheBlockHasNone) {
  const auto model = LoadModel(folder_);
  const auto lean = Without({"layers.3.embed_tokens", "layers.3.shared_head.head"});
  EXPECT_EQ(lean->weights.predictions[0].embedding.data, lean->weights.embedding.data);
  EXPECT_EQ(lean->weights.predictions[0].head.data, lean->weights.head.data);
  const auto norms = Without({"layers.3.shared_head.norm"});
  EXPECT_EQ(norms->weights.predictions[0].norm, norms->weights.final_norm);
  EXPECT_EQ(Drafts(*lean, 7, 2).logits, Drafts(*model, 7, 2).logits);  // the golden's are copies
}

TEST_F(PredictorTest, RefusesACheckpointWithoutTheBlockAndRowsBeyondTheContext) {
  const auto model = Without({"layers.3."});
  EXPECT_TRUE(model->weights.predictions.empty());
  EXPECT_THROW(Predictor(*model, {.max_context = 8, .runner = {}}), Error);
  const auto whole = LoadModel(folder_);
  Predictor predictor(*whole, {.max_context = 1, .runner = {.threads = 1}});
  const std::vector<float> hidden(static_cast<size_t>(2 * whole->spec.hidden_size));
  EXPECT_THROW(predictor.Evaluate(hidden, std::vector<TokenId>{1, 2}), Error);
  EXPECT_THROW(predictor.Evaluate(std::span(hidden).first(64), std::vector<TokenId>{512}), Error);
}

// A defect inside the block refuses drafts, never the model.
TEST_F(PredictorTest, ReportsAMissingPartOfTheBlockWhenItIsUsed) {
  const auto model = Without({"layers.3.eh_proj"});
  EXPECT_TRUE(model->weights.predictions.empty());
  EXPECT_TRUE(model->weights.prediction_sources.empty());
  try {
    Predictor(*model, {.max_context = 8, .runner = {.threads = 1}});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
    EXPECT_NE(std::string(error.what()).find("missing tensor 'model.layers.3.eh_proj.weight'"),
              std::string::npos)
        << error.what();
  }
}

TEST_F(PredictorTest, RefusesAModelWithAForeignTensorBehindTheBlocks) {
  const Checkpoint source = OpenCheckpoint(folder_);
  std::vector<TensorInfo> tensors = source.tensors.all();
  TensorInfo extra = *source.tensors.Find("model.norm.weight");
  const auto load = [&](const char* name) {
    tensors.push_back(extra);
    tensors.back().name = name;
    WriteFileAtomically(dir_ / "config.json", DumpJson(source.config.values()));
    WriteFileAtomically(dir_ / "model.safetensors", SerializeSafetensors(tensors));
    tensors.pop_back();
    return LoadModel(dir_.string());
  };
  EXPECT_NE(load("model.layers.3.odd.weight")->weights.prediction_problem.find("unexpected tensor"),
            std::string::npos);
  EXPECT_THROW(load("model.layers.4.odd.weight"), Error);
}

TEST_F(PredictorTest, RunsNeitherPlanNorKeepTheBlock) {
  const auto whole = LoadModel(folder_), without = Without({"layers.3."});
  const auto bytes = [](const std::vector<std::span<const uint8_t>>& sources) {
    size_t sum = 0;
    for (const auto& source : sources) sum += source.size();
    return sum;
  };
  EXPECT_EQ(bytes(whole->weights.sources), bytes(without->weights.sources));
  size_t block = 0;
  for (const TensorInfo& tensor : whole->checkpoint.tensors.all()) {
    if (tensor.name.starts_with("model.layers.3.")) block += tensor.bytes.size();
  }
  EXPECT_GT(block, 0u);
  EXPECT_EQ(bytes(whole->weights.prediction_sources), block);
  size_t kept = 0, files = 0, drafts = 0;
  for (const FileRange& range : ResidentRanges(*whole)) kept += range.bytes.size();
  for (const FileRange& range : PredictionRanges(*whole)) drafts += range.bytes.size();
  for (const auto& file : whole->checkpoint.files) files += file->bytes().size();
  EXPECT_LT(kept, files);
  EXPECT_GE(drafts, block);
}

TEST_F(PredictorTest, AResidentPredictorReadsItsBlock) {
  const auto model = LoadModel(folder_);
  std::vector<std::span<const uint8_t>> mapped;
  int64_t bytes = 0;
  for (const FileRange& range : PredictionRanges(*model)) {
    mapped.push_back(range.bytes);
    bytes += static_cast<int64_t>(range.bytes.size());
  }
  const Predictor predictor(*model, {.max_context = 8, .runner = {.threads = 1, .resident = true}});
  EXPECT_GE(ResidentBytesOf(mapped), bytes);
}

TEST_F(PredictorTest, RefusesAContextBeyondTheModels) {
  const auto model = LoadModel(folder_);
  const RunnerOptions runner{.threads = 1};
  EXPECT_THROW(Predictor(*model, {.max_context = 0, .runner = runner}), Error);
  EXPECT_THROW(Predictor(*model, {.max_context = model->spec.max_context + 1, .runner = runner}),
               Error);
}

TEST_F(PredictorTest, TheRoutersNumbersMustBeStatedAndHeadsMustAgree) {
  Checkpoint checkpoint = OpenCheckpoint(folder_);
  const Json whole = checkpoint.config.values();
  const auto describe = [&](const char* key, const Json& value) {
    Json config = whole;
    config.Set(key, value);
    checkpoint.config = ConfigView(config, "config.json");
    DescribeCheckpoint(checkpoint);
  };
  EXPECT_NO_THROW(describe("n_group", *whole.Find("n_group")));
  for (const char* key : {"n_group", "topk_group", "routed_scaling_factor"}) {
    EXPECT_THROW(describe(key, Json()), Error) << key;
  }
  EXPECT_NO_THROW(describe("qk_head_dim", 24 + 32));
  EXPECT_THROW(describe("qk_head_dim", 64), Error);
  EXPECT_THROW(describe("num_key_value_heads", 2), Error);
}

// The block's number decides, by the rule of the layers: not what the last layer happens to be.
TEST_F(PredictorTest, TheBlocksLayerFollowsTheFamilysRule) {
  Checkpoint checkpoint = OpenCheckpoint(folder_);
  Json config = checkpoint.config.values();
  const auto describe = [&] {
    checkpoint.config = ConfigView(config, "config.json");
    return DescribeCheckpoint(checkpoint);
  };
  ASSERT_EQ(describe().layers.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<MoeFfnSpec>(describe().prediction_layer->ffn));
  config.Set("first_k_dense_replace", 3);  // all of the model's are dense, the block is not
  EXPECT_TRUE(std::holds_alternative<DenseFfnSpec>(describe().layers.back().ffn));
  EXPECT_TRUE(std::holds_alternative<MoeFfnSpec>(describe().prediction_layer->ffn));
  config.Set("first_k_dense_replace", 0);
  config.Set("moe_layer_freq", 2);  // layers 0 and 2, not the block behind them
  EXPECT_TRUE(std::holds_alternative<MoeFfnSpec>(describe().layers.back().ffn));
  EXPECT_TRUE(std::holds_alternative<DenseFfnSpec>(describe().prediction_layer->ffn));
  config.Set("num_nextn_predict_layers", 0);
  EXPECT_FALSE(describe().prediction_layer.has_value());
}

}  // namespace
}  // namespace tael
