// Names that nobody can guess.
#pragma once

#include <cstdint>
#include <string>

namespace tael {

// From the system's source of randomness.
uint64_t RandomBits();
// So many letters and digits.
std::string RandomLetters(size_t count);
// "call_" and 24 of them; short: 9 alone.
std::string RandomCallId(bool short_form);

}  // namespace tael
