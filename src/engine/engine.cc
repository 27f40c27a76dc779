#include "engine/engine.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "spec/long_context.h"

namespace tael {
namespace {

constexpr int kMaxChoices = 128;
constexpr size_t kMaxAdapterLists = 256;  // that share prefixes; requests may invent any weights

SchedulerLimits Checked(const SchedulerLimits& limits) {
  const auto check = [](const char* name, int value) {
    constexpr int kMost = 1 << 20;
    if (value < 1 || value > kMost) {
      Fail(ErrorCode::kInvalidArgument, "{} is {}, needed 1 to {}", name, value, kMost);
    }
  };
  check("the number of sequences", limits.max_sequences);
  check("the batch size", limits.max_batch_tokens);
  check("prefill chunk", limits.prefill_chunk);
  check("quantum", limits.quantum);
  return limits;
}

int ResolveBlocks(const EngineOptions& options, int max_context) {
  const int needed = BlocksFor(max_context);
  if (options.kv_blocks == 0) {
    const int64_t blocks = int64_t{needed} * Checked(options.limits).max_sequences;
    if (blocks > std::numeric_limits<int>::max()) {
      Fail(ErrorCode::kInvalidArgument,
           "{} sequences of {} positions need {} cache blocks. Hint: fewer sequences or a smaller "
           "context",
           options.limits.max_sequences, max_context, blocks);
    }
    return static_cast<int>(blocks);
  }
  if (options.kv_blocks < needed) {
    Fail(ErrorCode::kInvalidArgument,
         "the cache has {} blocks, but one sequence of {} positions needs {}. Hint: a smaller "
         "context or a larger cache",
         options.kv_blocks, max_context, needed);
  }
  return options.kv_blocks;
}

// States kept for later, of models that have any: one for each sequence that can share it, and one
// for a beginning that several have in common.
int SnapshotsFor(const SchedulerLimits& limits) {
  return limits.share_prefixes ? limits.max_sequences + 1 : 0;
}

SchedulerStates StatesOf(ModelRunner& runner, SnapshotPool& snapshots) {
  if (runner.states().empty()) return {};
  return {&runner.states(), &snapshots};
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
  return (rows.ends() && i + 1 == rows.count) || ObservesLogits(*rows.sequence, rows.begin + i);
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

RunShape ShapeOf(const EngineOptions& options, int context) {
  const SchedulerLimits limits = Checked(options.limits);
  const int chunk = std::min(limits.prefill_chunk, context);
  const int64_t rows =
      std::min<int64_t>(limits.max_batch_tokens, int64_t{limits.max_sequences} * chunk);
  return {.context = context,
          .sequences = limits.max_sequences,
          .rows = static_cast<int>(rows),
          .logit_rows = options.logit_rows > 0 ? options.logit_rows : limits.max_sequences,
          .kv_blocks = ResolveBlocks(options, context),
          .state_slots = limits.max_sequences + SnapshotsFor(limits)};
}

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

Engine::Engine(const Model& model, const EngineOptions& options)
    : max_context_(ResolveContext(model, options.max_context)),
      runner_(model, options.runner, ShapeOf(options, max_context_)),
      snapshots_(options.limits.max_sequences, SnapshotsFor(options.limits)),
      pool_(ResolveBlocks(options, max_context_), StatesOf(runner_, snapshots_).snapshots),
      scheduler_(options.limits, pool_, StatesOf(runner_, snapshots_)),
      sampler_buffers_(std::make_shared<SamplerBuffers>(runner_.kernels())) {
  if (options.runner.resident) {
    sampler_buffers_->Reserve(static_cast<size_t>(model.spec.vocab_size));
  }
}

Engine::~Engine() = default;

void CheckPromptFits(size_t tokens, int context, const Model& model) {
  if (std::cmp_less_equal(tokens, context)) return;
  Fail(
      ErrorCode::kExhausted,
      "the prompt has {} tokens, but the context holds {}. Hint: a larger --ctx (this model allows "
      "{}) or a shorter prompt{}",
      tokens, context, model.spec.max_context, LongContextHint(model.spec));
}

namespace {

void CheckIds(const std::vector<TokenId>& ids, int vocabulary) {
  for (const TokenId id : ids) {
    if (id >= 0 && id < vocabulary) continue;
    Fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id,
         vocabulary);
  }
}

}  // namespace

void Engine::Check(const EngineRequest& request) const {
  Validate(request.sampling, runner_.model().spec.vocab_size);
  if (request.prompt.empty()) {
    Fail(ErrorCode::kInvalidArgument, "the prompt has no tokens. Hint: give some text");
  }
  CheckPromptFits(request.prompt.size(), max_context_, runner_.model());
  const int vocabulary = runner_.model().spec.vocab_size;
  CheckIds(request.prompt, vocabulary);
  CheckIds(request.interjection, vocabulary);
  CheckTokenTexts(request.sampling, request.token_texts.get(), vocabulary);
  if (!request.observer.on_token) {
    Fail(ErrorCode::kInvalidArgument, "the request has no on_token observer");
  }
  if (request.choices < 1 || request.choices > kMaxChoices) {
    Fail(ErrorCode::kInvalidArgument, "n is {}, needed 1 to {}", request.choices, kMaxChoices);
  }
  if (!(request.weight > 0 && request.weight <= 1000)) {
    Fail(ErrorCode::kInvalidArgument, "weight is {}, needed above 0, up to 1000", request.weight);
  }
  if (request.max_tokens < 0) {
    Fail(ErrorCode::kInvalidArgument, "max_tokens is {}, needed 0 (no limit) or more",
         request.max_tokens);
  }
}

// Keys and values depend on the adapters, so each list of them shares prefixes with itself only.
CacheScope Engine::ScopeOf(const EngineRequest& request, const std::vector<AdapterUse>& adapters) {
  if (adapters.empty()) return {request.cache_salt, 0};
  const auto found = std::find_if(adapter_lists_.begin(), adapter_lists_.end(),
                                  [&](const AdapterList& list) { return list.uses == adapters; });
  if (found != adapter_lists_.end()) {
    std::rotate(found, found + 1, adapter_lists_.end());  // the last one used stays longest
  } else {
    if (adapter_lists_.size() >= kMaxAdapterLists) adapter_lists_.erase(adapter_lists_.begin());
    adapter_lists_.push_back({adapters, next_adapter_list_++});
  }
  return {request.cache_salt, adapter_lists_.back().number};
}

std::unique_ptr<Sequence> Engine::MakeSequence(std::shared_ptr<const EngineRequest> asked,
                                               int choice) const {
  auto sequence = std::make_unique<Sequence>();
  SamplingParams sampling = asked->sampling;
  sampling.choice += static_cast<uint32_t>(choice);
  sequence->choice = choice;
  sequence->sampler = std::make_unique<Sampler>(sampling, runner_.kernels(),
                                                SamplerContext{.prompt = asked->prompt,
                                                               .stop_tokens = asked->stop_tokens,
                                                               .texts = asked->token_texts,
                                                               .buffers = sampler_buffers_});
  sequence->adapters = ChooseAdapters(runner_.model().adapters, asked->adapters);
  sequence->tokens = asked->prompt;
  sequence->report.prompt_tokens = static_cast<int>(asked->prompt.size());
  sequence->asked = std::move(asked);
  return sequence;
}

RequestId Engine::Submit(EngineRequest request) {
  Check(request);
  const auto asked = std::make_shared<const EngineRequest>(std::move(request));
  std::vector<std::unique_ptr<Sequence>> sequences;
  sequences.reserve(static_cast<size_t>(asked->choices));
  for (int choice = 0; choice < asked->choices; ++choice) {
    sequences.push_back(MakeSequence(asked, choice));
  }
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  const RequestId id = next_id_++;
  for (auto& sequence : sequences) {
    sequence->request = id;
    sequence->scope = ScopeOf(*asked, sequence->adapters);
    submitted_.push_back(std::move(sequence));
  }
  return id;
}

void Engine::Cancel(RequestId request) {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  cancelled_.push_back(request);
}

void Engine::CancelAll() {
  const std::lock_guard<std::mutex> lock(inbox_mutex_);
  all_cancelled_ = true;
}

void Engine::DrainInbox() {
  std::vector<Sequence*> sequences;
  std::vector<RequestId> cancelled;
  bool all = false;
  {
    const std::lock_guard<std::mutex> lock(inbox_mutex_);
    // One by one: what cannot be taken for want of memory stays where it is.
    while (!submitted_.empty()) {
      scheduler_.Add(std::move(submitted_.front()));
      submitted_.pop_front();
    }
    if (cancelled_.empty() && !all_cancelled_) return;
    sequences = scheduler_.All();
    cancelled.swap(cancelled_);
    all = std::exchange(all_cancelled_, false);
  }
  for (Sequence* sequence : sequences) {
    if (all ||
        std::find(cancelled.begin(), cancelled.end(), sequence->request) != cancelled.end()) {
      Finish(*sequence, FinishReason::kCancelled);
    }
  }
}

bool Engine::Step() {
  DrainInbox();
  const StepPlan plan = scheduler_.Schedule();
  last_rows_ = 0;
  if (plan.empty()) return false;
  const Batch batch = BuildBatch(plan);
  const MatrixView<const float> logits = runner_.Forward(batch);
  last_rows_ = static_cast<int>(batch.tokens.size());
  ++forward_calls_;
  scheduler_.MarkComputed(plan);
  Report(plan, logits);
  return true;
}

void Engine::Report(const StepPlan& plan, MatrixView<const float> logits) {
  int64_t row = 0;
  for (const PlannedRows& rows : plan) {
    Sequence& sequence = *rows.sequence;
    const int64_t first = row;
    for (int i = 0; i < rows.count; ++i) row += HasLogits(rows, i) ? 1 : 0;
    try {
      ReportLogits(rows, logits, first);
      ReportPrompt(rows);
      if (rows.ends()) {
        Advance(sequence, {logits.row(row - 1), static_cast<size_t>(logits.cols)});
      }
    } catch (...) {
      // Only this choice ends; the others of the step must not suffer.
      Abandon(sequence, std::current_exception());
    }
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
  ++sequence.report.completion_tokens;
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

void Engine::Finish(Sequence& sequence, FinishReason reason) {
  sequence.report.finish = reason;
  const std::unique_ptr<Sequence> ended = scheduler_.Remove(&sequence);
  const RequestObserver& observer = ended->asked->observer;
  if (observer.on_finish) observer.on_finish(ended->id(), ended->report);
}

void Engine::Abandon(Sequence& sequence, const std::exception_ptr& error) {
  const std::unique_ptr<Sequence> ended = scheduler_.Remove(&sequence);
  const RequestObserver& observer = ended->asked->observer;
  if (observer.on_error) observer.on_error(ended->id(), error);
}

}  // namespace tael
