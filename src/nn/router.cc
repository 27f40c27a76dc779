#include "nn/router.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/matmul.h"
#include "ops/rms_norm.h"

namespace tael {
namespace {

enum State : uint8_t { kOpen, kShut, kChosen };

// What experts are ranked by: a NaN comes first.
float Rank(float score) {
  return std::isnan(score) ? std::numeric_limits<float>::infinity() : score;
}

// The best of `choice` [begin, end) that are open; -1 for none.
int BestOpen(const float* choice, const uint8_t* state, int begin, int end) {
  int best = -1;
  for (int e = begin; e < end; ++e) {
    if (state[e] == kOpen && (best < 0 || choice[e] > choice[best])) best = e;
  }
  return best;
}

float ScoreOfGroup(GroupScore kind, const float* choice, int begin, int end) {
  float first = choice[begin], second = -std::numeric_limits<float>::infinity();
  for (int e = begin + 1; e < end; ++e) {
    second = std::max(second, std::min(first, choice[e]));
    first = std::max(first, choice[e]);
  }
  return kind == GroupScore::kMax || end - begin == 1 ? first : Rank(first + second);
}

// Leaves only the experts of the best groups open.
void ShutGroups(const RouterSpec& spec, const RouterScratch& scratch) {
  const int size = spec.num_experts / spec.num_groups;
  std::fill_n(scratch.state, spec.num_experts, uint8_t{kShut});
  for (int opened = 0; opened < spec.groups_per_token; ++opened) {
    int best = -1;
    float best_score = 0;
    for (int begin = 0; begin < spec.num_experts; begin += size) {
      if (scratch.state[begin] == kOpen) continue;
      const float score = ScoreOfGroup(spec.group_score, scratch.choice, begin, begin + size);
      if (best < 0 || score > best_score) {
        best = begin;
        best_score = score;
      }
    }
    std::fill_n(scratch.state + best, size, uint8_t{kOpen});
  }
}

// scores [E] in: the gate's product.
void Score(RouterScoring scoring, size_t experts, const KernelTable& kernels, float* scores) {
  if (scoring == RouterScoring::kSoftmax) {
    const float sum = kernels.softmax_numerators(scores, experts);
    for (size_t e = 0; e < experts; ++e) scores[e] /= sum;
  } else {
    for (size_t e = 0; e < experts; ++e) scores[e] = -scores[e];
    kernels.exp(scores, experts, scores);
    for (size_t e = 0; e < experts; ++e) scores[e] = 1.0f / (1.0f + scores[e]);
  }
}

}  // namespace

void ChooseExperts(const RouterSpec& spec, const float* scores, const float* bias,
                   RouterScratch scratch, int32_t* experts, float* weights) {
  for (int e = 0; e < spec.num_experts; ++e) {
    scratch.choice[e] = Rank(bias != nullptr ? scores[e] + bias[e] : scores[e]);
  }
  if (spec.groups_per_token < spec.num_groups) {
    ShutGroups(spec, scratch);
  } else {
    std::fill_n(scratch.state, spec.num_experts, uint8_t{kOpen});
  }
  for (int i = 0; i < spec.experts_per_token; ++i) {
    scratch.state[BestOpen(scratch.choice, scratch.state, 0, spec.num_experts)] = kChosen;
  }
  float sum = 0;
  for (int e = 0, i = 0; e < spec.num_experts; ++e) {
    if (scratch.state[e] != kChosen) continue;
    experts[i] = e;
    weights[i] = scores[e];
    sum += scores[e];
    ++i;
  }
  const float divisor = std::max(sum, spec.sum_floor) + spec.sum_addend;
  for (int i = 0; i < spec.experts_per_token; ++i) {
    if (spec.normalize) weights[i] /= divisor;
    weights[i] *= spec.scale;
  }
}

Routing Route(const RouterSpec& spec, const RouterWeights& weights, MatrixView<const float> x,
              ComputeContext& ctx) {
  const int64_t experts = spec.num_experts, per_token = spec.experts_per_token;
  const Routing routing{x.rows, per_token, ctx.arena.Allocate<int32_t>(x.rows * per_token),
                        ctx.arena.Allocate<float>(x.rows * per_token)};
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> scores = NewMatrix(x.rows, experts, ctx);
  float* choice = ctx.arena.Allocate<float>(x.rows * experts);
  auto* state = ctx.arena.Allocate<uint8_t>(x.rows * experts);
  ComputeContext exact = ctx;
  exact.integer_matmul = false;
  MatmulInput input(x, exact);
  Matmul(input, weights.gate, scores, exact);
  const float* bias = spec.correction_bias ? weights.correction_bias.data() : nullptr;
  const int64_t grain = ctx.GrainFor((4 + per_token) * experts);
  ctx.pool.ParallelFor(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Score(spec.scoring, static_cast<size_t>(experts), ctx.kernels, scores.row(t));
      ChooseExperts(spec, scores.row(t), bias, {choice + t * experts, state + t * experts},
                    routing.experts + t * per_token, routing.weights + t * per_token);
    }
  });
  ctx.arena.Release(mark);
  return routing;
}

}  // namespace tael
