// Equality, order, hashing and membership with Python's rules.
#include <cmath>
#include <functional>

#include "text/jinja/value.h"

namespace tael::jinja {
namespace {

// Three-way order of an integer and a double without rounding the integer.
int CompareIntFloat(int64_t a, double b) {
  if (std::isnan(b)) return 2;
  if (b >= 9223372036854775808.0) return -1;
  if (b < -9223372036854775808.0) return 1;
  const double whole = std::floor(b);
  const auto integer = static_cast<int64_t>(whole);
  if (a != integer) return a < integer ? -1 : 1;
  return b > whole ? -1 : 0;
}

// -1, 0, 1; 2 when not ordered (NaN). REQUIRES: both are numbers.
int CompareNumbers(const Value& a, const Value& b) {
  if (a.is_integral() && b.is_integral()) {
    return a.as_int() < b.as_int() ? -1 : (a.as_int() > b.as_int() ? 1 : 0);
  }
  if (a.is_integral()) return CompareIntFloat(a.as_int(), b.number);
  if (b.is_integral()) {
    const int reversed = CompareIntFloat(b.as_int(), a.number);
    return reversed == 2 ? 2 : -reversed;
  }
  if (std::isnan(a.number) || std::isnan(b.number)) return 2;
  return a.number < b.number ? -1 : (a.number > b.number ? 1 : 0);
}

bool EqualLists(Heap& heap, const List& a, const List& b) {
  if (&a == &b) return true;
  if (a.items.size() != b.items.size()) return false;
  for (size_t i = 0; i < a.items.size(); ++i) {
    if (!Equals(heap, a.items[i], b.items[i])) return false;
  }
  return true;
}

bool EqualDicts(Heap& heap, const Dict& a, const Dict& b) {
  if (&a == &b) return true;
  if (a.entries.size() != b.entries.size()) return false;
  for (const auto& [key, value] : a.entries) {
    const Value* other = b.Find(heap, key);
    if (other == nullptr || !Equals(heap, value, *other)) return false;
  }
  return true;
}

bool EqualRanges(const Range& a, const Range& b) {
  if (a.size != b.size) return false;
  return a.size == 0 || (a.start == b.start && (a.size == 1 || a.step == b.step));
}

}  // namespace

bool Equals(Heap& heap, const Value& a, const Value& b) {
  heap.Step();
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == 0;
  if (a.kind != b.kind) return false;
  const Heap::Nest nest(heap);
  switch (a.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kString:
      heap.Step(static_cast<int64_t>(std::min(a.string->text.size(), b.string->text.size())) / 256);
      return a.string->text == b.string->text;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return EqualLists(heap, *a.list, *b.list);
    case Kind::kDict:
      return EqualDicts(heap, *a.dict, *b.dict);
    case Kind::kNamespace:
      return a.dict == b.dict;
    case Kind::kRange:
      return EqualRanges(*a.range, *b.range);
    case Kind::kIterator:
      return a.iterator == b.iterator;
    default:
      return a.object == b.object;
  }
}

bool Less(Heap& heap, const Value& a, const Value& b) {
  heap.Step();
  if (a.is_number() && b.is_number()) return CompareNumbers(a, b) == -1;
  if (a.is_string() && b.is_string()) {
    heap.Step(static_cast<int64_t>(std::min(a.string->text.size(), b.string->text.size())) / 256);
    return a.string->text < b.string->text;  // UTF-8 sorts as code points do
  }
  if ((a.Is(Kind::kList) || a.Is(Kind::kTuple)) && a.kind == b.kind) {
    const Heap::Nest nest(heap);
    const Vector<Value>&x = a.list->items, &y = b.list->items;
    for (size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!Equals(heap, x[i], y[i])) return Less(heap, x[i], y[i]);
    }
    return x.size() < y.size();
  }
  if (a.Is(Kind::kUndefined)) RaiseUndefined(a);
  if (b.Is(Kind::kUndefined)) RaiseUndefined(b);
  RaiseType("'<' not supported between instances of '{}' and '{}'", TypeName(a), TypeName(b));
}

uint64_t HashValue(Heap& heap, const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kNone:
      return 0x9E3779B97F4A7C15u;
    case Kind::kBool:
    case Kind::kInt:
      return std::hash<int64_t>()(value.as_int()) * 0x9E3779B97F4A7C15u;
    case Kind::kFloat:
      if (CompareIntFloat(static_cast<int64_t>(std::fmin(std::fmax(value.number, -9e18), 9e18)),
                          value.number) == 0) {
        return HashValue(heap, Value::Int(static_cast<int64_t>(value.number)));
      }
      return std::hash<double>()(value.number);
    case Kind::kString:
      ChargeScan(heap, *value.string);
      return std::hash<std::string_view>()(value.string->text);
    case Kind::kTuple: {
      const Heap::Nest nest(heap);
      uint64_t hash = 17;
      for (const Value& item : value.list->items) {
        heap.Step();
        hash = hash * 1000003u ^ HashValue(heap, item);
      }
      return hash;
    }
    case Kind::kList:
    case Kind::kDict:
    case Kind::kView:
      RaiseType("unhashable type: '{}'", TypeName(value));
    default:
      return std::hash<const void*>()(value.object);
  }
}

}  // namespace tael::jinja
