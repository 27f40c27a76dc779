// Tables of the byte alphabet, computed once.
#include "text/byte_alphabet.h"

#include <fmt/core.h>

#include <array>

#include "base/utf8.h"

namespace tael {
namespace {

constexpr bool IsPrintable(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr int kAlphabetEnd = 0x100 + 68;  // 68 bytes are not printable

constexpr std::array<uint16_t, 256> kToAlphabet = [] {
  std::array<uint16_t, 256> table{};
  uint16_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    table[static_cast<size_t>(byte)] = IsPrintable(byte) ? static_cast<uint16_t>(byte) : next++;
  }
  return table;
}();

constexpr std::array<int16_t, kAlphabetEnd> kToByte = [] {
  std::array<int16_t, kAlphabetEnd> table{};
  for (int16_t& entry : table) entry = -1;
  for (int byte = 0; byte < 256; ++byte) {
    table[kToAlphabet[static_cast<size_t>(byte)]] = static_cast<int16_t>(byte);
  }
  return table;
}();

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

char32_t ByteToAlphabet(uint8_t byte) { return kToAlphabet[byte]; }

int AlphabetToByte(char32_t character) {
  return character < kAlphabetEnd ? kToByte[character] : -1;
}

std::string MapBytes(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char byte : bytes) AppendUtf8(ByteToAlphabet(static_cast<uint8_t>(byte)), out);
  return out;
}

std::optional<std::string> UnmapBytes(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    const int byte = point.valid ? AlphabetToByte(point.value) : -1;
    if (byte < 0) return std::nullopt;
    out.push_back(static_cast<char>(byte));
    i += static_cast<size_t>(point.length);
  }
  return out;
}

int ParseByteToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>') return -1;
  const int high = HexDigit(text[3]), low = HexDigit(text[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string ByteTokenText(uint8_t byte) { return fmt::format("<0x{:02X}>", byte); }

}  // namespace tael
