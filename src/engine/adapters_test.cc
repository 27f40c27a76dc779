// Adapters in the engine: a request gets the bits it would get alone, whichever adapters the others
// of its batch have.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "tests/support/engine_answers.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

// A PEFT directory for tests/golden/llama3 with random numbers, of all its linear modules.
class AdapterFolder {
 public:
  AdapterFolder(int rank, uint32_t seed) : state_(seed) {
    for (const char* layer : {"0", "1"}) {
      const std::string start = std::string("model.layers.") + layer + ".";
      for (const char* name : {"q_proj", "o_proj"}) Add(start + "self_attn." + name, 128, 64, rank);
      for (const char* name : {"k_proj", "v_proj"}) Add(start + "self_attn." + name, 64, 64, rank);
      for (const char* name : {"gate_proj", "up_proj"}) Add(start + "mlp." + name, 88, 64, rank);
      Add(start + "mlp.down_proj", 64, 88, rank);
    }
    folder_.Write("adapter_model.safetensors", SerializeSafetensors(tensors_));
    folder_.Write("adapter_config.json",
                  R"({"peft_type":"LORA","lora_alpha":8,"r":)" + std::to_string(rank) + "}");
  }
  const std::string& path() const { return folder_.path(); }

 private:
  void Add(const std::string& module, int64_t n, int64_t k, int64_t rank) {
    const bool output = module.ends_with("o_proj");  // [64, 128]
    Matrix("base_model.model." + module + ".lora_A.weight", rank, output ? n : k);
    Matrix("base_model.model." + module + ".lora_B.weight", output ? k : n, rank);
  }

  void Matrix(const std::string& name, int64_t rows, int64_t columns) {
    auto values = std::make_unique<std::vector<float>>(static_cast<size_t>(rows * columns));
    for (float& value : *values) {
      state_ = state_ * 1664525u + 1013904223u;
      value = static_cast<float>(static_cast<int32_t>(state_ >> 8) % 2001 - 1000) / 4000.0f;
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(values->data());
    tensors_.push_back({name, DType::kF32, {rows, columns}, {bytes, values->size() * 4}});
    storage_.push_back(std::move(values));
  }

  TemporaryFolder folder_;
  uint32_t state_;
  std::vector<TensorInfo> tensors_;
  std::vector<std::unique_ptr<std::vector<float>>> storage_;
};

class AdaptersTest : public testing::Test {
 protected:
  AdaptersTest() {
    LoadOptions options;
    options.adapters = {{"poet", poet_.path()}, {"clerk", clerk_.path()}};
    model_ = LoadModel(Golden("llama3"), options);
  }

  Answer AloneWith(const Wanted& wanted, const std::vector<AdapterChoice>& adapters) const {
    EngineOptions options;
    options.max_context = 448;
    options.limits.max_sequences = 1;
    options.runner.threads = 1;
    Engine engine(*model_, options);
    Answer answer;
    EngineRequest request = Observed(wanted, answer, true);
    request.adapters = adapters;
    engine.Submit(request);
    RunToEnd(engine);
    return answer;
  }

  AdapterFolder poet_{6, 1}, clerk_{3, 2};
  std::unique_ptr<Model> model_;
  const std::vector<std::vector<AdapterChoice>> lists_ = {
      {}, {{"poet"}}, {{"clerk"}}, {{"poet", 0.5f}, {"clerk", -1.0f}}};
};

void ExpectSame(const Answer& found, const Answer& wanted) {
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.tokens, wanted.tokens);
  for (const auto& [position, logits] : found.logits) {
    const std::vector<float>& want = wanted.logits.at(position);
    ASSERT_EQ(std::memcmp(logits.data(), want.data(), want.size() * sizeof(float)), 0) << position;
  }
}

TEST_F(AdaptersTest, AreChosenPerSequenceAndChangeNoBitOfTheOthers) {
  const Wanted wanted{Tokens(150, 3), {}, 12};
  std::vector<Answer> alone;
  for (const auto& list : lists_) alone.push_back(AloneWith(wanted, list));
  for (size_t i = 1; i < alone.size(); ++i) EXPECT_NE(alone[i].logits, alone[0].logits);
  const auto base = LoadModel(Golden("llama3"));
  EXPECT_EQ(Alone(*base, wanted).logits, alone[0].logits);

  for (const int chunk : {7, 64}) {
    EngineOptions options;
    options.max_context = 448;
    options.limits = {.max_sequences = 8, .max_batch_tokens = 5 * chunk, .prefill_chunk = chunk};
    options.runner.threads = 2;
    options.runner.worth_a_thread = 0;
    Engine engine(*model_, options);
    std::vector<Answer> answers(2 * lists_.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      EngineRequest request = Observed(wanted, answers[i], true);
      request.adapters = lists_[i % lists_.size()];
      engine.Submit(request);
      engine.Step();
    }
    RunToEnd(engine);
    for (size_t i = 0; i < answers.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << " request " << i);
      ExpectSame(answers[i], alone[i % lists_.size()]);
    }
  }
}

