// Hugging Face names and layouts to GGUF's.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "model/convert/decoded.h"
#include "model/convert/layouts.h"
#include "model/convert/mxfp4.h"
#include "model/convert/numbers.h"
#include "model/convert/packed_form.h"
#include "model/convert/tensors.h"
#include "model/convert/values.h"
#include "model/convert/wanted.h"
#include "model/places.h"
#include "model/qk_order.h"
#include "ops/rope.h"

namespace tael {
namespace {

// A GGUF tensor in the making, in the order in which its first part was met.
struct Target {
  TensorPlace place;
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  RowPlan plan;
  std::map<int, ByteSpan> experts;  // parts of a stack
  bool stack = false;
  // Instead of the plan, where bytes are not rows of numbers.
  std::function<void(const ByteSink&)> produce = nullptr;
};

bool IsQk(Role role) { return role == Role::kQuery || role == Role::kKey; }
bool IsQkBias(Role role) { return role == Role::kQueryBias || role == Role::kKeyBias; }

class GgufConverter {
 public:
  GgufConverter(const ConversionSource& source, const GgufArch& arch)
      : source_(source), checkpoint_(source.model.checkpoint), arch_(arch), used_(source.model) {}

  ConvertedTensors Convert() {
    AddRopeDivisors();
    if (source_.decoders != nullptr) {
      out_.decoded = std::make_shared<DecodedTensors>(source_.model, *source_.decoders);
    }
    const auto& tensors = out_.decoded ? out_.decoded->all() : checkpoint_.tensors.all();
    for (const TensorInfo& tensor : tensors) Add(tensor);
    for (const std::string& name : order_) Finish(name, targets_.at(name));
    if (problems_.empty()) return std::move(out_);
    Fail(ErrorCode::kUnsupported, "{}: {} tensor(s) cannot be written to GGUF ({}): {}",
         checkpoint_.path, problems_.size(), arch_.name,
         fmt::join(problems_.begin(),
                   problems_.begin() +
                       static_cast<std::ptrdiff_t>(std::min<size_t>(problems_.size(), 20)),
                   "; "));
  }

 private:
  template <typename Spec>
  const Spec* AttentionOf(const TensorPlace& place) const {
    const auto& layers = source_.model.spec.layers;
    const auto layer = static_cast<size_t>(place.layer);
    return layer < layers.size() ? std::get_if<Spec>(&layers[layer].attention) : nullptr;
  }

  DecodedMatrix* DecodedAt(ByteSpan bytes) const {
    return out_.decoded ? out_.decoded->Find(bytes) : nullptr;
  }

  void Add(const TensorInfo& tensor) {
    const std::string name = UnwrappedName(tensor.name);
    const bool used = used_.Has(tensor) || DecodedAt(tensor.bytes) != nullptr;
    if (!used || IsBehindLayers(name, source_.model)) {
      out_.dropped.push_back(tensor.name);
      return;
    }
    if (name.ends_with(kMxfp4Codes)) return AddCodes(tensor, name);
    if (name.ends_with(kMxfp4Scales)) return;  // taken with the codes
    const auto place = PlaceOf(name, source_.family, Container::kSafetensors);
    if (!place) return Problem(tensor.name, "has no GGUF name");
    switch (place->role) {
      case Role::kExpertGate:
        return AddExpert(tensor, *place, Role::kExpertGateStack);
      case Role::kExpertUp:
        return AddExpert(tensor, *place, Role::kExpertUpStack);
      case Role::kExpertDown:
        return AddExpert(tensor, *place, Role::kExpertDownStack);
      case Role::kExpertGateUpStack:
        return AddGateUp(tensor, *place);
      case Role::kExpertGateUpColumns:
      case Role::kExpertGateUpBiasStack:
        return AddGateUpColumns(tensor, *place);
      case Role::kExpertDownColumns:
        return AddDownColumns(tensor, *place);
      case Role::kLatentUp:
        return AddLatentUp(tensor, *place);
      case Role::kDeltaQkvz:
        return AddDeltaQkvz(tensor, *place);
      case Role::kTokenExperts:
        return AddNumbers(tensor, *place);
      default:
        return AddPlain(tensor, *place);
    }
  }

  Target* New(const TensorPlace& place) {
    const std::string name = NameOf(source_.family, place, Container::kGguf);
    if (name.empty()) return nullptr;
    const auto [entry, added] = targets_.try_emplace(name);
    if (added) order_.push_back(name);
    entry->second.place = place;
    return &entry->second;
  }

