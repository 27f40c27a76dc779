#include "nn/ffn_moe.h"

#include <algorithm>
#include <array>
#include <vector>

#include "ops/activation.h"
#include "ops/adapt.h"
#include "ops/matmul.h"
#include "ops/profile.h"
#include "ops/rms_norm.h"
#include "quant/integer_form.h"
#include "quant/packed_matrix.h"

namespace tael {
namespace {

// The tokens of one expert and what its result is multiplied by.
struct Group {
  const int32_t* tokens = nullptr;
  const float* weights = nullptr;
  int64_t count = 0;
};

// to[d] += weight * from[d]: the product rounded, then the sum.
void AddWeighted(float weight, const float* from, int64_t size, float* to) {
  for (int64_t d = 0; d < size; ++d) to[d] += weight * from[d];
}

// out[t] += weight * expert(x[t]) for the tokens of the group.
void AddExpert(const DenseFfnSpec& spec, const DenseFfnWeights& expert, const Group& group,
               MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> gathered = NewMatrix(group.count, x.cols, ctx);
  const MatrixView<float> result = NewMatrix(group.count, x.cols, ctx);
  const int64_t grain = ctx.GrainFor(x.cols);
  ctx.pool.ParallelFor(group.count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::copy_n(x.row(group.tokens[i]), x.cols, gathered.row(i));
    }
  });
  {
    const AdapterScope adapted(ctx, group.tokens, group.count);
    DenseFfnForward(spec, expert, Const(gathered), result, ctx);
  }
  ctx.pool.ParallelFor(group.count, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      AddWeighted(group.weights[i], result.row(i), x.cols, out.row(group.tokens[i]));
    }
  });
  ctx.arena.Release(mark);
}

void AddExperts(const DenseFfnSpec& spec, const std::vector<DenseFfnWeights>& experts,
                const ExpertGroups& groups, MatrixView<const float> x, MatrixView<float> out,
                ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kExperts);
  int64_t bytes = 0;
  for (size_t e = 0; e < experts.size(); ++e) {
    const int32_t begin = groups.begins[e], count = groups.begins[e + 1] - begin;
    if (count == 0) continue;
    const Group group{groups.tokens + begin, groups.weights + begin, count};
    AddExpert(spec, experts[e], group, x, out, ctx);
    bytes += experts[e].gate.bytes() + experts[e].up.bytes() + experts[e].down.bytes();
  }
  ctx.expert_bytes += bytes;
  if (ctx.profile != nullptr) ctx.profile->CountBytes(bytes);
}

// Experts whose tokens pass them at the same time: places [first, first + rows) of the groups.
struct Chunk {
  std::vector<FfnPart> parts;
  int64_t first = 0, rows = 0;
};

// All places of a few tokens are one chunk. Of many tokens a chunk has as many places as there are
// tokens: at least one expert fits into it, and memory does not grow with the number of experts.
int64_t PlacesTogether(int64_t tokens, int64_t per_token) {
  constexpr int64_t kFewPlaces = 256;
  return std::max(tokens, std::min(tokens * per_token, kFewPlaces));
}

// What the experts read.
struct ExpertInput {
  MatmulInput& tokens;
  // Where it suffices, 8-bit numbers in blocks of this are gathered, a quarter of the bytes and
  // made once for all places of a token. 0: rows of floats.
  size_t block = 0;
};

// The rows of the chunk's places. One token stands for all its places.
MatmulInput InputOf(const ExpertInput& source, const Chunk& chunk, const ExpertGroups& groups,
                    ComputeContext& ctx) {
  const MatrixView<const float>& x = source.tokens.x();
  if (x.rows == 1) return source.block != 0 ? source.tokens : MatmulInput(x, ctx);
  const int32_t* tokens = groups.tokens == nullptr ? nullptr : groups.tokens + chunk.first;
  if (source.block != 0) {
    return {source.tokens, source.block, tokens, chunk.rows, ctx};
  }
  const MatrixView<float> copies = NewMatrix(chunk.rows, x.cols, ctx);
  ctx.pool.ParallelFor(chunk.rows, ctx.GrainFor(x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) std::copy_n(x.row(tokens[i]), x.cols, copies.row(i));
  });
  return {Const(copies), ctx};
}

