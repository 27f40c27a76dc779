// The promise of the engine: a request gets the bits it would get alone, whoever else is served.
#include <gtest/gtest.h>

#include <cstring>

#include "tests/support/engine_answers.h"

namespace tael {
namespace {

// Over all requests.
struct Totals {
  int preemptions = 0, cached_tokens = 0;
};

class BatchingTest : public testing::TestWithParam<const char*> {
 protected:
  BatchingTest() : model_(LoadModel(Golden(GetParam()))) {
    for (int i = 0; i < 7; ++i) {
      const int length = 3 + 41 * i;
      // Odd ones begin alike.
      std::vector<TokenId> prompt = Tokens(length, i % 2 == 1 ? 0 : i);
      prompt.back() = i;
      SamplingParams sampling;
      sampling.temperature = i % 3 == 0 ? 0.0f : 1.0f;
      sampling.seed = static_cast<uint64_t>(i);
      wanted_.push_back({std::move(prompt), sampling, 70 + 10 * i});
      alone_.push_back(Alone(*model_, wanted_.back()));
    }
  }

  // Most requests look at its logits: with sharing, at those of positions it evaluates.
  void ExpectSameAsAlone(const EngineOptions& options, Totals* totals) {
    Engine engine(*model_, options);
    std::vector<Answer> answers(wanted_.size());
    size_t next = 0;
    // Requests arrive while others are being answered.
    while (next < wanted_.size() || engine.Step()) {
      if (next < wanted_.size()) {
        EngineRequest request = Observed(wanted_[next], answers[next], next % 4 != 2);
        request.owner = next % owners_;
        engine.Submit(std::move(request));
        ++next;
        engine.Step();
      }
    }
    for (size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i].tokens, alone_[i].tokens) << "request " << i;
      totals->preemptions += answers[i].report.preemptions;
      totals->cached_tokens += answers[i].report.cached_tokens;
      if (i % 4 == 2) continue;
      const int evaluated = answers[i].report.prompt_tokens - answers[i].report.cached_tokens +
                            answers[i].report.completion_tokens - 1;
      EXPECT_EQ(answers[i].logits.size(), static_cast<size_t>(evaluated)) << "request " << i;
      for (const auto& [position, logits] : answers[i].logits) {
        const std::vector<float>& want = alone_[i].logits.at(position);
        ASSERT_EQ(std::memcmp(logits.data(), want.data(), want.size() * sizeof(float)), 0)
            << "request " << i << " position " << position;
      }
    }
  }

  std::unique_ptr<Model> model_;
  std::vector<Wanted> wanted_;
  size_t owners_ = 1;
  std::vector<Answer> alone_;
};

TEST_P(BatchingTest, CompanyChunksThreadsAndSharingChangeNothing) {
  for (const bool share : {false, true}) {
    Totals totals;
    for (const int chunk : {1, 7, 64, 300}) {
      EngineOptions options;
      options.max_context = 448;
      options.limits = {.max_sequences = chunk == 7 ? 3 : 8,
                        .max_batch_tokens = 5 * chunk,
                        .prefill_chunk = chunk,
                        .share_prefixes = share};
      options.runner.threads = chunk == 7 ? 3 : 2;
      options.runner.worth_a_thread = 0;
      ExpectSameAsAlone(options, &totals);
    }
    EXPECT_EQ(totals.preemptions, 0);
    EXPECT_EQ(totals.cached_tokens > 0, share);
  }
}

TEST_P(BatchingTest, PreemptedRequestsEndAsIfNothingHadHappened) {
  EngineOptions options;
  options.max_context = 448;
  options.kv_blocks = 7;
  options.limits = {
      .max_sequences = 8, .max_batch_tokens = 64, .prefill_chunk = 33, .share_prefixes = false};
  options.runner.threads = 2;
  options.runner.worth_a_thread = 0;
  Totals totals;
  ExpectSameAsAlone(options, &totals);
  EXPECT_GT(totals.preemptions, 0);
}

TEST_P(BatchingTest, OwnersThatTakeTurnsChangeNothing) {
  EngineOptions options;
  options.max_context = 448;
  options.limits = {.max_sequences = 2,
                    .max_batch_tokens = 64,
                    .prefill_chunk = 33,
                    .share_prefixes = false,
                    .quantum = 8};
  options.runner.threads = 2;
  options.runner.worth_a_thread = 0;
  owners_ = 4;
  Totals totals;
  ExpectSameAsAlone(options, &totals);
  EXPECT_GT(totals.preemptions, 4);
}

INSTANTIATE_TEST_SUITE_P(Models, BatchingTest,
                         testing::Values("llama3", "mistral", "quant/gguf/pure_Q4_K.gguf"),
                         [](const auto& model) {
                           std::string name = model.param;
                           for (char& c : name) {
                             c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace tael
