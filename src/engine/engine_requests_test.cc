// What a request to the engine may ask for, how choices end, and that failures stay their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "base/error.h"
#include "checkpoint/safetensors.h"
#include "tests/support/engine_answers.h"
#include "tests/support/temporary_folder.h"

namespace tael {
namespace {

EngineOptions OneThread() {
  EngineOptions options;
  options.runner.threads = 1;
  return options;
}

TEST(Engine, CancelsWhatRunsAndWhatWaits) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options;
  options.limits.max_sequences = 1;
  options.runner.threads = 1;
  Engine engine(*model, options);
  std::vector<Answer> answers(2);
  std::vector<RequestId> ids;
  for (Answer& answer : answers) {
    ids.push_back(engine.Submit(Observed({Tokens(20, 1), {}, 0}, answer)));
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
  Engine engine(*model, OneThread());
  const Wanted wanted{Tokens(150, 3), {.temperature = 1.0f, .seed = 5}, 12};
  std::vector<Answer> answers(3);
  engine.Submit(ObservedChoices(wanted, answers));
  RunToEnd(engine);
  EXPECT_EQ(answers[0].report.cached_tokens, 0);
  EXPECT_EQ(answers[1].report.cached_tokens, 128);
  EXPECT_EQ(answers[2].report.cached_tokens, 128);
  EXPECT_NE(answers[0].tokens, answers[1].tokens);
  EXPECT_NE(answers[1].tokens, answers[2].tokens);
  // Choice 2 alone, on an engine that has served nobody.
  Wanted third = wanted;
  third.sampling.choice = 2;
  EXPECT_EQ(answers[2].tokens, Alone(*model, third).tokens);
}

TEST(Engine, InterjectsLikeTheLoopOverOneSession) {
  const auto model = LoadModel(Golden("qwen3"));
  const std::vector<TokenId> words = {7, 8, 9, 10, 11, 12};
  for (const int max_tokens : {70, 4}) {  // 4: the end is inside the interjection
    EngineOptions options = OneThread();
    options.max_context = 448;
    options.kv_blocks = 8;  // too few for both
    Engine engine(*model, options);
    std::vector<Answer> answers(2);
    std::vector<size_t> log_probs(2);
    std::vector<Wanted> wanted;
    for (int i = 0; i < 2; ++i) {
      wanted.push_back({Tokens(255, i), {.temperature = 1.0f, .log_probs = 0}, max_tokens});
    }
    for (size_t i = 0; i < 2; ++i) {
      EngineRequest request = Observed(wanted[i], answers[i]);
      request.interjection = words;
      request.observer.on_token = [&, i](const ChoiceId&, const SampledToken& token) {
        answers[i].tokens.push_back(token.id);
        if (token.log_probs) ++log_probs[i];
        return answers[i].tokens.size() == 2 ? Verdict::kInterject : Verdict::kGoOn;
      };
      engine.Submit(std::move(request));
    }
    RunToEnd(engine);
    for (size_t i = 0; i < 2; ++i) {
      Session session(*model, {.max_context = 448, .runner = {.threads = 1}});
      GenerationRequest request;
      request.prompt = wanted[i].prompt;
      request.sampling = wanted[i].sampling;
      request.max_tokens = max_tokens;
      request.interjection = words;
      int count = 0;
      request.on_token = [&](TokenId) {
        return ++count == 2 ? Verdict::kInterject : Verdict::kGoOn;
      };
      EXPECT_EQ(answers[i].tokens, Generate(session, request).tokens) << i;
      EXPECT_EQ(log_probs[i], answers[i].tokens.size());
      EXPECT_EQ(answers[i].tokens.at(3), words[1]);
      EXPECT_EQ(answers[i].report.finish, FinishReason::kLength);
    }
  }
}

TEST(Engine, AChoiceWhoseObserverThrowsEndsAlone) {
  const auto model = LoadModel(Golden("qwen3"));
  Engine engine(*model, OneThread());
  Answer good, failed;
  EngineRequest bad = Observed({Tokens(20, 1), {}, 0}, failed);
  bad.observer.on_token = [](const ChoiceId&, const SampledToken&) -> Verdict {
    throw std::runtime_error("gone");
  };
  engine.Submit(std::move(bad));
  engine.Submit(Observed({Tokens(20, 2), {}, 5}, good));
  RunToEnd(engine);
  EXPECT_EQ(failed.error, "gone");
  EXPECT_EQ(failed.ends, 1);
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
  for (size_t i = 0; i < 3; ++i) engine.Submit(Observed(wanted[i], answers[i]));
  RunToEnd(engine);
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
  EXPECT_THROW(engine.Submit(Observed({Tokens(33, 1), {}, 1}, answer)), Error);
  EXPECT_THROW(engine.Submit(Observed({{}, {}, 1}, answer)), Error);
  EXPECT_THROW(engine.Submit(Observed({{512}, {}, 1}, answer)), Error);
  EXPECT_FALSE(engine.Step());
  options.max_context = 128;
  options.kv_blocks = 1;
  EXPECT_THROW(Engine(*model, options), Error);
}

TEST(Engine, RefusesTextsOfAnotherVocabulary) {
  const auto model = LoadModel(Golden("qwen3"));
  Engine engine(*model, OneThread());
  Answer answer;
  Wanted wanted{Tokens(5, 1), {}, 1};
  wanted.sampling.banned_strings = {"x"};
  EngineRequest request = Observed(wanted, answer);
  EXPECT_THROW(engine.Submit(request), Error);  // no texts
  request.token_texts = std::make_shared<TokenTexts>(std::vector<std::string>(513, "x"));
  EXPECT_THROW(engine.Submit(request), Error);
  request.token_texts = std::make_shared<TokenTexts>(std::vector<std::string>(512, "y"));
  EXPECT_NO_THROW(engine.Submit(request));
}

TEST(Engine, EndsWithTheReasonThatCameFirst) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options = OneThread();
  options.max_context = 48;
  Engine engine(*model, options);
  const Wanted wanted{Tokens(40, 1), {}, 0};
  Answer full, stopped, cancelled, verdict, both;
  engine.Submit(Observed(wanted, full));
  RunToEnd(engine);
  EXPECT_EQ(full.report.finish, FinishReason::kContextFull);
  ASSERT_EQ(full.tokens.size(), 9u);  // the last one needs no room
  EXPECT_EQ(full.tokens, Alone(*model, wanted, 48).tokens);

