#include "engine/model_runner.h"

#include <algorithm>

#include "base/error.h"

namespace tael {
namespace {

constexpr int kDefaultContext = 4096;

const KernelTable* ResolveKernels(const KernelTable* requested) {
  const KernelTable* table = requested != nullptr ? requested : SelectKernelTable();
  if (table == nullptr) {
    Fail(ErrorCode::kInvalidArgument,
         "TAEL_FORCE_ISA names an instruction set that is unknown or that this CPU lacks. Hint: "
         "`tael doctor` lists the usable ones");
  }
  return table;
}

int CheckedThreads(int threads) {
  if (threads < 0 || threads > 1024) {
    Fail(ErrorCode::kInvalidArgument, "threads is {}, needed 0 (automatic) to 1024", threads);
  }
  return threads;
}

// The rows of the cache, which must be whole blocks of its type.
std::vector<KvLayout> CheckedLayouts(const Model& model, DType kv_dtype) {
  std::vector<KvLayout> layouts = KvLayouts(model.spec);
  const int block = Info(kv_dtype).block_size;
  for (size_t layer = 0; layer < layouts.size(); ++layer) {
    if (layouts[layer].head_dim % block == 0) continue;
    Fail(ErrorCode::kInvalidArgument,
         "{}: layer {} has head_dim {}, and the cache type {} needs a multiple of {}. Hint: use "
         "--kv f16, --kv bf16 or --kv f32",
         model.checkpoint.path, layer, layouts[layer].head_dim, Name(kv_dtype), block);
  }
  return layouts;
}

}  // namespace

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

ModelRunner::ModelRunner(const Model& model, const RunnerOptions& options, int kv_blocks)
    : model_(model),
      integer_matmul_(options.matmul == MatmulMode::kInteger),
      worth_a_thread_(options.worth_a_thread),
      kernels_(ResolveKernels(options.kernels)),
      pool_(CheckedThreads(options.threads)),
      cache_(CheckedLayouts(model, options.kv_dtype), options.kv_dtype, kv_blocks) {}

MatrixView<const float> ModelRunner::Forward(const Batch& batch, HiddenRecorder* recorder) {
  arena_.Reset();
  ComputeContext ctx{pool_, *kernels_, arena_, integer_matmul_, worth_a_thread_};
  return Const(tael::Forward(model_.spec, model_.weights, batch, cache_, ctx, recorder));
}

}  // namespace tael
