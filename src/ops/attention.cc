#include "ops/attention.h"

#include <algorithm>
#include <vector>

#include "base/error.h"
#include "ops/attention_cut.h"
#include "ops/profile.h"
#include "ops/row_places.h"

namespace tael {
namespace {

static_assert(kKvBlockSize == kKvBlockPositions);

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

// Calls store(row, block, place in the block) for every token of the batch.
template <typename Store>
void StoreRows(const Batch& batch, int64_t elements, ComputeContext& ctx, const Store& store) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  const Arena::Position mark = ctx.arena.Mark();
  const RowPlace* places = PlaceRows(batch, ctx);
  const auto rows = static_cast<int64_t>(batch.tokens.size());
  ctx.pool.ParallelFor(rows, ctx.GrainFor(elements), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      const int position = places[t].position;
      const auto block = static_cast<size_t>(position / kKvBlockPositions);
      store(t, places[t].sequence->blocks[block], position % kKvBlockPositions);
    }
  });
  ctx.arena.Release(mark);
}

// The rows of one call of the kernel.
struct Call {
  size_t sequence;
  int first_token, tokens;  // of the sequence's in this batch
  int first_head, heads;    // of one key head
};

// Key head by key head, so that a worker's calls share what they read.
std::vector<Call> CallsOf(const AttentionShape& shape, const Batch& batch, int threads) {
  std::vector<Call> calls;
  const int heads_per_kv = shape.num_heads / shape.num_kv_heads;
  const auto groups = static_cast<int64_t>(batch.sequences.size()) * shape.num_kv_heads;
  for (int kv_head = 0; kv_head < shape.num_kv_heads; ++kv_head) {
    for (size_t s = 0; s < batch.sequences.size(); ++s) {
      const int count = batch.sequences[s].count;
      if (count == 0) continue;
      AttentionCut cut = CutAttention(heads_per_kv, count, groups, threads);
      // What is selected is another choice for each token.
      if (shape.selection != nullptr) cut.tokens = 1;
      for (int token = 0; token < count; token += cut.tokens) {
        for (int head = 0; head < heads_per_kv; head += cut.heads) {
          calls.push_back({s, token, std::min(cut.tokens, count - token),
                           kv_head * heads_per_kv + head,
                           std::min(cut.heads, heads_per_kv - head)});
        }
      }
    }
  }
  return calls;
}

int64_t CostOf(const AttentionShape& shape, const Batch& batch, const Call& call) {
  const int64_t end = batch.sequences[call.sequence].begin + call.first_token + call.tokens;
  const int64_t seen = shape.window > 0 ? std::min<int64_t>(end, shape.window) : end;
  return seen * call.tokens * call.heads * (shape.head_dim + shape.value_dim);
}

}  // namespace

void StoreKeysAndValues(const Batch& batch, int layer, MatrixView<const float> k,
                        MatrixView<const float> v, KvCache& cache, ComputeContext& ctx) {
  const int64_t row_bytes = cache.row_bytes(layer);
  const int64_t head_dim = cache.head_dim(layer);
  const int num_kv_heads = static_cast<int>(k.cols / head_dim);
  const int64_t value_dim = v.cols / num_kv_heads;
  StoreRows(batch, 2 * k.cols, ctx, [&, layer](int64_t t, BlockId block, int64_t place) {
    for (int head = 0; head < num_kv_heads; ++head) {
      ctx.kernels.to_cache(k.row(t) + head * head_dim, static_cast<size_t>(head_dim), cache.dtype(),
                           cache.Keys(layer, block, head) + place * row_bytes);
      ctx.kernels.to_cache(v.row(t) + head * value_dim, static_cast<size_t>(value_dim),
                           cache.dtype(), cache.Values(layer, block, head) + place * row_bytes);
    }
  });
}

void StoreLatents(const Batch& batch, int layer, MatrixView<const float> latents, KvCache& cache,
                  ComputeContext& ctx) {
  StoreRows(batch, latents.cols, ctx, [&, layer](int64_t t, BlockId block, int64_t place) {
    ctx.kernels.to_cache(latents.row(t), static_cast<size_t>(latents.cols), cache.dtype(),
                         cache.Keys(layer, block, 0) + place * cache.row_bytes(layer));
  });
}

void StoreIndexKeys(const Batch& batch, int layer, MatrixView<const float> keys, KvCache& cache,
                    ComputeContext& ctx) {
  const int64_t row_bytes = *StorageBytes(cache.dtype(), keys.cols);
  StoreRows(batch, keys.cols, ctx, [&, layer](int64_t t, BlockId block, int64_t place) {
    ctx.kernels.to_cache(keys.row(t), static_cast<size_t>(keys.cols), cache.dtype(),
                         cache.IndexKeys(layer, block) + place * row_bytes);
  });
}

void Attention(const AttentionShape& shape, const Batch& batch, int layer,
               MatrixView<const float> q, KvCache& cache, MatrixView<float> out,
               ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kAttention);
  const Arena::Position mark = ctx.arena.Mark();
  std::vector<BlockPointers> pointers(batch.sequences.size());
  for (size_t s = 0; s < batch.sequences.size(); ++s) {
    pointers[s] = PointToBlocks(batch.sequences[s], layer, shape.num_kv_heads, cache, ctx);
  }
  const std::vector<Call> calls = CallsOf(shape, batch, ctx.pool.size());
  std::vector<int64_t> costs;
  costs.reserve(calls.size());
  for (const Call& call : calls) costs.push_back(CostOf(shape, batch, call));
  RunAttention(costs, shape.head_dim, ctx, [&](int64_t i, float* scratch) {
    const Call& call = calls[static_cast<size_t>(i)];
    const BatchSequence& sequence = batch.sequences[call.sequence];
    const BlockPointers& blocks = pointers[call.sequence];
    const int64_t t = sequence.first_row + call.first_token;
    const int kv_head = call.first_head / (shape.num_heads / shape.num_kv_heads);
    AttentionArgs args;
    args.query = q.row(t) + int64_t{call.first_head} * shape.head_dim;
    args.query_stride = static_cast<size_t>(q.stride);
    args.tokens = static_cast<size_t>(call.tokens);
    args.heads = static_cast<size_t>(call.heads);
    args.head_dim = static_cast<size_t>(shape.head_dim);
    args.value_dim = static_cast<size_t>(shape.value_dim);
    args.k_blocks = blocks.keys + kv_head * blocks.blocks;
    args.v_blocks = blocks.values + kv_head * blocks.blocks;
    args.dtype = cache.dtype();
    const int visible = sequence.begin + call.first_token + 1;
    args.end = static_cast<size_t>(visible);
    args.window = static_cast<size_t>(shape.window);
    if (shape.selection != nullptr && shape.selection->limited[t] != 0) {
      args.selected = shape.selection->bits + t * shape.selection->blocks;
    }
    args.scale = shape.scale;
    if (shape.sinks != nullptr) args.sinks = shape.sinks + call.first_head;
    args.out = out.row(t) + int64_t{call.first_head} * shape.value_dim;
    args.out_stride = static_cast<size_t>(out.stride);
    args.scratch = scratch;
    ctx.kernels.attention(args);
  });
  ctx.arena.Release(mark);
}

}  // namespace tael
