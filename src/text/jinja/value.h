// The values of a template, with Python's kinds. Everything is a pointer into the rendering's heap.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "text/jinja/text.h"

namespace tael::jinja {

class Interpreter;
struct List;
struct Dict;
struct Range;
struct Iterator;
class Object;

enum class Kind : uint8_t {
  kMissing,  // no value at all: an argument that was not given; never seen by templates
  kUndefined,
  kNone,
  kBool,
  kInt,
  kFloat,
  kString,
  kList,
  kTuple,
  kView,  // dict.keys(), .values(), .items()
  kDict,
  kNamespace,
  kRange,
  kIterator,  // what Python gives as a generator: can be walked once, has no length
  kObject,    // anything with behaviour: functions, methods, macros, loops
};

struct Value {
  Kind kind = Kind::kMissing;
  bool untrusted = false;        // scalars: came from outside (strings carry their own runs)
  Kind holder = Kind::kMissing;  // kUndefined: what was asked for it; kMissing = a variable
  union {
    bool boolean;
    int64_t integer = 0;
    double number;
    const String* string;  // kUndefined: its name, or nullptr
    List* list;            // kList, kTuple, kView
    Dict* dict;            // kDict, kNamespace
    Range* range;
    Iterator* iterator;
    Object* object;
  };

  static Value None() { return Scalar(Kind::kNone); }
  static Value Bool(bool value);
  static Value Int(int64_t value);
  static Value Float(double value);
  static Value Str(const String* value);
  static Value OfList(List* value, Kind kind = Kind::kList);
  static Value OfDict(Dict* value, Kind kind = Kind::kDict);
  static Value OfRange(Range* value);
  static Value OfIterator(Iterator* value);
  static Value OfObject(Object* value);
  static Value Undefined(const String* name = nullptr, Kind holder = Kind::kMissing);

  bool Is(Kind other) const { return kind == other; }
  bool missing() const { return kind == Kind::kMissing; }
  bool is_string() const { return kind == Kind::kString; }
  bool is_sequence() const {
    return kind == Kind::kList || kind == Kind::kTuple || kind == Kind::kView;
  }
  // int or bool, as in Python.
  bool is_integral() const { return kind == Kind::kInt || kind == Kind::kBool; }
  bool is_number() const { return is_integral() || kind == Kind::kFloat; }
  int64_t as_int() const { return kind == Kind::kBool ? int64_t{boolean} : integer; }
  double as_double() const { return kind == Kind::kFloat ? number : static_cast<double>(as_int()); }

 private:
  static Value Scalar(Kind kind);
};

struct List {
  explicit List(Heap& heap) : items(&heap) {}
  Vector<Value> items;
  bool frozen = false;              // the caller's conversation: templates may not change it
  bool group = false;               // a tuple of |groupby: .grouper and .list
  const char* view_name = nullptr;  // "dict_keys", ...
};

// Keeps insertion order. Keys are hashable scalars, strings and tuples; 1, 1.0 and True are one
// key.
struct Dict {
  explicit Dict(Heap& heap) : entries(&heap), index(&heap) {}
  const Value* Find(Heap& heap, const Value& key) const;  // nullptr when absent
  const Value* Find(std::string_view key) const;
  void Set(Heap& heap, const Value& key, const Value& value);
  bool Erase(Heap& heap, const Value& key);

  Vector<std::pair<Value, Value>> entries;
  Vector<int32_t> index;  // open addressing into `entries`; empty while there are few
  bool frozen = false;

 private:
  int64_t Position(Heap& heap, const Value& key, uint64_t hash) const;  // -1 when absent
  void Rebuild(Heap& heap);
};

struct Range {
  int64_t start, stop, step, size;
};

struct Iterator {
  explicit Iterator(Heap& heap, const char* type = "generator") : items(&heap), type_name(type) {}
  Vector<Value> items;
  size_t next = 0;  // items before it were consumed
  const char* type_name;
};

struct NamedArg {
  const String* name;
  Value value;
};
struct Args {
  std::span<const Value> positional;
  std::span<const NamedArg> named;
};

// Values with behaviour. Lives in the heap: never destroyed.
class Object {
 public:
  virtual ~Object() = default;
  virtual std::string_view TypeName() const = 0;
  virtual bool callable() const { return true; }
  virtual Value Call(Interpreter& in, const Args& args);
  // kMissing when there is no such attribute.
  virtual Value Attribute(Interpreter& in, std::string_view name);
  virtual void Print(TextBuilder& out) const = 0;
};

const char* TypeName(const Value& value);  // as Python says it: "str", "NoneType", ...
bool Truthy(const Value& value);
// "'x' is undefined" or "'dict object' has no attribute 'x'".
std::string UndefinedMessage(const Value& value);
[[noreturn]] void RaiseUndefined(const Value& value);

// Equality of Python's ==; never fails except by budget.
bool Equals(Heap& heap, const Value& a, const Value& b);
// Python's a < b. Throws a type Fault for kinds that have no order.
bool Less(Heap& heap, const Value& a, const Value& b);
// Python's `needle in haystack`.
bool Contains(Interpreter& in, const Value& haystack, const Value& needle);
// Throws a type Fault for kinds that cannot be keys.
uint64_t HashValue(Heap& heap, const Value& value);

// str() and repr() of Python, with origins.
void PrintStr(TextBuilder& out, Heap& heap, const Value& value);
void PrintRepr(TextBuilder& out, Heap& heap, const Value& value);
const String* ToStr(Heap& heap, const Value& value);
std::string FloatRepr(double value);

// The elements of anything iterable, in a fresh vector (an iterator is consumed). Throws a type
// Fault "'int' object is not iterable".
Vector<Value> ToItems(Heap& heap, const Value& value);
// len(): a type Fault for kinds that have none.
int64_t LengthOf(const Value& value);
int64_t RangeAt(const Range& range, int64_t index);

}  // namespace tael::jinja
