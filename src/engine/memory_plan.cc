#include "engine/memory_plan.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "base/memory.h"
#include "engine/sampler.h"
#include "kernels/kernel_table.h"
#include "kv/batch.h"
#include "model/matrices.h"
#include "ops/matmul_plan.h"
#include "runtime/worker_pool.h"

namespace tael {
namespace {

// Code, stacks and small tables that a run touches after its plan was made, beside what the plan
// names: pages of the program, one request's bookkeeping. A process that only plans has touched
// less of them than one that read its prompt. Measured over random models, see docs/memory.md.
constexpr int64_t kRunGrowth = int64_t{1} << 20, kGrowthAfterHeaders = int64_t{5} << 19;
// What a worker touches of its stack: while it waits, and the sums of a float product in blocks
// (kernels/impl/matmul_float_blocks.inl.h).
constexpr int64_t kThreadBytes = int64_t{12} << 10, kFloatSumBytes = int64_t{144} << 10;
// Address space that the allocator may take for small objects, in steps larger than they are.
constexpr int64_t kHeapSlack = int64_t{16} << 20, kHeapAfterHeaders = int64_t{2} << 20;

// A step with everything at its largest: the first sequences bring as many rows as they can, and
// every row has every adapter.
Batch LargestBatch(const Model& model, const RunShape& shape) {
  std::vector<AdapterUse> adapters;
  adapters.reserve(model.adapters.size());
  for (const auto& adapter : model.adapters) adapters.push_back({adapter.get()});
  const int rows = std::max(shape.rows, shape.sequences);
  Batch batch;
  batch.tokens.assign(static_cast<size_t>(rows), 0);
  batch.positions.assign(static_cast<size_t>(rows), 0);
  batch.logit_rows.resize(static_cast<size_t>(std::min(shape.logit_rows, rows)));
  std::iota(batch.logit_rows.begin(), batch.logit_rows.end(), 0);
  batch.hidden_rows.resize(static_cast<size_t>(std::min(shape.hidden_rows, rows)));
  std::iota(batch.hidden_rows.begin(), batch.hidden_rows.end(), 0);
  int first_row = 0, left = rows - shape.sequences;  // beyond one of each sequence
  for (int i = 0; i < shape.sequences; ++i) {
    const int count = 1 + std::min(left, shape.context - 1);
    batch.sequences.push_back({.first_row = first_row,
                               .count = count,
                               .begin = shape.context - count,
                               .blocks = {},
                               .adapters = adapters,
                               .state = 0});
    batch.sequences.back().blocks.assign(static_cast<size_t>(BlocksFor(shape.context)), 0);
    first_row += count;
    left -= count - 1;
  }
  return batch;
}

// The bytes of file pages that begin at a page border, in address order.
std::vector<std::span<const uint8_t>> JoinPages(std::vector<std::span<const uint8_t>> parts,
                                                std::span<const uint8_t> file) {
  const auto page = static_cast<size_t>(PageBytes());
  std::vector<std::span<const uint8_t>> joined;
  std::sort(parts.begin(), parts.end(),
            [](const auto& a, const auto& b) { return a.data() < b.data(); });
  size_t open = 0, end = 0;  // the range that still grows, as offsets in the file
  const auto close = [&] {
    if (end > open) joined.push_back(file.subspan(open, std::min(end, file.size()) - open));
  };
  for (const auto& part : parts) {
    if (part.empty()) continue;
    const auto offset = static_cast<size_t>(part.data() - file.data());
    const size_t first = offset / page * page;
    const size_t last = (offset + part.size() + page - 1) / page * page;
    if (first > end) {
      close();
      open = first;
    }
    end = std::max(end, last);
  }
  close();
  return joined;
}

// Matrices that an adapter borrows from its file instead of the model's.
std::vector<std::span<const uint8_t>> ReplacementsOf(const Adapter& adapter) {
  std::vector<std::span<const uint8_t>> parts;
  const auto add = [&](const LowRankChange& change) {
    const Weight& w = change.replacement;
    if (!w.empty()) parts.emplace_back(w.data, static_cast<size_t>(w.bytes()));
  };
  if (adapter.embedding) add(*adapter.embedding);
  for (const auto& [data, change] : adapter.products) add(change);
  return parts;
}

// The pages of the replacements, which lie in one mapping.
void AddReplacements(const Adapter& adapter, std::vector<FileRange>* ranges) {
  std::vector<std::span<const uint8_t>> parts = ReplacementsOf(adapter);
  if (parts.empty()) return;
  const uint8_t *first = parts[0].data(), *end = first;
  for (const auto& part : parts) {
    first = std::min(first, part.data());
    end = std::max(end, part.data() + part.size());
  }
  first -= reinterpret_cast<uintptr_t>(first) % static_cast<size_t>(PageBytes());
  for (const auto& joined :
       JoinPages(std::move(parts), {first, static_cast<size_t>(end - first)})) {
    ranges->push_back({joined, adapter.path});
  }
}

// What an adapter holds in memory of its own.
int64_t CopiedBytes(const Adapter& adapter) {
  int64_t bytes = adapter.bytes();
  for (const auto& part : ReplacementsOf(adapter)) bytes -= static_cast<int64_t>(part.size());
  return bytes;
}

// Those of `parts` that lie in `file`.
std::vector<std::span<const uint8_t>> PartsIn(std::span<const uint8_t> file,
                                              const std::vector<std::span<const uint8_t>>& parts) {
  std::vector<std::span<const uint8_t>> found;
  for (const std::span<const uint8_t> part : parts) {
    const bool inside = part.data() >= file.data() && part.data() < file.data() + file.size();
    if (inside) found.push_back(part);
  }
  return found;
}

// What is left of `parts` without `taken`, which are in the order of their addresses and disjoint.
std::vector<std::span<const uint8_t>> Without(const std::vector<std::span<const uint8_t>>& parts,
                                              const std::vector<std::span<const uint8_t>>& taken) {
  std::vector<std::span<const uint8_t>> left;
  for (const std::span<const uint8_t> part : parts) {
    const uint8_t *at = part.data(), *end = part.data() + part.size();
    auto next = std::partition_point(taken.begin(), taken.end(),
                                     [&](const auto& t) { return t.data() + t.size() <= at; });
    for (; at < end && next != taken.end(); ++next) {
      const uint8_t* stop = std::clamp(next->data(), at, end);
      if (at < stop) left.emplace_back(at, stop);
      at = std::max(stop, next->data() + next->size());
    }
    if (at < end) left.emplace_back(at, end);
  }
  return left;
}

}  // namespace

int64_t MemoryPlan::total() const {
  return std::max(weights + repacked + adapters + kv_cache + states + scratch + sampling + program,
                  loading);
}

std::vector<FileRange> PredictionRanges(const Model& model) {
  std::vector<FileRange> ranges;
  for (const auto& file : model.checkpoint.files) {
    const std::span<const uint8_t> bytes = file->bytes();
    std::vector<std::span<const uint8_t>> parts = PartsIn(bytes, model.weights.prediction_sources);
    for (const auto& joined : JoinPages(std::move(parts), bytes)) {
      ranges.push_back({joined, file->path()});
    }
  }
  return ranges;
}

InterleavedWeights PlanInterleaved(const Model& model, const RunnerOptions& options) {
  if (!options.repack || !InIntegers(options.matmul)) return {};
  return {MatricesOfMode(model.weights), ResolveKernels(options.kernels)};
}

std::vector<std::span<const uint8_t>> SourcesBeside(const Model& model,
                                                    const InterleavedWeights& interleaved) {
  return Without(model.weights.sources, interleaved.replaced());
}

std::vector<FileRange> ResidentRanges(const Model& model, const InterleavedWeights& interleaved) {
  const std::vector<std::span<const uint8_t>> sources = SourcesBeside(model, interleaved);
  std::vector<FileRange> ranges;
  for (const auto& file : model.checkpoint.files) {
    const std::span<const uint8_t> bytes = file->bytes();
    const uint8_t* first = bytes.data() + bytes.size();  // where the header ends
    for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
      const uint8_t* data = tensor.bytes.data();
      if (!tensor.bytes.empty() && data >= bytes.data() && data < first) first = data;
    }
    std::vector<std::span<const uint8_t>> parts = PartsIn(bytes, sources);
    parts.push_back(bytes.first(static_cast<size_t>(first - bytes.data())));
    for (const auto& joined : JoinPages(std::move(parts), bytes)) {
      ranges.push_back({joined, file->path()});
    }
  }
  for (const auto& adapter : model.adapters) AddReplacements(*adapter, &ranges);
  return ranges;
}

