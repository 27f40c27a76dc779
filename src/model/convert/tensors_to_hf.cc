// GGUF names and layouts to Hugging Face's.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "base/error.h"
#include "checkpoint/carried.h"
#include "model/convert/layouts.h"
#include "model/convert/mxfp4.h"
#include "model/convert/numbers.h"
#include "model/convert/tensors.h"
#include "model/convert/values.h"
#include "model/convert/wanted.h"
#include "model/places.h"
#include "model/qk_order.h"
#include "quant/encode.h"

namespace tael {
namespace {

Role StackOf(Role one) {
  switch (one) {
    case Role::kExpertGate:
      return Role::kExpertGateStack;
    case Role::kExpertUp:
      return Role::kExpertUpStack;
    case Role::kExpertDown:
      return Role::kExpertDownStack;
    default:
      return one;
  }
}

bool IsFloat(DType dtype) {
  return dtype == DType::kF32 || dtype == DType::kF16 || dtype == DType::kBF16;
}

float Rounded(float value, DType to) {
  if (to == DType::kF32) return value;
  uint8_t bytes[2];
  EncodeRow(to, &value, 1, bytes);
  DecodeRow(to, bytes, 1, &value);
  return value;
}

class HfConverter {
 public:
  HfConverter(const ConversionSource& source, DType narrow_to)
      : source_(source), checkpoint_(source.model.checkpoint), narrow_to_(narrow_to) {
    interleaved_ = HasInterleavedQk(checkpoint_);
  }

  ConvertedTensors Convert(const std::vector<std::string>& list) {
    std::vector<std::string> unknown;
    for (const WantedTensor& wanted :
         list.empty() ? UsualTensors(source_) : ListedTensors(source_.family, list, &unknown)) {
      Make(wanted);
    }
    for (const std::string& name : unknown) {
      Problem(name, "stands in tael.source_tensors, but has no role here");
    }
    for (const auto& [stack, experts] : experts_taken_) {
      if (std::cmp_equal(experts.size(), stack->shape[0])) continue;
      Problem(stack->name, fmt::format("has {} experts, of which only {} are wanted",
                                       stack->shape[0], experts.size()));
    }
    for (const TensorInfo& tensor : checkpoint_.tensors.all()) {
      // Divisors of rope, which config.json has.
      if (tensor.name.starts_with("rope_") || used_.count(tensor.name) > 0) continue;
      if (IsBehindLayers(tensor.name, source_.model)) {
        out_.dropped.push_back(tensor.name);
        continue;
      }
      Problem(tensor.name, "has no Hugging Face name");
    }
    if (problems_.empty()) return std::move(out_);
    const auto end =
        problems_.begin() + static_cast<std::ptrdiff_t>(std::min<size_t>(problems_.size(), 20));
    Fail(ErrorCode::kUnsupported, "{}: {} tensor(s) cannot be written to safetensors ({}): {}",
         checkpoint_.path, problems_.size(), source_.family.architecture,
         fmt::join(problems_.begin(), end, "; "));
  }

 private:
  const TensorInfo* Find(const TensorPlace& place) {
    const std::string name = NameOf(source_.family, place, Container::kGguf);
    const TensorInfo* tensor = name.empty() ? nullptr : checkpoint_.tensors.Find(name);
    if (tensor != nullptr) used_.insert(name);
    return tensor;
  }

  // The tensors of a layer that make one together; empty when one is missing, which is reported, or
  // they differ in type.
  std::vector<const TensorInfo*> FindAll(const WantedTensor& wanted,
                                         std::initializer_list<Role> roles) {
    std::vector<const TensorInfo*> all;
    for (const Role role : roles) {
      const TensorInfo* tensor = Find({role, wanted.place.layer, 0});
      if (tensor == nullptr || tensor->shape.empty() || tensor->shape[0] < 1 ||
          (!all.empty() && tensor->dtype != all[0]->dtype)) {
        Problem(wanted.name, "has no counterpart in the file, or its parts have different types");
        return {};
      }
      all.push_back(tensor);
    }
    return all;
  }

  template <typename Spec>
  const Spec* AttentionOf(const TensorPlace& place) const {
    const auto& layers = source_.model.spec.layers;
    const auto layer = static_cast<size_t>(place.layer);
    return layer < layers.size() ? std::get_if<Spec>(&layers[layer].attention) : nullptr;
  }

