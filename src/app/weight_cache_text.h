// Packed weights that are kept on the disk: what settings say of them, and what the user sees.
#pragma once

#include <memory>
#include <string>

#include "app/settings.h"
#include "base/json.h"
#include "engine/runner_options.h"
#include "engine/weight_cache.h"

namespace tael {

// Null when they are turned off. Notes and progress go to stderr. Throws kInvalidArgument (a size).
std::shared_ptr<const WeightCacheOptions> MakeWeightCache(const CacheSettings& settings);

// "9.5 GiB mapped from /x/y.weights (9.5 GiB on disk) in 0.41 s"; "" when nothing is packed.
std::string PackedText(const PackedWeights& packed);
// What a start would do with its packed weights; "" when there are none.
std::string ForecastText(const Model& model, const RunnerOptions& options);

// {"from": "copy", "new file" or "file", "seconds", "resident_bytes", "file", "disk_bytes"} or
// null.
Json PackedToJson(const PackedWeights& packed);

}  // namespace tael