TEST_F(AdaptersTest, SharePrefixesOnlyWithTheSameAdapters) {
  EngineOptions options;
  options.max_context = 448;
  Engine engine(*model_, options);
  const Wanted wanted{Tokens(150, 3), {}, 2};
  for (const bool again : {false, true}) {
    for (const auto& list : lists_) {
      Answer answer;
      EngineRequest request = Observed(wanted, answer);
      request.adapters = list;
      engine.Submit(request);
      RunToEnd(engine);
      EXPECT_EQ(answer.report.cached_tokens, again ? 128 : 0);
      EXPECT_EQ(answer.tokens, AloneWith(wanted, list).tokens);
    }
  }
}

TEST_F(AdaptersTest, UnknownAndDoubleNamesAreRefusedBeforeAnythingIsEvaluated) {
  Engine engine(*model_, {});
  Answer answer;
  EngineRequest request = Observed({Tokens(5, 0), {}, 1}, answer);
  const std::vector<std::vector<AdapterChoice>> wrong = {
      {{"nobody"}}, {{"poet"}, {"poet"}}, {{"poet", NAN}}, {{"poet", 3.4e38f}}};
  for (const std::vector<AdapterChoice>& list : wrong) {
    request.adapters = list;
    EXPECT_THROW(engine.Submit(request), Error);
  }
  EXPECT_FALSE(engine.Step());
}

class PlannedAdaptersTest : public AdaptersTest, public testing::WithParamInterface<int> {};

// With the smaller context all rows of both sequences are needed to fill the step.
INSTANTIATE_TEST_SUITE_P(Contexts, PlannedAdaptersTest, testing::Values(24, 128));

TEST_P(PlannedAdaptersTest, AStepTakesNoMoreScratchMemoryThanPlanned) {
  RunnerOptions options;
  options.threads = 2;
  const RunShape shape{
      .context = GetParam(), .sequences = 2, .rows = 48, .logit_rows = 2, .kv_blocks = 4};
  ModelRunner runner(*model_, options, shape);
  const int64_t planned = ScratchBytes(*model_, options, shape);
  for (const size_t list : {1u, 3u}) {
    Batch batch;
    for (int s = 0; s < 2; ++s) {
      BatchSequence sequence{
          .first_row = 24 * s, .count = 24, .begin = 0, .blocks = {2 * s, 2 * s + 1}};
      sequence.adapters = ChooseAdapters(model_->adapters, lists_[list]);
      batch.sequences.push_back(sequence);
      for (int i = 0; i < 24; ++i) {
        batch.tokens.push_back(i);
        batch.positions.push_back(i);
      }
      batch.logit_rows.push_back(24 * s + 23);
    }
    runner.Forward(batch);
    EXPECT_LE(runner.scratch_peak(), planned);
  }
  const auto base = LoadModel(Golden("llama3"));
  EXPECT_GT(planned, ScratchBytes(*base, options, shape));
}

TEST(GgufAdapter, OfAnotherArchitectureThanAHuggingFaceBaseIsRefused) {
  const TemporaryFolder folder;
  for (const char* architecture : {"llama", "qwen3"}) {
    GgufWriter writer;
    writer.String("general.type", "adapter").String("general.architecture", architecture);
    writer.String("adapter.type", "lora").F32("adapter.lora.alpha", 4);
    writer.F32Tensor("blk.0.attn_v.weight.lora_a", {2, 64});
    writer.F32Tensor("blk.0.attn_v.weight.lora_b", {64, 2});
    LoadOptions options;
    options.adapters = {{"a", folder.Write("adapter.gguf", writer.Bytes())}};
    if (std::string(architecture) == "llama") {
      EXPECT_NO_THROW(LoadModel(Golden("llama3"), options));
    } else {
      EXPECT_THROW(LoadModel(Golden("llama3"), options), Error);
    }
  }
}

}  // namespace
}  // namespace tael
