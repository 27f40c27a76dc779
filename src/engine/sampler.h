// Picks the tokens of one sequence from the model's logits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/sampling/bans.h"
#include "engine/sampling/candidates.h"
#include "engine/sampling/dry.h"
#include "engine/sampling/log_probs.h"
#include "engine/sampling/mirostat.h"
#include "engine/sampling/params.h"
#include "engine/sampling/penalties.h"
#include "kernels/kernel_table.h"

namespace tael {

inline constexpr int kSamplerBytesPerToken = 24;  // SamplerBuffers with every stage in use

// Memory that one draw needs: kSamplerBytesPerToken per token of the vocabulary. Samplers that are
// called by one thread can share it.
struct SamplerBuffers {
  explicit SamplerBuffers(const KernelTable& kernels) : candidates(kernels) {}
  // Takes all of it now, for a vocabulary of that size.
  void Reserve(size_t vocab_size);

  std::vector<float> logits;
  Candidates candidates;
};

// What a sampler is told about its sequence. The spans are copied.
struct SamplerContext {
  std::span<const TokenId> prompt = {};               // seen by penalties, DRY and banned sequences
  std::span<const TokenId> stop_tokens = {};          // cannot be picked before params.min_tokens
  std::shared_ptr<const TokenTexts> texts = nullptr;  // REQUIRED with params.banned_strings
  std::shared_ptr<SamplerBuffers> buffers = nullptr;  // null = buffers of its own
};

struct SampledToken {
  TokenId id = 0;
  // With params.log_probs: under the model's own distribution, before any stage.
  std::optional<TokenLogProbs> log_probs;
};

// Throws kInvalidArgument when there are banned strings without `texts` (null), or with those of
// more tokens than the model has.
void CheckTokenTexts(const SamplingParams& params, const TokenTexts* texts, int64_t vocab_size);

// Order: logit bias, penalties, DRY, bans; then greedy, or params.stages, or temperature and
// mirostat; then the draw. Its random numbers depend only on (seed, choice, position): same
// request, same tokens, whoever else is served. Not thread-safe.
class Sampler {
 public:
  // Throws what Validate() throws, and kInvalidArgument for banned strings without `texts`.
  // `kernels` must outlive it.
  Sampler(const SamplingParams& params, const KernelTable& kernels,
          const SamplerContext& context = {});

  // The token for `position`, where prompt and answer so far end. Changes nothing that a later call
  // depends on until Accept(). Throws kCorrupt for a NaN among the logits, kInvalidArgument when no
  // token is left or `params` has an id outside [0, V). REQUIRES: logits [V], not empty; accepted
  // tokens and the prompt's lie in [0, V).
  SampledToken Sample(std::span<const float> logits, int64_t position);
  // A token that was not drawn but given, with its log-probabilities if `params` asks for them.
  // Throws like Sample(). REQUIRES: 0 <= id < V.
  SampledToken Given(std::span<const float> logits, TokenId id);

  // The sequence goes on with `id`, most often the token sampled last.
  void Accept(TokenId id);

 private:
  void CheckLogits(std::span<const float> logits);
  SampledToken WithLogProbs(std::span<const float> logits, TokenId id) const;
  bool AdjustsLogits() const;
  std::span<const float> Adjust(std::span<const float> logits);
  TokenId Draw(std::span<const float> logits, int64_t position);
  void RunStage(SamplingStage stage, int64_t position, Candidates& candidates) const;
  void RunTemperature(Candidates& candidates) const;
  double Uniform(uint64_t stream, int64_t position) const;

  SamplingParams params_;
  std::vector<TokenId> stop_tokens_;
  std::shared_ptr<SamplerBuffers> buffers_;
  std::vector<TokenId> history_;  // prompt and answer
  int generated_ = 0;
  size_t vocab_size_ = 0;  // for which the ids in params_ were checked
  Penalties penalties_;
  Dry dry_;
  BannedStrings banned_strings_;
  std::optional<Mirostat> mirostat_;
  std::optional<Mirostat::Pick> picked_;  // by the last Sample(), for mirostat's feedback
};

}  // namespace tael
