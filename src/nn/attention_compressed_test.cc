// Compressed attention: entries and their choice against plain double precision, and a whole layer
// that must not show how a sequence was cut, which threads computed it or where its blocks lie.
#include "nn/attention_compressed.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>

#include "kv/caches.h"
#include "nn/entry_index.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

constexpr int kHidden = 18, kLength = 150, kWindow = 10, kHeads = 6, kRotary = 8;
constexpr float kEps = 1e-5f;
using Pieces = std::vector<int>;

CompressedSpec SpecOf(int ratio, bool overlapping, bool indexed) {
  CompressedSpec spec{.num_heads = kHeads,
                      .head_dim = 20,
                      .q_rank = 13,
                      .output_groups = 3,
                      .output_rank = 7,
                      .window = kWindow,
                      .ratio = ratio,
                      .overlapping = overlapping,
                      .rope = {.pairing = RopePairing::kInterleaved, .rotary_dim = kRotary},
                      .scale = 0.25f};
  if (indexed) spec.indexer = IndexerSpec{.num_heads = 3, .head_dim = 12, .top_k = 5};
  return spec;
}

// Random weights of a layer and random input.
class Layer {
 public:
  explicit Layer(const CompressedSpec& spec) : spec_(spec) {
    const int64_t heads = int64_t{kHeads} * spec.head_dim;
    const int64_t down = int64_t{spec.output_groups} * spec.output_rank;
    w_.query_down = Matrix(spec.q_rank, kHidden);
    w_.query_down_norm = Gains(spec.q_rank);
    w_.query = Matrix(heads, spec.q_rank);
    w_.query_norm.assign(static_cast<size_t>(spec.head_dim), 1.0f);
    w_.shared = Matrix(spec.head_dim, kHidden);
    w_.shared_norm = Gains(spec.head_dim);
    w_.sinks = Floats(kHeads);
    for (int g = 0; g < spec.output_groups; ++g) {
      w_.output_down.push_back(Matrix(spec.output_rank, heads / spec.output_groups));
    }
    w_.output = Matrix(kHidden, down);
    w_.rope = ComputeRopeFrequencies(spec.rope);
    if (spec.ratio > 0) w_.compressor = Compressor(spec.head_dim);
    if (spec.indexer.has_value()) {
      w_.index.query = Matrix(spec.indexer->num_heads * spec.indexer->head_dim, spec.q_rank);
      w_.index.head_weights = Matrix(spec.indexer->num_heads, kHidden);
      w_.index.compressor = Compressor(spec.indexer->head_dim);
    }
    x_ = Floats(int64_t{kLength} * kHidden);
  }

  KvLayout layout() const {
    KvLayout layout{.num_kv_heads = 1, .head_dim = spec_.head_dim, .latent_dim = spec_.head_dim};
    layout.planes = PlanesOf(spec_);
    return layout;
  }

  StateCache NewStates(int slots) const { return {{StateSize(spec_)}, slots}; }

  // The output of all positions, evaluated in pieces; `blocks` are those of the cache.
  std::vector<float> Forward(const Pieces& pieces, int threads, KvCache& cache,
                             const std::vector<BlockId>& blocks) const {
    std::vector<float> out(x_.size());
    StateCache states = NewStates(1);
    int begin = 0;
    for (const int count : pieces) {
      WorkerPool pool(threads);
      Arena arena;
      ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
      Step({begin, count, {}}, blocks, {cache, states}, out.data() + int64_t{begin} * kHidden, ctx);
      begin += count;
    }
    EXPECT_EQ(begin, kLength);
    return out;
  }

  struct Piece {
    int begin, count;
    std::vector<StateSnapshot> snapshots;
  };
  // With the state in slot 0.
  void Step(const Piece& piece, const std::vector<BlockId>& blocks, const Caches& caches,
            float* out, ComputeContext& ctx) const {
    const auto [begin, count, snapshots] = piece;
    Batch batch;
    batch.tokens.assign(static_cast<size_t>(count), 0);
    for (int i = 0; i < count; ++i) batch.positions.push_back(begin + i);
    batch.sequences.push_back({.first_row = 0,
                               .count = count,
                               .begin = begin,
                               .blocks = blocks,
                               .state = 0,
                               .snapshots = snapshots});
    const AttentionStep step{batch, caches.keys_values, caches.states, 0, kEps};
    CompressedForward(spec_, w_, step,
                      {x_.data() + int64_t{begin} * kHidden, count, kHidden, kHidden},
                      {out, count, kHidden, kHidden}, ctx);
  }

