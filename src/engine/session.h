// One sequence on one model: evaluates tokens, keeps their keys and values, gives logits.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/kept_states.h"
#include "engine/model_runner.h"
#include "text/tokenizer.h"

namespace tael {

struct SessionOptions {
  int max_context = 0;      // positions; 0 = ResolveContext()'s default
  int prefill_chunk = 256;  // tokens evaluated together
  int kept_states = 3;  // of models with a recurrent state: positions to return to, beside the end
  RunnerOptions runner;
  std::vector<AdapterChoice> adapters = {};  // of all its tokens
};

// What a session of `context` positions needs.
RunShape ShapeOf(const SessionOptions& options, int context);

// What Evaluate() should hand back besides the last logits.
struct EvalRequest {
  bool all_logits = false;  // logits of every token, not only the last
  bool hidden = false;      // residual stream after the embedding and after each layer, and routing
};

struct EvalResult {
  std::vector<float> logits;  // [rows, V]: all tokens, or only the last
  int64_t rows = 0;
  std::vector<std::vector<float>> hidden;  // [L + 1][T * D] when asked for
  std::vector<RouterRecord> routers;       // of the layers with experts, when `hidden`
  // Takes over what another call recorded about the tokens behind these.
  void AppendRecords(const std::vector<std::vector<float>>& states,
                     const std::vector<RouterRecord>& decisions);
};

// Not thread-safe. The model must outlive it.
class Session {
 public:
  // Throws kInvalidArgument (bad option), kExhausted (memory).
  Session(const Model& model, const SessionOptions& options);

  // Appends tokens. When a step fails (std::bad_alloc), what was evaluated before stays, with a
  // recurrent state as after Truncate(length()). Throws kExhausted when they do not fit
  // max_context() (both numbers in the message; nothing is evaluated then), kInvalidArgument for an
  // id outside the vocabulary.
  EvalResult Evaluate(std::span<const TokenId> tokens, const EvalRequest& request = {});

  // Forgets all positions from `length` on. Returns length() after that: with a recurrent state it
  // can be less than `length`, because a state can be continued only from where it was kept; what
  // is missing is evaluated again by the caller. REQUIRES: 0 <= length <= length().
  int Truncate(int length);
  // Longest common prefix of `tokens` with what is cached; for reuse across turns.
  int CommonPrefix(std::span<const TokenId> tokens) const;

  int length() const { return static_cast<int>(tokens_.size()); }
  int max_context() const { return max_context_; }
  int threads() const { return runner_.threads(); }
  const char* kernel_name() const { return runner_.kernels().name; }
  const std::vector<TokenId>& tokens() const { return tokens_; }

  const KernelTable& kernels() const { return runner_.kernels(); }
  const Model& model() const { return runner_.model(); }
  const PackedWeights& packed() const { return runner_.packed(); }

 private:
  void CheckFits(std::span<const TokenId> tokens) const;
  Batch MakeBatch(std::span<const TokenId> tokens, bool all_logits) const;
  std::vector<int> PositionsToKeep(size_t tokens);
  void KeepStates(const std::vector<int>& positions, bool passing, BatchSequence& sequence);
  void Rewind(int length);

  int max_context_, prefill_chunk_;
  std::vector<AdapterUse> adapters_;
  ModelRunner runner_;
  KeptStates kept_;  // in the slots behind the first, which is the state at length()
  std::vector<TokenId> tokens_;
};

}  // namespace tael
