// The promise of the engine: a request gets the bits it would get alone, whoever else is served.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <stdexcept>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/generate.h"
#include "tests/support/shared_data.h"

namespace tael {
namespace {

std::string Golden(const std::string& name) { return SourceRoot() + "/tests/golden/" + name; }

std::vector<TokenId> Tokens(int count, int seed) {
  std::vector<TokenId> tokens(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) tokens[static_cast<size_t>(i)] = (i * 37 + seed * 101 + 11) % 512;
  return tokens;
}

struct Wanted {
  std::vector<TokenId> prompt;
  SamplingParams sampling;
  int max_tokens = 0;
};

struct Answer {
  std::vector<TokenId> tokens;
  std::map<int, std::vector<float>> logits;  // by position
  ChoiceReport report;
};

Answer Alone(const Model& model, const Wanted& wanted) {
  Session session(model, {.max_context = 448, .threads = 1});
  GenerationRequest request;
  request.prompt = wanted.prompt;
  request.sampling = wanted.sampling;
  request.max_tokens = wanted.max_tokens;
  Answer answer;
  answer.tokens = Generate(session, request).tokens;
  std::vector<TokenId> all = wanted.prompt;
  all.insert(all.end(), answer.tokens.begin(), answer.tokens.end() - 1);
  session.Truncate(0);
  const EvalResult result = session.Evaluate(all, {.all_logits = true});
  const auto vocabulary = static_cast<std::ptrdiff_t>(model.spec.vocab_size);
  for (size_t p = 0; p < all.size(); ++p) {
    const auto begin = result.logits.begin() + static_cast<std::ptrdiff_t>(p) * vocabulary;
    answer.logits[static_cast<int>(p)] = {begin, begin + vocabulary};
  }
  return answer;
}

EngineRequest Observed(const Wanted& wanted, Answer& answer, bool with_logits) {
  EngineRequest request;
  request.prompt = wanted.prompt;
  request.sampling = wanted.sampling;
  request.max_tokens = wanted.max_tokens;
  request.observer.on_token = [&answer](int, const SampledToken& token) {
    answer.tokens.push_back(token.id);
    return true;
  };
  request.observer.on_finish = [&answer](int, const ChoiceReport& report) {
    answer.report = report;
  };
  if (with_logits) {
    request.observer.on_logits = [&answer](int, int position, std::span<const float> logits) {
      answer.logits[position] = {logits.begin(), logits.end()};
    };
  }
  return request;
}

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

  void ExpectSameAsAlone(const EngineOptions& options, bool with_logits, int* preemptions) {
    Engine engine(*model_, options);
    std::vector<Answer> answers(wanted_.size());
    size_t next = 0;
    // Requests arrive while others are being answered.
    for (int step = 0; next < wanted_.size() || engine.Step(); ++step) {
      if (next < wanted_.size()) {
        engine.Submit(Observed(wanted_[next], answers[next], with_logits && next % 2 == 0));
        ++next;
        engine.Step();
      }
    }
    for (size_t i = 0; i < answers.size(); ++i) {
      EXPECT_EQ(answers[i].tokens, alone_[i].tokens) << "request " << i;
      *preemptions += answers[i].report.preemptions;
      if (!with_logits || i % 2 != 0) continue;
      EXPECT_EQ(answers[i].logits.size(), alone_[i].logits.size());
      for (const auto& [position, logits] : answers[i].logits) {
        const std::vector<float>& want = alone_[i].logits.at(position);
        ASSERT_EQ(std::memcmp(logits.data(), want.data(), want.size() * sizeof(float)), 0)
            << "request " << i << " position " << position;
      }
    }
  }

