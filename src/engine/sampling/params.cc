#include "engine/sampling/params.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"

namespace tael {
namespace {

constexpr int kMaxInt = std::numeric_limits<int>::max();
constexpr int kMaxLogProbs = 1000;

struct StageName {
  SamplingStage stage;
  const char* name;
};

constexpr StageName kStages[] = {
    {SamplingStage::kTopNSigma, "top_n_sigma"},
    {SamplingStage::kTopK, "top_k"},
    {SamplingStage::kTypicalP, "typical_p"},
    {SamplingStage::kTopP, "top_p"},
    {SamplingStage::kMinP, "min_p"},
    {SamplingStage::kXtc, "xtc"},
    {SamplingStage::kTemperature, "temperature"},
};

using P = SamplingParams;

constexpr RealParameter kReals[] = {
    {"temperature", "0 = greedy", 0, 100, &P::temperature},
    {"dynatemp_range", "the temperature varies by +- this with the entropy; 0 = off", 0, 100,
     &P::dynatemp_range},
    {"dynatemp_exponent", "exponent of the normalised entropy", 0, 100, &P::dynatemp_exponent},
    {"top_p", "keep the best tokens that sum to p; 1 = off", 0, 1, &P::top_p},
    {"min_p", "keep tokens of at least p times the best; 0 = off", 0, 1, &P::min_p},
    {"typical_p", "keep the most typical tokens that sum to p; 1 = off", 0, 1, &P::typical_p},
    {"top_n_sigma", "keep logits within n standard deviations of the best; 0 = off", 0, 100,
     &P::top_n_sigma},
    {"xtc_probability", "chance that the top choices are excluded; 0 = off", 0, 1,
     &P::xtc_probability},
    {"xtc_threshold", "a top choice has at least this probability", 0, 1, &P::xtc_threshold},
    {"mirostat_tau", "target surprise in bits", 0, 100, &P::mirostat_tau},
    {"mirostat_eta", "learning rate of mirostat", 0, 10, &P::mirostat_eta},
    {"repeat_penalty", "divides the logits of repeated tokens; 1 = off", 0.01f, 100,
     &P::repeat_penalty},
    {"frequency_penalty", "per use of a token in the answer; 0 = off", -100, 100,
     &P::frequency_penalty},
    {"presence_penalty", "once for a token of the answer; 0 = off", -100, 100,
     &P::presence_penalty},
    {"dry_multiplier", "penalty of repeated sequences; 0 = off", 0, 100, &P::dry_multiplier},
    {"dry_base", "growth of the DRY penalty per token", 1, 100, &P::dry_base},
};

constexpr IntParameter kInts[] = {
    {"top_k", "keep the k best tokens; 0 = off", 0, kMaxInt, &P::top_k},
    {"mirostat", "version 1 or 2, instead of every stage but temperature; 0 = off", 0, 2,
     &P::mirostat},
    {"repeat_last_n", "tokens the penalties look back; -1 = all, 0 = off", -1, kMaxInt,
     &P::repeat_last_n},
    {"dry_allowed_length", "longest repetition in tokens that is free", 1, kMaxInt,
     &P::dry_allowed_length},
    {"dry_penalty_last_n", "tokens DRY looks back; -1 = all, 0 = off", -1, kMaxInt,
     &P::dry_penalty_last_n},
    {"min_tokens", "no stop token before the answer has as many", 0, kMaxInt, &P::min_tokens},
};

template <typename T>
void CheckRange(const char* name, T value, T low, T high) {
  if (value >= low && value <= high) return;
  if (high == static_cast<T>(kMaxInt)) {
    Fail(ErrorCode::kInvalidArgument, "{} is {}, needed {} or more", name, value, low);
  }
  Fail(ErrorCode::kInvalidArgument, "{} is {}, needed {} to {}", name, value, low, high);
}

void CheckIds(const char* name, std::span<const TokenId> ids, int64_t vocab_size) {
  for (const TokenId id : ids) {
    if (id < 0 || id >= vocab_size) {
      Fail(ErrorCode::kInvalidArgument, "{} names token {}, needed 0 to {}", name, id,
           vocab_size - 1);
    }
  }
}

void CheckSequences(const char* name, const std::vector<std::vector<TokenId>>& sequences,
                    int64_t vocab_size) {
  for (const std::vector<TokenId>& sequence : sequences) {
    if (sequence.empty()) {
      Fail(ErrorCode::kInvalidArgument, "{} has a sequence of 0 tokens, needed at least 1", name);
    }
    CheckIds(name, sequence, vocab_size);
  }
}

void CheckStages(const std::vector<SamplingStage>& stages) {
  for (auto stage = stages.begin(); stage != stages.end(); ++stage) {
    if (std::find(stages.begin(), stage, *stage) != stage) {
      Fail(ErrorCode::kInvalidArgument, "samplers names '{}' twice, needed once at most",
           Name(*stage));
    }
  }
}

}  // namespace

const char* Name(SamplingStage stage) {
  const auto* entry = std::find_if(std::begin(kStages), std::end(kStages),
                                   [&](const StageName& s) { return s.stage == stage; });
  TAEL_CHECK(entry != std::end(kStages));
  return entry->name;
}

std::vector<SamplingStage> DefaultStages() {
  std::vector<SamplingStage> stages;
  for (const StageName& entry : kStages) stages.push_back(entry.stage);
  return stages;
}

std::vector<SamplingStage> ParseStages(std::string_view list) {
  std::vector<SamplingStage> stages;
  while (!list.empty()) {
    const size_t end = std::min(list.find_first_of(",;"), list.size());
    const std::string_view name = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    const auto* entry = std::find_if(std::begin(kStages), std::end(kStages),
                                     [&](const StageName& s) { return name == s.name; });
    if (entry == std::end(kStages)) {
      std::vector<std::string_view> known;
      for (const StageName& s : kStages) known.push_back(s.name);
      Fail(ErrorCode::kInvalidArgument, "samplers names '{}', needed any of {}", name,
           fmt::join(known, ", "));
    }
    stages.push_back(entry->stage);
  }
  return stages;
}

std::span<const RealParameter> RealParameters() { return kReals; }
std::span<const IntParameter> IntParameters() { return kInts; }

void Validate(const SamplingParams& params, int64_t vocab_size) {
  for (const RealParameter& p : kReals) CheckRange(p.name, params.*p.member, p.low, p.high);
  for (const IntParameter& p : kInts) CheckRange(p.name, params.*p.member, p.low, p.high);
  for (const LogitBias& bias : params.logit_bias) {
    if (std::isnan(bias.value) || bias.value == std::numeric_limits<float>::infinity()) {
      Fail(ErrorCode::kInvalidArgument,
           "logit_bias of token {} is {}, needed a finite number or -inf (banned)", bias.id,
           bias.value);
    }
    CheckIds("logit_bias", {&bias.id, 1}, vocab_size);
  }
  CheckSequences("banned_sequences", params.banned_sequences, vocab_size);
  CheckSequences("dry_breakers", params.dry_breakers, vocab_size);
  for (const std::string& text : params.banned_strings) {
    if (text.empty()) {
      Fail(ErrorCode::kInvalidArgument, "banned_strings has an empty text, needed at least 1 byte");
    }
  }
  CheckStages(params.stages);
  if (params.log_probs) CheckRange("log_probs", *params.log_probs, 0, kMaxLogProbs);
}

}  // namespace tael
