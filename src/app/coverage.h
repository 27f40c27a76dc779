// Which reference data a family has been compared with.
#pragma once

#include <string_view>

namespace tael {

// The golden that covers a family (DecoderSpec::family), several separated by ", "; "" = none: the
// family was written from published descriptions.
std::string_view GoldensOf(std::string_view family);

}  // namespace tael
