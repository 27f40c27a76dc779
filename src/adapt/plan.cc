#include "adapt/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <set>

#include "base/error.h"
#include "checkpoint/printable.h"
#include "kernels/block_encoders.h"
#include "text/regex.h"

namespace tael {
namespace {

Regex Compile(const TypeRule& rule) {
  try {
    return {rule.pattern, "--rule"};
  } catch (const Error& error) {
    Fail(ErrorCode::kInvalidArgument, "--rule '{}': is no regular expression: {}",
         Printable(rule.pattern), error.what());
  }
}

// Rules that were asked, and whether they were for any tensor.
class Rules {
 public:
  explicit Rules(const std::vector<TypeRule>& rules) : rules_(rules), used_(rules.size()) {
    for (const TypeRule& rule : rules) patterns_.push_back(Compile(rule));
  }

  std::optional<DType> TypeFor(const std::string& name) {
    std::optional<DType> type;
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (patterns_[i].Find(name, 0).first == std::string::npos) continue;
      used_[i] = true;
      if (!type) type = rules_[i].type;
    }
    return type;
  }

  void RefuseUnused() const {
    for (size_t i = 0; i < rules_.size(); ++i) {
      if (used_[i]) continue;
      Fail(ErrorCode::kInvalidArgument,
           "--rule '{}={}': matches no tensor that is quantised. Hint: names are GGUF's, such as "
           "blk.0.attn_v.weight; --dry-run lists them",
           Printable(rules_[i].pattern), Name(rules_[i].type));
    }
  }

 private:
  const std::vector<TypeRule>& rules_;
  std::vector<Regex> patterns_;
  std::vector<bool> used_;
};

int LayerOf(const std::string& name) {
  return name.starts_with("blk.") ? std::atoi(name.c_str() + 4) : -1;
}

// Indices of the tensors that are quantised, layer by layer whatever their order in the file.
std::vector<size_t> Quantised(const std::vector<TensorSource>& tensors,
                              const PlanRequest& request) {
  const std::set<std::string> kept(request.always_kept.begin(), request.always_kept.end());
  std::vector<size_t> indices;
  for (size_t i = 0; i < tensors.size(); ++i) {
    const TensorSource& tensor = tensors[i];
    if (IsQuantisable(tensor.name, tensor.shape) && !kept.contains(tensor.name) &&
        CanDecode(tensor.dtype)) {
      indices.push_back(i);
    }
  }
  std::stable_sort(indices.begin(), indices.end(), [&](size_t a, size_t b) {
    return LayerOf(tensors[a].name) < LayerOf(tensors[b].name);
  });
  return indices;
}

void CheckImportance(const PlannedTensor& tensor, const PlanRequest& request) {
  if (request.importance == nullptr) {
    if (!NeedsImportance(*request.recipe, tensor.name, tensor.to)) return;
    Fail(ErrorCode::kInvalidArgument,
         "'{}': {} is of no use without an importance matrix. Hint: `tael imatrix MODEL TEXT -o "
         "FILE` makes one, --imatrix FILE reads it",
         Printable(tensor.name), Name(tensor.to));
  }
  const auto found = request.importance->tensors.find(tensor.name);
  if (found == request.importance->tensors.end()) {
    if (!NeedsImportance(*request.recipe, tensor.name, tensor.to)) return;
    Fail(ErrorCode::kInvalidArgument,
         "'{}': the importance matrix has nothing about it, and {} is of no use without",
         Printable(tensor.name), Name(tensor.to));
  }
  const int64_t matrices = tensor.shape.size() > 2 ? tensor.shape[0] : 1;
  const ImportanceSums& sums = found->second;
  if (sums.columns == tensor.shape.back() && sums.matrices == matrices) return;
  Fail(ErrorCode::kInvalidArgument,
       "'{}': the importance matrix is about {} x {} columns, the tensor has {} x {}. Hint: it was "
       "made with another model",
       Printable(tensor.name), sums.matrices, sums.columns, matrices, tensor.shape.back());
}

int64_t Elements(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

}  // namespace

const char* NameOf(Reason reason) {
  switch (reason) {
    case Reason::kKept:
      return "kept";
    case Reason::kSame:
      return "same";
    case Reason::kRecipe:
      return "recipe";
    case Reason::kRule:
      return "rule";
    case Reason::kMeasured:
      return "measured";
    case Reason::kFallback:
      return "fallback";
  }
  return "";
}

int64_t PlannedTensor::bytes_before() const {
  return StorageBytes(from, Elements(shape)).value_or(0);
}
int64_t PlannedTensor::bytes() const { return StorageBytes(to, Elements(shape)).value_or(0); }

TypeRule ParseTypeRule(const std::string& text) {
  const size_t sign = text.rfind('=');
  if (sign == std::string::npos || sign == 0) {
    Fail(ErrorCode::kInvalidArgument, "--rule '{}': needed REGEX=TYPE, such as attn_v=Q6_K",
         Printable(text));
  }
  const auto type = EncodableType(text.substr(sign + 1));
  if (!type) {
    Fail(ErrorCode::kInvalidArgument,
         "--rule '{}': '{}' is no type that can be written. Hint: types are Q4_K, Q6_K, Q8_0, F16 "
         "and so on; `tael quantize --help` and docs/howto/quantize.md name all",
         Printable(text), Printable(text.substr(sign + 1)));
  }
  return {text.substr(0, sign), *type};
}

std::vector<PlannedTensor> PlanTypes(const std::vector<TensorSource>& tensors,
                                     const PlanRequest& request) {
  std::vector<PlannedTensor> plan;
  plan.reserve(tensors.size());
  for (const TensorSource& tensor : tensors) {
    plan.push_back(
        {tensor.name, tensor.shape, tensor.dtype, tensor.dtype, Reason::kKept, tensor.dtype});
  }
  const std::vector<size_t> indices = Quantised(tensors, request);
  std::vector<RecipeTensor> chosen;
  chosen.reserve(indices.size());
  for (const size_t i : indices) chosen.push_back({plan[i].name, plan[i].shape});
  const bool has_output = std::any_of(plan.begin(), plan.end(), [](const PlannedTensor& tensor) {
    return tensor.name == "output.weight";
  });
  const std::vector<DType> types =
      request.pure ? std::vector<DType>(chosen.size(), request.recipe->type)
                   : ChooseTypes(*request.recipe, request.model, chosen, has_output);
  Rules rules(request.rules);
  for (size_t k = 0; k < indices.size(); ++k) {
    PlannedTensor& tensor = plan[indices[k]];
    const auto rule = rules.TypeFor(tensor.name);
    tensor.wanted = rule.value_or(types[k]);
    tensor.to = FittingType(tensor.wanted, tensor.shape.back());
    tensor.reason = rule ? Reason::kRule : Reason::kRecipe;
    if (tensor.to != tensor.wanted) tensor.reason = Reason::kFallback;
    if (tensor.to == tensor.from) tensor.reason = Reason::kSame;
    if (CanSearch(tensor.to) && tensor.to != tensor.from) CheckImportance(tensor, request);
  }
  rules.RefuseUnused();
  return plan;
}

}  // namespace tael