  void Make(const WantedTensor& wanted) {
    for (const std::string_view ending : {kMxfp4Codes, kMxfp4Scales}) {
      if (!wanted.name.ends_with(ending)) continue;
      if (!source_.matrices) return MakePacked(wanted, ending == kMxfp4Scales);
      // Decoded, they are one tensor.
      const size_t length = wanted.name.size() - ending.size();
      if (ending == kMxfp4Codes)
        Make({.name = wanted.name.substr(0, length), .place = wanted.place});
      return;
    }
    const TensorInfo* whole = Find(wanted.place);
    if (whole != nullptr && wanted.place.role == Role::kTokenExperts) {
      return MakeNumbers(wanted, *whole);
    }
    if (whole != nullptr) return MakePlain(wanted, *whole);
    switch (wanted.place.role) {
      case Role::kExpertGateUpStack:
        return MakeGateUp(wanted);
      case Role::kExpertGateUpColumns:
      case Role::kExpertGateUpBiasStack:
        return MakeGateUpColumns(wanted);
      case Role::kExpertDownColumns:
        return MakeDownColumns(wanted);
      case Role::kLatentUp:
        return MakeLatentUp(wanted);
      case Role::kDeltaQkvz:
        return MakeDeltaQkvz(wanted);
      default:
        return MakeExpert(wanted);
    }
  }

  void MakeExpert(const WantedTensor& wanted) {
    const Role stack = StackOf(wanted.place.role);
    const TensorInfo* tensor = Find({stack, wanted.place.layer, 0});
    if (stack == wanted.place.role || tensor == nullptr || tensor->shape.size() != 3 ||
        wanted.place.expert >= tensor->shape[0]) {
      return Problem(wanted.name, "has no counterpart in the file");
    }
    experts_taken_[tensor].insert(wanted.place.expert);
    const size_t bytes = tensor->bytes.size() / static_cast<size_t>(tensor->shape[0]);
    const auto first = static_cast<size_t>(wanted.place.expert) * bytes;
    RowPart part{.bytes = tensor->bytes.subspan(first, bytes), .row_elements = tensor->shape[2]};
    Finish(wanted, {.from = tensor->dtype, .parts = {part}}, {tensor->shape[1], tensor->shape[2]});
  }

  void MakePlain(const WantedTensor& wanted, const TensorInfo& tensor) {
    const Role role = wanted.place.role;
    if (role == Role::kLatentUp) {  // some files hold both forms
      for (const Role part : {Role::kLatentKey, Role::kLatentValue}) {
        Find({part, wanted.place.layer, 0});
      }
    }
    const bool is_vector = tensor.shape.size() < 2;
    const int64_t width = tensor.shape.empty() ? 1 : tensor.shape.back();
    RowPlan plan{.from = tensor.dtype,
                 .parts = {{.bytes = tensor.bytes, .row_elements = width}},
                 .map = MapToHf(source_.family, role)};
    const bool bias = role == Role::kQueryBias || role == Role::kKeyBias;
    if (interleaved_ && (bias || role == Role::kQuery || role == Role::kKey)) {
      const auto* gqa = AttentionOf<GqaSpec>(wanted.place);
      if (gqa == nullptr) return Problem(wanted.name, "has an order of rows that is not known");
      if (bias) plan.parts[0].row_elements = 1;
      plan.parts[0].row_of = [dim = gqa->head_dim](int64_t row) {
        return InterleavedRowOf(row, dim);
      };
    }
    const auto* net = AttentionOf<GatedDeltaNetSpec>(wanted.place);
    if (net != nullptr && net->tiled_value_heads) {
      auto parts = ValueHeadParts(role, *net, tensor.bytes, is_vector ? 1 : width, false);
      if (parts) plan.parts = std::move(*parts);
    }
    std::vector<int64_t> shape = tensor.shape;
    if (role == Role::kSharedRouter && is_vector) shape = {1, width};
    if (role == Role::kDeltaConv && shape.size() == 2) shape = {shape[0], 1, width};
    if (plan.map && MakeCarried(wanted, plan, shape)) return;
    Finish(wanted, std::move(plan), shape);
  }

  void MakeNumbers(const WantedTensor& wanted, const TensorInfo& tensor) {
    if (wanted.shape.value_or(tensor.shape) != tensor.shape) {
      return Problem(wanted.name, "had another shape before");
    }
    out_.tensors.push_back({.name = wanted.name,
                            .dtype = DType::kI64,
                            .shape = tensor.shape,
                            .produce = NumbersToHf(tensor.bytes)});
  }