  // Entry `index` in double precision: the softmax over its run, channel by channel, normalised and
  // rotated.
  std::vector<double> Entry(const CompressorWeights& w, int width, int index) const {
    const int ratio = spec_.ratio, row = spec_.overlapping ? 2 * width : width;
    std::vector<double> entry(static_cast<size_t>(width)), sums(static_cast<size_t>(width));
    const int first = spec_.overlapping ? (index - 1) * ratio : index * ratio;
    for (int p = std::max(first, 0); p < (index + 1) * ratio; ++p) {
      const int from = spec_.overlapping && p >= index * ratio ? width : 0;
      for (int d = 0; d < width; ++d) {
        const double gate =
            Dot(w.gates, from + d, p) +
            static_cast<double>(w.place_bias[static_cast<size_t>(p % ratio * row + from + d)]);
        sums[static_cast<size_t>(d)] += std::exp(gate);
        entry[static_cast<size_t>(d)] += std::exp(gate) * Dot(w.values, from + d, p);
      }
    }
    double squares = 0;
    for (size_t d = 0; d < entry.size(); ++d) {
      entry[d] /= sums[d];
      squares += entry[d] * entry[d];
    }
    for (size_t d = 0; d < entry.size(); ++d) {
      entry[d] *=
          static_cast<double>(w.norm[d]) / std::sqrt(squares / width + static_cast<double>(kEps));
    }
    for (size_t i = 0; i < kRotary / 2; ++i) {
      const double angle = static_cast<double>(w_.rope.inverse[i]) * index * ratio;
      double &a = entry[entry.size() - kRotary + 2 * i], &b = (&a)[1];
      const double rotated = a * std::cos(angle) - b * std::sin(angle);
      b = b * std::cos(angle) + a * std::sin(angle);
      a = rotated;
    }
    return entry;
  }

  const CompressedWeights& weights() const { return w_; }
  const std::vector<float>& x() const { return x_; }

 private:
  std::vector<float> Floats(int64_t n) {
    std::vector<float> out(static_cast<size_t>(n));
    for (float& v : out) v = static_cast<float>(random_()) * 0x1p-31f - 1.0f;
    return out;
  }
  std::vector<float> Gains(int64_t n) {
    std::vector<float> out = Floats(n);
    for (float& v : out) v = 1.0f + 0.3f * v;
    return out;
  }
  Weight Matrix(int64_t n, int64_t k) {
    matrices_.push_back(Floats(n * k));
    return {.dtype = DType::kF32,
            .n = n,
            .k = k,
            .data = reinterpret_cast<const uint8_t*>(matrices_.back().data()),
            .row_bytes = 4 * k};
  }
  CompressorWeights Compressor(int width) {
    const int row = spec_.overlapping ? 2 * width : width;
    CompressorWeights w;
    w.values = Matrix(row, kHidden);
    w.gates = Matrix(row, kHidden);
    w.place_bias = Floats(int64_t{spec_.ratio} * row);
    w.norm = Gains(width);
    return w;
  }
  double Dot(const Weight& w, int row, int position) const {
    const auto* values = reinterpret_cast<const float*>(w.row(row));
    double sum = 0;
    for (int i = 0; i < kHidden; ++i) {
      sum += static_cast<double>(values[i]) * x_[static_cast<size_t>(position * kHidden + i)];
    }
    return sum;
  }

  std::mt19937 random_{7};
  CompressedSpec spec_;
  std::vector<std::vector<float>> matrices_;
  CompressedWeights w_;
  std::vector<float> x_;
};

TEST(CompressedAttention, EntriesAreSoftmaxSumsOfTheirRuns) {
  for (const bool overlapping : {false, true}) {
    const CompressedSpec spec = SpecOf(overlapping ? 4 : 30, overlapping, overlapping);
    const Layer layer(spec);
    KvCache cache({layer.layout()}, DType::kF32, 4);
    const BatchSequence sequence{.first_row = 0, .count = 0, .begin = 0, .blocks = {2, 0, 3}};
    layer.Forward({kLength}, 2, cache, sequence.blocks);
    for (int e = 0; e < kLength / spec.ratio; ++e) {
      const auto* entry =
          reinterpret_cast<const float*>(PlaneEntry(sequence, {0, 0}, e, spec.ratio, cache));
      const std::vector<double> expected =
          layer.Entry(layer.weights().compressor, spec.head_dim, e);
      for (size_t d = 0; d < expected.size(); ++d) ASSERT_NEAR(entry[d], expected[d], 2e-5) << e;
      if (!spec.indexer.has_value()) continue;
      const auto* key =
          reinterpret_cast<const float*>(PlaneEntry(sequence, {0, 1}, e, spec.ratio, cache));
      const std::vector<double> expected_key =
          layer.Entry(layer.weights().index.compressor, spec.indexer->head_dim, e);
      for (size_t d = 0; d < expected_key.size(); ++d) ASSERT_NEAR(key[d], expected_key[d], 2e-5);
    }
  }
}