// out[t] += weight * expert(x[t]) for the places of the chunk, experts ascending. `groups` are not
// read where nothing was routed.
void AddChunk(const DenseFfnSpec& spec, const Chunk& chunk, const ExpertGroups& groups,
              const ExpertInput& source, MatrixView<float> out, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<const float>& x = source.tokens.x();
  MatmulInput input = InputOf(source, chunk, groups, ctx);
  const MatrixView<float> result = NewMatrix(chunk.rows, x.cols, ctx);
  FfnForward(spec, chunk.parts, input, result, ctx);
  const int64_t per_token = groups.per_token;
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(per_token * x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin * per_token; i < end * per_token; ++i) {
      const int64_t place = groups.places[i] - chunk.first;
      if (place < 0 || place >= chunk.rows) continue;
      AddWeighted(groups.weights[groups.places[i]], result.row(place), x.cols,
                  out.row(i / per_token));
    }
  });
  ctx.arena.Release(mark);
}

void AddChunks(const DenseFfnSpec& spec, const std::vector<DenseFfnWeights>& experts,
               const ExpertGroups& groups, const ExpertInput& source, MatrixView<float> out,
               ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kExperts);
  const MatrixView<const float>& x = source.tokens.x();
  const int64_t most = PlacesTogether(x.rows, groups.per_token);
  int64_t bytes = 0;
  Chunk chunk;
  for (size_t e = 0; e < experts.size(); ++e) {
    const int64_t begin = groups.begins[e], count = groups.begins[e + 1] - begin;
    if (count == 0) continue;
    if (chunk.rows + count > most) {
      AddChunk(spec, chunk, groups, source, out, ctx);
      chunk = {.parts = {}, .first = begin, .rows = 0};
    }
    chunk.parts.push_back({&experts[e], x.rows > 1 ? chunk.rows : 0, chunk.rows, count});
    chunk.rows += count;
    bytes += experts[e].gate.bytes() + experts[e].up.bytes() + experts[e].down.bytes();
  }
  AddChunk(spec, chunk, groups, source, out, ctx);
  ctx.expert_bytes += bytes;
  if (ctx.profile != nullptr) ctx.profile->CountBytes(bytes);
}

// Whether products with all experts can share a loop (ops/matmul.h); with others there would be
// nothing to gain.
bool ReadByRows(const std::vector<DenseFfnWeights>& experts, const ComputeContext& ctx) {
  const auto by_rows = [&](const Weight& w) {
    const MatmulForm form = MatmulFormOf(w, ctx.matmul);
    return form != MatmulForm::kCodes && form != MatmulForm::kDecoded;
  };
  return std::all_of(experts.begin(), experts.end(), [&](const DenseFfnWeights& expert) {
    return by_rows(expert.gate) && by_rows(expert.up) && by_rows(expert.down);
  });
}

// The blocks of 8-bit numbers that all experts read, and nothing else; 0 where there are none.
size_t NumbersOf(const std::vector<DenseFfnWeights>& experts, const ComputeContext& ctx) {
  if (ctx.observer != nullptr || ctx.adapters != nullptr || experts.empty()) return 0;
  const size_t block = ActivationBlock(experts.front().gate.dtype);
  const auto reads = [&](const Weight& w) {
    return MatmulFormOf(w, ctx.matmul) == MatmulForm::kInteger && ActivationBlock(w.dtype) == block;
  };
  const bool all = std::all_of(experts.begin(), experts.end(), [&](const DenseFfnWeights& e) {
    return reads(e.gate) && reads(e.up);
  });
  return all ? block : 0;
}

// Walks through something without computing anything: scratch memory is then the same for every
// routing, and a plan knows it before there is one.
template <typename Walk>
void Rehearse(ComputeContext& ctx, const Walk& walk) {
  WorkerPool imagined(WorkerPool::Imagined{ctx.pool.size()});
  ComputeContext rehearsal{imagined, ctx.kernels, ctx.arena, ctx.matmul, ctx.worth_a_thread};
  walk(rehearsal);
}

// The largest group that a routing can make.
void RehearseLargestGroup(const DenseFfnSpec& spec, const DenseFfnWeights& expert,
                          MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  Rehearse(ctx, [&](ComputeContext& rehearsal) {
    rehearsal.adapters = ctx.adapters;
    AddExpert(spec, expert, {.count = x.rows}, x, out, rehearsal);
  });
}

