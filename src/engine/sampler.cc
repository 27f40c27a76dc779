#include "engine/sampler.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "base/rng.h"
#include "engine/sampling/temperature.h"
#include "engine/sampling/truncation.h"

namespace tael {
namespace {

// Streams of random numbers: what one stage draws tells nothing about another's numbers.
enum Stream : uint64_t { kTokenStream, kXtcStream };

void CheckNumbers(std::span<const float> logits) {
  bool all_numbers = true;
  for (const float x : logits) all_numbers &= x == x;
  if (all_numbers) return;
  const auto bad = std::find_if(logits.begin(), logits.end(), [](float x) { return x != x; });
  Fail(ErrorCode::kCorrupt,
       "the model computed NaN for token {}. Hint: `tael inspect --deep` looks for damaged weights",
       bad - logits.begin());
}

TokenId Greedy(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  if (logits[best] == kBanned) FailNothingLeft(logits.size());
  return static_cast<TokenId>(best);
}

const SamplingParams& Validated(const SamplingParams& params, const SamplerContext& context) {
  Validate(params);
  CheckTokenTexts(params, context.texts.get(), std::numeric_limits<TokenId>::max());
  return params;
}

}  // namespace

void CheckTokenTexts(const SamplingParams& params, const TokenTexts* texts, int64_t vocab_size) {
  if (params.banned_strings.empty()) return;
  if (texts == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "banned_strings has {} entries, but the texts of the tokens are not known",
         params.banned_strings.size());
  }
  if (texts->size() > vocab_size) {
    Fail(ErrorCode::kInvalidArgument,
         "the texts of {} tokens were given, but the model has {}. Hint: they may be those of "
         "another tokenizer",
         texts->size(), vocab_size);
  }
}

void SamplerBuffers::Reserve(size_t vocab_size) {
  logits.resize(vocab_size);
  candidates.Reserve(vocab_size);
}

Sampler::Sampler(const SamplingParams& params, const KernelTable& kernels,
                 const SamplerContext& context)
    : params_(Validated(params, context)),
      stop_tokens_(context.stop_tokens.begin(), context.stop_tokens.end()),
      buffers_(context.buffers != nullptr ? context.buffers
                                          : std::make_shared<SamplerBuffers>(kernels)),
      penalties_(params),
      dry_(params),
      banned_strings_(params.banned_strings, context.texts) {
  if (params.mirostat != 0) {
    mirostat_.emplace(params.mirostat, params.mirostat_tau, params.mirostat_eta);
  }
  history_.reserve(context.prompt.size());
  for (const TokenId id : context.prompt) {
    penalties_.Push(id, /*generated=*/false);
    dry_.Push(history_, id);
    history_.push_back(id);
  }
}

void Sampler::CheckLogits(std::span<const float> logits) {
  TAEL_CHECK(!logits.empty());
  if (logits.size() != vocab_size_) {
    Validate(params_, static_cast<int64_t>(logits.size()));
    vocab_size_ = logits.size();
  }
  CheckNumbers(logits);
}

SampledToken Sampler::Sample(std::span<const float> logits, int64_t position) {
  CheckLogits(logits);
  const std::span<const float> adjusted = Adjust(logits);
  picked_.reset();
  const TokenId id = params_.temperature == 0 ? Greedy(adjusted) : Draw(adjusted, position);
  return WithLogProbs(logits, id);
}

SampledToken Sampler::Given(std::span<const float> logits, TokenId id) {
  CheckLogits(logits);
  picked_.reset();
  return WithLogProbs(logits, id);
}

SampledToken Sampler::WithLogProbs(std::span<const float> logits, TokenId id) const {
  SampledToken sampled;
  sampled.id = id;
  if (params_.log_probs) sampled.log_probs = ComputeLogProbs(logits, id, *params_.log_probs);
  return sampled;
}

void Sampler::Accept(TokenId id) {
  if (mirostat_ && picked_ && picked_->id == id) mirostat_->Observe(picked_->surprise);
  picked_.reset();
  penalties_.Push(id, /*generated=*/true);
  dry_.Push(history_, id);
  banned_strings_.Push(id);
  history_.push_back(id);
  ++generated_;
}

bool Sampler::AdjustsLogits() const {
  return !params_.logit_bias.empty() || penalties_.active() || dry_.active() ||
         !params_.banned_sequences.empty() || !params_.banned_strings.empty() ||
         generated_ < params_.min_tokens;
}

std::span<const float> Sampler::Adjust(std::span<const float> logits) {
  if (!AdjustsLogits()) return logits;
  std::vector<float>& adjusted = buffers_->logits;
  adjusted.assign(logits.begin(), logits.end());
  ApplyLogitBias(params_.logit_bias, adjusted);
  penalties_.Apply(adjusted);
  dry_.Apply(history_, adjusted);
  BanSequences(params_.banned_sequences, history_, adjusted);
  banned_strings_.Apply(adjusted);
  if (generated_ < params_.min_tokens) {
    for (const TokenId id : stop_tokens_) {
      // Stop tokens that the model does not have are harmless: they never come.
      if (id >= 0 && std::cmp_less(id, adjusted.size()))
        adjusted[static_cast<size_t>(id)] = kBanned;
    }
  }
  return adjusted;
}

TokenId Sampler::Draw(std::span<const float> logits, int64_t position) {
  Candidates& candidates = buffers_->candidates;
  candidates.Assign(logits);
  const double uniform = Uniform(kTokenStream, position);
  if (mirostat_) {
    RunTemperature(candidates);
    picked_ = mirostat_->Draw(candidates, uniform);
    return picked_->id;
  }
  for (const SamplingStage stage : params_.stages) RunStage(stage, position, candidates);
  return candidates[candidates.Draw(uniform)].id;
}

void Sampler::RunStage(SamplingStage stage, int64_t position, Candidates& candidates) const {
  const SamplingParams& p = params_;
  switch (stage) {
    case SamplingStage::kTopNSigma:
      if (p.top_n_sigma > 0) KeepTopNSigma(p.top_n_sigma, candidates);
      break;
    case SamplingStage::kTopK:
      if (p.top_k > 0) KeepTopK(p.top_k, candidates);
      break;
    case SamplingStage::kTypicalP:
      if (p.typical_p < 1) KeepTypical(p.typical_p, candidates);
      break;
    case SamplingStage::kTopP:
      if (p.top_p < 1) KeepTopP(p.top_p, candidates);
      break;
    case SamplingStage::kMinP:
      if (p.min_p > 0) KeepMinP(p.min_p, candidates);
      break;
    case SamplingStage::kXtc:
      if (Uniform(kXtcStream, position) < static_cast<double>(p.xtc_probability)) {
        ExcludeTopChoices(p.xtc_threshold, candidates);
      }
      break;
    case SamplingStage::kTemperature:
      RunTemperature(candidates);
      break;
  }
}

void Sampler::RunTemperature(Candidates& candidates) const {
  float temperature = params_.temperature;
  if (params_.dynatemp_range > 0) {
    temperature = DynamicTemperature(temperature, params_.dynatemp_range, params_.dynatemp_exponent,
                                     candidates);
  }
  if (temperature != 1) ApplyTemperature(temperature, candidates);
}

double Sampler::Uniform(uint64_t stream, int64_t position) const {
  return UniformAt(StreamKey(StreamKey(params_.seed, params_.choice), stream),
                   static_cast<uint64_t>(position));
}

}  // namespace tael
