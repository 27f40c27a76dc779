// The operations on strings that filters and methods share. All keep the origin of every character.
#pragma once

#include "text/jinja/value.h"

namespace tael::jinja {

enum class CaseMode { kUpper, kLower, kTitle, kCapitalize, kSwap, kFold };
const String* ChangeCase(Heap& heap, const String& text, CaseMode mode);
// The |title filter: words begin after blanks, dashes, slashes and brackets.
const String* FilterTitle(Heap& heap, const String& text);

// Cuts the characters of `chars` (white space when null) off the chosen ends.
const String* Strip(Heap& heap, const String& text, const String* chars, bool left, bool right);
// At most `count` replacements; a negative count means all.
const String* ReplaceText(Heap& heap, const String& text, const String& from, const String& to,
                          int64_t count);
// Pads with `fill` (one character) to `width` characters. `align`: '<', '>' or '^'.
const String* Pad(Heap& heap, const String& text, int64_t width, char align, const String& fill);
// `separator` null: at runs of white space. At most `limit` cuts; negative means all.
List* Split(Heap& heap, const String& text, const String* separator, int64_t limit);
List* SplitFromRight(Heap& heap, const String& text, const String* separator, int64_t limit);
List* SplitLines(Heap& heap, const String& text, bool keep_ends);
// str() of the items with `separator` between them.
const String* Join(Heap& heap, const Vector<Value>& items, const String& separator);

}  // namespace tael::jinja