// Ratios that divide a block, do not, and exceed it.
TEST(CompressedAttention, DoesNotShowHowASequenceWasCutOrWhereItLies) {
  for (const CompressedSpec& spec : {SpecOf(0, false, false), SpecOf(4, true, true),
                                     SpecOf(7, true, true), SpecOf(100, false, false)}) {
    const Layer layer(spec);
    for (const DType dtype : {DType::kF32, DType::kF16}) {
      KvCache cache({layer.layout()}, dtype, 4);
      const std::vector<float> whole = layer.Forward({kLength}, 3, cache, {2, 0, 3});
      EXPECT_EQ(layer.Forward(Pieces(kLength, 1), 2, cache, {0, 1, 2}), whole) << spec.ratio;
      EXPECT_EQ(layer.Forward({1, 5, 58, 1, 20, 64, 1}, 1, cache, {3, 2, 1}), whole) << spec.ratio;
      for (const float v : whole) ASSERT_TRUE(std::isfinite(v));
    }
  }
}

// Wherever a state was kept, in the same step or between others.
TEST(CompressedAttention, GoingBackToAKeptStateBringsBackTheSameResult) {
  const std::vector<StateSnapshot> wanted = {{3, 1}, {64, 2}, {101, 3}, {150, 4}};
  for (const CompressedSpec& spec : {SpecOf(4, true, true), SpecOf(100, false, false)}) {
    const Layer layer(spec);
    KvCache cache({layer.layout()}, DType::kF16, 4);
    const std::vector<float> whole = layer.Forward({kLength}, 2, cache, {0, 1, 2});
    for (const int length : {1, 50, kLength}) {
      StateCache states = layer.NewStates(5);
      std::vector<float> out(whole.size());
      WorkerPool pool(2);
      Arena arena;
      ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
      const auto run = [&](Layer::Piece piece) {
        layer.Step(piece, {0, 1, 2}, {cache, states}, out.data() + piece.begin * kHidden, ctx);
      };
      for (int begin = 0; begin < kLength; begin += length) {
        Layer::Piece piece{begin, length, {}};
        for (const StateSnapshot& kept : wanted) {
          if (kept.position > begin && kept.position <= begin + length) {
            piece.snapshots.push_back(kept);
          }
        }
        run(piece);
      }
      for (const StateSnapshot& kept : wanted) {
        if (kept.position == kLength) continue;
        std::fill(out.begin() + kept.position * kHidden, out.end(), 0.0f);
        states.Copy(kept.slot, 0);
        run({kept.position, kLength - kept.position, {}});
        EXPECT_EQ(out, whole) << spec.ratio << ", " << length << ", " << kept.position;
      }
    }
  }
}

// Two at places of their own, their states in swapped slots.
TEST(CompressedAttention, SequencesOfABatchGetWhatTheyGetAlone) {
  constexpr int kBegins[] = {97, 42}, kCounts[] = {53, 40};
  const std::vector<BlockId> blocks[] = {{4, 0, 2}, {1, 5, 3}};
  for (const CompressedSpec& spec :
       {SpecOf(4, true, true), SpecOf(7, true, true), SpecOf(100, false, false)}) {
    const Layer layer(spec);
    KvCache cache({layer.layout()}, DType::kF16, 6);
    WorkerPool pool(2);
    Arena arena;
    ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
    const std::vector<float> whole = layer.Forward({kLength}, 2, cache, {0, 1, 2});
    // What is before the batch makes its state in slot 0, from where the first one's goes to 1.
    StateCache states = layer.NewStates(2);
    std::vector<float> out(whole.size());
    for (const int s : {0, 1}) {
      layer.Step({0, kBegins[s], {}}, blocks[s], {cache, states}, out.data(), ctx);
      if (s == 0) states.Copy(0, 1);
    }
    Batch batch;
    std::vector<float> x;
    for (const int s : {0, 1}) {
      batch.sequences.push_back({.first_row = static_cast<int>(batch.tokens.size()),
                                 .count = kCounts[s],
                                 .begin = kBegins[s],
                                 .blocks = blocks[s],
                                 .state = 1 - s});
      for (int i = 0; i < kCounts[s]; ++i) {
        batch.tokens.push_back(0);
        batch.positions.push_back(kBegins[s] + i);
      }
      const auto from = layer.x().begin() + kBegins[s] * kHidden;
      x.insert(x.end(), from, from + kCounts[s] * kHidden);
    }
    std::vector<float> found(x.size());
    const int rows = kCounts[0] + kCounts[1];
    CompressedForward(spec, layer.weights(), {batch, cache, states, 0, kEps},
                      {x.data(), rows, kHidden, kHidden}, {found.data(), rows, kHidden, kHidden},
                      ctx);
    std::vector<float> wanted;
    for (const int s : {0, 1}) {
      const auto from = whole.begin() + kBegins[s] * kHidden;
      wanted.insert(wanted.end(), from, from + kCounts[s] * kHidden);
    }
    EXPECT_EQ(found, wanted) << spec.ratio;
  }
}