std::vector<KvLayout> CheckedKvLayouts(const Model& model, DType kv_dtype) {
  std::vector<KvLayout> layouts = KvLayouts(model.spec);
  for (size_t layer = 0; layer < layouts.size(); ++layer) {
    const KvLayout& layout = layouts[layer];
    if (layout.FitsBlocksOf(kv_dtype)) continue;
    std::string parts =
        layout.value_part > 0 ? fmt::format("keys of {} elements and values of {}", layout.head_dim,
                                            layout.value_part)
        : layout.latent_dim == 0
            ? fmt::format("head_dim {}", layout.head_dim)
            : fmt::format("rows of {} elements, {} of them the latent part, and index keys of {}",
                          layout.head_dim, layout.latent_dim, layout.index_dim);
    for (const KvPlane& plane : layout.planes) {
      parts += fmt::format(", rows of {} elements", plane.width);
    }
    Fail(ErrorCode::kInvalidArgument,
         "{}: layer {} has {}, and the cache type {} needs multiples of {}. Hint: use --kv f16, "
         "--kv bf16 or --kv f32",
         model.checkpoint.path, layer, parts, Name(kv_dtype), Info(kv_dtype).block_size);
  }
  return layouts;
}

int64_t KvCacheBytes(const Model& model, DType dtype, int kv_blocks) {
  return KvCache::Bytes(CheckedKvLayouts(model, dtype), dtype, kv_blocks);
}

