#include "model/bind/packed.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <vector>

#include "quant/packed_matrix.h"

namespace tael {
namespace {

using Shape = std::vector<int64_t>;
constexpr DType kScaleTypes[] = {DType::kF16, DType::kBF16, DType::kF32};
constexpr DType kByteScaleTypes[] = {DType::kF32, DType::kBF16, DType::kF16, DType::kF8E8M0};
constexpr DType kWordTypes[] = {DType::kI32};
constexpr const char* kActivationTensors[] = {".input_scale", ".input_zero_point",
                                              ".input_global_scale", ".output_scale"};

int64_t CeilDiv(int64_t a, int64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

template <typename Stored>
Stored Load(const TensorInfo& tensor, int64_t index) {
  Stored value;
  std::memcpy(&value, tensor.bytes.data() + index * static_cast<int64_t>(sizeof(value)),
              sizeof(value));
  return value;
}

// The tensors of one matrix.
class Source {
 public:
  Source(const std::string& tensor_name, const PackedShape& shape, Binder& binder)
      : module_(ModuleOf(tensor_name)),
        is_stack_(module_ == tensor_name),
        shape_(shape),
        binder_(binder) {
    for (const char* name : kActivationTensors) binder_.IgnoreNamed(module_ + name);
    if (is_stack_) binder_.IgnoreNamed(module_ + "_activation_scale");
  }

  const TensorInfo* Take(const char* suffix, std::initializer_list<Shape> shapes,
                         std::span<const DType> types) {
    const TensorInfo* tensor =
        binder_.Take(module_ + suffix, std::span(shapes.begin(), shapes.size()), types);
    if (tensor != nullptr) bytes_ += static_cast<int64_t>(tensor->bytes.size());
    return tensor;
  }

  // False, and reported, when `value` is no multiple of `divisor`.
  bool Divides(int64_t divisor, int64_t value, const char* what) {
    if (value % divisor == 0) return true;
    binder_.Problem("'{}': {} {} is no multiple of {}", module_, what, value, divisor);
    return false;
  }
  // False, and reported, when decoders cannot hold the groups.
  bool Fits(int64_t groups) {
    if (groups <= kMaxGroups) return true;
    binder_.Problem("'{}': {} groups in a row, at most {} can be read", module_, groups,
                    kMaxGroups);
    return false;
  }

  // One tensor holds the matrices of all experts; it has no ".weight" to its name.
  bool is_stack() const { return is_stack_; }
  bool Has(const char* suffix) const { return binder_.HasNamed(module_ + suffix); }
  std::optional<DType> TypeOf(const char* suffix) const {
    return binder_.TypeNamed(module_ + suffix);
  }
  const PackedShape& shape() const { return shape_; }
  const std::string& module() const { return module_; }
  Binder& binder() { return binder_; }

  template <typename Codes>
  PackedMatrix Finish(const Codes& codes, const std::string& form) const {
    PackedMatrix matrix{
        .n = shape_.count * shape_.n, .k = shape_.k, .codes = codes, .bytes = bytes_, .form = form};
    if (!CodeShapeOf(matrix).reordered) return matrix;
    if (!binder_.headers_only()) {
      matrix.order = GroupOrder(matrix);
    } else {  // as large, so that a plan finds it in memory
      matrix.order.resize(static_cast<size_t>(matrix.k));
      std::iota(matrix.order.begin(), matrix.order.end(), 0);
    }
    return matrix;
  }

 private:
  std::string module_;
  bool is_stack_;
  PackedShape shape_;
  Binder& binder_;
  int64_t bytes_ = 0;
};

// Sets the group of every input, checked. Without `act_order` an index that says the same as
// `group_size` is left aside; with it none is, so that a plan, which sees no index, knows the form
// of the product. False, and reported, when it is wrong.
bool ReadGroupIndex(const TensorInfo& tensor, bool act_order, Binder& binder, WordCodes* codes) {
  // What a plan takes for granted, as all writers make them.
  codes->even_groups = codes->group_size * codes->groups == tensor.shape[0];
  codes->group_index = act_order ? tensor.bytes.data() : nullptr;
  if (binder.headers_only()) return true;
  bool plain = true;
  std::vector<int64_t> sizes(static_cast<size_t>(codes->groups));
  for (int64_t i = 0; i < tensor.shape[0]; ++i) {
    const auto group = Load<int32_t>(tensor, i);
    if (group < 0 || group >= codes->groups) {
      binder.Problem("'{}': input {} is in group {}, and there are {}", tensor.name, i, group,
                     codes->groups);
      return false;
    }
    ++sizes[static_cast<size_t>(group)];
    plain = plain && group == i / codes->group_size;
  }
  for (const int64_t size : sizes) codes->even_groups &= size == codes->group_size;
  if (!plain) codes->group_index = tensor.bytes.data();
  return true;
}

std::optional<PackedMatrix> BindScheme(const Fp4Scheme& scheme, Source& source);

// Whether a module of a checkpoint of bytes holds pairs of 4-bit floats, or has to.
bool HoldsFp4(const ByteScheme& scheme, const Source& source) {
  if (scheme.experts == ExpertCodes::kBytes) return false;
  const bool expert = source.module().find(".experts.") != std::string::npos;
  if (scheme.experts == ExpertCodes::kFp4 && expert) return true;
  return source.TypeOf(".weight") == DType::kI8 || source.TypeOf(".weight") == DType::kF4;
}

// One overload per alternative of QuantScheme.
std::optional<PackedMatrix> BindScheme(const ByteScheme& scheme, Source& source) {
  const bool other = scheme.other_scale_name != nullptr && !source.Has(scheme.scale_name) &&
                     source.Has(scheme.other_scale_name);
  const char* const scale_name = other ? scheme.other_scale_name : scheme.scale_name;
  if (HoldsFp4(scheme, source)) {
    return BindScheme(Fp4Scheme{.codes_name = ".weight", .scale_name = scale_name}, source);
  }
  const auto [count, n, k] = source.shape();
  ByteCodes codes{.dtype = scheme.dtype};
  codes.row_span = scheme.span == ByteScheme::kTensor  ? n
                   : scheme.span == ByteScheme::kBlock ? scheme.rows
                                                       : 1;
  const bool wide = scheme.span == ByteScheme::kTensor || scheme.span == ByteScheme::kChannel;
  codes.column_span = wide ? k : std::min(scheme.columns, k);
  codes.grid_columns = CeilDiv(k, codes.column_span);
  const Shape grid = {CeilDiv(n, codes.row_span), codes.grid_columns};
  // One scale is written as a vector or as a number.
  const bool one = scheme.span == ByteScheme::kTensor;
  const Shape vector = one ? Shape{1} : grid, number = one ? Shape{} : grid;
  const TensorInfo *weight, *scales;
  if (source.is_stack()) {
    codes.matrix_rows = n;
    codes.matrix_grid_rows = grid[0];
    const Shape cube = {count, grid[0], grid[1]};
    const char* name = source.Has("_scale_inv") ? "_scale_inv" : "_scale";
    weight = source.Take("", {{count, n, k}}, std::span(&scheme.dtype, 1));
    scales = source.Take(name, {cube, one ? Shape{count} : cube}, kByteScaleTypes);
    if (scheme.zeros) {
      source.binder().Problem("'{}' holds several matrices with zero points, which is not read",
                              source.module());
      return {};
    }
  } else {
    weight = source.Take(".weight", {{n, k}}, std::span(&scheme.dtype, 1));
    scales = source.Take(scale_name, {vector, number, grid}, kByteScaleTypes);
  }
  constexpr DType kZeroTypes[] = {DType::kI8};
  const TensorInfo* zeros =
      scheme.zeros ? source.Take(".weight_zero_point", {vector, number, grid}, kZeroTypes)
                   : nullptr;
  if (weight == nullptr || scales == nullptr || (scheme.zeros && zeros == nullptr)) return {};
  codes.codes = weight->bytes.data();
  codes.row_stride = k;
  codes.scale_dtype = scales->dtype;
  codes.scales = scales->bytes.data();
  if (zeros != nullptr) codes.zeros = zeros->bytes.data();
  constexpr const char* kSpans[] = {"tensor", "row"};
  return source.Finish(
      codes, wide ? fmt::format("{}, a scale per {}", Name(scheme.dtype), kSpans[scheme.span])
                  : fmt::format("{}, scales of {} x {}", Name(scheme.dtype), codes.row_span,
                                codes.column_span));
}

std::optional<PackedMatrix> BindScheme(const WordScheme& scheme, Source& source) {
  const auto [count, n, k] = source.shape();
  const int64_t per = 32 / scheme.bits, words = CeilDiv(k, per);
  const int64_t group_size = scheme.group_size > 0 ? scheme.group_size : k;
  if (!source.Divides(group_size, k, "row length")) return {};
  const int64_t groups = k / group_size;
  if (!source.Fits(groups)) return {};
  const TensorInfo* packed = source.Take(".weight_packed", {{n, words}}, kWordTypes);
  const TensorInfo* scales = source.Take(".weight_scale", {{n, groups}}, kScaleTypes);
  constexpr DType kShapeTypes[] = {DType::kI64, DType::kI32};
  const TensorInfo* shape = source.Take(".weight_shape", {{2}}, kShapeTypes);
  const TensorInfo* zeros =
      scheme.zeros ? source.Take(".weight_zero_point", {{CeilDiv(n, per), groups}}, kWordTypes)
                   : nullptr;
  const TensorInfo* index =
      scheme.act_order ? source.Take(".weight_g_idx", {{k}}, kWordTypes) : nullptr;
  if (packed == nullptr || scales == nullptr || shape == nullptr ||
      (scheme.zeros && zeros == nullptr) || (scheme.act_order && index == nullptr)) {
    return {};
  }
  if (!source.binder().headers_only()) {
    const bool wide = shape->dtype == DType::kI64;
    const int64_t rows = wide ? Load<int64_t>(*shape, 0) : Load<int32_t>(*shape, 0);
    const int64_t columns = wide ? Load<int64_t>(*shape, 1) : Load<int32_t>(*shape, 1);
    if (rows != n || columns != k) {
      source.binder().Problem("'{}' says [{}, {}], needed [{}, {}]", shape->name, rows, columns, n,
                              k);
      return {};
    }
  }
  const int64_t scale_bytes = Info(scales->dtype).block_bytes;
  WordCodes codes{.bits = scheme.bits,
                  .words = packed->bytes.data(),
                  .row_stride = 4 * words,
                  .word_stride = 4,
                  .scale_dtype = scales->dtype,
                  .scales = scales->bytes.data(),
                  .scale_row_stride = groups * scale_bytes,
                  .scale_group_stride = scale_bytes,
                  .zero_row_stride = 4 * groups,
                  .zero_group_stride = 4,
                  .group_size = group_size,
                  .groups = groups};
  if (zeros != nullptr) codes.zeros = zeros->bytes.data();
  if (index != nullptr && !ReadGroupIndex(*index, scheme.act_order, source.binder(), &codes))
    return {};
  return source.Finish(codes, fmt::format("int{}, groups of {}{}{}", scheme.bits, group_size,
                                          scheme.zeros ? ", zero points" : "",
                                          scheme.act_order ? ", reordered" : ""));
}

std::optional<PackedMatrix> BindScheme(const GptqScheme& scheme, Source& source) {
  const auto [count, n, k] = source.shape();
  const int64_t per = 32 / scheme.bits;
  const int64_t group_size = scheme.group_size > 0 ? std::min(scheme.group_size, k) : k;
  const int64_t groups = CeilDiv(k, group_size);
  if (!source.Divides(per, k, "row length") || !source.Divides(per, n, "number of rows") ||
      !source.Fits(groups)) {
    return {};
  }
  const TensorInfo* packed = source.Take(".qweight", {{k / per, n}}, kWordTypes);
  const TensorInfo* zeros = source.Take(".qzeros", {{groups, n / per}}, kWordTypes);
  const TensorInfo* scales = source.Take(".scales", {{groups, n}}, kScaleTypes);
  const bool indexed = scheme.act_order || source.Has(".g_idx");
  const TensorInfo* index = indexed ? source.Take(".g_idx", {{k}}, kWordTypes) : nullptr;
  if (packed == nullptr || zeros == nullptr || scales == nullptr || (indexed && index == nullptr)) {
    return {};
  }
  const int64_t scale_bytes = Info(scales->dtype).block_bytes;
  WordCodes codes{.bits = scheme.bits,
                  .words = packed->bytes.data(),
                  .row_stride = 4,
                  .word_stride = 4 * n,
                  .scale_dtype = scales->dtype,
                  .scales = scales->bytes.data(),
                  .scale_row_stride = scale_bytes,
                  .scale_group_stride = n * scale_bytes,
                  .zeros = zeros->bytes.data(),
                  .zero_row_stride = 4,
                  .zero_group_stride = 4 * (n / per),
                  .group_size = group_size,
                  .groups = groups};
  // One in each field of the word.
  if (scheme.zeros_minus_one) codes.zero_addend = 0xffffffffu / ((1u << scheme.bits) - 1);
  if (index != nullptr && !ReadGroupIndex(*index, scheme.act_order, source.binder(), &codes))
    return {};
  return source.Finish(codes, fmt::format("GPTQ int{}, groups of {}{}", scheme.bits, group_size,
                                          scheme.act_order ? ", reordered" : ""));
}

std::optional<PackedMatrix> BindScheme(const AwqScheme& scheme, Source& source) {
  const auto [count, n, k] = source.shape();
  if (!source.Divides(8, n, "number of rows") ||
      !source.Divides(scheme.group_size, k, "row length") || !source.Fits(k / scheme.group_size)) {
    return {};
  }
  const int64_t groups = k / scheme.group_size;
  const TensorInfo* packed = source.Take(".qweight", {{k, n / 8}}, kWordTypes);
  const TensorInfo* zeros = source.Take(".qzeros", {{groups, n / 8}}, kWordTypes);
  const TensorInfo* scales = source.Take(".scales", {{groups, n}}, kScaleTypes);
  if (packed == nullptr || zeros == nullptr || scales == nullptr) return {};
  const AcrossCodes codes{.words = packed->bytes.data(),
                          .scale_dtype = scales->dtype,
                          .scales = scales->bytes.data(),
                          .zeros = zeros->bytes.data(),
                          .stored_rows = n,
                          .group_size = scheme.group_size,
                          .groups = groups};
  return source.Finish(codes, fmt::format("AWQ int4, groups of {}", scheme.group_size));
}

std::optional<PackedMatrix> BindScheme(const Fp4Scheme& scheme, Source& source) {
  const auto [count, n, k] = source.shape();
  if (count != 1) {
    source.binder().Problem(
        "'{}' holds several matrices of 4-bit floats with a name for bytes, which is not read",
        source.module());
    return {};
  }
  if (!source.Divides(scheme.group_size, k, "row length")) return {};
  const bool nv = scheme.scale_dtype == DType::kF8E4M3;
  // A type for pairs counts bytes, one for single values counts values.
  constexpr DType kPairs[] = {DType::kU8, DType::kI8}, kSingles[] = {DType::kF4};
  const bool singles = source.TypeOf(scheme.codes_name) == DType::kF4;
  constexpr DType kMxScales[] = {DType::kU8, DType::kF8E8M0}, kNvScales[] = {DType::kF8E4M3};
  constexpr DType kDivisors[] = {DType::kF32};
  const int64_t groups = k / scheme.group_size;
  const TensorInfo* packed = source.Take(scheme.codes_name, {{n, singles ? k : k / 2}},
                                         singles ? std::span<const DType>(kSingles) : kPairs);
  const TensorInfo* scales = source.Take(scheme.scale_name, {{n, groups}},
                                         nv ? std::span<const DType>(kNvScales) : kMxScales);
  const TensorInfo* divisor =
      nv ? source.Take(".weight_global_scale", {{1}, {}}, kDivisors) : nullptr;
  if (packed == nullptr || scales == nullptr || (nv && divisor == nullptr)) return {};
  Fp4Codes codes{.codes = packed->bytes.data(),
                 .row_stride = k / 2,
                 .scale_dtype = scheme.scale_dtype,
                 .scales = scales->bytes.data(),
                 .scale_row_stride = groups,
                 .group_size = scheme.group_size};
  if (divisor != nullptr) codes.divisor = divisor->bytes.data();
  return source.Finish(codes, nv ? "NVFP4" : "MXFP4");
}

std::optional<PackedMatrix> BindScheme(const Fp4StackScheme&, Source& source) {
  const auto [count, n, k] = source.shape();
  if (!source.Divides(32, k, "row length")) return {};
  constexpr DType kBytes[] = {DType::kU8};
  const TensorInfo* blocks = source.Take("_blocks", {{count, n, k / 32, 16}}, kBytes);
  const TensorInfo* scales = source.Take("_scales", {{count, n, k / 32}}, kBytes);
  if (blocks == nullptr || scales == nullptr) return {};
  const Fp4Codes codes{.codes = blocks->bytes.data(),
                       .row_stride = k / 2,
                       .scale_dtype = DType::kF8E8M0,
                       .scales = scales->bytes.data(),
                       .scale_row_stride = k / 32,
                       .group_size = 32};
  return source.Finish(codes, "MXFP4");
}

}  // namespace

std::string ModuleOf(const std::string& tensor_name) {
  constexpr std::string_view kEnding = ".weight";
  return tensor_name.ends_with(kEnding) ? tensor_name.substr(0, tensor_name.size() - kEnding.size())
                                        : tensor_name;
}

std::string CodesName(const QuantScheme& scheme, const std::string& tensor_name) {
  const std::string module = ModuleOf(tensor_name);
  if (std::holds_alternative<ByteScheme>(scheme)) return tensor_name;
  if (std::holds_alternative<Fp4StackScheme>(scheme)) return tensor_name + "_blocks";
  const bool transposed =
      std::holds_alternative<GptqScheme>(scheme) || std::holds_alternative<AwqScheme>(scheme);
  return module + (transposed ? ".qweight" : ".weight_packed");
}

std::optional<PackedMatrix> BindPacked(const QuantScheme& scheme, const std::string& tensor_name,
                                       const PackedShape& shape, Binder& binder) {
  Source source(tensor_name, shape, binder);
  if (shape.count != 1 && !std::holds_alternative<Fp4StackScheme>(scheme) &&
      !std::holds_alternative<ByteScheme>(scheme)) {
    binder.Problem(
        "'{}' holds several quantised matrices, which is read as MXFP4 and with a byte per weight",
        tensor_name);
    return {};
  }
  return std::visit([&](const auto& s) { return BindScheme(s, source); }, scheme);
}

}  // namespace tael
