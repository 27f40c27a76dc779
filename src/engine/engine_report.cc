// What a step asks of the model for each sequence, and what it tells the sequences' observers.
#include <algorithm>
#include <utility>

#include "base/error.h"
#include "engine/engine.h"
#include "engine/sampling/log_probs.h"

namespace tael {
namespace {

void ReportStart(const PlannedRows& rows) {
  const Sequence& sequence = *rows.sequence;
  const auto& on_start = sequence.asked->observer.on_start;
  if (on_start && rows.first) on_start(sequence.id(), sequence.report.queue_seconds);
}

void ReportPrompt(const PlannedRows& rows) {
  const Sequence& sequence = *rows.sequence;
  const auto& on_prompt = sequence.asked->observer.on_prompt;
  if (!on_prompt || rows.begin >= sequence.report.prompt_tokens) return;
  on_prompt(sequence.id(), std::min(rows.begin + rows.count, sequence.report.prompt_tokens));
}

bool ObservesLogits(const Sequence& sequence, int position) {
  const EngineRequest& asked = *sequence.asked;
  if (!asked.observer.on_logits) return false;
  return asked.observed_logits == ObservedLogits::kAll ||
         (sequence.choice == 0 && position < sequence.report.prompt_tokens);
}

// Whether the model gives logits for row i of `rows`: to observe, or to pick the next token.
bool HasLogits(const PlannedRows& rows, int i) {
  const bool last = rows.ends() && i + 1 == rows.count;
  return (last && rows.sequence->pooler == nullptr) ||
         ObservesLogits(*rows.sequence, rows.begin + i);
}

// Whether the model gives the hidden state of row i of `rows`.
bool HasHidden(const PlannedRows& rows, int i) {
  const Sequence& sequence = *rows.sequence;
  return sequence.pooler != nullptr &&
         sequence.pooler->Needs(rows.begin + i, sequence.report.prompt_tokens);
}

// Pools the states of `rows`, which begin in row `row`, and shows the observer those of single
// tokens.
void PoolHidden(const PlannedRows& rows, const MatrixView<float>& hidden, int64_t row) {
  const Sequence& sequence = *rows.sequence;
  if (sequence.pooler == nullptr) return;
  Pooler& pooler = *sequence.pooler;
  const bool each = pooler.pooling().kind == PoolingKind::kNone;
  for (int i = 0; i < rows.count; ++i) {
    if (!HasHidden(rows, i)) continue;
    pooler.Add(rows.begin + i, {hidden.row(row++), static_cast<size_t>(hidden.cols)});
    if (!each) continue;
    sequence.asked->observer.on_embedding(sequence.id(), rows.begin + i, pooler.Result());
  }
}

std::vector<double> LogProbsOf(std::span<const float> logits, const std::vector<TokenId>& tokens) {
  const LogSoftmax log_softmax(logits);
  std::vector<double> log_probs;
  log_probs.reserve(tokens.size());
  for (const TokenId token : tokens) {
    log_probs.push_back(log_softmax(logits[static_cast<size_t>(token)]));
    if (log_probs.back() == log_probs.back()) continue;
    Fail(ErrorCode::kCorrupt,
         "the model computed no probability for token {}. Hint: `tael inspect --deep` looks for "
         "damaged weights",
         token);
  }
  return log_probs;
}

// Shows the observer its logits; those of `rows` begin in row `row`.
void ReportLogits(const PlannedRows& rows, MatrixView<const float> logits, int64_t row) {
  const Sequence& sequence = *rows.sequence;
  for (int i = 0; i < rows.count; ++i) {
    if (!HasLogits(rows, i)) continue;
    if (ObservesLogits(sequence, rows.begin + i)) {
      sequence.asked->observer.on_logits(sequence.id(), rows.begin + i,
                                         {logits.row(row), static_cast<size_t>(logits.cols)});
    }
    ++row;
  }
}

}  // namespace

Batch BuildBatch(const StepPlan& plan) {
  Batch batch;
  for (const PlannedRows& rows : plan) {
    const Sequence& sequence = *rows.sequence;
    const int first_row = static_cast<int>(batch.tokens.size());
    const auto begin = sequence.tokens.begin() + rows.begin;
    batch.tokens.insert(batch.tokens.end(), begin, begin + rows.count);
    for (int i = 0; i < rows.count; ++i) {
      batch.positions.push_back(rows.begin + i);
      if (HasLogits(rows, i)) batch.logit_rows.push_back(first_row + i);
      if (HasHidden(rows, i)) batch.hidden_rows.push_back(first_row + i);
    }
    batch.sequences.push_back({.first_row = first_row,
                               .count = rows.count,
                               .begin = rows.begin,
                               .blocks = sequence.blocks,
                               .adapters = sequence.adapters,
                               .state = sequence.state,
                               .snapshots = rows.snapshots});
  }
  return batch;
}

void Engine::Report(const StepPlan& plan, const ForwardResult& result) {
  const MatrixView<const float> logits = Const(result.logits);
  int64_t row = 0, hidden_row = 0;
  for (const PlannedRows& rows : plan) {
    Sequence& sequence = *rows.sequence;
    const int64_t first = row, first_hidden = hidden_row;
    for (int i = 0; i < rows.count; ++i) {
      row += HasLogits(rows, i) ? 1 : 0;
      hidden_row += HasHidden(rows, i) ? 1 : 0;
    }
    try {
      ReportStart(rows);
      ReportLogits(rows, logits, first);
      PoolHidden(rows, result.hidden, first_hidden);
      ReportPrompt(rows);
      if (!rows.ends()) continue;
      // Of a request for states the last row may have no logits.
      const bool has = row > first;
      ReportEnd(sequence,
                {has ? logits.row(row - 1) : nullptr, has ? static_cast<size_t>(logits.cols) : 0});
    } catch (...) {
      // Only this choice ends; the others of the step must not suffer.
      Abandon(sequence, std::current_exception());
    }
  }
}

// All tokens of the sequence are evaluated: its result, or its next token.
void Engine::ReportEnd(Sequence& sequence, std::span<const float> logits) {
  const EngineRequest& asked = *sequence.asked;
  if (sequence.pooler != nullptr) {
    if (asked.pooling->kind != PoolingKind::kNone) {
      asked.observer.on_embedding(sequence.id(), sequence.length() - 1, sequence.pooler->Result());
    }
    Finish(sequence, FinishReason::kStop);
  } else if (!asked.scored_tokens.empty()) {
    asked.observer.on_scores(sequence.id(), LogProbsOf(logits, asked.scored_tokens));
    Finish(sequence, FinishReason::kStop);
  } else {
    Advance(sequence, logits);
  }
}

// Drawn from the logits, or the next one of an interjection.
SampledToken Engine::NextToken(Sequence& sequence, std::span<const float> logits) {
  if (sequence.interjection.empty()) return sequence.sampler->Sample(logits, sequence.length());
  const TokenId id = sequence.interjection.front();
  sequence.interjection = sequence.interjection.subspan(1);
  return sequence.sampler->Given(logits, id);
}

// Picks the next token of a sequence and decides whether it goes on.
void Engine::Advance(Sequence& sequence, std::span<const float> logits) {
  const EngineRequest& asked = *sequence.asked;
  const SampledToken sampled = NextToken(sequence, logits);
  const TokenId token = sampled.id;
  const bool context_full = sequence.length() >= max_context_;
  sequence.sampler->Accept(token);
  sequence.tokens.push_back(token);
  ++generated_;
  if (++sequence.report.completion_tokens == 1) sequence.first_token = now_;
  const Verdict verdict = asked.observer.on_token(sequence.id(), sampled);
  if (verdict == Verdict::kInterject) sequence.interjection = asked.interjection;
  const auto& stops = asked.stop_tokens;
  const bool stop_token = std::find(stops.begin(), stops.end(), token) != stops.end();
  if (stop_token || verdict == Verdict::kStop) {
    Finish(sequence, FinishReason::kStop);
  } else if (verdict == Verdict::kCancel) {
    Finish(sequence, FinishReason::kCancelled);
  } else if (sequence.report.completion_tokens == asked.max_tokens) {
    Finish(sequence, FinishReason::kLength);
  } else if (context_full) {
    Finish(sequence, FinishReason::kContextFull);
  }
}

// Ends the sequence: it waits and runs no longer.
std::unique_ptr<Sequence> Engine::Take(Sequence& sequence) {
  if (!sequence.started) {
    const std::lock_guard<std::mutex> lock(inbox_mutex_);
    queue_.Remove(sequence.owner(), sequence.load);
  }
  ChoiceReport& report = sequence.report;
  if (!sequence.started) {
    report.queue_seconds = Seconds(sequence.submitted, now_);
  } else if (report.completion_tokens == 0) {
    report.prompt_seconds = Seconds(sequence.start, now_);
  } else {
    report.prompt_seconds = Seconds(sequence.start, sequence.first_token);
    report.decode_seconds = Seconds(sequence.first_token, now_);
  }
  ends_ += sequence.started ? 1 : 0;
  return scheduler_.Remove(&sequence);
}

void Engine::Finish(Sequence& sequence, FinishReason reason) {
  sequence.report.finish = reason;
  const std::unique_ptr<Sequence> ended = Take(sequence);
  const RequestObserver& observer = ended->asked->observer;
  if (observer.on_finish) observer.on_finish(ended->id(), ended->report);
}

void Engine::Abandon(Sequence& sequence, const std::exception_ptr& error) {
  const std::unique_ptr<Sequence> ended = Take(sequence);
  const RequestObserver& observer = ended->asked->observer;
  if (observer.on_error) observer.on_error(ended->id(), error);
}

}  // namespace tael