  const TokenId third = full.tokens[2];
  EngineRequest request = Observed(wanted, stopped);
  request.stop_tokens = {511, third};
  engine.Submit(request);
  const auto ends_with = [&](Answer& answer, Verdict last) {
    request = Observed(wanted, answer);
    request.observer.on_token = [&answer, last](const ChoiceId&, const SampledToken& token) {
      answer.tokens.push_back(token.id);
      return answer.tokens.size() == 2 ? last : Verdict::kGoOn;
    };
    engine.Submit(request);
  };
  ends_with(cancelled, Verdict::kCancel);
  ends_with(verdict, Verdict::kStop);
  request = Observed({wanted.prompt, {}, 3}, both);
  request.stop_tokens = {third};
  engine.Submit(request);
  RunToEnd(engine);
  EXPECT_EQ(stopped.report.finish, FinishReason::kStop);
  EXPECT_EQ(stopped.tokens.back(), third);
  EXPECT_EQ(cancelled.report.finish, FinishReason::kCancelled);
  EXPECT_EQ(cancelled.tokens.size(), 2u);
  EXPECT_EQ(verdict.report.finish, FinishReason::kStop);
  EXPECT_EQ(both.report.finish, FinishReason::kStop);  // not kLength, which the same token reaches
}

TEST(Engine, WorkIsSharedOnlyWithinASaltAndOnlyWhenAllowed) {
  const auto model = LoadModel(Golden("qwen3"));
  Engine engine(*model, OneThread());
  const Wanted wanted{Tokens(150, 2), {}, 4};
  const auto cached = [&](uint64_t salt, bool reuse) {
    Answer answer;
    EngineRequest request = Observed(wanted, answer);
    request.cache_salt = salt;
    request.reuse_prefix = reuse;
    engine.Submit(request);
    RunToEnd(engine);
    EXPECT_EQ(answer.tokens, Alone(*model, wanted).tokens);
    return answer.report.cached_tokens;
  };
  EXPECT_EQ(cached(1, true), 0);
  EXPECT_EQ(cached(1, true), 128);
  EXPECT_EQ(cached(2, true), 0);
  EXPECT_EQ(cached(1, false), 0);
  EXPECT_EQ(cached(2, true), 128);
}

TEST(Engine, MoreChoicesThanSequencesTakeTurns) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options = OneThread();
  options.limits.max_sequences = 1;
  Engine engine(*model, options);
  const Wanted wanted{Tokens(150, 3), {.temperature = 1.0f, .seed = 5}, 12};
  std::vector<Answer> answers(3);
  engine.Submit(ObservedChoices(wanted, answers));
  while (engine.Step()) EXPECT_LE(engine.last_rows(), 256);
  for (uint32_t i = 0; i < 3; ++i) {
    Wanted alone = wanted;
    alone.sampling.choice = i;
    EXPECT_EQ(answers[i].tokens, Alone(*model, alone).tokens) << i;
    EXPECT_EQ(answers[i].report.cached_tokens, i == 0 ? 0 : 128);
  }
}

