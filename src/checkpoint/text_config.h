// The configuration of the text model inside a multimodal one.
#pragma once

#include <string>

#include "base/json.h"

namespace tael {

// Multimodal models nest the configuration of their text model under "text_config", beside others
// ("vision_config"). The result is what a text model's config.json would say: the nested keys at
// the top, with the architecture and the quantisation of the whole. What configures images, video
// and sound is left aside: those parts are not computed. Any other key of the outer object stays,
// so that one nobody knows is refused. A key that both objects have must say the same (throws
// kCorrupt), except where only the inner or the outer one matters. Published Gemma 3 checkpoints
// leave out what is a default of their class; it is filled in. Without "text_config": `config`.
Json FlattenTextConfig(Json config, const std::string& where);

}  // namespace tael
