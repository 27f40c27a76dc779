// Models with a recurrent state, through sessions and the engine: the same bits whatever was kept,
// cut, shared or taken away.
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/engine_answers.h"

namespace tael {
namespace {

class RecurrentTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    const auto path = SharedPath(std::string("goldens/") + GetParam());
    if (!path) GTEST_SKIP() << "the shared goldens are not here";
    model_ = LoadModel(*path);
  }

  std::vector<float> Logits(int chunk, int threads, DType kv, const KernelTable* kernels) {
    SessionOptions options;
    options.prefill_chunk = chunk;
    options.runner = {.threads = threads, .kv_dtype = kv, .kernels = kernels, .worth_a_thread = 0};
    Session session(*model_, options);
    return session.Evaluate(Tokens(97, 1), {.all_logits = true}).logits;
  }

  std::vector<float> FreshLogits(const std::vector<TokenId>& tokens) {
    Session session(*model_, {.runner = {.threads = 1}});
    return session.Evaluate(tokens).logits;
  }

  // Whether the model's cache rows are whole blocks of the type.
  bool Fits(DType kv) const {
    const std::vector<LayerSpec>& layers = model_->spec.layers;
    return std::all_of(layers.begin(), layers.end(), [&](const LayerSpec& layer) {
      return LayoutOf(layer.attention).FitsBlocksOf(kv);
    });
  }

  std::unique_ptr<Model> model_;
};

TEST_P(RecurrentTest, GivesTheSameBitsForAnyChunkThreadCountAndKernelTable) {
  for (const DType kv : {DType::kF32, DType::kF16, DType::kQ8_0}) {
    if (!Fits(kv)) continue;
    const std::vector<float> want = Logits(97, 1, kv, nullptr);
    for (const auto& [chunk, threads] : {std::pair(1, 2), std::pair(5, 3), std::pair(64, 2)}) {
      EXPECT_EQ(Logits(chunk, threads, kv, nullptr), want) << chunk;
    }
    for (auto table = SupportedKernelTables(); *table != nullptr; ++table) {
      EXPECT_EQ(Logits(64, 2, kv, *table), want) << (*table)->name;
    }
  }
}

TEST_P(RecurrentTest, ACutGoesBackToAKeptStateAndOnWithTheSameBits) {
  const std::vector<TokenId> tokens = Tokens(300, 2);
  Session session(*model_, {.prefill_chunk = 50, .runner = {.threads = 2}});
  session.Evaluate(std::span(tokens).first(150));
  session.Evaluate(std::span(tokens).subspan(150));
  for (const int cut : {300, 299, 256, 255, 200, 128, 100, 0}) {
    Session again(*model_, {.prefill_chunk = 50, .runner = {.threads = 2}});
    again.Evaluate(std::span(tokens).first(150));
    again.Evaluate(std::span(tokens).subspan(150));
    const int kept = again.Truncate(cut);
    EXPECT_EQ(kept, cut >= 300 ? 300 : (cut >= 256 ? 256 : (cut >= 128 ? 128 : 0))) << cut;
    EXPECT_EQ(again.length(), kept);
    std::vector<TokenId> other(tokens.begin(), tokens.begin() + kept);
    const std::vector<TokenId> end = Tokens(20, 9);
    other.insert(other.end(), end.begin(), end.end());
    EXPECT_EQ(again.Evaluate(end).logits, FreshLogits(other)) << cut;
  }
}

TEST_P(RecurrentTest, TurnsOfAChatGoOnFromWhatWasEvaluated) {
  Session session(*model_, {.runner = {.threads = 2}});
  GenerationRequest request;
  request.prompt = Tokens(140, 3);
  request.max_tokens = 50;
  int expected = 0;
  for (int turn = 0; turn < 7; ++turn) {
    SCOPED_TRACE(turn);
    const GenerationResult result = Generate(session, request);
    Session fresh(*model_, {.runner = {.threads = 1}});
    EXPECT_EQ(Generate(fresh, request).tokens, result.tokens);
    EXPECT_EQ(result.cached_tokens, expected);
    const int before = static_cast<int>(request.prompt.size());
    std::vector<TokenId> next = request.prompt;
    if (turn % 2 == 0) {
      // All but the last token of the answer was evaluated, and nothing is cut.
      next.insert(next.end(), result.tokens.begin(), result.tokens.end());
      expected = before + 49;
    } else {
      // The template wrote another ending of the prompt: back to the border before it.
      next.resize(static_cast<size_t>(before - 5));
      next.push_back((request.prompt[static_cast<size_t>(before - 5)] + 1) % 512);
      expected = (before - 5) / 64 * 64;
    }
    for (const TokenId id : Tokens(30, 20 + turn)) next.push_back(id);
    request.prompt = std::move(next);
  }
}

