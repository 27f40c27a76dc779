// Makes names from untrusted files safe to print in a message.
#pragma once

#include <string>
#include <string_view>

namespace tael {

// `text` as valid UTF-8 without control characters, cut to about 80 bytes.
std::string Printable(std::string_view text);

}  // namespace tael