// The largest chunk that a routing can make, with experts of every combination of types.
void RehearseLargestChunk(const DenseFfnSpec& spec, const std::vector<DenseFfnWeights>& experts,
                          int64_t per_token, const ExpertInput& source, MatrixView<float> out,
                          ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kExperts);
  const int64_t tokens = source.tokens.x().rows;
  Chunk chunk{.parts = {}, .rows = PlacesTogether(tokens, per_token)};
  std::vector<std::array<DType, 3>> seen;
  for (const DenseFfnWeights& expert : experts) {
    const std::array<DType, 3> key = {expert.gate.dtype, expert.up.dtype, expert.down.dtype};
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) continue;
    seen.push_back(key);
    chunk.parts.push_back({&expert, 0, 0, tokens});
  }
  ExpertGroups groups;
  groups.per_token = per_token;
  Rehearse(ctx, [&](ComputeContext& rehearsal) {
    AddChunk(spec, chunk, groups, source, out, rehearsal);
  });
}

// Whether an adapter of some row changes the expert.
bool IsAdapted(const DenseFfnWeights& expert, const AdapterRows& adapters) {
  const auto changes = [&](const AdapterUse& use) {
    return use.adapter->Find(expert.gate) != nullptr || use.adapter->Find(expert.up) != nullptr ||
           use.adapter->Find(expert.down) != nullptr;
  };
  return std::any_of(adapters.lists.begin(), adapters.lists.end(), [&](const auto& uses) {
    return std::any_of(uses.begin(), uses.end(), changes);
  });
}

// Products of matrices with equal keys take the same scratch memory.
int ScratchKey(const Weight& w, const ComputeContext& ctx) {
  const int form = static_cast<int>(MatmulFormOf(w, ctx.matmul));
  if (w.packed == nullptr) return form;
  const CodeShape shape = CodeShapeOf(*w.packed);
  const int kind = 1 + static_cast<int>(w.packed->codes.index());
  return form + 8 * kind + 64 * (shape.halves ? 1 : 0) + 128 * (shape.reordered ? 1 : 0) +
         256 * (IsFloat8(*w.packed) ? 1 : 0);  // few rows of it are decoded in registers
}

// Walks through the largest group of every kind of expert: experts without an adapter, of matrices
// of the same forms, take the same memory.
void RehearseExperts(const DenseFfnSpec& spec, const std::vector<DenseFfnWeights>& experts,
                     MatrixView<const float> x, MatrixView<float> out, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kExperts);
  std::vector<std::array<int, 3>> seen;
  for (const DenseFfnWeights& expert : experts) {
    const std::array<int, 3> key = {ScratchKey(expert.gate, ctx), ScratchKey(expert.up, ctx),
                                    ScratchKey(expert.down, ctx)};
    const bool known = std::find(seen.begin(), seen.end(), key) != seen.end();
    if (!known) seen.push_back(key);
    if (known && (ctx.adapters == nullptr || !IsAdapted(expert, *ctx.adapters))) continue;
    RehearseLargestGroup(spec, expert, x, out, ctx);
  }
}

// gates [T, 1] = 1 / (1 + exp(-w . x))
MatrixView<float> SharedGates(const Weight& row, MatrixView<const float> x, ComputeContext& ctx) {
  const MatrixView<float> gates = NewMatrix(x.rows, 1, ctx);
  MatmulInput input(x, ctx);
  Matmul(input, row, gates, ctx);
  ctx.pool.ParallelFor(1, 1, [&](int64_t, int64_t) {
    for (int64_t t = 0; t < x.rows; ++t) gates.data[t] = -gates.data[t];
    ctx.kernels.exp(gates.data, static_cast<size_t>(x.rows), gates.data);
    for (int64_t t = 0; t < x.rows; ++t) gates.data[t] = 1.0f / (1.0f + gates.data[t]);
  });
  return gates;
}

void AddShared(const MoeFfnSpec& spec, const MoeFfnWeights& weights, MatmulInput& tokens,
               MatrixView<float> out, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<const float>& x = tokens.x();
  const MatrixView<float> result = NewMatrix(x.rows, x.cols, ctx);
  const FfnPart all{&weights.shared, 0, 0, x.rows};
  FfnForward(
      {.intermediate_size = spec.shared_size, .activation = spec.activation, .clamp = spec.clamp},
      {&all, 1}, tokens, result, ctx);
  if (spec.shared_gate) {
    const MatrixView<float> gates = SharedGates(SharedGateRow(weights), x, ctx);
    ctx.pool.ParallelFor(x.rows, ctx.GrainFor(x.cols), [&](int64_t begin, int64_t end) {
      for (int64_t t = begin; t < end; ++t) {
        for (int64_t d = 0; d < x.cols; ++d) result.row(t)[d] *= gates.data[t];
      }
    });
  }
  AddInto(Const(result), out, ctx);
  ctx.arena.Release(mark);
}