TEST_P(RecurrentTest, ABatchGivesEveryoneWhatTheyGetAlone) {
  EngineOptions options;
  options.max_context = 448;
  options.limits = {.max_sequences = 5, .max_batch_tokens = 70, .prefill_chunk = 33};
  options.runner.threads = 2;
  Engine engine(*model_, options);
  std::vector<Wanted> wanted;
  for (int i = 0; i < 8; ++i) {
    wanted.push_back({Tokens(5 + 37 * i, i), {.temperature = 0.8f, .seed = 3u}, 8 + i});
  }
  std::vector<Answer> answers(wanted.size());
  for (size_t i = 0; i < wanted.size(); ++i) {
    engine.Submit(Observed(wanted[i], answers[i], /*with_logits=*/true));
    engine.Step();
  }
  RunToEnd(engine);
  for (size_t i = 0; i < wanted.size(); ++i) {
    const Answer alone = Alone(*model_, wanted[i]);
    EXPECT_EQ(answers[i].tokens, alone.tokens) << i;
    EXPECT_EQ(answers[i].logits, alone.logits) << i;
  }
}

TEST_P(RecurrentTest, ChoicesAndLaterRequestsShareAPromptWithItsState) {
  EngineOptions options;
  options.runner.threads = 1;
  Engine engine(*model_, options);
  const Wanted wanted{Tokens(150, 3), {.temperature = 1.0f, .seed = 5}, 12};
  std::vector<Answer> answers(3);
  engine.Submit(ObservedChoices(wanted, answers));
  RunToEnd(engine);
  EXPECT_EQ(answers[0].report.cached_tokens, 0);
  EXPECT_EQ(answers[1].report.cached_tokens, 128);
  EXPECT_EQ(answers[2].report.cached_tokens, 128);
  for (uint32_t choice = 0; choice < 3; ++choice) {
    Wanted one = wanted;
    one.sampling.choice = choice;
    EXPECT_EQ(answers[choice].tokens, Alone(*model_, one).tokens) << choice;
  }
  // Half of the prompt is the same: the second of two such requests finds the state there.
  for (int i = 0; i < 3; ++i) {
    Wanted other = wanted;
    for (size_t t = 80; t < 150; ++t) other.prompt[t] = (other.prompt[t] + 3 + i) % 512;
    Answer answer;
    engine.Submit(Observed(other, answer));
    RunToEnd(engine);
    EXPECT_EQ(answer.report.cached_tokens, i == 0 ? 0 : 64) << i;
    EXPECT_EQ(answer.tokens, Alone(*model_, other).tokens) << i;
  }
}

TEST_P(RecurrentTest, MemoryPressureChangesNothing) {
  EngineOptions options;
  options.max_context = 448;
  options.kv_blocks = 8;
  options.runner.threads = 1;
  Engine engine(*model_, options);
  const Wanted wanted[] = {
      {Tokens(255, 1), {}, 70}, {Tokens(255, 2), {}, 70}, {Tokens(255, 1), {}, 30}};
  std::vector<Answer> answers(3);
  for (size_t i = 0; i < 3; ++i) engine.Submit(Observed(wanted[i], answers[i]));
  RunToEnd(engine);
  int preemptions = 0;
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].tokens, Alone(*model_, wanted[i]).tokens) << i;
    preemptions += answers[i].report.preemptions;
  }
  EXPECT_GT(preemptions, 0) << "the test puts no pressure on the memory";
}

TEST_P(RecurrentTest, StatesArePlannedByTheCodeThatAllocatesThem) {
  const SessionOptions options{.kept_states = 2, .runner = {.threads = 1}};
  const RunShape shape = ShapeOf(options, 100);
  EXPECT_EQ(shape.state_slots, 3);
  const ModelRunner runner(*model_, options.runner, shape);
  EXPECT_EQ(runner.states().slots(), 3);
  EXPECT_EQ(StateBytes(*model_, 3), 3 * runner.states().slot_bytes());
  EXPECT_GT(StateBytes(*model_, 1), 0);
  const MemoryPlan plan = PlanMemory(*model_, options.runner, shape, MeasureProcess(*model_));
  EXPECT_EQ(plan.states, runner.states().bytes());
}

INSTANTIATE_TEST_SUITE_P(Models, RecurrentTest,
                         testing::Values("qwen3-next", "qwen3-5", "qwen3-5-moe", "deepseek-v4"),
                         [](const auto& model) {
                           std::string name = model.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace tael