  // A target made of a whole tensor.
  Target* AddMade(const TensorInfo& tensor, const TensorPlace& place, std::vector<int64_t> shape,
                  RowParts parts) {
    Target* target = New(place);
    if (target == nullptr) {
      Problem(tensor.name, "has no GGUF name");
      return nullptr;
    }
    target->dtype = tensor.dtype;
    target->shape = std::move(shape);
    target->plan = {.from = tensor.dtype, .parts = std::move(parts)};
    target->plan.map = MapToGguf(source_.family, place.role);
    return target;
  }

  void AddPlain(const TensorInfo& tensor, const TensorPlace& place) {
    std::vector<int64_t> shape = tensor.shape;
    // Vectors that some files store as a matrix of one row, kernels of a convolution in one
    // channel.
    const bool is_row = place.role == Role::kSharedRouter && shape.size() == 2;
    if (is_row) shape = {shape[0] * shape[1]};
    if (place.role == Role::kDeltaConv && shape.size() == 3) shape = {shape[0], shape[2]};
    const int64_t width = shape.empty() ? 1 : shape.back();
    const bool is_vector = shape.size() < 2;
    if (const auto* net = AttentionOf<GatedDeltaNetSpec>(place);
        net != nullptr && arch_.tiled_value_heads) {
      auto parts = ValueHeadParts(place.role, *net, tensor.bytes, is_vector ? 1 : width, true);
      if (parts) {
        AddMade(tensor, place, std::move(shape), std::move(*parts));
        return;
      }
    }
    RowPart part{.bytes = tensor.bytes, .row_elements = width};
    const auto* gqa = AttentionOf<GqaSpec>(place);
    const bool permutes = arch_.permuted_qk && !HasInterleavedQk(checkpoint_);
    if (permutes && gqa != nullptr && (IsQk(place.role) || IsQkBias(place.role))) {
      if (is_vector) part.row_elements = 1;
      part.row_of = [dim = gqa->head_dim](int64_t row) { return HalvesRowOf(row, dim); };
    }
    AddMade(tensor, place, std::move(shape), {std::move(part)});
  }

  void AddLatentUp(const TensorInfo& tensor, const TensorPlace& place) {
    const auto* mla = AttentionOf<MlaSpec>(place);
    if (mla == nullptr) return Problem(tensor.name, "is no part of this layer's attention");
    AddMade(tensor, {Role::kLatentKey, place.layer, 0},
            {mla->num_heads, mla->latent_dim, mla->nope_dim}, LatentKeyParts(*mla, tensor.bytes));
    AddMade(tensor, {Role::kLatentValue, place.layer, 0},
            {mla->num_heads, mla->value_dim, mla->latent_dim},
            LatentValueParts(*mla, tensor.bytes));
  }

  void AddDeltaQkvz(const TensorInfo& tensor, const TensorPlace& place) {
    const auto* net = AttentionOf<GatedDeltaNetSpec>(place);
    if (net == nullptr || tensor.shape.size() != 2) {
      return Problem(tensor.name, "is no part of this layer's attention");
    }
    const int64_t hidden = tensor.shape[1], values = int64_t{net->num_value_heads} * net->value_dim;
    AddMade(tensor, {Role::kDeltaQkv, place.layer, 0}, {tensor.shape[0] - values, hidden},
            DeltaQkvParts(*net, tensor.bytes, hidden));
    AddMade(tensor, {Role::kDeltaZ, place.layer, 0}, {values, hidden},
            DeltaZParts(*net, tensor.bytes, hidden));
  }

  void AddExpert(const TensorInfo& tensor, const TensorPlace& place, Role stack) {
    Target* target = New({stack, place.layer, 0});
    if (target == nullptr || tensor.shape.size() != 2) {
      return Problem(tensor.name, "has no stack in GGUF");
    }
    if (!target->experts.empty() &&
        (target->dtype != tensor.dtype || target->shape[1] != tensor.shape[0])) {
      return Problem(tensor.name, "has another type or shape than its neighbours");
    }
    target->stack = true;
    target->dtype = tensor.dtype;
    target->shape = {0, tensor.shape[0], tensor.shape[1]};
    target->plan.from = tensor.dtype;
    target->experts[place.expert] = tensor.bytes;
  }

