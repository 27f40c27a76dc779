// How a request wants its tokens picked: plain data, with the range of every value. Formulas, order
// and sources: docs/sampling.md.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace tael {

// The stages whose order a request may choose.
enum class SamplingStage { kTopNSigma, kTopK, kTypicalP, kTopP, kMinP, kXtc, kTemperature };

// "top_n_sigma", "top_k", "typical_p", "top_p", "min_p", "xtc", "temperature".
const char* Name(SamplingStage stage);
// All stages, in the order of the enum.
std::vector<SamplingStage> DefaultStages();
// Names separated by ',' or ';'. Throws kInvalidArgument for an unknown name (listing the known
// ones).
std::vector<SamplingStage> ParseStages(std::string_view list);

// Added to one token's logit; -infinity bans the token.
struct LogitBias {
  TokenId id = 0;
  float value = 0;
};

// Every default leaves the model's distribution as it is; only temperature's picks the best token.
struct SamplingParams {
  float temperature = 0.0f;     // 0 = greedy: highest logit, lowest id on ties; no stage runs then
  int top_k = 0;                // 0 = off
  float top_p = 1.0f;           // 1 = off
  float min_p = 0.0f;           // 0 = off: keep tokens with p >= min_p * max p
  float typical_p = 1.0f;       // 1 = off
  float top_n_sigma = 0.0f;     // 0 = off: keep logits within n standard deviations of the highest
  float dynatemp_range = 0.0f;  // 0 = off: temperature varies by +- this with the entropy
  float dynatemp_exponent = 1.0f;  // of the normalised entropy
  float xtc_probability = 0.0f;    // 0 = off
  float xtc_threshold = 0.1f;      // above 0.5: no effect

  int mirostat = 0;  // 0 = off; 1, 2 = the version, which replaces every stage but temperature
  float mirostat_tau = 5.0f;  // target surprise in bits
  float mirostat_eta = 0.1f;  // learning rate

  float repeat_penalty = 1.0f;     // 1 = off; over prompt and answer
  float frequency_penalty = 0.0f;  // 0 = off; over the answer
  float presence_penalty = 0.0f;   // 0 = off; over the answer
  int repeat_last_n = 64;          // window of the three in tokens; -1 = everything, 0 = none

  float dry_multiplier = 0.0f;  // 0 = off
  float dry_base = 1.75f;
  int dry_allowed_length = 2;   // tokens; a shorter repetition is free
  int dry_penalty_last_n = -1;  // window in tokens; -1 = everything, 0 = none
  // A repetition does not reach across one of these. BreakerSequences() makes them from strings.
  std::vector<std::vector<TokenId>> dry_breakers = {};

  std::vector<LogitBias> logit_bias = {};
  // The last token of each is banned while the others end the text (prompt and answer).
  std::vector<std::vector<TokenId>> banned_sequences = {};
  // Byte strings that the answer will not contain.
  std::vector<std::string> banned_strings = {};
  int min_tokens = 0;  // stop tokens are banned until the answer has as many

  // Those that run, in this order; one that is not listed does not run.
  std::vector<SamplingStage> stages = DefaultStages();
  // Log-probabilities of the chosen token and of this many best ones; nullopt = none.
  std::optional<int> log_probs = std::nullopt;
  uint64_t seed = 0;
  uint32_t choice = 0;  // which of several answers to one request: each has its own numbers
};

// What Validate() checks of each number, and what a command line or a wire format can offer.
struct RealParameter {
  const char* name;  // as in SamplingParams
  const char* help;  // one line
  float low, high;   // both allowed
  float SamplingParams::* member;
};
struct IntParameter {
  const char* name;
  const char* help;
  int low, high;
  int SamplingParams::* member;
};
std::span<const RealParameter> RealParameters();
std::span<const IntParameter> IntParameters();

// Throws kInvalidArgument naming the parameter, its value and its range; ids must lie in
// [0, vocab_size).
void Validate(const SamplingParams& params,
              int64_t vocab_size = int64_t{std::numeric_limits<TokenId>::max()} + 1);

}  // namespace tael
