// quant_method "compressed-tensors": groups of modules, each with its own form.
#include <algorithm>

#include "base/error.h"
#include "model/quantization/methods.h"

namespace tael {
namespace {

constexpr const char* kFormats[] = {"float-quantized",      "int-quantized",
                                    "naive-quantized",      "pack-quantized",
                                    "nvfp4-pack-quantized", "mxfp4-pack-quantized"};
enum Format : uint8_t { kFloat, kInt, kNaive, kPacked, kNvfp4, kMxfp4 };
constexpr const char* kStrategies[] = {"tensor", "channel", "group", "block", "tensor_group"};
enum Strategy : uint8_t { kTensor, kChannel, kGroup, kBlock, kTensorGroup };

// The `weights` object of a group.
struct WeightArguments {
  int bits = 0;
  bool is_float = false, symmetric = true;
  Strategy strategy = kTensor;
  int64_t group_size = 0;
  int64_t rows = 0, columns = 0;  // of blocks
  bool act_order = false;
};

template <typename... Args>
[[noreturn]] void Unsupported(const ConfigView& config, fmt::format_string<Args...> text,
                              Args&&... args) {
  Fail(ErrorCode::kUnsupported, "{}: quantization_config: {}", config.where(),
       fmt::format(text, std::forward<Args>(args)...));
}

WeightArguments ReadWeights(const ConfigView& weights) {
  WeightArguments out;
  out.bits = weights.Int("num_bits");
  constexpr const char* kTypes[] = {"int", "float"};
  out.is_float = ReadChoice(weights, "type", "int", kTypes) == 1;
  out.symmetric = weights.Bool("symmetric", true);
  out.strategy = static_cast<Strategy>(ReadChoice(weights, "strategy", "tensor", kStrategies));
  if (out.strategy == kGroup || out.strategy == kTensorGroup) {
    out.group_size = ReadGroupSize(weights, "group_size", false);
  } else {
    weights.Ignore("group_size");
  }
  if (out.strategy == kBlock) {
    const std::vector<int64_t> block = weights.Ints("block_structure");
    if (block.size() != 2 || block[0] < 1 || block[1] < 1) {
      Fail(ErrorCode::kCorrupt,
           "{}: quantization_config: block_structure needs two positive numbers", weights.where());
    }
    out.rows = block[0];
    out.columns = block[1];
  } else {
    weights.Ignore("block_structure");
  }
  if (weights.Bool("dynamic", false)) Unsupported(weights, "weights with dynamic scales");
  // "weight" and "static" were used up while quantising; "group" moved inputs between groups.
  constexpr const char* kOrders[] = {"none", "weight", "static", "group", "dynamic"};
  out.act_order = ReadChoice(weights, "actorder", "none", kOrders) >= 3;
  // How the scales were found, and their types, which the tensors themselves say.
  for (const char* key : {"observer", "observer_kwargs", "scale_dtype", "zp_dtype"}) {
    weights.Ignore(key);
  }
  return out;
}

QuantScheme ByteSchemeOf(const ConfigView& group, const WeightArguments& w, const char* format) {
  if (w.bits != 8) Unsupported(group, "{} with num_bits {}, read with 8", format, w.bits);
  if (w.is_float && !w.symmetric) Unsupported(group, "{}: floats with zero points", format);
  if (w.strategy == kTensorGroup) Unsupported(group, "{} with strategy tensor_group", format);
  ByteScheme scheme{.dtype = w.is_float ? DType::kF8E4M3 : DType::kI8};
  scheme.span = static_cast<ByteScheme::Span>(w.strategy);
  scheme.rows = w.rows;
  scheme.columns = w.strategy == kGroup ? w.group_size : w.columns;
  scheme.zeros = !w.symmetric;
  return scheme;
}

QuantScheme WordSchemeOf(const ConfigView& group, const WeightArguments& w) {
  if (w.is_float || (w.bits != 4 && w.bits != 8)) {
    Unsupported(group, "pack-quantized with {} of {} bits, read with int of 4 or 8",
                w.is_float ? "float" : "int", w.bits);
  }
  if (w.strategy != kChannel && w.strategy != kGroup) {
    Unsupported(group, "pack-quantized with strategy {}, read with channel and group",
                kStrategies[w.strategy]);
  }
  return WordScheme{
      .bits = w.bits, .group_size = w.group_size, .zeros = !w.symmetric, .act_order = w.act_order};
}

QuantScheme Fp4SchemeOf(const ConfigView& group, const WeightArguments& w, Format format) {
  const bool nv = format == kNvfp4;
  const int64_t needed = nv ? 16 : 32;
  if (w.bits != 4 || !w.is_float || !w.symmetric || w.group_size != needed) {
    Unsupported(group, "{} with {} {} bits and group_size {}, needed symmetric float 4 and {}",
                kFormats[format], w.is_float ? "float" : "int", w.bits, w.group_size, needed);
  }
  return Fp4Scheme{.scale_dtype = nv ? DType::kF8E4M3 : DType::kF8E8M0, .group_size = needed};
}

QuantScheme ReadScheme(const ConfigView& group, Format format) {
  const std::optional<ConfigView> weights = group.Object("weights");
  if (!weights.has_value()) Unsupported(group, "a group without 'weights'");
  const WeightArguments arguments = ReadWeights(*weights);
  if (arguments.act_order && format != kPacked) {
    Unsupported(group, "{} with actorder group", kFormats[format]);
  }
  switch (format) {
    case kPacked:
      return WordSchemeOf(group, arguments);
    case kNvfp4:
    case kMxfp4:
      return Fp4SchemeOf(group, arguments, format);
    default:
      if (format != kNaive && arguments.is_float != (format == kFloat)) {
        Unsupported(group, "{} with weights of another type", kFormats[format]);
      }
      return ByteSchemeOf(group, arguments, kFormats[format]);
  }
}

void ReadTargets(const ConfigView& config, QuantGroup* group) {
  for (const std::string& target : config.Strings("targets")) {
    if (target == "Linear") {
      group->all = true;
    } else if (target.starts_with("re:")) {
      group->patterns.emplace_back(target.substr(3), config.where());
    } else if (target.find('.') == std::string::npos && !target.empty() && target[0] >= 'A' &&
               target[0] <= 'Z') {
      Unsupported(config, "targets names the class '{}', known is Linear", target.substr(0, 80));
    } else {
      group->names.push_back(target);
    }
  }
}

void ReadGroups(const ConfigView& config, Quantization* out) {
  const std::optional<ConfigView> groups = config.Object("config_groups");
  if (!groups.has_value()) Unsupported(config, "config_groups is missing");
  const bool mixed = config.String("format", "dense") == "mixed-precision";
  for (const auto& member : groups->values().as_object()) {
    const std::optional<ConfigView> group = groups->Object(member.first);
    if (!group.has_value()) continue;
    const bool own = group->Has("format");
    if (mixed && !own) Unsupported(config, "mixed-precision with a group without format");
    if (!own) group->Ignore("format");
    const ConfigView& said = own ? *group : config;
    const auto format = static_cast<Format>(ReadChoice(said, "format", "dense", kFormats));
    // Activations stay float32, whatever was recommended for them.
    for (const char* key : {"input_activations", "output_activations"}) group->Ignore(key);
    QuantGroup read{
        .names = {}, .patterns = {}, .all = false, .scheme = ReadScheme(*group, format)};
    ReadTargets(*group, &read);
    out->groups.push_back(std::move(read));
  }
}

// Parts of the format that change values and are not computed here must be absent or empty.
void RefuseTransformations(const ConfigView& config) {
  for (const char* key :
       {"kv_cache_scheme", "sparsity_config", "moe_sparsity_config", "transform_config"}) {
    const Json* value = config.values().Find(key);
    config.Ignore(key);
    if (value == nullptr || value->is_null()) continue;
    if (value->is_object() && value->as_object().empty()) continue;
    Unsupported(config, "{} is set, and nothing computes what it asks for", key);
  }
}

}  // namespace

Quantization ReadCompressedTensors(const ConfigView& config) {
  constexpr const char* kStates[] = {"compressed"};
  ReadChoice(config, "quantization_status", "compressed", kStates);
  for (const char* key : {"global_compression_ratio", "version"}) config.Ignore(key);
  RefuseTransformations(config);
  Quantization out;
  ReadGroups(config, &out);
  if (!config.Has("ignore")) {
    config.Ignore("ignore");
    return out;
  }
  out.excluded_key = "ignore";
  for (const std::string& name : config.Strings("ignore")) {
    if (name.starts_with("re:")) {
      out.excluded_patterns.emplace_back(name.substr(3), config.where());
    } else {
      out.excluded_parts.emplace_back(name);
    }
  }
  return out;
}

}  // namespace tael