  // Where GGUF's numbers are rounded ones, the file may hold the bytes that they were made of.
  bool MakeCarried(const WantedTensor& wanted, RowPlan plan, const std::vector<int64_t>& shape) {
    const GgufValue* carried =
        checkpoint_.gguf->Find(std::string(carried::kSourceBytes) + wanted.name);
    if (carried == nullptr || !wanted.dtype || !IsFloat(*wanted.dtype) || shape.size() != 1 ||
        StorageBytes(*wanted.dtype, shape[0]) != std::ssize(carried->integers)) {
      return false;
    }
    std::vector<uint8_t> bytes(carried->integers.begin(), carried->integers.end());
    const RowPlan made{.from = *wanted.dtype,
                       .parts = {{.bytes = bytes, .row_elements = shape[0]}},
                       .map = MapToGguf(source_.family, wanted.place.role)};
    plan.map = nullptr;
    if (ValuesOf(made) != ValuesOf(plan)) return false;  // changed since
    out_.tensors.push_back({.name = wanted.name,
                            .dtype = *wanted.dtype,
                            .shape = shape,
                            .produce = [bytes](const ByteSink& sink) { sink(bytes); }});
    return true;
  }

  // Two stacks, expert by expert, in one.
  void MakeGateUp(const WantedTensor& wanted) {
    const auto found = FindAll(wanted, {Role::kExpertGateStack, Role::kExpertUpStack});
    if (found.empty()) return;
    const TensorInfo &gate = *found[0], &up = *found[1];
    if (gate.shape != up.shape || gate.shape.size() != 3) {
      return Problem(wanted.name, "has parts of different shapes in the file");
    }
    const auto experts = static_cast<size_t>(gate.shape[0]);
    const size_t bytes = gate.bytes.size() / experts;
    RowPlan plan{.from = gate.dtype, .parts = {}};
    for (size_t e = 0; e < experts; ++e) {
      for (const TensorInfo* half : found) {
        plan.parts.push_back(
            {.bytes = half->bytes.subspan(e * bytes, bytes), .row_elements = gate.shape[2]});
      }
    }
    Finish(wanted, std::move(plan), {gate.shape[0], 2 * gate.shape[1], gate.shape[2]});
  }

  void MakeGateUpColumns(const WantedTensor& wanted) {
    const bool bias = wanted.place.role == Role::kExpertGateUpBiasStack;
    const auto found = bias
                           ? FindAll(wanted, {Role::kExpertGateBiasStack, Role::kExpertUpBiasStack})
                           : FindAll(wanted, {Role::kExpertGateStack, Role::kExpertUpStack});
    if (found.empty()) return;
    const std::vector<int64_t>& shape = found[0]->shape;
    if (found[1]->shape != shape || shape.size() != (bias ? 2 : 3)) {
      return Problem(wanted.name, "has parts of different shapes in the file");
    }
    const ColumnShape columns{.experts = shape[0], .in = bias ? 1 : shape[2], .out = shape[1]};
    std::vector<int64_t> target{columns.experts};
    if (!bias) target.push_back(columns.in);
    target.push_back(2 * columns.out);
    Finish(wanted,
           {.from = found[0]->dtype,
            .parts = ColumnsOfHalves(columns, found[0]->bytes, found[1]->bytes)},
           std::move(target));
  }

  void MakeDownColumns(const WantedTensor& wanted) {
    const auto found = FindAll(wanted, {Role::kExpertDownStack});
    if (found.empty()) return;
    const std::vector<int64_t>& shape = found[0]->shape;
    if (shape.size() != 3) return Problem(wanted.name, "is no stack in the file");
    Finish(wanted,
           {.from = found[0]->dtype,
            .parts = Transposed(shape[0], shape[1], shape[2], found[0]->bytes)},
           {shape[0], shape[2], shape[1]});
  }

  void MakeLatentUp(const WantedTensor& wanted) {
    const auto found = FindAll(wanted, {Role::kLatentKey, Role::kLatentValue});
    const auto* mla = AttentionOf<MlaSpec>(wanted.place);
    if (found.empty() || mla == nullptr) return;
    Finish(
        wanted,
        {.from = found[0]->dtype, .parts = LatentUpParts(*mla, found[0]->bytes, found[1]->bytes)},
        {int64_t{mla->num_heads} * (mla->nope_dim + mla->value_dim), mla->latent_dim});
  }

  void MakeDeltaQkvz(const WantedTensor& wanted) {
    const auto found = FindAll(wanted, {Role::kDeltaQkv, Role::kDeltaZ});
    const auto* net = AttentionOf<GatedDeltaNetSpec>(wanted.place);
    if (found.empty() || net == nullptr) return;
    const int64_t hidden = found[0]->shape.back();
    Finish(wanted,
           {.from = found[0]->dtype,
            .parts = DeltaQkvzParts(*net, found[0]->bytes, found[1]->bytes, hidden)},
           {found[0]->shape[0] + found[1]->shape[0], hidden});
  }