TEST(CompressedAttention, TakesTheScratchMemoryThatAnImaginedStepTakes) {
  for (const CompressedSpec& spec : {SpecOf(4, true, true), SpecOf(100, false, false)}) {
    const Layer layer(spec);
    KvCache cache({layer.layout()}, DType::kF16, 4);
    StateCache states = layer.NewStates(1);
    std::vector<float> out(int64_t{kLength} * kHidden);
    const auto peak = [&](WorkerPool& pool, int begin, int count) {
      Arena arena;
      ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
      layer.Step({begin, count, {}}, {0, 1, 2}, {cache, states}, out.data(), ctx);
      return arena.peak();
    };
    WorkerPool real(2), imagined(WorkerPool::Imagined{2});
    EXPECT_EQ(peak(real, 0, kLength), peak(imagined, 0, kLength));
    EXPECT_LE(peak(real, 0, 40), peak(imagined, kLength - 40, 40));
  }
}

// The five of all entries that fit best, by the definition; of equal ones the first.
TEST(EntryIndex, ChoosesTheEntriesThatFitBest) {
  const CompressorShape shape{.ratio = 3, .overlapping = false, .width = 4};
  const IndexerSpec spec{.num_heads = 2, .head_dim = 4, .top_k = 5};
  KvLayout layout{.num_kv_heads = 1, .head_dim = 4, .latent_dim = 4};
  layout.planes = {PlaneOf(shape)};
  KvCache cache({layout}, DType::kF32, 2);
  constexpr int kRows = 90;
  Batch batch;
  batch.tokens.assign(kRows, 0);
  batch.sequences.push_back({.first_row = 0, .count = kRows, .begin = 0, .blocks = {1, 0}});
  std::mt19937 random(3);
  const auto small = [&] { return static_cast<float>(random() % 5) - 2.0f; };  // many ties
  std::vector<float> keys(4 * (kRows / 3)), queries(8 * kRows), x(2 * kRows);
  for (auto* values : {&keys, &queries, &x}) std::generate(values->begin(), values->end(), small);
  for (int e = 0; e < kRows / 3; ++e) {
    std::memcpy(PlaneEntry(batch.sequences[0], shape.entries(0), e, 3, cache),
                &keys[4 * static_cast<size_t>(e)], 16);
  }
  const std::vector<float> identity = {1, 0, 0, 1};
  const Weight head_weights{.dtype = DType::kF32,
                            .n = 2,
                            .k = 2,
                            .data = reinterpret_cast<const uint8_t*>(identity.data()),
                            .row_bytes = 8};
  WorkerPool pool(3);
  Arena arena;
  ComputeContext ctx{pool, *SelectKernelTable(), arena, MatmulMode::kInteger, 0};
  StateCache none({}, 0);
  const AttentionStep step{batch, cache, none, 0, kEps};
  const EntryIndex index(spec, shape, step);
  ASSERT_TRUE(index.NeedsChoice());
  const EntryChoice choice =
      index.Choose({queries.data(), kRows, 8, 8}, head_weights, {x.data(), kRows, 2, 2}, ctx);
  for (int t = 0; t < kRows; ++t) {
    const int visible = (t + 1) / 3;
    std::vector<std::pair<float, int>> best;  // negated scores
    for (int e = 0; e < visible; ++e) {
      float score = 0;
      for (size_t h = 0; h < 2; ++h) {
        float fit = 0;
        for (size_t d = 0; d < 4; ++d) {
          fit += queries[8 * static_cast<size_t>(t) + 4 * h + d] *
                 keys[4 * static_cast<size_t>(e) + d];
        }
        score += x[2 * static_cast<size_t>(t) + h] * std::max(fit, 0.0f);
      }
      best.emplace_back(-score, e);
    }
    std::sort(best.begin(), best.end());
    for (int rank = 0; rank < visible; ++rank) {
      EXPECT_EQ(choice.Has(t, best[static_cast<size_t>(rank)].second), rank < 5)
          << t << " " << rank;
    }
  }
}

}  // namespace
}  // namespace tael
