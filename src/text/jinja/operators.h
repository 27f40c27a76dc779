// Arithmetic, access by attribute and by item, with Python's rules.
#pragma once

#include "text/jinja/value.h"

namespace tael::jinja {

// Integers that leave 64 bits are an error, never a wrong number. The result of untrusted operands
// is untrusted. All throw a type Fault for operands that Python refuses.
Value Add(Interpreter& in, const Value& left, const Value& right);
Value Subtract(Interpreter& in, const Value& left, const Value& right);
Value Multiply(Interpreter& in, const Value& left, const Value& right);
Value Divide(Interpreter& in, const Value& left, const Value& right);
Value FloorDivide(Interpreter& in, const Value& left, const Value& right);
Value Modulo(Interpreter& in, const Value& left, const Value& right);
Value Power(Interpreter& in, const Value& left, const Value& right);
Value Negate(const Value& value);

// `object.name`: a method or attribute, else the item of that name, else undefined. Names that
// begin with two underscores are refused unless they are items.
Value GetAttribute(Interpreter& in, const Value& object, const String& name);
// `object[index]`: the item, else (for a string index) the attribute, else undefined.
Value GetItem(Interpreter& in, const Value& object, const Value& index);
// The element, or kMissing when the index is out of range. REQUIRES: a sequence, string or range.
Value ElementAt(Interpreter& in, const Value& object, int64_t index);
// `object[start:stop:step]`; kMissing or None parts have their defaults.
Value GetSlice(Interpreter& in, const Value& object, const Value& start, const Value& stop,
               const Value& step);

// `format % values` for strings (format_percent.cc).
const String* FormatPercent(Interpreter& in, const String& format, const Value& values);
// str.format (format_braces.cc).
const String* FormatBraces(Interpreter& in, const String& format, const Args& args);
// One value in the notation of a format specification such as ">8.2f" (format_spec.cc).
void FormatSpec(TextBuilder& out, Heap& heap, const Value& value, std::string_view spec);
// json.dumps.
struct JsonStyle {
  bool ascii = false, sort_keys = false;
  const String* indent = nullptr;  // nullptr: one line
  const String* item_separator = nullptr;
  const String* key_separator = nullptr;
};
void PrintJson(TextBuilder& out, Heap& heap, const Value& value, const JsonStyle& style);

// & < > ' " as entities; markup stays as it is.
const String* EscapeHtml(Heap& heap, const String& text);

}  // namespace tael::jinja
