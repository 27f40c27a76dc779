#include "ops/attention.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace tael {
namespace {

static_assert(kKvBlockSize == kKvBlockPositions);

// Where one token of the batch lives.
struct RowPlace {
  const BatchSequence* sequence = nullptr;
  int position = 0;
};

// [T], in the arena.
RowPlace* PlaceRows(const Batch& batch, ComputeContext& ctx) {
  auto* places = ctx.arena.Allocate<RowPlace>(static_cast<int64_t>(batch.tokens.size()));
  const auto sequences = static_cast<int64_t>(batch.sequences.size());
  ctx.pool.ParallelFor(sequences, sequences, [&](int64_t begin, int64_t end) {
    for (int64_t s = begin; s < end; ++s) {
      const BatchSequence& sequence = batch.sequences[static_cast<size_t>(s)];
      for (int i = 0; i < sequence.count; ++i) {
        places[sequence.first_row + i] = {&sequence, sequence.begin + i};
      }
    }
  });
  return places;
}

// Pointers to the blocks of one sequence, per kv head: [Hkv][blocks of the sequence].
struct BlockPointers {
  const void** keys = nullptr;
  const void** values = nullptr;
  int64_t blocks = 0;
};

BlockPointers PointToBlocks(const BatchSequence& sequence, int layer, int num_kv_heads,
                            KvCache& cache, ComputeContext& ctx) {
  const int end = sequence.begin + sequence.count;
  BlockPointers out;
  out.blocks = (end + kKvBlockPositions - 1) / kKvBlockPositions;
  out.keys = ctx.arena.Allocate<const void*>(out.blocks * num_kv_heads);
  out.values = ctx.arena.Allocate<const void*>(out.blocks * num_kv_heads);
  ctx.pool.ParallelFor(num_kv_heads, num_kv_heads, [&](int64_t first, int64_t last) {
    for (auto head = static_cast<int>(first); head < last; ++head) {
      for (int64_t b = 0; b < out.blocks; ++b) {
        const BlockId block = sequence.blocks[static_cast<size_t>(b)];
        out.keys[head * out.blocks + b] = cache.Keys(layer, block, head);
        out.values[head * out.blocks + b] = cache.Values(layer, block, head);
      }
    }
  });
  return out;
}

}  // namespace

void StoreKeysAndValues(const Batch& batch, int layer, MatrixView<const float> k,
                        MatrixView<const float> v, KvCache& cache, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const RowPlace* places = PlaceRows(batch, ctx);
  const int64_t row_bytes = cache.row_bytes(layer);
  const int64_t head_dim = cache.head_dim(layer);
  const int num_kv_heads = static_cast<int>(k.cols / head_dim);
  ctx.pool.ParallelFor(k.rows, ctx.GrainFor(2 * k.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int position = places[t].position;
      const BlockId block =
          places[t].sequence->blocks[static_cast<size_t>(position / kKvBlockPositions)];
      const int64_t offset = position % kKvBlockPositions * row_bytes;
      for (int head = 0; head < num_kv_heads; ++head) {
        ctx.kernels.to_cache(k.row(t) + head * head_dim, static_cast<size_t>(head_dim),
                             cache.dtype(), cache.Keys(layer, block, head) + offset);
        ctx.kernels.to_cache(v.row(t) + head * head_dim, static_cast<size_t>(head_dim),
                             cache.dtype(), cache.Values(layer, block, head) + offset);
      }
    }
  });
  ctx.arena.Release(mark);
}

void Attention(const AttentionShape& shape, const Batch& batch, int layer,
               MatrixView<const float> q, KvCache& cache, MatrixView<float> out,
               ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const RowPlace* places = PlaceRows(batch, ctx);
  std::vector<BlockPointers> pointers(batch.sequences.size());
  for (size_t s = 0; s < batch.sequences.size(); ++s) {
    pointers[s] = PointToBlocks(batch.sequences[s], layer, shape.num_kv_heads, cache, ctx);
  }
  const int heads_per_kv = shape.num_heads / shape.num_kv_heads;
  // Head-major order: every worker gets the same mix of short and long rows.
  int64_t longest = 0;
  for (const BatchSequence& s : batch.sequences) {
    longest = std::max<int64_t>(longest, s.begin + s.count);
  }
  const int64_t grain = ctx.GrainFor(2 * longest * shape.head_dim);
  ctx.pool.ParallelFor(q.rows * shape.num_heads, grain, [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int head = static_cast<int>(unit / q.rows);
      const int64_t t = unit % q.rows;
      const RowPlace& place = places[t];
      const BlockPointers& blocks = pointers[place.sequence - batch.sequences.data()];
      const int visible = place.position + 1;
      AttentionArgs args;
      args.query = q.row(t) + int64_t{head} * shape.head_dim;
      args.head_dim = static_cast<size_t>(shape.head_dim);
      args.k_blocks = blocks.keys + head / heads_per_kv * blocks.blocks;
      args.v_blocks = blocks.values + head / heads_per_kv * blocks.blocks;
      args.dtype = cache.dtype();
      args.begin = static_cast<size_t>(shape.window > 0 ? std::max(0, visible - shape.window) : 0);
      args.end = static_cast<size_t>(visible);
      args.scale = shape.scale;
      if (shape.sinks != nullptr) args.sink = shape.sinks[head];
      args.out = out.row(t) + int64_t{head} * shape.head_dim;
      ctx.kernels.attention(args);
    }
  });
  ctx.arena.Release(mark);
}

}  // namespace tael
