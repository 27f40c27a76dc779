#include "ops/gathered_attention.h"

#include "ops/profile.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "ops/attention_cut.h"

namespace tael {
namespace {

// Rows whose cache rows are copied together; any number gives the same result.
constexpr int64_t kRowsTogether = 8;
constexpr int64_t kBlock = kKvBlockSize;

// The memory of one group of rows.
class Gatherer {
 public:
  Gatherer(const GatheredShape& shape, const ListRows& list, int64_t rows, ComputeContext& ctx)
      : shape_(shape),
        list_(list),
        ctx_(ctx),
        row_bytes_(*StorageBytes(shape.dtype, shape.head_dim)),
        blocks_((shape.longest + kBlock - 1) / kBlock) {
    const int64_t together = std::min(rows, kRowsTogether);
    counts_ = ctx.arena.Allocate<int64_t>(together);
    addresses_ = ctx.arena.Allocate<const uint8_t*>(together * blocks_ * kBlock);
    copies_ = ctx.arena.Allocate<uint8_t>(together * blocks_ * kBlock * row_bytes_);
    pointers_ = ctx.arena.Allocate<const void*>(together * blocks_);
  }

  // Rows [first, first + count) of q and out.
  void Run(int64_t first, int64_t count, MatrixView<const float> q, MatrixView<float> out) {
    ctx_.pool.ParallelFor(count, ctx_.GrainFor(8 * shape_.longest), [&](int64_t b, int64_t e) {
      for (int64_t i = b; i < e; ++i) {
        counts_[i] = list_(first + i, addresses_ + i * blocks_ * kBlock);
      }
    });
    const int64_t copy_grain = ctx_.GrainFor(kBlock * shape_.head_dim / 4);
    ctx_.pool.ParallelFor(count * blocks_, copy_grain, [&](int64_t b, int64_t e) {
      for (int64_t unit = b; unit < e; ++unit) CopyBlock(unit / blocks_, unit % blocks_);
    });
    const AttentionCut cut = CutAttention(shape_.num_heads, 1, count, ctx_.pool.size());
    const int64_t pieces = (shape_.num_heads + cut.heads - 1) / cut.heads;
    const std::vector<int64_t> costs(static_cast<size_t>(count * pieces),
                                     2 * shape_.longest * shape_.head_dim * cut.heads);
    RunAttention(costs, shape_.head_dim, ctx_, [&](int64_t unit, float* scratch) {
      const int64_t i = unit / pieces, head = unit % pieces * cut.heads;
      AttentionArgs args = ArgsFor(i, head, std::min<int64_t>(cut.heads, shape_.num_heads - head));
      args.query = q.row(first + i) + head * shape_.head_dim;
      args.out = out.row(first + i) + head * shape_.head_dim;
      args.scratch = scratch;
      ctx_.kernels.attention(args);
    });
  }

 private:
  void CopyBlock(int64_t i, int64_t block) {
    uint8_t* to = copies_ + (i * blocks_ + block) * kBlock * row_bytes_;
    pointers_[i * blocks_ + block] = to;
    const int64_t count = std::min(kBlock, counts_[i] - block * kBlock);
    for (int64_t j = 0; j < count; ++j) {
      std::memcpy(to + j * row_bytes_, addresses_[(i * blocks_ + block) * kBlock + j],
                  static_cast<size_t>(row_bytes_));
    }
  }

  // Heads [head, head + heads) of row `i` of the group.
  AttentionArgs ArgsFor(int64_t i, int64_t head, int64_t heads) const {
    AttentionArgs args;
    args.heads = static_cast<size_t>(heads);
    args.head_dim = args.value_dim = static_cast<size_t>(shape_.head_dim);
    args.k_blocks = args.v_blocks = pointers_ + i * blocks_;
    args.dtype = shape_.dtype;
    args.end = static_cast<size_t>(counts_[i]);
    args.scale = shape_.scale;
    if (shape_.sinks != nullptr) args.sinks = shape_.sinks + head;
    return args;
  }

  const GatheredShape& shape_;
  const ListRows& list_;
  ComputeContext& ctx_;
  int64_t row_bytes_, blocks_;
  int64_t* counts_ = nullptr;            // [rows together]
  const uint8_t** addresses_ = nullptr;  // [rows together, blocks, 64]
  uint8_t* copies_ = nullptr;            // [rows together, blocks, 64, row bytes]
  const void** pointers_ = nullptr;      // [rows together, blocks]: into copies_
};

}  // namespace

void GatheredAttention(const GatheredShape& shape, const ListRows& list, MatrixView<const float> q,
                       MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  const Arena::Position mark = ctx.arena.Mark();
  Gatherer gatherer(shape, list, q.rows, ctx);
  for (int64_t first = 0; first < q.rows; first += kRowsTogether) {
    gatherer.Run(first, std::min(kRowsTogether, q.rows - first), q, out);
  }
  ctx.arena.Release(mark);
}

}  // namespace tael
