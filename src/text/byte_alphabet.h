// The 256 printable characters that stand for bytes in byte-level vocabularies ("Ġ" is a space).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tael {

// The character of a byte: itself when printable Latin-1, else from U+0100 on in byte order.
char32_t ByteToAlphabet(uint8_t byte);
// The byte of a character, -1 when it stands for none.
int AlphabetToByte(char32_t character);

// Bytes to their characters (UTF-8).
std::string MapBytes(std::string_view bytes);
// Back; nullopt when a character stands for no byte.
std::optional<std::string> UnmapBytes(std::string_view text);

// "<0x0A>" is the byte 10; -1 for any other text.
int ParseByteToken(std::string_view text);
std::string ByteTokenText(uint8_t byte);  // "<0x0A>"

}  // namespace tael
