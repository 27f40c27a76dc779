// Rows are taken a few at a time for one head, so that the scratch memory is the same for every
// number of rows and heads. A row's result depends on that row only.
#include "ops/adapt_heads.h"

#include <algorithm>

#include "ops/adapt.h"

namespace tael {
namespace {

constexpr int64_t kRowsTogether = 64;

size_t Sized(int64_t value) { return static_cast<size_t>(value); }

class HeadChange {
 public:
  HeadChange(const LowRankChange& change, float factor, const HeadWeights& w, ComputeContext& ctx)
      : change_(change), factor_(factor), in_(w.inputs()), out_(w.outputs()), ctx_(ctx) {}

  void Add(const HeadRange& range, const std::vector<int32_t>& rows, const HeadRows<const float>& x,
           const HeadRows<float>& y) {
    const Arena::Position mark = ctx_.arena.Mark();
    const int64_t size = kRowsTogether * (in_ + change_.rank + out_);
    float* scratch = ctx_.arena.Allocate<float>(ctx_.pool.size() * size);
    const auto count = static_cast<int64_t>(rows.size());
    const int64_t tiles = (count + kRowsTogether - 1) / kRowsTogether;
    const int64_t units = range.heads * tiles;
    const int64_t operations = std::min(count, kRowsTogether) * change_.rank * (in_ + out_);
    const int64_t parts =
        std::clamp<int64_t>(units / ctx_.GrainFor(operations), 1, ctx_.pool.size());
    ctx_.pool.ParallelFor(parts, 1, [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        for (int64_t unit = part; unit < units; unit += parts) {
          const int64_t head = unit / tiles, begin = unit % tiles * kRowsTogether;
          const int64_t end = std::min(count, begin + kRowsTogether);
          AddTile(head, range.first_head + head, {rows.data() + begin, Sized(end - begin)}, x, y,
                  scratch + part * size);
        }
      }
    });
    ctx_.arena.Release(mark);
  }

 private:
  // `head`: counted from the first part of x and y; `number`: from the model's first.
  void AddTile(int64_t head, int64_t number, std::span<const int32_t> rows,
               const HeadRows<const float>& x, const HeadRows<float>& y, float* scratch) const {
    const auto count = static_cast<int64_t>(rows.size());
    float* gathered = scratch;
    float* lowered = gathered + kRowsTogether * in_;
    float* delta = lowered + kRowsTogether * change_.rank;
    for (int64_t i = 0; i < count; ++i) {
      std::copy_n(x.rows.row(rows[Sized(i)]) + head * x.step, in_, gathered + i * in_);
    }
    const float* b = change_.b.data() + number * (change_.by_columns ? in_ : out_) * change_.rank;
    const float* first = change_.by_columns ? b : change_.a.data();
    const float* second = change_.by_columns ? change_.a.data() : b;
    Multiply(first, gathered, in_, count, lowered, change_.rank);
    Multiply(second, lowered, change_.rank, count, delta, out_);
    for (int64_t i = 0; i < count; ++i) {
      float* to = y.rows.row(rows[Sized(i)]) + head * y.step;
      const float* from = delta + i * out_;
      for (int64_t j = 0; j < out_; ++j) {
        const float value = factor_ * from[j];
        to[j] += value;
      }
    }
  }

  // to [count, outputs] = from [count, inputs] times w: rows of inputs, or by columns of outputs.
  void Multiply(const float* w, const float* from, int64_t inputs, int64_t count, float* to,
                int64_t outputs) const {
    const auto product =
        change_.by_columns ? ctx_.kernels.matmul_transposed : ctx_.kernels.matmul_float;
    const int64_t width = change_.by_columns ? outputs : inputs;
    product(from, Sized(inputs), Sized(count), DType::kF32, reinterpret_cast<const uint8_t*>(w),
            Sized(width) * sizeof(float), Sized(outputs), Sized(inputs), to, Sized(outputs));
  }

  const LowRankChange& change_;
  float factor_;
  int64_t in_, out_;
  ComputeContext& ctx_;
};

}  // namespace

MatrixKey KeyOf(const HeadWeights& w) {
  Weight first = w.all;
  if (first.packed != nullptr) {
    first.first_row += w.first_row * first.row_step;
  } else if (first.data != nullptr) {
    first.data += w.first_row * first.row_bytes;
  }
  return KeyOf(first);
}

void AdaptHeadProduct(const HeadWeights& w, const HeadRange& range, const HeadRows<const float>& x,
                      const HeadRows<float>& y, ComputeContext& ctx) {
  const AdapterRows& all = *ctx.adapters;
  const MatrixKey key = KeyOf(w);
  for (size_t list = 0; list < all.lists.size(); ++list) {
    if (all.rows[list].empty()) continue;
    for (const AdapterUse& use : all.lists[list]) {
      const LowRankChange* change = use.adapter->Find(key);
      if (change == nullptr) continue;
      HeadChange(*change, change->scale * use.weight, w, ctx).Add(range, all.rows[list], x, y);
    }
  }
}

}  // namespace tael
