// str.is...(), and the methods of list, tuple, dict and numbers.
#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "text/jinja/charset.h"
#include "text/jinja/sequence_ops.h"

namespace tael::jinja {
namespace {

using CharTest = bool (*)(char32_t c);

template <CharTest kTest, bool kEmpty>
Value MethodAll(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("the method", args, {});
  const std::string_view text = self.string->text;
  if (text.empty()) return Value::Bool(kEmpty);
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint c = DecodeUtf8(text, pos);
    if (!kTest(c.value)) return Value::Bool(false);
    pos += static_cast<size_t>(c.length);
  }
  return Value::Bool(true);
}

bool IsAscii(char32_t c) { return c < 0x80; }
bool IsNameChar(char32_t c) { return c == '_' || IsAlnum(c); }

Value MethodIsIdentifier(Interpreter& in, const Value& self, const Args& args) {
  const std::string_view text = self.string->text;
  if (!text.empty() && DecimalDigit(DecodeUtf8(text, 0).value) >= 0) return Value::Bool(false);
  return MethodAll<IsNameChar, false>(in, self, args);
}

template <bool kUpper>
Value MethodIsCase(Interpreter& in, const Value& self, const Args& args) {
  return FindTest(kUpper ? "upper" : "lower")(in, self, args);
}

Value MethodIsTitle(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("istitle", args, {});
  const std::string_view text = self.string->text;
  bool any = false, in_word = false;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint c = DecodeUtf8(text, pos);
    const bool capital = IsUpper(c.value) || IsTitle(c.value);
    if (capital ? in_word : IsLower(c.value) && !in_word) return Value::Bool(false);
    in_word = IsCased(c.value);
    any |= in_word;
    pos += static_cast<size_t>(c.length);
  }
  return Value::Bool(any);
}

constexpr NativeEntry kStringTests[] = {
    {"isalpha", &MethodAll<IsAlpha, false>},
    {"isalnum", &MethodAll<IsAlnum, false>},
    {"isdigit", &MethodAll<IsDecimal, false>},
    {"isdecimal", &MethodAll<IsDecimal, false>},
    {"isnumeric", &MethodAll<IsNumeric, false>},
    {"isspace", &MethodAll<IsSpace, false>},
    {"isprintable", &MethodAll<IsPrintable, true>},
    {"isascii", &MethodAll<IsAscii, true>},
    {"isidentifier", &MethodIsIdentifier},
    {"isupper", &MethodIsCase<true>},
    {"islower", &MethodIsCase<false>},
    {"istitle", &MethodIsTitle},
};

// The list of a method that changes it. The caller's conversation stays as it is.
List& Mutable(const Value& self, std::string_view method) {
  if (self.list->frozen) {
    RaiseType("list.{}: the conversation itself cannot be changed by a template", method);
  }
  return *self.list;
}

Dict& MutableDict(const Value& self, std::string_view method) {
  if (self.dict->frozen) {
    RaiseType("dict.{}: the conversation itself cannot be changed by a template", method);
  }
  return *self.dict;
}

Value ListAppend(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("append", args, {""}, 1);
  Mutable(self, "append").items.push_back(p[0]);
  return Value::None();
}

Value ListExtend(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("extend", args, {""}, 1);
  const Vector<Value> more = ToItems(in.heap(), p[0]);
  Vector<Value>& items = Mutable(self, "extend").items;
  items.insert(items.end(), more.begin(), more.end());
  return Value::None();
}

Value ListInsert(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("insert", args, {"", ""}, 2);
  Vector<Value>& items = Mutable(self, "insert").items;
  const auto length = static_cast<int64_t>(items.size());
  int64_t at = p.Int(0, 0);
  if (at < 0) at = at < -length ? 0 : at + length;
  in.heap().Step(length / 16);
  items.insert(items.begin() + std::min(at, length), p[1]);
  return Value::None();
}

Value ListPop(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("pop", args, {""});
  Vector<Value>& items = Mutable(self, "pop").items;
  const auto length = static_cast<int64_t>(items.size());
  int64_t at = p.Int(0, -1);
  if (at < 0) at = at < -length ? -1 : at + length;
  if (at < 0 || at >= length) RaiseType("pop from an empty list, or index out of range");
  in.heap().Step(length / 16);
  const Value value = items[static_cast<size_t>(at)];
  items.erase(items.begin() + at);
  return value;
}

// Position of an equal item, or -1.
int64_t PositionOf(Interpreter& in, const List& list, const Value& needle) {
  for (size_t i = 0; i < list.items.size(); ++i) {
    if (Equals(in.heap(), list.items[i], needle)) return static_cast<int64_t>(i);
  }
  return -1;
}

Value ListRemove(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("remove", args, {""}, 1);
  List& list = Mutable(self, "remove");
  const int64_t at = PositionOf(in, list, p[0]);
  if (at < 0) RaiseType("list.remove: the value is not in the list");
  list.items.erase(list.items.begin() + at);
  return Value::None();
}

Value ListIndex(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("index", args, {""}, 1);
  const int64_t at = PositionOf(in, *self.list, p[0]);
  if (at < 0) RaiseType("the value is not in the {}", TypeName(self));
  return Value::Int(at);
}

Value ListCount(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("count", args, {""}, 1);
  int64_t count = 0;
  for (const Value& item : self.list->items) count += Equals(in.heap(), item, p[0]);
  return Value::Int(count);
}

Value ListClear(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("clear", args, {});
  Mutable(self, "clear").items.clear();
  return Value::None();
}

