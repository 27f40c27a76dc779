#include "engine/predictor.h"

#include "base/error.h"
#include "base/memory.h"
#include "engine/model_runner.h"

namespace tael {
namespace {

std::vector<KvLayout> CheckedLayouts(const Model& model, const PredictorOptions& options) {
  if (model.weights.predictions.empty() && !model.weights.prediction_problem.empty()) {
    Fail(ErrorCode::kCorrupt,
         "{}: the prediction layer cannot be used: {}. Hint: the configuration and the weights may "
         "come from different revisions",
         model.checkpoint.path, model.weights.prediction_problem);
  }
  if (model.weights.predictions.empty()) {
    Fail(ErrorCode::kUnsupported, "{}: the checkpoint holds no prediction layers",
         model.checkpoint.path);
  }
  if (options.max_context < 1) {
    Fail(ErrorCode::kInvalidArgument, "context is {}, needed at least 1", options.max_context);
  }
  ResolveContext(model, options.max_context);        // positions that the model was trained for
  CheckedKvLayouts(model, options.runner.kv_dtype);  // the blocks' rows are those of a layer
  return PredictionKvLayouts(model.spec, model.weights);
}

}  // namespace

Predictor::Predictor(const Model& model, const PredictorOptions& options)
    : model_(model),
      options_(options),
      kernels_(ResolveKernels(options.runner.kernels)),
      pool_(options.runner.threads),
      cache_(CheckedLayouts(model, options), options.runner.kv_dtype,
             BlocksFor(options.max_context)) {
  TAEL_CHECK(!model.headers_only);
  if (!options.runner.resident) return;
  ReadResident(PredictionRanges(model), pool_);
  PopulateWritable(cache_.memory());
}

Batch Predictor::MakeBatch(std::span<const TokenId> next) const {
  Batch batch;
  const int count = static_cast<int>(next.size());
  BatchSequence sequence{.first_row = 0, .count = count, .begin = length_, .blocks = {}};
  for (int b = 0; b < BlocksFor(length_ + count); ++b) sequence.blocks.push_back(b);
  for (int i = 0; i < count; ++i) {
    const TokenId id = next[static_cast<size_t>(i)];
    if (id < 0 || id >= model_.spec.vocab_size) {
      Fail(ErrorCode::kInvalidArgument, "token id {} is outside the vocabulary of {}", id,
           model_.spec.vocab_size);
    }
    batch.tokens.push_back(id);
    batch.positions.push_back(length_ + i);
    batch.logit_rows.push_back(i);
  }
  batch.sequences.push_back(std::move(sequence));
  return batch;
}

PredictionResult Predictor::Evaluate(std::span<const float> hidden, std::span<const TokenId> next) {
  const int64_t width = model_.spec.hidden_size;
  TAEL_CHECK(static_cast<int64_t>(hidden.size()) == width * static_cast<int64_t>(next.size()));
  if (next.empty()) return {};
  if (next.size() > static_cast<size_t>(options_.max_context - length_)) {
    Fail(ErrorCode::kExhausted, "{} rows do not fit the context of {}",
         static_cast<size_t>(length_) + next.size(), options_.max_context);
  }
  const Batch batch = MakeBatch(next);
  arena_.Reset();
  ComputeContext ctx{pool_, kernels_, arena_, options_.runner.matmul,
                     options_.runner.worth_a_thread};
  const PredictionStep step{
      .batch = batch,
      .hidden = {hidden.data(), static_cast<int64_t>(next.size()), width, width},
      .input = options_.input,
      .cache = cache_,
      .states = states_};
  const Prediction out = PredictionForward(model_.spec, model_.weights, step, ctx);
  length_ += static_cast<int>(next.size());
  return {{out.hidden.data, out.hidden.data + out.hidden.rows * width},
          {out.logits.data, out.logits.data + out.logits.rows * out.logits.cols}};
}

}  // namespace tael
