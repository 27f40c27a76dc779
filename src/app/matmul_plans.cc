#include "app/matmul_plans.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "app/terminal.h"
#include "engine/memory_plan.h"
#include "model/matrices.h"

namespace tael {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "blk.12.attn_q.weight" -> "blk.*.attn_q.weight": numbers that are a whole part of the name.
std::string PatternOf(const std::string& name) {
  std::string pattern;
  for (size_t at = 0; at < name.size();) {
    const size_t end = std::min(name.find('.', at), name.size());
    const std::string part = name.substr(at, end - at);
    const bool number = !part.empty() && std::all_of(part.begin(), part.end(), IsDigit);
    pattern += number ? "*" : part;
    if (end < name.size()) pattern += '.';
    at = end + 1;
  }
  return pattern;
}

// Which tensor a weight lies in.
class Names {
 public:
  explicit Names(const Model& model) {
    for (const TensorInfo& tensor : model.checkpoint.tensors.all()) {
      if (!tensor.bytes.empty()) tensors_[tensor.bytes.data()] = &tensor;
    }
    for (const NamedPacked& packed : model.weights.packed) {
      packed_[packed.matrix.get()] = packed.name;
    }
  }

  std::string Of(const Weight& w) const {
    if (w.packed != nullptr) {
      const auto found = packed_.find(w.packed.get());
      return found == packed_.end() ? "?" : found->second;
    }
    const auto behind = tensors_.upper_bound(w.data);
    if (behind == tensors_.begin()) return "?";
    const TensorInfo& tensor = *std::prev(behind)->second;
    const bool inside = std::less<>()(w.data, tensor.bytes.data() + tensor.bytes.size());
    return inside ? tensor.name : "?";
  }

 private:
  std::map<const uint8_t*, const TensorInfo*, std::less<>> tensors_;
  std::map<const PackedMatrix*, std::string> packed_;
};

// Only where plans differ is a column of its own needed.
std::string PlansToText(const std::vector<MatmulPlan>& plans) {
  std::string text = ToText(plans.front());
  for (size_t i = 1; i < plans.size(); ++i) {
    if (ToText(plans[i]) == ToText(plans[i - 1])) continue;
    text += fmt::format("; from {} rows on: {}", kPlannedRows[i], ToText(plans[i]));
  }
  return text;
}

}  // namespace

std::vector<PlannedMatrices> PlanMatmuls(const Model& model, const RunnerOptions& options) {
  const InterleavedWeights interleaved = PlanInterleaved(model, options);
  const Names names(model);
  std::vector<PlannedMatrices> all;
  MatmulMachine machine{.threads = WorkerPool(WorkerPool::Imagined{options.threads}).size(),
                        .worth_a_thread = options.worth_a_thread,
                        .tiling = ResolveKernels(options.kernels).interleaved_tiling};
  const auto add = [&](const Weight& w, ProductArithmetic arithmetic) {
    if (w.empty()) return;
    machine.mode =
        arithmetic == ProductArithmetic::kAlwaysFloat32 ? MatmulMode::kFloat : options.matmul;
    // Both terms are rows of one product.
    const bool twice = arithmetic == ProductArithmetic::kTwoTerms &&
                       MatmulFormOf(w, machine.mode) == MatmulForm::kInteger;
    machine.strips = interleaved.Takes(w);
    PlannedMatrices matrix{.name = PatternOf(names.Of(w)),
                           .type = w.packed == nullptr ? Name(w.dtype) : w.packed->form,
                           .n = w.n,
                           .k = w.k,
                           .bytes = w.bytes(),
                           .plans = {}};
    for (const int rows : kPlannedRows) {
      matrix.plans.push_back(PlanMatmul(w, twice ? 2 * rows : rows, machine));
    }
    const auto same = [&](const PlannedMatrices& other) {
      return other.name == matrix.name && other.type == matrix.type && other.n == matrix.n &&
             other.k == matrix.k && other.plans == matrix.plans;
    };
    auto at = std::find_if(all.begin(), all.end(), same);
    if (at == all.end()) at = all.insert(all.end(), std::move(matrix));
    ++at->count;
  };
  ForEachMatrix(model.weights, add);
  add(model.weights.head, ProductArithmetic::kOfMode);
  return all;
}

Json MatmulsToJson(const std::vector<PlannedMatrices>& matrices) {
  Json list = JsonArray{};
  for (const PlannedMatrices& matrix : matrices) {
    Json json;
    json.Set("name", matrix.name);
    json.Set("count", matrix.count);
    json.Set("type", matrix.type);
    json.Set("outputs", matrix.n);
    json.Set("inputs", matrix.k);
    json.Set("bytes", matrix.bytes);
    Json plans = JsonArray{};
    for (size_t i = 0; i < matrix.plans.size(); ++i) {
      const MatmulPlan& plan = matrix.plans[i];
      Json entry;
      entry.Set("rows", kPlannedRows[i]);
      entry.Set("source", Name(plan.source));
      entry.Set("activation_block", static_cast<int64_t>(plan.activation_block));
      entry.Set("strip_rows", plan.strip_rows);
      if (plan.tiling.rows > 0) {
        Json tiling;
        tiling.Set("panel", plan.tiling.panel);
        tiling.Set("rows", static_cast<int64_t>(plan.tiling.rows));
        tiling.Set("depth", static_cast<int64_t>(plan.tiling.depth));
        tiling.Set("activation_rows", static_cast<int64_t>(plan.tiling.acts));
        entry.Set("tiling", std::move(tiling));
      }
      entry.Set("together", plan.together);
      entry.Set("grain", plan.grain);
      entry.Set("parts", plan.parts);
      plans.Append(std::move(entry));
    }
    json.Set("plans", std::move(plans));
    list.Append(std::move(json));
  }
  return list;
}

std::string MatmulsToText(const std::vector<PlannedMatrices>& matrices) {
  std::vector<std::vector<std::string>> table = {
      {"matrix", "count", "type", "outputs x inputs", "how its products are computed"}};
  for (const PlannedMatrices& matrix : matrices) {
    table.push_back({matrix.name, std::to_string(matrix.count), matrix.type,
                     fmt::format("{} x {}", matrix.n, matrix.k), PlansToText(matrix.plans)});
  }
  return FormatTable(table);
}

}  // namespace tael