  std::unique_ptr<Model> model_;
  std::vector<Wanted> wanted_;
  std::vector<Answer> alone_;
};

TEST_P(BatchingTest, CompanyChunksThreadsAndSharingChangeNothing) {
  int preemptions = 0;
  for (const int chunk : {1, 7, 64, 300}) {
    for (const bool share : {false, true}) {
      EngineOptions options;
      options.max_context = 448;
      options.limits = {.max_sequences = chunk == 7 ? 3 : 8,
                        .max_batch_tokens = 5 * chunk,
                        .prefill_chunk = chunk,
                        .share_prefixes = share};
      options.runner.threads = chunk == 7 ? 3 : 2;
      options.runner.worth_a_thread = 0;
      ExpectSameAsAlone(options, !share, &preemptions);
    }
  }
  EXPECT_EQ(preemptions, 0);
}

TEST_P(BatchingTest, PreemptedRequestsEndAsIfNothingHadHappened) {
  int preemptions = 0;
  EngineOptions options;
  options.max_context = 448;
  options.kv_blocks = 7;
  options.limits = {
      .max_sequences = 8, .max_batch_tokens = 64, .prefill_chunk = 33, .share_prefixes = false};
  options.runner.threads = 2;
  options.runner.worth_a_thread = 0;
  ExpectSameAsAlone(options, true, &preemptions);
  EXPECT_GT(preemptions, 0);
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

TEST(Engine, CancelsWhatRunsAndWhatWaits) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.limits.max_sequences = 1;
  options.runner.threads = 1;
  Engine engine(*model, options);
  std::vector<Answer> answers(2);
  std::vector<RequestId> ids;
  for (Answer& answer : answers) {
    ids.push_back(engine.Submit(Observed({Tokens(20, 1), {}, 0}, answer, false)));
  }
  for (int i = 0; i < 3; ++i) engine.Step();
  engine.Cancel(ids[0]);
  engine.Cancel(ids[1]);
  engine.Cancel(999);
  EXPECT_FALSE(engine.Step());
  EXPECT_EQ(answers[0].tokens.size(), 3u);
  EXPECT_EQ(answers[0].report.finish, FinishReason::kCancelled);
  EXPECT_EQ(answers[1].report.finish, FinishReason::kCancelled);
  EXPECT_EQ(answers[1].report.completion_tokens, 0);
}

TEST(Engine, ChoicesShareThePromptAndDrawTheirOwnNumbers) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.runner.threads = 1;
  Engine engine(*model, options);
  EngineRequest request;
  request.prompt = Tokens(150, 3);
  request.choices = 3;
  request.sampling = {.temperature = 1.0f, .seed = 5};
  request.max_tokens = 12;
  std::map<int, std::vector<TokenId>> answers;
  std::map<int, ChoiceReport> reports;
  request.observer.on_token = [&](int choice, const SampledToken& token) {
    answers[choice].push_back(token.id);
    return true;
  };
  request.observer.on_finish = [&](int choice, const ChoiceReport& report) {
    reports[choice] = report;
  };
  engine.Submit(request);
  while (engine.Step()) {
  }
  ASSERT_EQ(reports.size(), 3u);
  EXPECT_EQ(reports[0].cached_tokens, 0);
  EXPECT_EQ(reports[1].cached_tokens, 128);
  EXPECT_EQ(reports[2].cached_tokens, 128);
  EXPECT_NE(answers[0], answers[1]);
  EXPECT_NE(answers[1], answers[2]);
  // Choice 2 alone, on an engine that has served nobody.
  SamplingParams third = request.sampling;
  third.choice = 2;
  EXPECT_EQ(answers[2], Alone(*model, {request.prompt, third, 12}).tokens);
}

TEST(Engine, AChoiceWhoseObserverThrowsEndsAlone) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.runner.threads = 1;
  Engine engine(*model, options);
  Answer good;
  std::string problem;
  EngineRequest bad;
  bad.prompt = Tokens(20, 1);
  bad.observer.on_token = [](int, const SampledToken&) -> bool {
    throw std::runtime_error("gone");
  };
  bad.observer.on_error = [&](int, const std::string& what) { problem = what; };
  engine.Submit(std::move(bad));
  engine.Submit(Observed({Tokens(20, 2), {}, 5}, good, false));
  while (engine.Step()) {
  }
  EXPECT_EQ(problem, "gone");
  EXPECT_EQ(good.tokens.size(), 5u);
  EXPECT_EQ(good.report.finish, FinishReason::kLength);
}

TEST(Engine, SharingUnderMemoryPressureNeitherLoopsNorChangesAnything) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.max_context = 448;
  options.kv_blocks = 8;
  options.runner.threads = 1;
  Engine engine(*model, options);
  std::vector<Answer> answers(3);
  const Wanted wanted[] = {
      {Tokens(255, 1), {}, 70}, {Tokens(255, 2), {}, 70}, {Tokens(255, 1), {}, 30}};
  for (size_t i = 0; i < 3; ++i) engine.Submit(Observed(wanted[i], answers[i], false));
  while (engine.Step()) {
  }
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].tokens, Alone(*model, wanted[i]).tokens) << i;
    EXPECT_LE(answers[i].report.preemptions, 2) << i;
  }
  EXPECT_GT(answers[2].report.cached_tokens, 0);
}

TEST(Engine, RefusesWhatCannotRunBeforeEvaluatingAnything) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.max_context = 32;
  options.runner.threads = 1;
  Engine engine(*model, options);
  Answer answer;
  EXPECT_THROW(engine.Submit(Observed({Tokens(33, 1), {}, 1}, answer, false)), Error);
  EXPECT_THROW(engine.Submit(Observed({{}, {}, 1}, answer, false)), Error);
  EXPECT_THROW(engine.Submit(Observed({{512}, {}, 1}, answer, false)), Error);
  EXPECT_FALSE(engine.Step());
  options.max_context = 128;
  options.kv_blocks = 1;
  EXPECT_THROW(Engine(*model, options), Error);
}

}  // namespace
}  // namespace tael
