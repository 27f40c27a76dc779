#include "base/utf8.h"

namespace tael {
namespace {

// Length of the sequence a lead byte announces and the allowed range of the byte after it
// (Unicode 15, table 3-7); length 0 = no lead byte.
struct Lead {
  int length;
  uint8_t low, high;
};

Lead LeadOf(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte >= 0xC2 && byte <= 0xDF) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

}  // namespace

CodePoint DecodeUtf8(std::string_view text, size_t pos) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const Lead lead = LeadOf(byte(pos));
  if (lead.length == 1) return {byte(pos), 1, true};
  if (lead.length == 0) return {0xFFFD, 1, false};
  char32_t value = byte(pos) & (0x7F >> lead.length);
  for (int i = 1; i < lead.length; ++i) {
    const size_t at = pos + static_cast<size_t>(i);
    const uint8_t low = i == 1 ? lead.low : 0x80, high = i == 1 ? lead.high : 0xBF;
    if (at >= text.size() || byte(at) < low || byte(at) > high) return {0xFFFD, i, false};
    value = (value << 6) | (byte(at) & 0x3F);
  }
  return {value, lead.length, true};
}

void AppendUtf8(char32_t value, std::string& out) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (value < 0x80) {
    put(value);
  } else if (value < 0x800) {
    put(0xC0 | (value >> 6));
    put(0x80 | (value & 0x3F));
  } else if (value < 0x10000) {
    put(0xE0 | (value >> 12));
    put(0x80 | ((value >> 6) & 0x3F));
    put(0x80 | (value & 0x3F));
  } else {
    put(0xF0 | (value >> 18));
    put(0x80 | ((value >> 12) & 0x3F));
    put(0x80 | ((value >> 6) & 0x3F));
    put(0x80 | (value & 0x3F));
  }
}

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    if (!point.valid) return false;
    i += static_cast<size_t>(point.length);
  }
  return true;
}

std::string ReplaceInvalidUtf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = DecodeUtf8(text, i);
    if (point.valid) {
      out.append(text.substr(i, static_cast<size_t>(point.length)));
    } else {
      out += "\xEF\xBF\xBD";
    }
    i += static_cast<size_t>(point.length);
  }
  return out;
}

int IncompleteUtf8Suffix(std::string_view text) {
  for (int back = 1; back <= 3 && static_cast<size_t>(back) <= text.size(); ++back) {
    const size_t pos = text.size() - static_cast<size_t>(back);
    const auto byte = static_cast<uint8_t>(text[pos]);
    if ((byte & 0xC0) == 0x80) continue;  // a continuation byte: look further back
    const Lead lead = LeadOf(byte);
    if (lead.length <= back) return 0;
    const CodePoint point = DecodeUtf8(text, pos);
    return point.length == back ? back : 0;  // valid so far, only cut short
  }
  return 0;
}

}  // namespace tael
