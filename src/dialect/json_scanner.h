// Follows JSON text byte by byte, no stricter than needed to find where a value ends.
#pragma once

#include <cstdint>
#include <string>

namespace tael {

// The inside of a JSON string, behind its opening quote.
class JsonStringReader {
 public:
  // Appends to `out` what `c` completes, as UTF-8; false at the closing quote. Lone surrogates
  // become U+FFFD, unknown escapes stay as they are.
  bool OnByte(char c, std::string& out);

 private:
  void OnHexDigit(char c, std::string& out);
  void Flush(std::string& out);  // a high surrogate without a low one

  int digits_left_ = 0;
  bool escape_ = false;
  uint32_t code_ = 0, high_ = 0;
};

// A value from its first byte on. Brackets must match; beyond that the text is not checked.
class JsonScanner {
 public:
  enum class Result { kMore, kEnd, kEndBefore, kBad };

  // Appends `c` to `out` unless the value ended before it or it cannot stand there. Control
  // characters within strings, which models forget to escape, are escaped.
  Result OnByte(char c, std::string& out);
  bool in_string() const { return in_string_; }

 private:
  std::string open_;  // the closing brackets that are missing, innermost last
  bool in_string_ = false, escape_ = false, scalar_ = false;
};

}  // namespace tael
