// In which of two forms latent attention is computed (docs/decisions/0039).
#pragma once

#include <string>

#include "spec/decoder_spec.h"

namespace tael {

// Has every layer with latent attention cache keys and values of all heads, for every row of every
// sequence. Throws kInvalidArgument where there is no such layer, kUnsupported where one selects
// positions or has values wider than keys. `where` names the model.
void UseExpandedLatents(DecoderSpec* spec, const std::string& where);

// Whether any layer is computed in the expanded form; whether any has latent attention at all.
bool HasExpandedLatents(const DecoderSpec& spec);
bool HasLatents(const DecoderSpec& spec);

}  // namespace tael
