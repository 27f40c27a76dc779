#include "engine/session.h"

#include <algorithm>

#include "base/error.h"
#include "kv/snapshot_pool.h"
#include "spec/long_context.h"

namespace tael {

void EvalResult::AppendRecords(const std::vector<std::vector<float>>& states,
                               const std::vector<RouterRecord>& decisions) {
  const auto append = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  hidden.resize(states.size());
  for (size_t l = 0; l < states.size(); ++l) append(hidden[l], states[l]);
  routers.resize(decisions.size());
  for (size_t l = 0; l < decisions.size(); ++l) {
    routers[l].experts_per_token = decisions[l].experts_per_token;
    append(routers[l].experts, decisions[l].experts);
    append(routers[l].weights, decisions[l].weights);
  }
}

RunShape ShapeOf(const SessionOptions& options, int context) {
  return {.context = context,
          .rows = std::clamp(options.prefill_chunk, 1, context),
          .kv_blocks = BlocksFor(context),
          .state_slots = 1 + std::max(0, options.kept_states)};
}

Session::Session(const Model& model, const SessionOptions& options)
    : max_context_(ResolveContext(model, options.max_context)),
      prefill_chunk_(options.prefill_chunk),
      adapters_(ChooseAdapters(model.adapters, options.adapters)),
      runner_(model, options.runner, ShapeOf(options, max_context_)),
      kept_(/*first=*/1, std::max(0, options.kept_states)) {
  if (prefill_chunk_ < 1) {
    Fail(ErrorCode::kInvalidArgument, "prefill chunk is {}, needed at least 1", prefill_chunk_);
  }
}

void Session::CheckFits(std::span<const TokenId> tokens) const {
  const int64_t needed = length() + static_cast<int64_t>(tokens.size());
  if (needed > max_context_) {
    Fail(
        ErrorCode::kExhausted,
        "{} tokens do not fit the context of {} positions. Hint: a larger --ctx (this model allows "
        "{}) or a shorter text{}",
        needed, max_context_, model().spec.max_context, LongContextHint(model().spec));
  }
  for (const TokenId id : tokens) {
    if (id < 0 || id >= model().spec.vocab_size) {
      Fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id,
           model().spec.vocab_size);
    }
  }
}

Batch Session::MakeBatch(std::span<const TokenId> tokens, bool all_logits) const {
  Batch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  const int count = static_cast<int>(tokens.size());
  BatchSequence sequence{.first_row = 0,
                         .count = count,
                         .begin = length(),
                         .blocks = {},
                         .adapters = adapters_,
                         .state = 0};
  for (int b = 0; b < BlocksFor(length() + count); ++b) sequence.blocks.push_back(b);
  for (int i = 0; i < count; ++i) {
    batch.positions.push_back(length() + i);
    if (all_logits || i + 1 == count) batch.logit_rows.push_back(i);
  }
  batch.sequences.push_back(std::move(sequence));
  return batch;
}

// Where to keep states while `tokens` more are evaluated. In answers, which come token by token,
// the last block border passed; in prompts what SnapshotPositions() says.
std::vector<int> Session::PositionsToKeep(size_t tokens) {
  if (runner_.states().empty()) return {};
  const int end = length() + static_cast<int>(tokens);
  if (tokens > 1) {
    kept_.Stay();
    return SnapshotPositions(end);
  }
  return end % kKvBlockPositions == 0 ? std::vector<int>{end} : std::vector<int>();
}

// Asks the step of `sequence` to keep the states at those of `positions` that it passes.
void Session::KeepStates(const std::vector<int>& positions, bool passing, BatchSequence& sequence) {
  for (const int position : positions) {
    if (position <= sequence.begin || position > sequence.begin + sequence.count) continue;
    const StateSlot slot = kept_.Add(position, passing);
    if (slot != kNoState) sequence.snapshots.push_back({position, slot});
  }
}

// Back to the last kept state at or before `length`.
void Session::Rewind(int length) {
  kept_.DropBeyond(length);
  const std::optional<StateSnapshot> last = kept_.Last();
  if (last) runner_.states().Copy(last->slot, 0);
  tokens_.resize(static_cast<size_t>(last ? last->position : 0));
}

EvalResult Session::Evaluate(std::span<const TokenId> tokens, const EvalRequest& request) {
  CheckFits(tokens);
  EvalResult result;
  const std::vector<int> kept = PositionsToKeep(tokens.size());
  const bool passing = tokens.size() == 1;
  while (!tokens.empty()) {
    const auto count = std::min(tokens.size(), static_cast<size_t>(prefill_chunk_));
    const std::span<const TokenId> chunk = tokens.first(count);
    tokens = tokens.subspan(count);
    Batch batch = MakeBatch(chunk, request.all_logits);
    KeepStates(kept, passing, batch.sequences[0]);
    HiddenRecorder recorder;
    MatrixView<const float> logits;
    try {
      logits = runner_.Forward(batch, request.hidden ? &recorder : nullptr);
    } catch (...) {
      if (!runner_.states().empty()) Rewind(length());
      throw;
    }
    if (!request.all_logits) result.logits.clear();
    result.logits.insert(result.logits.end(), logits.data, logits.data + logits.rows * logits.cols);
    result.AppendRecords(recorder.states, recorder.routers);
    tokens_.insert(tokens_.end(), chunk.begin(), chunk.end());
  }
  result.rows = static_cast<int64_t>(result.logits.size()) / model().spec.vocab_size;
  return result;
}

int Session::Truncate(int length) {
  TAEL_CHECK(length >= 0 && length <= this->length());
  if (length == this->length()) return length;
  if (runner_.states().empty()) {
    tokens_.resize(static_cast<size_t>(length));
  } else {
    Rewind(length);
  }
  return this->length();
}

int Session::CommonPrefix(std::span<const TokenId> tokens) const {
  const size_t limit = std::min(tokens.size(), tokens_.size());
  const auto pair = std::mismatch(
      tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(limit), tokens.begin());
  return static_cast<int>(pair.first - tokens_.begin());
}

}  // namespace tael