  // [E, 2 F, K] in two stacks: the rows of gate, then those of up, of each expert.
  void AddGateUp(const TensorInfo& tensor, const TensorPlace& place) {
    if (tensor.shape.size() != 3 || tensor.shape[0] < 1) {
      return Problem(tensor.name, "has no stacks in GGUF");
    }
    const size_t half = tensor.bytes.size() / static_cast<size_t>(2 * tensor.shape[0]);
    for (const bool up : {false, true}) {
      RowParts parts;
      for (size_t e = 0; e < static_cast<size_t>(tensor.shape[0]); ++e) {
        parts.push_back({.bytes = tensor.bytes.subspan((2 * e + (up ? 1 : 0)) * half, half),
                         .row_elements = tensor.shape[2]});
      }
      AddMade(tensor, {up ? Role::kExpertUpStack : Role::kExpertGateStack, place.layer, 0},
              {tensor.shape[0], tensor.shape[1] / 2, tensor.shape[2]}, std::move(parts));
    }
  }

  // [E, in, 2 out], or biases [E, 2 out], with gate and up by turns.
  void AddGateUpColumns(const TensorInfo& tensor, const TensorPlace& place) {
    const bool bias = place.role == Role::kExpertGateUpBiasStack;
    if (tensor.shape.size() != (bias ? 2 : 3)) return Problem(tensor.name, "has no GGUF form");
    const ColumnShape shape{.experts = tensor.shape[0],
                            .in = bias ? 1 : tensor.shape[1],
                            .out = tensor.shape.back() / 2};
    for (const bool up : {false, true}) {
      const Role role = bias ? (up ? Role::kExpertUpBiasStack : Role::kExpertGateBiasStack)
                             : (up ? Role::kExpertUpStack : Role::kExpertGateStack);
      std::vector<int64_t> target{shape.experts, shape.out};
      if (!bias) target.push_back(shape.in);
      AddMade(tensor, {role, place.layer, 0}, std::move(target),
              HalfOfColumns(shape, tensor.bytes, up));
    }
  }

  void AddDownColumns(const TensorInfo& tensor, const TensorPlace& place) {
    if (tensor.shape.size() != 3) return Problem(tensor.name, "has no GGUF form");
    const int64_t experts = tensor.shape[0], in = tensor.shape[1], out = tensor.shape[2];
    AddMade(tensor, {Role::kExpertDownStack, place.layer, 0}, {experts, out, in},
            Transposed(experts, in, out, tensor.bytes));
  }

  void AddNumbers(const TensorInfo& tensor, const TensorPlace& place) {
    Target* target = AddMade(tensor, place, tensor.shape, {});
    if (target == nullptr) return;
    target->dtype = DType::kI32;
    target->produce = NumbersToGguf(tensor.bytes);
  }

  // MXFP4 [E, rows, blocks, 16]: the same blocks in GGUF's order.
  void AddCodes(const TensorInfo& tensor, const std::string& name) {
    const std::string matrix = name.substr(0, name.size() - kMxfp4Codes.size());
    const auto place = PlaceOf(matrix, source_.family, Container::kSafetensors);
    const std::string other = tensor.name.substr(0, tensor.name.size() - kMxfp4Codes.size());
    const TensorInfo* scales = checkpoint_.tensors.Find(other + std::string(kMxfp4Scales));
    const bool gate_up = place && place->role == Role::kExpertGateUpColumns;
    if (!place || scales == nullptr || tensor.shape.size() != 4 ||
        (!gate_up && place->role != Role::kExpertDownColumns)) {
      return Problem(tensor.name, "has no GGUF form");
    }
    const int64_t step = gate_up ? 2 : 1;
    for (int64_t first = 0; first < step; ++first) {
      const Role role = !gate_up ? Role::kExpertDownStack
                                 : (first == 1 ? Role::kExpertUpStack : Role::kExpertGateStack);
      const Mxfp4Rows rows{tensor.shape[0], tensor.shape[1], tensor.shape[2], first, step};
      Target* target = AddMade(tensor, {role, place->layer, 0},
                               {rows.experts, rows.rows / step, rows.blocks * 32}, {});
      if (target == nullptr) return;
      target->dtype = DType::kMXFP4;
      target->produce = Mxfp4ToGguf(rows, tensor.bytes, scales->bytes);
    }
  }

