// Runs one measurement after the other on a loaded model: prefill and decode, at any depth, of any
// number of sequences, with probes of the machine's limits between its pieces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/bench/disturbance.h"
#include "app/bench/limits.h"
#include "engine/model_runner.h"
#include "engine/sampler.h"
#include "model/cost.h"
#include "ops/profile.h"

namespace tael {

struct BenchEntry {
  int depth = 0;      // positions that each sequence has before
  int prompt = 0;     // tokens of a prefill; 0: this is a decode
  int generated = 0;  // tokens that a decode gives to each sequence
  int sequences = 1;

  bool decode() const { return prompt == 0; }
  int positions() const { return depth + prompt + generated; }  // that each sequence needs
  int tokens() const { return sequences * (prompt + generated); }
  // "pp512", "tg128 x4 @ d2048"
  std::string Name() const;
};

struct BenchResult {
  BenchEntry entry;
  std::vector<double> seconds = {};  // per repetition
  StepCost cost = {};                // of one repetition
  // Its parts: outside of layers, then each layer; experts as estimated.
  std::vector<StepCost> layer_costs = {};
  std::optional<Profile> profile = {};  // of all repetitions, if the plan says so
  LimitSamples limits = {};
  Disturbance disturbance = {};
  double barriers = 0;  // of threads, per step
};

struct BenchPlan {
  RunnerOptions runner;
  RunShape shape;  // of the largest entries
  int prefill_chunk = 512;
  int repetitions = 5;
  std::vector<AdapterUse> adapters = {};  // of every sequence
  bool profile = false;
  bool same_tokens = false;  // of all sequences, so that they choose the same experts
};

// Not thread-safe. The model must outlive it. Token ids are random but fixed by (sequence,
// position), or by the position alone if the plan says so: a position has the same content however
// often it is evaluated.
class BenchRunner {
 public:
  // Throws kInvalidArgument (options), kExhausted (memory).
  BenchRunner(const Model& model, const BenchPlan& plan);

  ModelRunner& runner() { return runner_; }

  // Fills the cache up to the depth, warms up, measures. `probe` may be null.
  BenchResult Run(const BenchEntry& entry, LimitProbe* probe);

 private:
  // `count` rows of each of the first `sequences`, from `begin` on; logits of the last rows or
  // none.
  Batch MakeBatch(int sequences, int begin, int count, bool logits) const;
  void FillTo(int sequences, int depth);
  // Calls step(batch) for every batch of a repetition.
  template <typename Step>
  void ForEachStep(const BenchEntry& entry, const Step& step) const;
  // Seconds of one repetition, without the probes between its pieces.
  double Repeat(const BenchEntry& entry, LimitProbe* probe, LimitSamples& samples);

  const Model& model_;
  BenchPlan plan_;
  int blocks_per_sequence_;
  ModelRunner runner_;
  SamplerBuffers sampler_;            // unused: the memory of an engine of this size is the same
  int64_t barriers_ = 0, steps_ = 0;  // since Run() began to measure
  std::vector<int> filled_;           // positions of each sequence that the cache holds
};

}  // namespace tael
