#include "model/model.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "model/bind.h"
#include "model/families.h"
#include "model/quantization.h"
#include "spec/latent_form.h"
#include "spec/long_context.h"

namespace tael {
namespace {

const Family& FamilyOf(const Checkpoint& checkpoint) {
  const std::vector<std::string> names = checkpoint.config.Strings("architectures");
  const std::string name = names.empty() ? "" : names[0];
  const Family* family = FindFamily(name);
  if (family == nullptr) {
    Fail(ErrorCode::kUnsupported, "{}: architecture '{}' is not known; known are {}",
         checkpoint.config.where(), name.substr(0, 80), fmt::join(KnownArchitectures(), ", "));
  }
  return *family;
}

void RefuseUnreadKeys(const Checkpoint& checkpoint, const std::vector<std::string>& allowed) {
  std::vector<std::string> unread = checkpoint.config.UnreadKeys();
  std::erase_if(unread, [&](const std::string& key) {
    return std::find(allowed.begin(), allowed.end(), key) != allowed.end();
  });
  if (unread.empty()) return;
  Fail(ErrorCode::kUnsupported,
       "{}: {} configuration key(s) that this family does not know: {}. Hint: a key without "
       "influence "
       "on the result can be allowed with --allow-unknown-key KEY",
       checkpoint.config.where(), unread.size(), fmt::join(unread, ", "));
}

void LoadAdapters(const std::vector<AdapterSource>& sources, Model& model) {
  for (const AdapterSource& source : sources) {
    for (const auto& other : model.adapters) {
      if (other->name != source.name) continue;
      Fail(ErrorCode::kInvalidArgument, "{}: an adapter named '{}' is loaded already ({})",
           source.path, source.name, other->path);
    }
    const LoraFile file = OpenLora(source.path);
    model.adapters.push_back(BindAdapter(file, source.name,
                                         {model.spec, model.weights, FamilyOf(model.checkpoint),
                                          model.checkpoint, model.headers_only}));
  }
}

}  // namespace

std::vector<std::string> KnownArchitectures() {
  std::vector<std::string> names;
  for (const Family* family : AllFamilies()) names.emplace_back(family->architecture);
  std::sort(names.begin(), names.end());
  return names;
}

DecoderSpec DescribeCheckpoint(const Checkpoint& checkpoint,
                               const std::vector<std::string>& allowed_keys) {
  const Family& family = FamilyOf(checkpoint);
  ReadQuantization(checkpoint.config);  // refuses what cannot be read before anything else
  const int layers = checkpoint.config.Int("num_hidden_layers");
  if (layers < 1 || layers > kMaxLayers) {
    Fail(ErrorCode::kCorrupt, "{}: num_hidden_layers is {}, needed 1 to {}",
         checkpoint.config.where(), layers, kMaxLayers);
  }
  DecoderSpec spec = family.describe(checkpoint.config);
  RefuseUnreadKeys(checkpoint, allowed_keys);
  LimitToOriginalContext(&spec, checkpoint.config.where());
  Validate(spec, checkpoint.config.where());
  return spec;
}

std::unique_ptr<Model> LoadModel(const std::string& path, const LoadOptions& options) {
  Checkpoint checkpoint = OpenCheckpoint(path, options.config_override);
  DecoderSpec spec = DescribeCheckpoint(checkpoint, options.allowed_keys);
  if (options.context > spec.max_context) UseLongContext(&spec);
  if (options.expanded_latents) {
    UseExpandedLatents(&spec, path);
    if (!options.adapters.empty()) {
      Fail(ErrorCode::kUnsupported,
           "{}: adapters change the maps from latent rows in their absorbed form. Hint: use --mla "
           "absorbed with --lora",
           path);
    }
  }
  const bool headers_only = options.headers_only;
  DecoderWeights weights = Bind(spec, FamilyOf(checkpoint), checkpoint, headers_only);
  auto model = std::make_unique<Model>(
      Model{std::move(checkpoint), std::move(spec), std::move(weights), headers_only});
  LoadAdapters(options.adapters, *model);
  return model;
}

}  // namespace tael