TEST(Engine, TellsHowMuchOfThePromptIsDone) {
  const auto model = LoadModel(Golden("qwen3"));
  EngineOptions options = OneThread();
  options.limits.prefill_chunk = 60;
  Engine engine(*model, options);
  std::vector<int> done;
  const auto run = [&] {
    Answer answer;
    EngineRequest request = Observed({Tokens(150, 3), {}, 5}, answer);
    request.observer.on_prompt = [&](const ChoiceId&, int tokens) { done.push_back(tokens); };
    engine.Submit(request);
    RunToEnd(engine);
  };
  run();
  EXPECT_EQ(done, (std::vector<int>{60, 120, 150}));
  done.clear();
  run();
  EXPECT_EQ(done, std::vector<int>{150});  // 128 were there already
}

TEST(Engine, ObserversKnowTheirRequest) {
  const auto model = LoadModel(Golden("qwen3"));
  Engine engine(*model, OneThread());
  std::vector<ChoiceId> seen;
  std::vector<Answer> answers(2);
  EngineRequest request = ObservedChoices({Tokens(9, 1), {}, 1}, answers);
  request.observer.on_finish = [&](const ChoiceId& choice, const ChoiceReport&) {
    seen.push_back(choice);
  };
  const RequestId first = engine.Submit(request), second = engine.Submit(request);
  RunToEnd(engine);
  EXPECT_EQ(seen, (std::vector<ChoiceId>{{first, 0}, {first, 1}, {second, 0}, {second, 1}}));
}

TEST(Engine, DropsWhatLivesWithoutAWord) {
  const auto model = LoadModel(Golden("qwen3"));
  std::vector<Answer> answers(3);
  {
    Engine engine(*model, OneThread());
    engine.Submit(Observed({Tokens(20, 1), {}, 0}, answers[0]));
    engine.Step();
    engine.Submit(Observed({Tokens(20, 1), {}, 0}, answers[1]));
    engine.Cancel(engine.Submit(Observed({Tokens(20, 1), {}, 0}, answers[2])));
    engine.Step();
  }
  EXPECT_EQ(answers[0].ends, 0);
  EXPECT_EQ(answers[1].ends, 0);
  EXPECT_EQ(answers[2].ends, 1);  // cancelled before the end of the engine
}

// A copy of a golden model whose embedding of `token` is not a number.
std::unique_ptr<Model> PoisonedModel(const TemporaryFolder& folder, TokenId token) {
  const std::string source = Golden("mistral");  // its head is not the embedding
  std::string bytes = ReadFile(source + "/model.safetensors");
  {
    const Safetensors file = OpenSafetensorsFile(source + "/model.safetensors");
    const TensorInfo* embedding = file.tensors.Find("model.embed_tokens.weight");
    const size_t row = embedding->bytes.size() / 512;
    const auto offset =
        static_cast<size_t>(embedding->bytes.data() - file.files[0]->bytes().data());
    for (size_t i = 0; i < row; ++i) bytes[offset + row * static_cast<size_t>(token) + i] = '\xff';
  }
  folder.Write("model.safetensors", bytes);
  folder.Write("config.json", ReadFile(source + "/config.json"));
  return LoadModel(folder.path());
}

TEST(Engine, AChoiceWithoutNumbersFailsAlone) {
  const Wanted wanted{Tokens(150, 3), {.temperature = 1.0f, .seed = 5}, 12};
  std::vector<Answer> sound(3), found(3);
  {
    const auto model = LoadModel(Golden("mistral"));
    Engine engine(*model, OneThread());
    engine.Submit(ObservedChoices(wanted, sound));
    RunToEnd(engine);
  }
  // A token that only choice 1 picks: what follows it is NaN.
  const auto has = [](const std::vector<TokenId>& list, TokenId id) {
    return std::find(list.begin(), list.end(), id) != list.end();
  };
  size_t at = 0;
  TokenId poison = sound[1].tokens[at];
  while (has(sound[0].tokens, poison) || has(sound[2].tokens, poison) ||
         has(wanted.prompt, poison)) {
    ASSERT_LT(++at, 11u);
    poison = sound[1].tokens[at];
  }
  const TemporaryFolder folder;
  const auto model = PoisonedModel(folder, poison);
  Engine engine(*model, OneThread());
  engine.Submit(ObservedChoices(wanted, found));
  RunToEnd(engine);
  EXPECT_EQ(found[0].tokens, sound[0].tokens);
  EXPECT_EQ(found[2].tokens, sound[2].tokens);
  EXPECT_NE(found[1].error.find("NaN"), std::string::npos) << found[1].error;
  EXPECT_EQ(found[1].tokens.back(), poison);
  for (const Answer& answer : found) EXPECT_EQ(answer.ends, 1);
}

}  // namespace
}  // namespace tael
