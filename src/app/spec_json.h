// A network's description as JSON, for `tael inspect`.
#pragma once

#include <string>

#include "base/json.h"
#include "model/model.h"
#include "spec/decoder_spec.h"

namespace tael {

// Every mechanism with its sizes. Equal neighbouring layers are shown once, with their number.
Json SpecToJson(const DecoderSpec& spec);

// Above which context a model takes its second list of divisors, what that allows, and which of the
// two is in use: as JSON, and for people.
Json LongContextToJson(const LongContextSpec& context);
std::string LongContextText(const Json& context);
// "long_context" of a result, of models that have two lists only: same weights, other numbers.
void SetLongContext(const Model& model, Json* result);
// "mla" of a result, of models with latent attention only: "absorbed" or "expanded".
void SetLatentForm(const Model& model, Json* result);

}  // namespace tael
