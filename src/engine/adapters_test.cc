// Adapters in the engine: a request gets the bits it would get alone, whichever adapters the others
// of its batch have.
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "tests/support/engine_answers.h"
#include "tests/support/gguf_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_models.h"

namespace tael {
namespace {

// All linear modules of tests/golden/llama3.
std::vector<TinyTarget> Targets() {
  std::vector<TinyTarget> targets;
  for (const char* layer : {"0", "1"}) {
    const std::string start = std::string("model.layers.") + layer + ".";
    const auto add = [&](const std::string& module, int64_t n, int64_t k) {
      targets.push_back({start + module, start + module + ".weight", n, k, 0});
    };
    add("self_attn.q_proj", 128, 64);
    for (const char* name : {"k_proj", "v_proj"}) add(std::string("self_attn.") + name, 64, 64);
    add("self_attn.o_proj", 64, 128);
    for (const char* name : {"gate_proj", "up_proj"}) add(std::string("mlp.") + name, 88, 64);
    add("mlp.down_proj", 64, 88);
  }
  return targets;
}

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

  TinyAdapter poet_{Targets(), 6, 1}, clerk_{Targets(), 3, 2};
  std::unique_ptr<Model> model_;
  const std::vector<std::vector<AdapterChoice>> lists_ = {
      {}, {{"poet"}}, {{"clerk"}}, {{"poet", 0.5f}, {"clerk", -1.0f}}};
};

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
      ExpectSameAnswer(answers[i], alone[i % lists_.size()]);
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
    const Batch batch = TwoPrompts(ChooseAdapters(model_->adapters, lists_[list]), 2);
    runner.Forward(batch);
    EXPECT_LE(runner.scratch_peak(), planned);
  }
  const auto base = LoadModel(Golden("llama3"));
  EXPECT_GT(planned, ScratchBytes(*base, options, shape));
}

TEST(GgufAdapter, OfAnotherArchitectureThanAHuggingFaceBaseIsRefused) {
  const TemporaryFolder folder;
  for (const char* architecture : {"llama", "qwen3"}) {
    LoadOptions options;
    options.adapters = {{"a", folder.Write("adapter.gguf", GgufAdapterOnValues(architecture))}};
    if (std::string(architecture) == "llama") {
      EXPECT_NO_THROW(LoadModel(Golden("llama3"), options));
    } else {
      EXPECT_THROW(LoadModel(Golden("llama3"), options), Error);
    }
  }
}

}  // namespace
}  // namespace tael