void Record(const Routing& routing, std::vector<RouterRecord>* records) {
  if (records == nullptr) return;
  const int64_t size = routing.tokens * routing.per_token;
  records->push_back({static_cast<int>(routing.per_token),
                      {routing.experts, routing.experts + size},
                      {routing.weights, routing.weights + size}});
}

}  // namespace

Weight SharedGateRow(const MoeFfnWeights& weights) {
  const std::vector<float>& w = weights.shared_gate;
  return {.dtype = DType::kF32,
          .n = 1,
          .k = static_cast<int64_t>(w.size()),
          .data = reinterpret_cast<const uint8_t*>(w.data()),
          .row_bytes = static_cast<int64_t>(w.size() * sizeof(float))};
}

ExpertGroups GroupByExpert(const Routing& routing, int num_experts, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kRouter);
  const int64_t size = routing.tokens * routing.per_token;
  ExpertGroups groups{.begins = ctx.arena.Allocate<int32_t>(num_experts + 1),
                      .tokens = ctx.arena.Allocate<int32_t>(size),
                      .weights = ctx.arena.Allocate<float>(size),
                      .places = ctx.arena.Allocate<int32_t>(size),
                      .per_token = routing.per_token};
  ctx.pool.ParallelFor(1, 1, [&](int64_t, int64_t) {
    std::fill_n(groups.begins, num_experts + 1, 0);
    for (int64_t i = 0; i < size; ++i) ++groups.begins[routing.experts[i] + 1];
    for (int e = 0; e < num_experts; ++e) groups.begins[e + 1] += groups.begins[e];
    // Filling moves each beginning to its end, which is the next one's beginning.
    for (int64_t i = 0; i < size; ++i) {
      const int32_t place = groups.begins[routing.experts[i]]++;
      groups.tokens[place] = static_cast<int32_t>(i / routing.per_token);
      groups.weights[place] = routing.weights[i];
      groups.places[i] = place;
    }
    std::copy_backward(groups.begins, groups.begins + num_experts, groups.begins + num_experts + 1);
    groups.begins[0] = 0;
    groups.known = true;
  });
  return groups;
}

void MoeFfnForward(const MoeFfnSpec& spec, const MoeFfnWeights& weights, MatrixView<const float> x,
                   std::span<const int32_t> tokens, MatrixView<float> out, ComputeContext& ctx) {
  const Arena::Position mark = ctx.arena.Mark();
  const Routing routing = Route(spec.router, weights.router, x, tokens, ctx);
  const ExpertGroups groups = GroupByExpert(routing, spec.router.num_experts, ctx);
  if (groups.known) Record(routing, ctx.routers);
  ctx.pool.ParallelFor(x.rows, ctx.GrainFor(x.cols), [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) std::fill_n(out.row(t), x.cols, 0.0f);
  });
  const DenseFfnSpec expert{.intermediate_size = spec.expert_size,
                            .activation = spec.activation,
                            .bias = spec.expert_bias,
                            .clamp = spec.clamp};
  const bool together = ReadByRows(weights.experts, ctx);
  MatmulInput all(x, ctx);
  const ExpertInput source{all, together ? NumbersOf(weights.experts, ctx) : 0};
  if (source.block != 0) all.Quantized(source.block);
  if (together) RehearseLargestChunk(expert, weights.experts, routing.per_token, source, out, ctx);
  if (!together || ctx.adapters != nullptr) RehearseExperts(expert, weights.experts, x, out, ctx);
  if (groups.known && together && ctx.adapters == nullptr) {
    AddChunks(expert, weights.experts, groups, source, out, ctx);
  } else if (groups.known) {
    AddExperts(expert, weights.experts, groups, x, out, ctx);
  }
  if (spec.shared_size > 0) AddShared(spec, weights, all, out, ctx);
  ctx.arena.Release(mark);
}

}  // namespace tael
