#include "app/bench/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/rng.h"

namespace tael {
namespace {

using Clock = std::chrono::steady_clock;

// After this much of the model's work comes a slice of probes.
constexpr double kPieceSeconds = 0.4;
constexpr int kWarmUpSteps = 2;

}  // namespace

std::string BenchEntry::Name() const {
  std::string name = decode() ? fmt::format("tg{}", generated) : fmt::format("pp{}", prompt);
  if (sequences > 1) name += fmt::format(" x{}", sequences);
  if (depth > 0) name += fmt::format(" @ d{}", depth);
  return name;
}

BenchRunner::BenchRunner(const Model& model, const BenchPlan& plan)
    : model_(model),
      plan_(plan),
      blocks_per_sequence_(BlocksFor(plan.shape.context)),
      runner_(model, plan.runner, plan.shape),
      sampler_(runner_.kernels()),
      filled_(static_cast<size_t>(plan.shape.sequences)) {
  sampler_.Reserve(static_cast<size_t>(model.spec.vocab_size));
}

Batch BenchRunner::MakeBatch(int sequences, int begin, int count, bool logits) const {
  Batch batch;
  const auto vocabulary = static_cast<uint64_t>(model_.spec.vocab_size);
  for (int s = 0; s < sequences; ++s) {
    BatchSequence part{.first_row = static_cast<int>(batch.tokens.size()),
                       .count = count,
                       .begin = begin,
                       .blocks = {},
                       .adapters = plan_.adapters,
                       .state = s};
    for (int b = 0; b < BlocksFor(begin + count); ++b) {
      part.blocks.push_back(s * blocks_per_sequence_ + b);
    }
    for (int position = begin; position < begin + count; ++position) {
      const auto stream = static_cast<uint64_t>(plan_.same_tokens ? 0 : s);
      const uint64_t bits = RandomBitsAt(stream, static_cast<uint64_t>(position));
      batch.tokens.push_back(static_cast<int32_t>(bits % vocabulary));
      batch.positions.push_back(position);
    }
    batch.sequences.push_back(std::move(part));
    if (logits) batch.logit_rows.push_back(static_cast<int32_t>(batch.tokens.size()) - 1);
  }
  return batch;
}

void BenchRunner::FillTo(int sequences, int depth) {
  // All sequences together, as far as they are filled alike.
  const auto end = filled_.begin() + sequences;
  for (int begin = *std::min_element(filled_.begin(), end); begin < depth;) {
    const int count = std::min(depth - begin, std::max(1, plan_.prefill_chunk / sequences));
    runner_.Forward(MakeBatch(sequences, begin, count, /*logits=*/false));
    begin += count;
    for (auto it = filled_.begin(); it != end; ++it) *it = std::max(*it, begin);
  }
}

template <typename Step>
void BenchRunner::ForEachStep(const BenchEntry& entry, const Step& step) const {
  if (entry.decode()) {
    for (int i = 0; i < entry.generated; ++i) {
      step(MakeBatch(entry.sequences, entry.depth + i, 1, /*logits=*/true));
    }
    return;
  }
  for (int done = 0; done < entry.prompt;) {
    const int count = std::min(entry.prompt - done, plan_.prefill_chunk);
    const bool last = done + count == entry.prompt;
    step(MakeBatch(entry.sequences, entry.depth + done, count, last));
    done += count;
  }
}

double BenchRunner::Repeat(const BenchEntry& entry, LimitProbe* probe, LimitSamples& samples) {
  double total = 0, since_probe = 0;
  ForEachStep(entry, [&](const Batch& batch) {
    if (probe != nullptr && (total == 0 || since_probe > kPieceSeconds)) {
      probe->Sample(entry.decode(), samples);
      since_probe = 0;
    }
    const int64_t barriers_before = runner_.pool().barriers();
    const auto start = Clock::now();
    runner_.Forward(batch);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    total += seconds;
    since_probe += seconds;
    barriers_ += runner_.pool().barriers() - barriers_before;
    ++steps_;
  });
  return total;
}

BenchResult BenchRunner::Run(const BenchEntry& entry, LimitProbe* probe) {
  BenchResult result{.entry = entry};
  const CostOptions options{.kv_dtype = plan_.runner.kv_dtype, .matmul = plan_.runner.matmul};
  result.layer_costs.resize(model_.spec.layers.size() + 1);
  ForEachStep(entry, [&](const Batch& batch) {
    const auto step = CostByLayer(model_.spec, model_.weights, batch, options);
    for (size_t i = 0; i < step.size(); ++i) result.layer_costs[i] += step[i];
  });
  for (const StepCost& layer : result.layer_costs) result.cost += layer;
  FillTo(entry.sequences, entry.depth);
  BenchEntry warm_up = entry;
  warm_up.prompt = std::min(entry.prompt, plan_.prefill_chunk);
  warm_up.generated = std::min(entry.generated, kWarmUpSteps);
  LimitSamples ignored;
  Repeat(warm_up, probe, ignored);
  if (plan_.profile) {
    result.profile.emplace(static_cast<int>(model_.spec.layers.size()));
    runner_.set_profile(&*result.profile);
  }
  barriers_ = steps_ = 0;
  const DisturbanceMeter meter;
  const int64_t expert_bytes_before = runner_.expert_bytes_read();
  for (int i = 0; i < plan_.repetitions; ++i) {
    result.seconds.push_back(Repeat(entry, probe, result.limits));
  }
  result.disturbance = meter.Read();
  result.barriers = static_cast<double>(barriers_) / static_cast<double>(steps_);
  runner_.set_profile(nullptr);
  // Every repetition chooses the same experts: what was read takes the place of the estimate.
  Cost& experts = result.cost[CostKind::kExperts];
  const int64_t read = (runner_.expert_bytes_read() - expert_bytes_before) / plan_.repetitions;
  experts.weight_bytes += read - experts.expert_bytes;
  experts.expert_bytes = read;
  for (int s = 0; s < entry.sequences; ++s) {
    int& filled = filled_[static_cast<size_t>(s)];
    filled = std::max(filled, entry.positions());
  }
  return result;
}

}  // namespace tael