  // Codes or scales of MXFP4 stacks.
  void MakePacked(const WantedTensor& wanted, bool scales) {
    const bool gate_up = wanted.place.role == Role::kExpertGateUpColumns;
    const auto found = gate_up ? FindAll(wanted, {Role::kExpertGateStack, Role::kExpertUpStack})
                               : FindAll(wanted, {Role::kExpertDownStack});
    if (found.empty()) return;
    const std::vector<int64_t>& shape = found[0]->shape;
    if (found[0]->dtype != DType::kMXFP4 || shape.size() != 3 || found.back()->shape != shape) {
      return Problem(wanted.name, "had MXFP4 blocks, which the file has no more");
    }
    const Mxfp4Rows rows{shape[0], std::ssize(found) * shape[1], shape[2] / 32};
    std::vector<int64_t> target{rows.experts, rows.rows, rows.blocks};
    if (!scales) target.push_back(16);
    out_.tensors.push_back({.name = wanted.name,
                            .dtype = DType::kU8,
                            .shape = std::move(target),
                            .produce = Mxfp4ToHf(rows, found[0]->bytes,
                                                 gate_up ? found[1]->bytes : ByteSpan(), scales)});
  }

  bool GivesRatesAgain(RowPlan plan) const {
    const auto rate = MapToGguf(source_.family, Role::kDeltaRate);
    const std::vector<float> logarithms = ValuesOf(plan);
    plan.map = nullptr;
    const std::vector<float> rates = ValuesOf(plan);
    for (size_t i = 0; i < rates.size(); ++i) {
      if (rate(Rounded(logarithms[i], plan.to)) != rates[i]) return false;
    }
    return true;
  }

  // Chooses the type and puts the tensor into the list.
  void Finish(const WantedTensor& wanted, RowPlan plan, std::vector<int64_t> shape) {
    if (wanted.shape) {
      const auto squeezed = [](std::vector<int64_t> sizes) {
        std::erase(sizes, 1);
        return sizes;
      };
      if (squeezed(*wanted.shape) != squeezed(shape)) {
        return Problem(wanted.name, "had another shape before");
      }
      shape = *wanted.shape;
    }
    if (wanted.place.role == Role::kDeltaRate) {
      const std::vector<float> logarithms = ValuesOf(plan);
      if (std::any_of(logarithms.begin(), logarithms.end(), [](float x) { return x != x; })) {
        return Problem(wanted.name, "would be logarithms of rates that are above 0 or no numbers");
      }
    }
    // What GGUF widened by its own rules.
    const bool small = shape.size() < 2 || shape[0] == 1 || IsAlwaysF32(wanted.place.role);
    if (small) {
      plan.to = wanted.dtype && IsFloat(*wanted.dtype) ? *wanted.dtype : narrow_to_;
      // A logarithm is never exact: the type must give GGUF's number again.
      plan.rounded = wanted.place.role == Role::kDeltaRate && GivesRatesAgain(plan);
      if (!plan.rounded && !IsExact(plan)) plan.to = DType::kF32;
    } else if (source_.matrices) {
      plan.to = *source_.matrices;
      plan.rounded = true;
    } else if (IsFloat(plan.from)) {
      plan.to = wanted.dtype && IsFloat(*wanted.dtype) ? *wanted.dtype : plan.from;
    } else {
      return Problem(wanted.name, fmt::format("has type {}, which safetensors lacks (--dtype bf16, "
                                              "f16 or f32 decodes it)",
                                              Name(plan.from)));
    }
    out_.tensors.push_back({.name = wanted.name,
                            .dtype = plan.to,
                            .shape = std::move(shape),
                            .produce = ProduceRows(plan, wanted.name)});
  }

  void Problem(const std::string& name, const std::string& what) {
    problems_.push_back(fmt::format("'{}' {}", name.substr(0, 120), what));
  }

  const ConversionSource& source_;
  const Checkpoint& checkpoint_;
  DType narrow_to_;
  bool interleaved_ = false;
  std::set<std::string> used_;
  std::map<const TensorInfo*, std::set<int>> experts_taken_;  // one by one, of each stack
  std::vector<std::string> problems_;
  ConvertedTensors out_;
};

}  // namespace

ConvertedTensors TensorsForSafetensors(const ConversionSource& source,
                                       const std::vector<std::string>& list, DType narrow_to) {
  return HfConverter(source, narrow_to).Convert(list);
}

}  // namespace tael
