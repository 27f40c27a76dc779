// What sorting, grouping and selecting filters share.
#pragma once

#include "text/jinja/interpreter.h"

namespace tael::jinja {

// An iterator value over `items` (what Python makes a generator).
Value MakeIterator(Interpreter& in, Vector<Value> items, const char* type = "generator");
// The value at an attribute path such as "a.b" or 0; the item itself when `path` is missing or
// none. A path with commas gives a list of values.
Value AttributeAt(Interpreter& in, const Value& item, const Value& path);
// The key to compare by: strings in lower case unless `case_sensitive`.
Value SortKey(Interpreter& in, const Value& value, bool case_sensitive);
// Stable, by the given keys; throws a type Fault when two keys have no order.
void SortByKeys(Interpreter& in, Vector<Value>& items, const Vector<Value>& keys, bool reverse);

}  // namespace tael::jinja
