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

TEST_F(PredictorTest, ReportsAMissingPartOfTheBlock) {
  try {
    Without({"layers.3.eh_proj"});
    FAIL() << "loaded";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("missing tensor 'model.layers.3.eh_proj.weight'"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace tael
