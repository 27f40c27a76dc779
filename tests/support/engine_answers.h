// Requests to an engine whose answers are kept, and the same requests answered alone.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <exception>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/generate.h"
#include "tests/support/shared_data.h"

namespace tael {

inline std::string Golden(const std::string& name) {
  return SourceRoot() + "/tests/golden/" + name;
}

// Tokens of a vocabulary of 512 that differ from seed to seed.
inline std::vector<TokenId> Tokens(int count, int seed) {
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
  int ends = 0;       // how often on_finish or on_error came
  std::string error;  // of on_error
};

// The answer of a session of its own on one thread, with the logits of every position.
inline Answer Alone(const Model& model, const Wanted& wanted, int max_context = 448) {
  Session session(model, {.max_context = max_context, .runner = {.threads = 1}});
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

inline std::string MessageOf(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  }
}

// A request that notes what happens to its choices: choice i in answers[i], which must outlive it.
inline EngineRequest ObservedChoices(const Wanted& wanted, std::span<Answer> answers) {
  EngineRequest request;
  request.prompt = wanted.prompt;
  request.sampling = wanted.sampling;
  request.max_tokens = wanted.max_tokens;
  request.choices = static_cast<int>(answers.size());
  const auto at = [answers](const ChoiceId& choice) -> Answer& {
    return answers[static_cast<size_t>(choice.index)];
  };
  request.observer.on_token = [at](const ChoiceId& choice, const SampledToken& token) {
    at(choice).tokens.push_back(token.id);
    return Verdict::kGoOn;
  };
  request.observer.on_finish = [at](const ChoiceId& choice, const ChoiceReport& report) {
    at(choice).report = report;
    ++at(choice).ends;
  };
  request.observer.on_error = [at](const ChoiceId& choice, const std::exception_ptr& error) {
    at(choice).error = MessageOf(error);
    ++at(choice).ends;
  };
  return request;
}

inline EngineRequest Observed(const Wanted& wanted, Answer& answer, bool with_logits = false) {
  EngineRequest request = ObservedChoices(wanted, {&answer, 1});
  if (with_logits) {
    request.observer.on_logits = [&answer](const ChoiceId&, int position,
                                           std::span<const float> logits) {
      answer.logits[position] = {logits.begin(), logits.end()};
    };
  }
  return request;
}

inline void RunToEnd(Engine& engine) {
  while (engine.Step()) {
  }
}

// No error, the same tokens and the same bits wherever logits were kept.
inline void ExpectSameAnswer(const Answer& found, const Answer& wanted) {
  EXPECT_EQ(found.error, "");
  EXPECT_EQ(found.tokens, wanted.tokens);
  for (const auto& [position, logits] : found.logits) {
    const std::vector<float>& want = wanted.logits.at(position);
    ASSERT_EQ(logits.size(), want.size());
    ASSERT_EQ(std::memcmp(logits.data(), want.data(), want.size() * sizeof(float)), 0) << position;
  }
}

// A step with the first 24 tokens of two sequences that have the same adapters, `blocks` blocks of
// the cache for each.
inline Batch TwoPrompts(const decltype(BatchSequence::adapters)& adapters, int blocks) {
  constexpr int kTokens = 24;
  Batch batch;
  for (int s = 0; s < 2; ++s) {
    BatchSequence sequence{.first_row = kTokens * s, .count = kTokens, .begin = 0, .blocks = {}};
    for (int b = 0; b < blocks; ++b) sequence.blocks.push_back(blocks * s + b);
    sequence.adapters = adapters;
    batch.sequences.push_back(sequence);
    for (int i = 0; i < kTokens; ++i) {
      batch.tokens.push_back(i);
      batch.positions.push_back(i);
    }
    batch.logit_rows.push_back(kTokens * (s + 1) - 1);
  }
  return batch;
}

}  // namespace tael
