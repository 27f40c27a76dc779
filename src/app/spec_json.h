// A network's description as JSON, for `tael inspect`.
#pragma once

#include "base/json.h"
#include "spec/decoder_spec.h"

namespace tael {

// Every mechanism with its sizes. Equal neighbouring layers are shown once, with their number.
Json SpecToJson(const DecoderSpec& spec);

}  // namespace tael
