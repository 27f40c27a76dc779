// Attributes, items, slices and membership.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/operators.h"

namespace tael::jinja {
namespace {

// Attributes in Python's sense: methods and the few properties there are. kMissing when absent.
Value OwnAttribute(Interpreter& in, const Value& object, std::string_view name) {
  if (object.Is(Kind::kObject)) return object.object->Attribute(in, name);
  if (object.Is(Kind::kNamespace)) {
    const Value* found = object.dict->Find(name);
    return found != nullptr ? *found : Value();
  }
  if (object.Is(Kind::kTuple) && object.list->group && object.list->items.size() == 2) {
    if (name == "grouper") return object.list->items[0];
    if (name == "list") return object.list->items[1];
  }
  const Native method = FindMethod(object.kind, name);
  return method != nullptr ? NewNative(in, method, object, name) : Value();
}

int64_t IndexOf(const Value& index) {
  if (!index.is_integral()) {
    RaiseType("slice indices must be integers or none, not '{}'", TypeName(index));
  }
  return index.as_int();
}

struct SliceBounds {
  int64_t start, step, count;
};

// Python's slice.indices().
SliceBounds BoundsOf(int64_t length, const Value& start, const Value& stop, const Value& step) {
  const auto given = [](const Value& v) { return !v.missing() && !v.Is(Kind::kNone); };
  const int64_t by = given(step) ? IndexOf(step) : 1;
  if (by == 0) RaiseType("slice step cannot be zero");
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? length : length - 1;
  const auto clamp = [&](const Value& value, int64_t fallback) {
    if (!given(value)) return fallback;
    int64_t at = IndexOf(value);
    if (at < 0) at = at < -length ? low : at + length;
    return std::clamp(at, low, high);
  };
  const int64_t from = clamp(start, by > 0 ? low : high);
  const int64_t to = clamp(stop, by > 0 ? high : low);
  // |by| may be as large as the integers are: the count is formed without multiplying.
  const uint64_t distance = static_cast<uint64_t>(by > 0 ? to - from : from - to);
  if ((by > 0 && to <= from) || (by < 0 && from <= to)) return {from, by, 0};
  const uint64_t stride =
      by > 0 ? static_cast<uint64_t>(by) : uint64_t{0} - static_cast<uint64_t>(by);
  return {from, by, static_cast<int64_t>((distance - 1) / stride + 1)};
}

const String* SliceString(Interpreter& in, const String& string, const SliceBounds& bounds) {
  Heap& heap = in.heap();
  if (bounds.count == 0) return Substring(heap, string, 0, 0);
  if (bounds.step == 1) {
    const size_t begin = ByteOffset(string, bounds.start);
    size_t end = begin;
    if (string.ascii) {
      end += static_cast<size_t>(bounds.count);
    } else {
      for (int64_t i = 0; i < bounds.count; ++i) end += CharLength(string.text, end);
    }
    return Substring(heap, string, begin, end);
  }
  Vector<uint32_t> offsets(&heap);
  heap.Expect(static_cast<int64_t>(string.text.size()), sizeof(uint32_t));
  offsets.reserve(string.text.size());
  for (size_t pos = 0; pos < string.text.size(); pos += CharLength(string.text, pos)) {
    offsets.push_back(static_cast<uint32_t>(pos));
  }
  TextBuilder builder(heap);
  for (int64_t i = 0; i < bounds.count; ++i) {
    const size_t at = offsets[static_cast<size_t>(bounds.start + i * bounds.step)];
    builder.AppendRange(string, at, at + CharLength(string.text, at));
  }
  return builder.Finish(string.markup);
}

}  // namespace

Value ElementAt(Interpreter& in, const Value& object, int64_t index) {
  const int64_t length = LengthOf(object);
  if (index < 0) index += length;
  if (index < 0 || index >= length) return {};
  if (object.is_string()) {
    ChargeScan(in.heap(), *object.string);
    const size_t begin = ByteOffset(*object.string, index);
    return Value::Str(Substring(in.heap(), *object.string, begin,
                                begin + CharLength(object.string->text, begin)));
  }
  if (object.Is(Kind::kRange)) return Value::Int(RangeAt(*object.range, index));
  return object.list->items[static_cast<size_t>(index)];
}

Value GetAttribute(Interpreter& in, const Value& object, const String& name) {
  if (object.Is(Kind::kUndefined)) RaiseUndefined(object);
  const Value own = OwnAttribute(in, object, name.text);
  if (!own.missing()) return own;
  if (object.Is(Kind::kDict)) {
    if (const Value* item = object.dict->Find(name.text)) return *item;
  }
  if (name.text.starts_with("__")) {
    RaiseType("access to attribute '{}' of '{}' is refused", name.text, TypeName(object));
  }
  return Value::Undefined(&name, object.kind);
}

Value GetItem(Interpreter& in, const Value& object, const Value& index) {
  if (object.Is(Kind::kUndefined)) RaiseUndefined(object);
  if (object.Is(Kind::kDict)) {
    if (index.is_string()) {
      if (const Value* item = object.dict->Find(in.heap(), index)) return *item;
    } else if (!index.Is(Kind::kList) && !index.Is(Kind::kDict)) {
      if (const Value* item = object.dict->Find(in.heap(), index)) return *item;
    }
  } else if (index.is_integral() && (object.is_string() || object.Is(Kind::kList) ||
                                     object.Is(Kind::kTuple) || object.Is(Kind::kRange))) {
    const Value item = ElementAt(in, object, index.as_int());
    if (!item.missing()) return item;
  }
  if (!index.is_string()) return Value::Undefined(ToStr(in.heap(), index), object.kind);
  const Value own = OwnAttribute(in, object, index.string->text);
  if (!own.missing()) return own;
  if (index.string->text.starts_with("__")) {
    RaiseType("access to attribute '{}' of '{}' is refused", index.string->text, TypeName(object));
  }
  return Value::Undefined(index.string, object.kind);
}

Value GetSlice(Interpreter& in, const Value& object, const Value& start, const Value& stop,
               const Value& step) {
  if (object.Is(Kind::kUndefined)) RaiseUndefined(object);
  const bool sliceable = object.is_string() || object.Is(Kind::kList) || object.Is(Kind::kTuple) ||
                         object.Is(Kind::kRange);
  if (!sliceable) RaiseType("'{}' object cannot be sliced", TypeName(object));
  if (object.is_string()) ChargeScan(in.heap(), *object.string);
  const SliceBounds bounds = BoundsOf(LengthOf(object), start, stop, step);
  if (object.is_string()) return Value::Str(SliceString(in, *object.string, bounds));
  List* list = NewList(in);
  in.heap().Expect(bounds.count, sizeof(Value));
  list->items.reserve(static_cast<size_t>(bounds.count));
  for (int64_t i = 0; i < bounds.count; ++i) {
    list->items.push_back(ElementAt(in, object, bounds.start + i * bounds.step));
  }
  return Value::OfList(list, object.Is(Kind::kTuple) ? Kind::kTuple : Kind::kList);
}

bool Contains(Interpreter& in, const Value& haystack, const Value& needle) {
  Heap& heap = in.heap();
  if (haystack.is_string()) {
    if (needle.Is(Kind::kUndefined)) RaiseUndefined(needle);
    if (!needle.is_string()) {
      RaiseType("'in <string>' needs a string on the left, not '{}'", TypeName(needle));
    }
    heap.Step(static_cast<int64_t>(haystack.string->text.size()) / 256);
    return FindText(haystack.string->text, needle.string->text) != std::string_view::npos;
  }
  if (haystack.Is(Kind::kDict)) return haystack.dict->Find(heap, needle) != nullptr;
  if (haystack.Is(Kind::kRange) && needle.is_integral()) {
    const Range& range = *haystack.range;
    int64_t offset;
    if (__builtin_sub_overflow(needle.as_int(), range.start, &offset)) return false;
    return offset % range.step == 0 && offset / range.step >= 0 && offset / range.step < range.size;
  }
  if (haystack.Is(Kind::kUndefined)) return false;
  if (haystack.Is(Kind::kNone) || haystack.is_number() || haystack.Is(Kind::kObject) ||
      haystack.Is(Kind::kNamespace)) {
    RaiseType("argument of type '{}' is not iterable", TypeName(haystack));
  }
  for (const Value& item : ToItems(heap, haystack)) {
    if (Equals(heap, item, needle)) return true;
  }
  return false;
}

}  // namespace tael::jinja
