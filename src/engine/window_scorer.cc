#include "engine/window_scorer.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace tael {
std::vector<TokenWindow> CutWindows(std::span<const TokenId> tokens, int size) {
  TAEL_CHECK(size >= 2);
  std::vector<TokenWindow> windows;
  for (; tokens.size() >= 2; tokens = tokens.subspan(windows.back().size())) {
    windows.push_back(tokens.first(std::min(tokens.size(), static_cast<size_t>(size))));
  }
  return windows;
}

int64_t ScoredTokens(std::span<const TokenWindow> windows) {
  int64_t count = 0;
  for (const TokenWindow& window : windows) count += static_cast<int64_t>(window.size()) - 1;
  return count;
}

int LogitRows(int64_t vocab_size) {
  constexpr int64_t kFloats = (int64_t{64} << 20) / 4;
  return static_cast<int>(std::clamp<int64_t>(kFloats / std::max<int64_t>(1, vocab_size), 16, 512));
}

EngineOptions ScoringEngine(const Model& model, const ScoringOptions& options) {
  EngineOptions out;
  out.max_context = options.max_context;
  const int rows = LogitRows(model.spec.vocab_size);
  // Nothing is shared: the logits of every position are wanted.
  out.limits = {.max_sequences = options.batch,
                .max_batch_tokens = rows,
                .prefill_chunk = std::max(1, rows / std::max(1, options.batch)),
                .share_prefixes = false};
  out.logit_rows = rows;
  out.runner = options.runner;
  return out;
}

WindowScorer::WindowScorer(const Model& model, const ScoringOptions& options)
    : batch_(options.batch), engine_(model, ScoringEngine(model, options)) {}

void WindowScorer::Start(std::vector<TokenWindow> windows, RowVisitor visit) {
  TAEL_CHECK(open_ == 0);
  for (const TokenWindow& window : windows) {
    TAEL_CHECK(window.size() >= 2);
    if (std::cmp_greater(window.size(), max_context())) {
      Fail(ErrorCode::kInvalidArgument, "a window of {} tokens does not fit the context of {}",
           window.size(), max_context());
    }
  }
  windows_ = std::move(windows);
  visit_ = std::move(visit);
  next_ = 0;
}

void WindowScorer::Submit(size_t window) {
  const TokenWindow tokens = windows_[window];
  EngineRequest request;
  // Nothing follows the last token: its logits are not needed.
  request.prompt.assign(tokens.begin(), tokens.end() - 1);
  request.max_tokens = 1;
  request.reuse_prefix = false;
  request.observer.on_logits = [this, window](const ChoiceId&, int position,
                                              std::span<const float> logits) {
    if (problem_) return;  // the next Step() throws it; until then nothing else is shown
    const TokenId target = windows_[window][static_cast<size_t>(position) + 1];
    visit_({window, position, target, logits});
  };
  request.observer.on_token = [](const ChoiceId&, const SampledToken&) { return Verdict::kStop; };
  request.observer.on_finish = [this](const ChoiceId&, const ChoiceReport&) { --open_; };
  request.observer.on_error = [this](const ChoiceId&, const std::exception_ptr& error) {
    --open_;
    if (!problem_) problem_ = error;
  };
  engine_.Submit(std::move(request));
  ++open_;
}

bool WindowScorer::Step() {
  while (open_ < batch_ && next_ < windows_.size()) Submit(next_++);
  const bool moved = engine_.Step();
  if (problem_) std::rethrow_exception(problem_);
  return moved;
}

}  // namespace tael
