// What `tael inspect` says about a LoRA adapter.
#pragma once

#include <string>

#include "base/json.h"

namespace tael {

// Reads the adapter completely. Throws what OpenLora() throws.
Json InspectLora(const std::string& path);

// The same for people.
std::string LoraSummary(const Json& found);

}  // namespace tael
