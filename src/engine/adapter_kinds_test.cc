// Adapters on every kind of network: near what merged weights give, and for each request of a mixed
// batch the bits that it has alone.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/engine_answers.h"
#include "tests/support/tiny_networks.h"

namespace tael {
namespace {

TinyModel Latent() { return TinyLatent(); }
TinyModel Hybrid() { return TinyHybrid(); }

struct Kind {
  const char* name;
  TinyModel (*make)();
  bool float8 = false;
};

class AdapterKinds : public testing::TestWithParam<Kind> {
 protected:
  AdapterKinds() : tiny_(GetParam().make()) {
    const std::string path = tiny_.Write(base_, GetParam().float8);
    LoadOptions options;
    options.adapters = {{"one", one_.path()}, {"two", two_.path()}};
    model_ = LoadModel(path, options);
  }

  // One sequence at a time, or all at once.
  std::vector<Answer> Answers(const std::vector<std::vector<AdapterChoice>>& lists,
                              const EngineOptions& options) const {
    std::vector<Answer> answers(lists.size());
    Engine engine(*model_, options);
    for (size_t i = 0; i < lists.size(); ++i) {
      EngineRequest request = Observed(wanted_, answers[i], true);
      request.adapters = lists[i];
      engine.Submit(request);
      engine.Step();
    }
    RunToEnd(engine);
    return answers;
  }

  static EngineOptions Options(int sequences, int chunk, int threads) {
    EngineOptions options;
    options.max_context = 128;
    options.limits = {.max_sequences = sequences, .max_batch_tokens = 64, .prefill_chunk = chunk};
    options.runner.threads = threads;
    options.runner.worth_a_thread = 0;
    options.runner.kv_dtype = DType::kF32;
    return options;
  }

  TinyModel tiny_;
  TemporaryFolder base_;
  TinyAdapter one_{tiny_.targets, 3, 5}, two_{tiny_.targets, 5, 6};
  std::unique_ptr<Model> model_;
  const Wanted wanted_{Tokens(40, 3), {}, 4};
};

INSTANTIATE_TEST_SUITE_P(All, AdapterKinds,
                         testing::Values(Kind{"latent", &Latent}, Kind{"hybrid", &Hybrid},
                                         Kind{"fused", &TinyFused},
                                         Kind{"float8_latent", &Latent, true},
                                         Kind{"float8_fused", &TinyFused, true}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(AdapterKinds, AreNearMergedWeights) {
  TinyModel merged = one_.MergedInto(tiny_);
  const TemporaryFolder folder;
  const auto reference = LoadModel(merged.Write(folder));
  const Answer found = Answers({{{"one"}}}, Options(1, 64, 1))[0];
  std::vector<TokenId> all = wanted_.prompt;
  Session session(*reference, {.max_context = 128, .runner = Options(1, 64, 1).runner});
  const EvalResult want = session.Evaluate(all, {.all_logits = true});
  double error = 0, size = 0;
  for (size_t p = 0; p < all.size(); ++p) {
    const std::vector<float>& logits = found.logits.at(static_cast<int>(p));
    for (size_t i = 0; i < logits.size(); ++i) {
      const double expected = want.logits[p * logits.size() + i], e = logits[i] - expected;
      error += e * e;
      size += expected * expected;
    }
  }
  EXPECT_LT(error, 1e-9 * size);
  const Answer without = Answers({{}}, Options(1, 64, 1))[0];
  EXPECT_NE(without.logits, found.logits);
}

TEST_P(AdapterKinds, GiveTheSameBitsInAMixedBatch) {
  const std::vector<std::vector<AdapterChoice>> lists = {
      {{"one"}}, {}, {{"two"}}, {{"two", 0.5f}, {"one", -1.0f}}, {{"one"}}};
  std::vector<Answer> alone;
  for (const auto& list : lists) alone.push_back(Answers({list}, Options(1, 64, 1))[0]);
  for (const int chunk : {7, 64}) {
    const std::vector<Answer> mixed = Answers(lists, Options(5, chunk, 3));
    for (size_t i = 0; i < lists.size(); ++i) {
      SCOPED_TRACE(testing::Message() << "chunk " << chunk << " request " << i);
      ExpectSameAnswer(mixed[i], alone[i]);
    }
  }
}

TEST_P(AdapterKinds, TakeNoMoreScratchMemoryThanPlanned) {
  const RunnerOptions options = Options(2, 64, 2).runner;
  const RunShape shape{
      .context = 64, .sequences = 2, .rows = 48, .logit_rows = 2, .kv_blocks = 2, .state_slots = 2};
  ModelRunner runner(*model_, options, shape);
  const int64_t planned = ScratchBytes(*model_, options, shape);
  const auto& adapters = model_->adapters;
  Batch batch = TwoPrompts(ChooseAdapters(adapters, {{"two"}, {"one"}}), 1);
  for (int s = 0; s < 2; ++s) batch.sequences[static_cast<size_t>(s)].state = s;
  runner.Forward(batch);
  EXPECT_LE(runner.scratch_peak(), planned);
}

}  // namespace
}  // namespace tael
