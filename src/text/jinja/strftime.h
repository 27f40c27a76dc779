// Dates as text, without the C library's locale and its traps.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tael::jinja {

// strftime in the C locale. `unix_time`: seconds since 1970 in local time; -1 is now. Unknown
// conversions are copied as they stand. The result is at most 32 times as long as the format.
std::string FormatTime(std::string_view format, int64_t unix_time);

}  // namespace tael::jinja
