#include "adapt/sensitivity.h"

#include <algorithm>
#include <memory>

#include "adapt/quantise.h"
#include "engine/model_comparison.h"
#include "ops/decode_rows.h"

namespace tael {
namespace {

constexpr int64_t kRowsCompared = 96;  // of a tensor, for RelativeError()
constexpr const char* kProbeName = "tael-sensitivity-probe";

const float* ImportanceOf(const NamedMatrix& part, const std::vector<float>& means) {
  return means.data() + part.matrix * part.weight.k;
}

// Where nothing is known all columns are alike; they are given all the same, so that scales are
// searched in every type.
std::vector<float> MeansOf(const NamedMatrix& part, const Importance* importance) {
  const auto all = static_cast<size_t>(part.matrices * part.weight.k);
  std::vector<float> means;
  if (importance != nullptr) means = importance->MeansOf(part.tensor);
  if (means.size() != all) means.assign(all, 1.0f);
  return means;
}

struct Errors {
  double error = 0, size = 0;
};

Errors RowErrors(const NamedMatrix& part, int64_t row, DType type, const float* importance,
                 const KernelTable& kernels) {
  const int64_t k = part.weight.k;
  std::vector<float> values(static_cast<size_t>(k)), back(static_cast<size_t>(k));
  std::vector<uint8_t> bytes(static_cast<size_t>(StorageBytes(type, k).value_or(0)));
  DecodeRows(part.weight, row, 1, kernels, values.data());
  QuantiseRow(EncodersOf(kernels), type, values.data(), importance, k, bytes.data());
  DecodeRow(type, bytes.data(), k, back.data());
  Errors sums;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto weight = static_cast<double>(importance[i]);
    const double x = static_cast<double>(values[i]), d = x - static_cast<double>(back[i]);
    sums.error += weight * d * d;
    sums.size += weight * x * x;
  }
  return sums;
}

}  // namespace

double RelativeError(const std::vector<NamedMatrix>& parts, DType type,
                     const Importance* importance, const KernelTable& kernels, WorkerPool& pool) {
  int64_t rows = 0;
  for (const NamedMatrix& part : parts) rows += part.weight.n;
  const int64_t compared = std::min(rows, kRowsCompared);
  const std::vector<float> means =
      parts.empty() ? std::vector<float>() : MeansOf(parts[0], importance);
  std::vector<Errors> errors(static_cast<size_t>(compared));
  pool.ParallelFor(compared, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t row = i * rows / compared;
      size_t part = 0;
      for (; row >= parts[part].weight.n; ++part) row -= parts[part].weight.n;
      errors[static_cast<size_t>(i)] =
          RowErrors(parts[part], row, type, ImportanceOf(parts[part], means), kernels);
    }
  });
  Errors sums;
  for (const Errors& row : errors) {
    sums.error += row.error;
    sums.size += row.size;
  }
  return sums.size > 0 ? sums.error / sums.size : 0;
}

SensitivityMeter::SensitivityMeter(Model& model, std::span<const TokenId> tokens,
                                   const RunnerOptions& runner)
    : model_(model), tokens_(tokens), pool_(runner.threads) {
  model.adapters.push_back(std::make_unique<Adapter>());
  probe_ = model.adapters.back().get();
  probe_->name = kProbeName;
  SessionOptions options{.max_context = static_cast<int>(tokens.size()),
                         .prefill_chunk = LogitRows(model.spec.vocab_size),
                         .runner = runner,
                         .adapters = {{.name = kProbeName}}};
  session_ = std::make_unique<Session>(model, options);
  base_.reserve((tokens.size() - 1) * static_cast<size_t>(model.spec.vocab_size));
  ForLogits([&](size_t, std::span<const float> logits) {
    base_.insert(base_.end(), logits.begin(), logits.end());
  });
}

template <typename Use>
void SensitivityMeter::ForLogits(const Use& use) {
  session_->Truncate(0);
  const auto vocab = static_cast<size_t>(model_.spec.vocab_size);
  const auto predicting = tokens_.first(tokens_.size() - 1);
  const auto together = static_cast<size_t>(LogitRows(model_.spec.vocab_size));
  for (size_t begin = 0; begin < predicting.size(); begin += together) {
    const auto slice = predicting.subspan(begin, std::min(together, predicting.size() - begin));
    const EvalResult result = session_->Evaluate(slice, {.all_logits = true});
    for (size_t i = 0; i < slice.size(); ++i) {
      use(begin + i, std::span(result.logits).subspan(i * vocab, vocab));
    }
  }
}

Weight SensitivityMeter::Replacement(const NamedMatrix& part, DType type,
                                     const Importance* importance) {
  const Weight& w = part.weight;
  const int64_t row_bytes = StorageBytes(type, w.k).value_or(0);
  const std::vector<float> means = MeansOf(part, importance);
  const float* columns = ImportanceOf(part, means);
  std::vector<uint8_t>& bytes = storage_.emplace_back(static_cast<size_t>(w.n * row_bytes));
  const KernelTable& kernels = session_->kernels();
  pool_.ParallelFor(w.n, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> row(static_cast<size_t>(w.k));
    for (int64_t r = begin; r < end; ++r) {
      DecodeRows(w, r, 1, kernels, row.data());
      QuantiseRow(EncodersOf(kernels), type, row.data(), columns, w.k,
                  bytes.data() + r * row_bytes);
    }
  });
  return {.dtype = type, .n = w.n, .k = w.k, .data = bytes.data(), .row_bytes = row_bytes};
}

double SensitivityMeter::Divergence(const std::vector<NamedMatrix>& parts, DType type,
                                    const Importance* importance) {
  storage_.clear();
  storage_.reserve(parts.size());
  for (const NamedMatrix& part : parts) {
    LowRankChange change{.replacement = Replacement(part, type, importance)};
    if (KeyOf(part.weight) == KeyOf(model_.weights.embedding)) probe_->embedding = change;
    probe_->products.emplace(KeyOf(part.weight), std::move(change));
  }
  const auto vocab = static_cast<size_t>(model_.spec.vocab_size);
  double sum = 0;
  ForLogits([&](size_t i, std::span<const float> logits) {
    sum += CompareRows(std::span(base_).subspan(i * vocab, vocab), logits, tokens_[i + 1]).kl;
  });
  probe_->products.clear();
  probe_->embedding.reset();
  return sum / static_cast<double>(tokens_.size() - 1);
}

}  // namespace tael
