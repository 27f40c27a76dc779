// Reading numbers as Python's int() and float() do.
#pragma once

#include <optional>
#include <string_view>

#include "text/jinja/value.h"

namespace tael::jinja {

// nullopt: not a number in that notation. Too large for 64 bits: a type Fault.
std::optional<int64_t> ParseInt(std::string_view text, int64_t base);
std::optional<double> ParseFloat(std::string_view text);
// Truncates; nullopt for NaN, infinity and what does not fit.
std::optional<int64_t> TruncateToInt(double value);
// Python's round(): to even, exact in decimal.
double RoundDecimal(double value, int64_t digits);

}  // namespace tael::jinja
