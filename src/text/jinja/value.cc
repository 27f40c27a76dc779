// Construction, truth, length and iteration of values; dictionaries.
#include "text/jinja/value.h"

#include "base/utf8.h"

namespace tael::jinja {
namespace {

constexpr size_t kSmallDict = 8;  // up to this many entries are searched linearly

}  // namespace

Value Value::Scalar(Kind kind) {
  Value result;
  result.kind = kind;
  return result;
}
Value Value::Bool(bool value) {
  Value result = Scalar(Kind::kBool);
  result.boolean = value;
  return result;
}
Value Value::Int(int64_t value) {
  Value result = Scalar(Kind::kInt);
  result.integer = value;
  return result;
}
Value Value::Float(double value) {
  Value result = Scalar(Kind::kFloat);
  result.number = value;
  return result;
}
Value Value::Str(const String* value) {
  Value result = Scalar(Kind::kString);
  result.string = value;
  return result;
}
Value Value::OfList(List* value, Kind kind) {
  Value result = Scalar(kind);
  result.list = value;
  return result;
}
Value Value::OfDict(Dict* value, Kind kind) {
  Value result = Scalar(kind);
  result.dict = value;
  return result;
}
Value Value::OfRange(Range* value) {
  Value result = Scalar(Kind::kRange);
  result.range = value;
  return result;
}
Value Value::OfIterator(Iterator* value) {
  Value result = Scalar(Kind::kIterator);
  result.iterator = value;
  return result;
}
Value Value::OfObject(Object* value) {
  Value result = Scalar(Kind::kObject);
  result.object = value;
  return result;
}
Value Value::Undefined(const String* name, Kind holder) {
  Value result = Scalar(Kind::kUndefined);
  result.string = name;
  result.holder = holder;
  return result;
}

Value Object::Call(Interpreter&, const Args&) {
  RaiseType("'{}' object is not callable", TypeName());
}

Value Object::Attribute(Interpreter&, std::string_view) { return {}; }

const char* TypeName(const Value& value) {
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
      return "Undefined";
    case Kind::kNone:
      return "NoneType";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float";
    case Kind::kString:
      return value.string->markup ? "Markup" : "str";
    case Kind::kList:
      return "list";
    case Kind::kTuple:
      return "tuple";
    case Kind::kView:
      return value.list->view_name;
    case Kind::kDict:
      return "dict";
    case Kind::kNamespace:
      return "Namespace";
    case Kind::kRange:
      return "range";
    case Kind::kIterator:
      return value.iterator->type_name;
    case Kind::kObject:
      return value.object->TypeName().data();
  }
  return "object";
}

bool Truthy(const Value& value) {
  switch (value.kind) {
    case Kind::kMissing:
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.boolean;
    case Kind::kInt:
      return value.integer != 0;
    case Kind::kFloat:
      return value.number != 0;
    case Kind::kString:
      return !value.string->text.empty();
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return !value.list->items.empty();
    case Kind::kDict:
      return !value.dict->entries.empty();
    case Kind::kRange:
      return value.range->size != 0;
    case Kind::kNamespace:
    case Kind::kIterator:
    case Kind::kObject:
      return true;
  }
  return true;
}

std::string UndefinedMessage(const Value& value) {
  if (value.string == nullptr) return "the value is undefined";
  if (value.holder == Kind::kMissing) return fmt::format("'{}' is undefined", value.string->text);
  Value holder;
  holder.kind = value.holder;
  const char* type = value.holder == Kind::kUndefined                              ? "undefined"
                     : value.holder == Kind::kNone                                 ? "None"
                     : value.holder == Kind::kString                               ? "str object"
                     : value.holder == Kind::kView || value.holder >= Kind::kRange ? "object"
                                                                                   : nullptr;
  const std::string name = type != nullptr ? type : fmt::format("{} object", TypeName(holder));
  return fmt::format("'{}' has no attribute or item '{}'", name, value.string->text);
}

void RaiseUndefined(const Value& value) { RaiseType("{}", UndefinedMessage(value)); }

int64_t RangeAt(const Range& range, int64_t index) { return range.start + index * range.step; }

int64_t LengthOf(const Value& value) {
  switch (value.kind) {
    case Kind::kUndefined:
      return 0;
    case Kind::kString:
      return CharCount(*value.string);
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      return static_cast<int64_t>(value.list->items.size());
    case Kind::kDict:
      return static_cast<int64_t>(value.dict->entries.size());
    case Kind::kRange:
      return value.range->size;
    default:
      RaiseType("object of type '{}' has no len()", TypeName(value));
  }
}

