#include "engine/session.h"

#include <algorithm>

#include "base/error.h"
#include "model/decoder.h"

namespace tael {
namespace {

constexpr int kDefaultContext = 4096;

int ResolveContext(const Model& model, int requested) {
  if (requested < 0) {
    Fail(ErrorCode::kInvalidArgument, "context is {}, needed 0 (automatic) or more", requested);
  }
  if (requested == 0) return std::min(model.spec.max_context, kDefaultContext);
  if (requested > model.spec.max_context) {
    Fail(ErrorCode::kInvalidArgument, "context is {}, but {} was trained for {} positions",
         requested, model.checkpoint.path, model.spec.max_context);
  }
  return requested;
}

const KernelTable* ResolveKernels(const KernelTable* requested) {
  const KernelTable* table = requested != nullptr ? requested : SelectKernelTable();
  if (table == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "TAEL_FORCE_ISA names an instruction set that is unknown or that this CPU lacks. Hint: "
         "`tael "
         "doctor` lists the usable ones");
  }
  return table;
}

int CheckedThreads(int threads) {
  if (threads < 0 || threads > 1024) {
    Fail(ErrorCode::kInvalidArgument, "threads is {}, needed 0 (automatic) to 1024", threads);
  }
  return threads;
}

int BlocksFor(int positions) { return (positions + kKvBlockPositions - 1) / kKvBlockPositions; }

}  // namespace

Session::Session(const Model& model, const SessionOptions& options)
    : model_(model),
      options_(options),
      max_context_(ResolveContext(model, options.max_context)),
      kernels_(ResolveKernels(options.kernels)),
      pool_(CheckedThreads(options.threads)),
      cache_(KvLayouts(model.spec), options.kv_dtype, BlocksFor(max_context_)) {
  if (options.prefill_chunk < 1) {
    Fail(ErrorCode::kInvalidArgument, "prefill chunk is {}, needed at least 1",
         options.prefill_chunk);
  }
}

Session::~Session() = default;

void Session::CheckFits(std::span<const TokenId> tokens) const {
  const int64_t needed = length() + static_cast<int64_t>(tokens.size());
  if (needed > max_context_) {
    Fail(
        ErrorCode::kExhausted,
        "{} tokens do not fit the context of {} positions. Hint: a larger --ctx (this model allows "
        "{}) or a shorter text",
        needed, max_context_, model_.spec.max_context);
  }
  for (const TokenId id : tokens) {
    if (id < 0 || id >= model_.spec.vocab_size) {
      Fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id,
           model_.spec.vocab_size);
    }
  }
}

Batch Session::MakeBatch(std::span<const TokenId> tokens, bool all_logits) const {
  Batch batch;
  batch.tokens.assign(tokens.begin(), tokens.end());
  const int count = static_cast<int>(tokens.size());
  BatchSequence sequence{.first_row = 0, .count = count, .begin = length(), .blocks = {}};
  for (int b = 0; b < BlocksFor(length() + count); ++b) sequence.blocks.push_back(b);
  for (int i = 0; i < count; ++i) {
    batch.positions.push_back(length() + i);
    if (all_logits || i + 1 == count) batch.logit_rows.push_back(i);
  }
  batch.sequences.push_back(std::move(sequence));
  return batch;
}

EvalResult Session::Evaluate(std::span<const TokenId> tokens, const EvalRequest& request) {
  CheckFits(tokens);
  EvalResult result;
  while (!tokens.empty()) {
    const auto count = std::min(tokens.size(), static_cast<size_t>(options_.prefill_chunk));
    const std::span<const TokenId> chunk = tokens.first(count);
    tokens = tokens.subspan(count);
    const Batch batch = MakeBatch(chunk, request.all_logits);
    arena_.Reset();
    ComputeContext ctx{pool_, *kernels_, arena_, options_.matmul == MatmulMode::kInteger};
    HiddenRecorder recorder;
    const MatrixView<float> logits = Forward(model_.spec, model_.weights, batch, cache_, ctx,
                                             request.hidden ? &recorder : nullptr);
    if (!request.all_logits) result.logits.clear();
    result.logits.insert(result.logits.end(), logits.data, logits.data + logits.rows * logits.cols);
    result.hidden.resize(recorder.states.size());
    for (size_t l = 0; l < recorder.states.size(); ++l) {
      result.hidden[l].insert(result.hidden[l].end(), recorder.states[l].begin(),
                              recorder.states[l].end());
    }
    tokens_.insert(tokens_.end(), chunk.begin(), chunk.end());
  }
  result.rows = static_cast<int64_t>(result.logits.size()) / model_.spec.vocab_size;
  return result;
}

void Session::Truncate(int length) {
  TAEL_CHECK(length >= 0 && length <= this->length());
  tokens_.resize(static_cast<size_t>(length));
}

int Session::CommonPrefix(std::span<const TokenId> tokens) const {
  const size_t limit = std::min(tokens.size(), tokens_.size());
  const auto pair = std::mismatch(
      tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(limit), tokens.begin());
  return static_cast<int>(pair.first - tokens_.begin());
}

}  // namespace tael
