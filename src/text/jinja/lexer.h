// Cuts a template into text, tags and the tokens inside tags; applies white-space control.
#pragma once

#include <string_view>

#include "text/jinja/text.h"
#include "text/jinja/value.h"

namespace tael::jinja {

struct SyntaxOptions {
  bool trim_blocks = true;    // the first newline after a block tag or comment is dropped
  bool lstrip_blocks = true;  // blanks between the start of a line and a block tag are dropped
};

enum class TokenType {
  kData,  // text outside tags
  kVariableBegin,
  kVariableEnd,
  kBlockBegin,
  kBlockEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenType type = TokenType::kEnd;
  std::string_view text;  // the source bytes
  Value value;            // of kData, kString, kInteger and kFloat
  int line = 1;
  uint32_t begin = 0, end = 0;  // byte offsets in the source

  bool Is(TokenType t, std::string_view s) const { return type == t && text == s; }
  bool IsName(std::string_view s) const { return Is(TokenType::kName, s); }
  bool IsOp(std::string_view s) const { return Is(TokenType::kOperator, s); }
};

// A template that is no template. `line` counts from 1.
struct SyntaxFault {
  ErrorCode code;
  int line;
  std::string message;
};

// Line ends become "\n" and one line end at the very end is dropped, as Jinja does first of all.
std::string NormalizeSource(std::string_view source);

// The tokens of a normalised source, which must outlive them; the last one is kEnd. Throws
// SyntaxFault, Fault(kExhausted).
Vector<Token> Tokenize(Heap& heap, std::string_view source, const SyntaxOptions& options);

// The value of a quoted string's inside, with Python's escapes. Throws SyntaxFault.
const String* Unescape(Heap& heap, std::string_view quoted, int line);

}  // namespace tael::jinja