Value ListCopy(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("copy", args, {});
  List* copy = NewList(in);
  copy->items = self.list->items;
  return Value::OfList(copy);
}

Value ListReverse(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("reverse", args, {});
  Vector<Value>& items = Mutable(self, "reverse").items;
  in.heap().Step(static_cast<int64_t>(items.size()) / 16);
  std::reverse(items.begin(), items.end());
  return Value::None();
}

Value ListSort(Interpreter& in, const Value& self, const Args& args) {
  for (const NamedArg& named : args.named) {
    if (named.name->text != "reverse") RaiseType("list.sort takes only 'reverse'");
  }
  const bool reverse = !args.named.empty() && Truthy(args.named[0].value);
  Vector<Value>& items = Mutable(self, "sort").items;
  const Vector<Value> keys = items;
  SortByKeys(in, items, keys, reverse);
  return Value::None();
}

constexpr NativeEntry kListMethods[] = {
    {"append", &ListAppend}, {"extend", &ListExtend},   {"insert", &ListInsert},
    {"pop", &ListPop},       {"remove", &ListRemove},   {"index", &ListIndex},
    {"count", &ListCount},   {"clear", &ListClear},     {"copy", &ListCopy},
    {"sort", &ListSort},     {"reverse", &ListReverse},
};

constexpr NativeEntry kTupleMethods[] = {{"index", &ListIndex}, {"count", &ListCount}};

Value DictGet(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("get", args, {"", ""}, 1);
  const Value* found = self.dict->Find(in.heap(), p[0]);
  if (found != nullptr) return *found;
  return p.Has(1) ? p[1] : Value::None();
}

enum class ViewOf { kKeys, kValues, kItems };

template <ViewOf kView>
Value DictView(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("the method", args, {});
  List* view = NewList(in);
  view->view_name = kView == ViewOf::kKeys     ? "dict_keys"
                    : kView == ViewOf::kValues ? "dict_values"
                                               : "dict_items";
  view->items.reserve(self.dict->entries.size());
  for (const auto& [key, value] : self.dict->entries) {
    view->items.push_back(kView == ViewOf::kKeys     ? key
                          : kView == ViewOf::kValues ? value
                                                     : NewPair(in, key, value));
  }
  return Value::OfList(view, Kind::kView);
}

Value DictPop(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("pop", args, {"", ""}, 1);
  Dict& dict = MutableDict(self, "pop");
  const Value* found = dict.Find(in.heap(), p[0]);
  if (found == nullptr) {
    if (!p.Has(1)) RaiseType("dict.pop: there is no such key");
    return p[1];
  }
  const Value value = *found;
  dict.Erase(in.heap(), p[0]);
  return value;
}

Value DictPopItem(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("popitem", args, {});
  Dict& dict = MutableDict(self, "popitem");
  if (dict.entries.empty()) RaiseType("dict.popitem: the dictionary is empty");
  const auto [key, value] = dict.entries.back();
  dict.Erase(in.heap(), key);
  return NewPair(in, key, value);
}

Value DictSetDefault(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("setdefault", args, {"", ""}, 1);
  Dict& dict = MutableDict(self, "setdefault");
  if (const Value* found = dict.Find(in.heap(), p[0])) return *found;
  const Value value = p.Has(1) ? p[1] : Value::None();
  dict.Set(in.heap(), p[0], value);
  return value;
}

Value DictUpdate(Interpreter& in, const Value& self, const Args& args) {
  Dict& dict = MutableDict(self, "update");
  const Value more = FindGlobal("dict")(in, Value(), args);
  for (const auto& [key, value] : more.dict->entries) dict.Set(in.heap(), key, value);
  return Value::None();
}

Value DictClear(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("clear", args, {});
  Dict& dict = MutableDict(self, "clear");
  dict.entries.clear();
  dict.index.clear();
  return Value::None();
}

Value DictCopy(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("copy", args, {});
  const Value arg[] = {self};
  return FindGlobal("dict")(in, Value(), {arg, {}});
}

constexpr NativeEntry kDictMethods[] = {
    {"get", &DictGet},
    {"keys", &DictView<ViewOf::kKeys>},
    {"values", &DictView<ViewOf::kValues>},
    {"items", &DictView<ViewOf::kItems>},
    {"pop", &DictPop},
    {"popitem", &DictPopItem},
    {"setdefault", &DictSetDefault},
    {"update", &DictUpdate},
    {"clear", &DictClear},
    {"copy", &DictCopy},
};

Value NumberIsInteger(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("is_integer", args, {});
  return Value::Bool(self.is_integral() || std::trunc(self.number) == self.number);
}

Value NumberBitLength(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("bit_length", args, {});
  if (!self.is_integral()) RaiseType("a float has no bit_length");
  uint64_t magnitude = static_cast<uint64_t>(self.as_int());
  if (self.as_int() < 0) magnitude = uint64_t{0} - magnitude;
  int64_t bits = 0;
  for (; magnitude > 0; magnitude >>= 1) ++bits;
  return Value::Int(bits);
}

constexpr NativeEntry kNumberMethods[] = {
    {"is_integer", &NumberIsInteger},
    {"bit_length", &NumberBitLength},
};

}  // namespace

std::span<const NativeEntry> StringTestMethods() { return kStringTests; }
std::span<const NativeEntry> ListMethods() { return kListMethods; }
std::span<const NativeEntry> TupleMethods() { return kTupleMethods; }
std::span<const NativeEntry> DictMethods() { return kDictMethods; }
std::span<const NativeEntry> NumberMethods() { return kNumberMethods; }

}  // namespace tael::jinja