  DType TypeOf(const Target& target) const {
    if (target.shape.size() < 2 || IsAlwaysF32(target.place.role)) {
      return DType::kF32;
    }
    return source_.matrices.value_or(target.dtype);
  }

  void Finish(const std::string& name, Target& target) {
    if (target.produce) {
      if (source_.matrices && target.dtype == DType::kMXFP4) {
        return Problem(name, "holds MXFP4 blocks, which --dtype cannot change");
      }
      out_.tensors.push_back({name, target.dtype, target.shape, std::move(target.produce)});
      return;
    }
    if (target.stack) {
      for (const auto& [expert, bytes] : target.experts) {
        if (expert != static_cast<int>(target.plan.parts.size())) {
          return Problem(name, "misses an expert");
        }
        target.plan.parts.push_back({.bytes = bytes, .row_elements = target.shape[2]});
      }
      target.shape[0] = static_cast<int64_t>(target.plan.parts.size());
    }
    for (RowPart& part : target.plan.parts) part.decoded = DecodedAt(part.bytes);
    if (target.plan.map) {
      const std::vector<float> mapped = ValuesOf(target.plan);
      if (!std::all_of(mapped.begin(), mapped.end(), [](float x) { return std::isfinite(x); })) {
        return Problem(name, "would hold what is no finite number, as GGUF has these vectors");
      }
    }
    target.plan.to = TypeOf(target);
    target.plan.rounded = source_.matrices.has_value() && target.shape.size() > 1;
    if (Info(target.plan.to).ggml_id < 0) {
      return Problem(name, fmt::format("has type {}, which GGUF lacks (--dtype chooses another)",
                                       Name(target.plan.to)));
    }
    out_.tensors.push_back({.name = name,
                            .dtype = target.plan.to,
                            .shape = target.shape,
                            .produce = ProduceRows(target.plan, name)});
  }

  // Where GGUF has no keys for scaling, it has the divisors.
  void AddRopeDivisors() {
    for (const LayerSpec& layer : source_.model.spec.layers) {
      const auto* gqa = std::get_if<GqaSpec>(&layer.attention);
      if (gqa == nullptr || gqa->rope.pairing == RopePairing::kNone) continue;
      if (gqa->rope.scaling == RopeScalingKind::kFrequencyBands) AddBands(gqa->rope);
      if (gqa->rope.scaling == RopeScalingKind::kPerDimension) AddLongRope(gqa->rope);
      return;
    }
  }

  void AddBands(const RopeSpec& rope) {
    RopeSpec plain = rope;
    plain.scaling = RopeScalingKind::kNone;
    const std::vector<float> scaled = ComputeRopeFrequencies(rope).inverse;
    const std::vector<float> unscaled = ComputeRopeFrequencies(plain).inverse;
    std::vector<float> divisors;
    divisors.reserve(scaled.size());
    for (size_t i = 0; i < scaled.size(); ++i) {
      divisors.push_back(
          static_cast<float>(static_cast<double>(unscaled[i]) / static_cast<double>(scaled[i])));
    }
    AddVector("rope_freqs.weight", std::move(divisors));
  }

  void AddLongRope(const RopeSpec& rope) {
    AddVector("rope_factors_long.weight", rope.long_divisors);
    AddVector("rope_factors_short.weight", rope.divisors);
  }

  void AddVector(const std::string& name, std::vector<float> values) {
    const auto size = static_cast<int64_t>(values.size());
    out_.tensors.push_back(
        {.name = name,
         .dtype = DType::kF32,
         .shape = {size},
         .produce = [values = std::move(values)](const ByteSink& sink) {
           sink({reinterpret_cast<const uint8_t*>(values.data()), values.size() * sizeof(float)});
         }});
  }

  void Problem(const std::string& name, const std::string& what) {
    problems_.push_back(fmt::format("'{}' {}", name.substr(0, 120), what));
  }

  const ConversionSource& source_;
  const Checkpoint& checkpoint_;
  const GgufArch& arch_;
  const UsedTensors used_;
  std::map<std::string, Target> targets_;
  std::vector<std::string> order_;
  std::vector<std::string> problems_;
  ConvertedTensors out_;
};

}  // namespace

ConvertedTensors TensorsForGguf(const ConversionSource& source, const GgufArch& arch) {
  if (source.decoders == nullptr) RequireGgufForm(source.model);
  return GgufConverter(source, arch).Convert();
}

}  // namespace tael