namespace {

void AppendCharacters(Heap& heap, const String& string, Vector<Value>& out) {
  heap.Expect(static_cast<int64_t>(string.text.size()), sizeof(Value) + sizeof(String));
  for (size_t pos = 0; pos < string.text.size();) {
    const size_t length = CharLength(string.text, pos);
    out.push_back(Value::Str(Substring(heap, string, pos, pos + length)));
    pos += length;
  }
}

}  // namespace

Vector<Value> ToItems(Heap& heap, const Value& value) {
  Vector<Value> items(&heap);
  switch (value.kind) {
    case Kind::kUndefined:
      break;
    case Kind::kString:
      AppendCharacters(heap, *value.string, items);
      break;
    case Kind::kList:
    case Kind::kTuple:
    case Kind::kView:
      items.assign(value.list->items.begin(), value.list->items.end());
      break;
    case Kind::kDict:
      items.reserve(value.dict->entries.size());
      for (const auto& entry : value.dict->entries) items.push_back(entry.first);
      break;
    case Kind::kRange:
      heap.Expect(value.range->size, sizeof(Value));
      items.reserve(static_cast<size_t>(value.range->size));
      for (int64_t i = 0; i < value.range->size; ++i) {
        items.push_back(Value::Int(RangeAt(*value.range, i)));
      }
      break;
    case Kind::kIterator: {
      Iterator& it = *value.iterator;
      items.assign(it.items.begin() + static_cast<std::ptrdiff_t>(it.next), it.items.end());
      it.next = it.items.size();
      break;
    }
    default:
      RaiseType("'{}' object is not iterable", TypeName(value));
  }
  return items;
}

int64_t Dict::Position(Heap& heap, const Value& key, uint64_t hash) const {
  if (index.empty()) {
    for (size_t i = 0; i < entries.size(); ++i) {
      if (Equals(heap, entries[i].first, key)) return static_cast<int64_t>(i);
    }
    return -1;
  }
  const size_t mask = index.size() - 1;
  for (size_t slot = hash & mask; index[slot] >= 0; slot = (slot + 1) & mask) {
    heap.Step();
    const auto at = static_cast<size_t>(index[slot]);
    if (Equals(heap, entries[at].first, key)) return index[slot];
  }
  return -1;
}

const Value* Dict::Find(Heap& heap, const Value& key) const {
  const int64_t at = Position(heap, key, HashValue(heap, key));
  return at < 0 ? nullptr : &entries[static_cast<size_t>(at)].second;
}

const Value* Dict::Find(std::string_view key) const {
  if (!index.empty()) {
    // A throw-away heap: hashing and comparing a plain string allocates nothing.
    Heap scratch({.max_steps = INT64_MAX, .max_bytes = 0, .max_nesting = 4});
    String text;
    text.text = key;
    return Find(scratch, Value::Str(&text));
  }
  for (const auto& [name, value] : entries) {
    if (name.is_string() && name.string->text == key) return &value;
  }
  return nullptr;
}

void Dict::Set(Heap& heap, const Value& key, const Value& value) {
  const uint64_t hash = HashValue(heap, key);
  const int64_t at = Position(heap, key, hash);
  if (at >= 0) {
    entries[static_cast<size_t>(at)].second = value;
    return;
  }
  if (entries.size() >= static_cast<size_t>(INT32_MAX) / 4) heap.Expect(INT64_MAX);
  entries.emplace_back(key, value);
  if (entries.size() <= kSmallDict) return;
  if (entries.size() * 2 > index.size()) {
    Rebuild(heap);
    return;
  }
  const size_t mask = index.size() - 1;
  size_t slot = hash & mask;
  while (index[slot] >= 0) slot = (slot + 1) & mask;
  index[slot] = static_cast<int32_t>(entries.size() - 1);
}

bool Dict::Erase(Heap& heap, const Value& key) {
  const int64_t at = Position(heap, key, HashValue(heap, key));
  if (at < 0) return false;
  heap.Step(static_cast<int64_t>(entries.size()) / 16);
  entries.erase(entries.begin() + at);
  if (entries.size() > kSmallDict) {
    Rebuild(heap);
  } else {
    index.clear();
  }
  return true;
}

void Dict::Rebuild(Heap& heap) {
  size_t slots = 32;
  while (slots < entries.size() * 4) slots *= 2;
  heap.Expect(static_cast<int64_t>(slots), sizeof(int32_t));
  heap.Step(static_cast<int64_t>(entries.size()) / 4);
  index.assign(slots, -1);
  for (size_t i = 0; i < entries.size(); ++i) {
    size_t slot = HashValue(heap, entries[i].first) & (slots - 1);
    while (index[slot] >= 0) slot = (slot + 1) & (slots - 1);
    index[slot] = static_cast<int32_t>(i);
  }
}

}  // namespace tael::jinja
