// llama3's scaling of rope, found again from the divisors that GGUF has in place of keys.
#pragma once

#include <optional>
#include <span>

#include "base/json.h"
#include "spec/decoder_spec.h"

namespace tael {

// The object of config.json (rope_type "llama3", ...) of which `divisors` are the trace; null when
// they are all 1 and nothing is scaled; nullopt when there is none. `rope` is what the file's keys
// say. `carried` is an object that may be the answer, for what divisors do not tell; null: none. It
// counts when it gives these divisors, and is returned as it is. Divisors fix the function, not its
// spelling: multiples of all three of low_freq_factor, high_freq_factor and the original length are
// the same, and low_freq_factor = 1 is chosen.
std::optional<Json> FindRopeBands(const RopeSpec& rope, std::span<const float> divisors,
                                  const Json* carried = nullptr);

}  // namespace tael