int64_t StateBytes(const Model& model, int state_slots) {
  return StateCache::Bytes(StateSizes(model.spec), state_slots);
}

void CheckMatmulMode(const Model& model, MatmulMode mode) {
  if (mode != MatmulMode::kBf16) return;
  const std::vector<Weight> matrices = MatricesOfMode(model.weights);
  const bool any = std::any_of(matrices.begin(), matrices.end(), [&](const Weight& w) {
    return MatmulFormOf(w, mode) == MatmulForm::kBf16;
  });
  if (any) return;
  Fail(
      ErrorCode::kInvalidArgument,
      "{}: no matrix is stored as rows of BF16, and the products of --matmul bf16 need some. Hint: "
      "use --matmul integer or --matmul float, or make BF16 weights with 'tael convert'",
      model.checkpoint.path);
}

int64_t ScratchBytes(const Model& model, const RunnerOptions& options, const RunShape& shape) {
  CheckMatmulMode(model, options.matmul);
  WorkerPool pool(WorkerPool::Imagined{options.threads});
  Arena arena{Arena::Imagined{}};
  KvCache cache(CheckedKvLayouts(model, options.kv_dtype), options.kv_dtype, 1);
  StateCache states(StateSizes(model.spec), 0);  // only its layout is needed
  ComputeContext ctx{pool, ResolveKernels(options.kernels), arena, options.matmul,
                     options.worth_a_thread};
  Forward(model.spec, model.weights, LargestBatch(model, shape), {cache, states}, ctx);
  return arena.peak();
}

ProcessBaseline MeasureProcess(const Model& model, const RunnerOptions& options) {
  std::vector<std::span<const uint8_t>> mapped;
  for (const FileRange& range : ResidentRanges(model, PlanInterleaved(model, options))) {
    mapped.push_back(range.bytes);
  }
  return {ReadProcessMemory(), ResidentBytesOf(mapped)};
}

MemoryPlan PlanMemory(const Model& model, const RunnerOptions& options, const RunShape& shape,
                      const ProcessBaseline& baseline) {
  MemoryPlan plan;
  const InterleavedWeights interleaved = PlanInterleaved(model, options);
  plan.repacked = RoundToPages(interleaved.bytes());
  for (const FileRange& range : ResidentRanges(model, interleaved)) {
    plan.weights += RoundToPages(static_cast<int64_t>(range.bytes.size()));
  }
  const int threads = WorkerPool(WorkerPool::Imagined{options.threads}).size();
  plan.kv_cache = RoundToPages(KvCacheBytes(model, options.kv_dtype, shape.kv_blocks));
  plan.states = RoundToPages(StateBytes(model, shape.state_slots));
  plan.scratch = RoundToPages(ScratchBytes(model, options, shape));
  plan.sampling = int64_t{kSamplerBytesPerToken} * model.spec.vocab_size;
  for (const auto& adapter : model.adapters) plan.adapters += CopiedBytes(*adapter);
  // What adapters copied is in memory by now; what they borrow is counted with the weights.
  const int64_t program = baseline.now.resident() - baseline.weights - plan.adapters;
  plan.program = std::max<int64_t>(0, program) +
                 (model.headers_only ? kGrowthAfterHeaders : kRunGrowth) +
                 (threads - 1) * kThreadBytes + threads * kFloatSumBytes;
  plan.loading = baseline.now.peak;
  plan.threads = threads;
  plan.stacks = (threads - 1) * ThreadStackBytes();
  plan.new_address_space = plan.repacked + plan.kv_cache + plan.states + plan.scratch +
                           plan.sampling + plan.stacks + kHeapSlack +
                           (model.headers_only ? kHeapAfterHeaders : 0);
  return plan;
}

}  // namespace tael
