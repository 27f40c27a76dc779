// Scores texts: evaluates many windows of tokens, several in each step, and shows the logits of
// every position that predicts a token.
#pragma once

#include <exception>
#include <functional>
#include <span>
#include <vector>

#include "engine/engine.h"

namespace tael {

using TokenWindow = std::span<const TokenId>;

// `tokens` in windows of `size`; the last one may be shorter, and is left out if it has only one
// token, which predicts nothing. REQUIRES: size >= 2.
std::vector<TokenWindow> CutWindows(std::span<const TokenId> tokens, int size);
// Tokens that the windows predict: all but the first of each.
int64_t ScoredTokens(std::span<const TokenWindow> windows);

// The logits [V] after tokens 0 .. position of a window, valid during the call, and the token that
// follows there.
struct ScoredRow {
  size_t window = 0;
  int position = 0;
  TokenId target = 0;
  std::span<const float> logits;
};
using RowVisitor = std::function<void(const ScoredRow&)>;

struct ScoringOptions {
  int max_context = 0;  // at least the longest window; 0 = ResolveContext()'s default
  int batch = 4;        // windows evaluated together; changes no bit of any logit
  RunnerOptions runner;
  // What it was planned to take, beside the weights and for them; for whoever plans more.
  int64_t planned_bytes = 0, planned_weights = 0;
};

// Rows of logits that are held at a time: as many as 64 MiB hold, from 16 to 512.
int LogitRows(int64_t vocab_size);

// The engine that a scorer runs on; its size is ShapeOf() this.
EngineOptions ScoringEngine(const Model& model, const ScoringOptions& options);

// Not thread-safe. The model must outlive it.
class WindowScorer {
 public:
  // Throws kInvalidArgument (bad option), kExhausted (memory).
  WindowScorer(const Model& model, const ScoringOptions& options);

  // Begins with other windows. Their tokens must stay; each has from 2 to max_context() of them.
  // Scorers with the same options and windows show their rows in the same order, and the same ones
  // in each step.
  void Start(std::vector<TokenWindow> windows, RowVisitor visit);
  // Evaluates some rows of some windows and shows them, positions of a window in ascending order.
  // False when everything was shown. Throws what `visit` throws, and kCorrupt for NaN logits.
  bool Step();

  int max_context() const { return engine_.max_context(); }
  const KernelTable& kernels() const { return engine_.kernels(); }

 private:
  void Submit(size_t window);

  int batch_;
  Engine engine_;
  std::vector<TokenWindow> windows_;
  RowVisitor visit_;
  size_t next_ = 0;  // window to be submitted
  int open_ = 0;     // windows that were submitted and have not ended
  std::exception_ptr problem_;
};

}  // namespace tael
