#include "ops/delta_rule.h"

#include "ops/profile.h"

#include <algorithm>

namespace tael {
namespace {

// One head of one sequence, from its state at the beginning of the step to that at the end.
void RunHead(const DeltaRuleShape& shape, const BatchSequence& sequence, int head,
             const DeltaRuleInput& input, const StatePlace& place, MatrixView<float> out,
             const KernelTable& kernels) {
  const int key_head = shape.tiled_value_heads
                           ? head % shape.num_key_heads
                           : head / (shape.num_value_heads / shape.num_key_heads);
  const int64_t size = int64_t{shape.value_dim} * shape.key_dim;
  const int64_t key_at = int64_t{key_head} * shape.key_dim;
  const int64_t value_at = int64_t{head} * shape.value_dim;
  float* state = place.At(sequence.state) + head * size;
  if (sequence.begin == 0) std::fill_n(state, size, 0.0f);
  for (int i = 0; i < sequence.count; ++i) {
    const int64_t t = sequence.first_row + i;
    kernels.delta_rule({.state = state,
                        .query = input.query.row(t) + key_at,
                        .key = input.key.row(t) + key_at,
                        .value = input.value.row(t) + value_at,
                        .out = out.row(t) + value_at,
                        .key_dim = static_cast<size_t>(shape.key_dim),
                        .value_dim = static_cast<size_t>(shape.value_dim),
                        .decay = input.decay.row(t)[head],
                        .beta = input.beta.row(t)[head]});
    for (const StateSnapshot& kept : sequence.snapshots) {
      if (kept.position != sequence.begin + i + 1) continue;
      std::copy_n(state, size, place.At(kept.slot) + head * size);
    }
  }
}

}  // namespace

void DeltaRule(const DeltaRuleShape& shape, const Batch& batch, const DeltaRuleInput& input,
               const StatePlace& place, MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  int longest = 0;
  for (const BatchSequence& sequence : batch.sequences) {
    longest = std::max(longest, sequence.count);
  }
  const auto sequences = static_cast<int64_t>(batch.sequences.size());
  const int64_t grain = ctx.GrainFor(int64_t{3} * longest * shape.value_dim * shape.key_dim);
  // Head-major order: every worker gets the same mix of long and short sequences.
  ctx.pool.ParallelFor(sequences * shape.num_value_heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const auto& sequence = batch.sequences[static_cast<size_t>(unit % sequences)];
      RunHead(shape, sequence, static_cast<int>(unit / sequences), input, place, out, ctx.kernels);
    }
  });
}

}  // namespace tael
