#include "app/run_answers.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "engine/window_scorer.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

// An answer on its way from tokens to text that can be shown.
struct Growing {
  Growing(const LoadedModel& loaded, const AnswerStyle& style) : text(loaded, style) {}

  RunAnswer answer;
  AnswerText text;
};

class Run {
 public:
  Run(const LoadedModel& loaded, const RunPlan& plan, const RunCallbacks& callbacks)
      : plan_(plan), callbacks_(callbacks) {
    for (int i = 0; i < plan.request.choices; ++i) {
      growing_.push_back(std::make_unique<Growing>(loaded, plan.style));
    }
    if (plan.prompt_log_probs) prompt_log_probs_.resize(plan.request.prompt.size() - 1);
  }

  EngineRequest Request() {
    EngineRequest request = plan_.request;
    request.observer.on_token = [this](const ChoiceId& choice, const SampledToken& token) {
      return OnToken(At(choice), token);
    };
    request.observer.on_prompt = [this](const ChoiceId& choice, int done) {
      OnPrompt(choice, done);
    };
    request.observer.on_finish = [this](const ChoiceId& choice, const ChoiceReport& report) {
      At(choice).answer.report = report;
    };
    request.observer.on_error = [this](const ChoiceId& choice, const std::exception_ptr& error) {
      At(choice).answer.error = error;
    };
    if (plan_.prompt_log_probs) {
      request.observed_logits = ObservedLogits::kPromptOfFirstChoice;
      request.observer.on_logits = [this](const ChoiceId&, int position,
                                          std::span<const float> logits) {
        OnLogits(static_cast<size_t>(position), logits);
      };
    }
    return request;
  }

  RunResult Finish() {
    const Clock::time_point end = Clock::now();
    RunResult result;
    for (const auto& growing : growing_) {
      growing->text.Finish(sink_);
      growing->answer.text = growing->text.answer();
      growing->answer.reasoning = growing->text.reasoning();
      result.answers.push_back(std::move(growing->answer));
    }
    result.prompt_log_probs = std::move(prompt_log_probs_);
    result.prompt_done = prompt_done_;
    result.prompt_seconds = Seconds(start_, prompt_end_.value_or(end));
    if (prompt_end_) result.decode_seconds = Seconds(*prompt_end_, end);
    return result;
  }

 private:
  Growing& At(const ChoiceId& choice) { return *growing_[static_cast<size_t>(choice.index)]; }

  Verdict OnToken(Growing& growing, const SampledToken& token) {
    growing.answer.ids.push_back(token.id);
    if (token.log_probs) growing.answer.log_probs.push_back(*token.log_probs);
    const Verdict verdict = growing.text.Push(token.id, sink_);
    if (verdict == Verdict::kStop) return verdict;
    return callbacks_.interrupted() ? Verdict::kCancel : verdict;
  }

  void OnPrompt(const ChoiceId& choice, int done) {
    if (choice.index != 0 || prompt_end_) return;
    callbacks_.on_prompt(done);
    prompt_done_ = done;
    if (std::cmp_equal(done, plan_.request.prompt.size())) prompt_end_ = Clock::now();
  }

  // The first choice evaluates the whole prompt; the last row of it belongs to the answer.
  void OnLogits(size_t position, std::span<const float> logits) {
    if (position >= prompt_log_probs_.size()) return;
    const TokenId next = plan_.request.prompt[position + 1];
    prompt_log_probs_[position] = ComputeLogProbs(logits, next, *plan_.prompt_log_probs);
  }

  const RunPlan& plan_;
  const RunCallbacks& callbacks_;
  // Only the pieces of a single choice make a text.
  AnswerText::Sink sink_ = [this](const DialectEvent& piece) {
    if (growing_.size() == 1) callbacks_.on_text(piece);
  };
  std::vector<std::unique_ptr<Growing>> growing_;
  std::vector<std::optional<TokenLogProbs>> prompt_log_probs_;
  int prompt_done_ = 0;
  Clock::time_point start_ = Clock::now();
  std::optional<Clock::time_point> prompt_end_;
};

}  // namespace

EngineOptions MakeRunOptions(const Model& model, const RunPlan& plan, int context,
                             const RunnerOptions& runner) {
  constexpr int kAtATime = 8;
  EngineOptions options;
  options.max_context = context;
  options.limits.max_sequences = std::min(plan.request.choices, kAtATime);
  options.limits.share_prefixes = plan.request.choices > 1;
  if (plan.prompt_log_probs) {
    const int rows = std::min(options.limits.prefill_chunk, LogitRows(model.spec.vocab_size));
    options.limits.prefill_chunk = rows;
    options.logit_rows = rows + options.limits.max_sequences;
  }
  int64_t length = context;
  if (plan.request.max_tokens > 0) {
    const auto prompt = static_cast<int64_t>(plan.request.prompt.size());
    length = std::min(length, prompt + plan.request.max_tokens);
  }
  options.kv_blocks = std::max(BlocksFor(context),
                               options.limits.max_sequences * BlocksFor(static_cast<int>(length)));
  options.runner = runner;
  return options;
}

int64_t ResultBytes(const RunPlan& plan, int context) {
  constexpr int64_t kEntryBytes = 448;  // one token with its text, as a value and as JSON; measured
  const auto of = [&](int64_t tokens, std::optional<int> top) {
    return top ? tokens * (*top + 1) * kEntryBytes : 0;
  };
  const auto prompt = static_cast<int64_t>(plan.request.prompt.size());
  const int64_t room = std::max<int64_t>(0, context - prompt);
  const int64_t answer =
      plan.request.max_tokens > 0 ? std::min<int64_t>(plan.request.max_tokens, room) : room;
  return of(prompt, plan.prompt_log_probs) +
         of(answer * plan.request.choices, plan.request.sampling.log_probs);
}

RunResult RunToEnd(Engine& engine, const LoadedModel& loaded, const RunPlan& plan,
                   const RunCallbacks& callbacks) {
  Run run(loaded, plan, callbacks);
  const RequestId id = engine.Submit(run.Request());
  while (engine.Step()) {
    if (callbacks.interrupted()) engine.Cancel(id);
  }
  return run.Finish();
}

}  // namespace tael
