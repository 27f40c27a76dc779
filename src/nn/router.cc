#include "nn/router.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/exact_math.h"
#include "ops/matmul.h"
#include "ops/profile.h"
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

// ln(1 + exp(x)), rounded from double; x itself where that is what it comes to.
float Softplus(float x) {
  constexpr float kLinear = 20.0f;
  if (!(x <= kLinear)) return x;  // also NaN
  const double e = ExactExp(static_cast<double>(x));
  constexpr double kSmall = 0x1p-30;  // ln(1 + e) = e to more digits than a float has
  return static_cast<float>(e < kSmall ? e : ExactLog(1.0 + e));
}

// scores [E] in: the gate's product.
void Score(RouterScoring scoring, size_t experts, const KernelTable& kernels, float* scores) {
  switch (scoring) {
    case RouterScoring::kSoftmax: {
      const float sum = kernels.softmax_numerators(scores, experts);
      for (size_t e = 0; e < experts; ++e) scores[e] /= sum;
      break;
    }
    case RouterScoring::kSigmoid:
      for (size_t e = 0; e < experts; ++e) scores[e] = -scores[e];
      kernels.exp(scores, experts, scores);
      for (size_t e = 0; e < experts; ++e) scores[e] = 1.0f / (1.0f + scores[e]);
      break;
    case RouterScoring::kSqrtSoftplus:
      for (size_t e = 0; e < experts; ++e) scores[e] = std::sqrt(Softplus(scores[e]));
      break;
    case RouterScoring::kSoftmaxOfChosen:
      break;
  }
}

void ChooseOneOfEachGroup(const RouterSpec& spec, RouterScratch scratch) {
  const int size = spec.num_experts / spec.num_groups;
  for (int begin = 0; begin < spec.num_experts; begin += size) {
    scratch.state[BestOpen(scratch.choice, scratch.state, begin, begin + size)] = kChosen;
  }
}

void ChooseBest(const RouterSpec& spec, RouterScratch scratch) {
  if (spec.groups_per_token < spec.num_groups) ShutGroups(spec, scratch);
  for (int i = 0; i < spec.experts_per_token; ++i) {
    scratch.state[BestOpen(scratch.choice, scratch.state, 0, spec.num_experts)] = kChosen;
  }
}

}  // namespace

void LookUpExperts(const RouterSpec& spec, const RouterWeights& weights, int32_t token,
                   int32_t* experts) {
  const int count = spec.experts_per_token;
  const bool wide = weights.token_experts_dtype == DType::kI64;
  const int64_t first = int64_t{token} * count;
  for (int i = 0; i < count; ++i) {
    if (wide) {
      int64_t expert;
      std::memcpy(&expert, weights.token_experts + (first + i) * int64_t{sizeof(expert)},
                  sizeof(expert));
      experts[i] = static_cast<int32_t>(expert);
    } else {
      std::memcpy(experts + i, weights.token_experts + (first + i) * int64_t{sizeof(int32_t)},
                  sizeof(int32_t));
    }
  }
  std::sort(experts, experts + count);
}

void ChooseExperts(const RouterSpec& spec, const std::vector<float>& correction_bias,
                   const float* scores, RouterScratch scratch, int32_t* experts) {
  for (int e = 0; e < spec.num_experts; ++e) {
    const float bias = spec.correction_bias ? correction_bias[static_cast<size_t>(e)] : 0.0f;
    scratch.choice[e] = Rank(scores[e] + bias);
  }
  std::fill_n(scratch.state, spec.num_experts, uint8_t{kOpen});
  if (spec.choice == ExpertChoice::kBestOfEachGroup) {
    ChooseOneOfEachGroup(spec, scratch);
  } else {
    ChooseBest(spec, scratch);
  }
  for (int e = 0, i = 0; e < spec.num_experts; ++e) {
    if (scratch.state[e] == kChosen) experts[i++] = e;
  }
}

void WeighExperts(const RouterSpec& spec, const RouterWeights& weights, const float* scores,
                  const KernelTable& kernels, const int32_t* experts, float* mixed) {
  const int count = spec.experts_per_token;
  for (int i = 0; i < count; ++i) mixed[i] = scores[experts[i]];
  if (spec.scoring == RouterScoring::kSoftmaxOfChosen) {
    const float total = kernels.softmax_numerators(mixed, static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) mixed[i] /= total;
  }
  float sum = 0;
  for (int i = 0; i < count; ++i) sum += mixed[i];
  const float divisor = std::max(sum, spec.sum_floor) + spec.sum_addend;
  for (int i = 0; i < count; ++i) {
    if (spec.normalize) mixed[i] /= divisor;
    mixed[i] *= spec.scale;
    if (spec.expert_scales) mixed[i] *= weights.expert_scales[static_cast<size_t>(experts[i])];
  }
}

Routing Route(const RouterSpec& spec, const RouterWeights& weights, MatrixView<const float> x,
              std::span<const int32_t> tokens, ComputeContext& ctx) {
  const OpScope scope(ctx.profile, OpKind::kRouter);
  const int64_t experts = spec.num_experts, per_token = spec.experts_per_token;
  const Routing routing{x.rows, per_token, ctx.arena.Allocate<int32_t>(x.rows * per_token),
                        ctx.arena.Allocate<float>(x.rows * per_token)};
  const Arena::Position mark = ctx.arena.Mark();
  const MatrixView<float> scores = NewMatrix(x.rows, experts, ctx);
  float* choice = ctx.arena.Allocate<float>(x.rows * experts);
  auto* state = ctx.arena.Allocate<uint8_t>(x.rows * experts);
  ComputeContext exact = ctx;
  exact.matmul = MatmulMode::kFloat;
  MatmulInput input(x, exact);
  Matmul(input, weights.gate, scores, exact);
  AddBias(weights.gate_bias, scores, ctx);
  const int64_t grain = ctx.GrainFor((4 + per_token) * experts);
  ctx.pool.ParallelFor(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t t = begin; t < end; ++t) {
      Score(spec.scoring, static_cast<size_t>(experts), ctx.kernels, scores.row(t));
      int32_t* chosen = routing.experts + t * per_token;
      if (spec.choice == ExpertChoice::kByToken) {
        LookUpExperts(spec, weights, tokens[static_cast<size_t>(t)], chosen);
      } else {
        ChooseExperts(spec, weights.correction_bias, scores.row(t),
                      {choice + t * experts, state + t * experts}, chosen);
      }
      WeighExperts(spec, weights, scores.row(t), ctx.kernels, chosen,
                   routing.weights + t * per_token);
    }
  });
  ctx.arena.Release(mark);
  return routing;
}

}  // namespace tael
