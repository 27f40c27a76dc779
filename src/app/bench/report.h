// What `tael bench` prints: one JSON object, or a table.
#pragma once

#include <string>
#include <vector>

#include "app/bench/runner.h"
#include "base/json.h"
#include "model/model.h"

namespace tael {

// A measured entry with what was fixed while it ran.
struct BenchRow {
  int threads = 0;
  BenchResult result;
};

// What is true of the whole run.
struct BenchContext {
  std::string path, kernels = {}, matmul, kv;
  MatmulMode mode = MatmulMode::kInteger;
  RunnerOptions runner = {};
  PackedWeights packed = {};     // of the first runner
  int64_t large_page_bytes = 0;  // of what is packed
  double load_seconds = 0;       // until it was ready
  int prefill_chunk = 0, repetitions = 0;
  int64_t probe_bytes = 0;   // memory that the bandwidth was measured on
  bool probes = true;        // false: --no-probes
  bool same_tokens = false;  // BenchPlan
  std::vector<std::string> loras = {};
  double load_before = 0, load_after = 0;
};

// Bytes of all tensors by type, largest first, with the form of their products:
// [{"type", "bytes", "tensors", "matmul"}].
Json TypesToJson(const Model& model, MatmulMode mode);

// Why the figures of the run should not be used, or "".
std::string RunProblem(const BenchContext& context, const std::vector<BenchRow>& rows);

Json ReportToJson(const BenchContext& context, const Model& model,
                  const std::vector<BenchRow>& rows);
std::string ReportToText(const BenchContext& context, const Model& model,
                         const std::vector<BenchRow>& rows);

}  // namespace tael
