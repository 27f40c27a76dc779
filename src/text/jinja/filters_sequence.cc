// Filters over whole sequences: length, order, grouping, sums.
#include <algorithm>
#include <charconv>

#include "text/jinja/operators.h"
#include "text/jinja/sequence_ops.h"
#include "text/jinja/stable_sort.h"
#include "text/jinja/string_ops.h"

namespace tael::jinja {

Value MakeIterator(Interpreter& in, Vector<Value> items, const char* type) {
  Iterator* iterator = in.heap().New<Iterator>(in.heap(), type);
  iterator->items = std::move(items);
  return Value::OfIterator(iterator);
}

namespace {

Value FollowPath(Interpreter& in, Value item, std::string_view path) {
  while (true) {
    const size_t dot = path.find('.');
    const std::string_view part = path.substr(0, dot);
    int64_t index = 0;
    const auto end = part.data() + part.size();
    const bool digits = !part.empty() && part.find_first_not_of("0123456789") == part.npos &&
                        std::from_chars(part.data(), end, index).ec == std::errc();
    item = GetItem(in, item, digits ? Value::Int(index) : MakeText(in, part));
    if (dot == std::string_view::npos) return item;
    path.remove_prefix(dot + 1);
  }
}

}  // namespace

Value AttributeAt(Interpreter& in, const Value& item, const Value& path) {
  if (path.missing() || path.Is(Kind::kNone)) return item;
  if (path.is_integral()) return GetItem(in, item, path);
  if (!path.is_string()) RaiseType("an attribute must be a string or an integer");
  const std::string_view text = path.string->text;
  if (text.find(',') == std::string_view::npos) return FollowPath(in, item, text);
  List* values = NewList(in);
  for (size_t begin = 0; begin <= text.size();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    values->items.push_back(FollowPath(in, item, text.substr(begin, comma - begin)));
    begin = comma + 1;
  }
  return Value::OfList(values);
}

Value SortKey(Interpreter& in, const Value& value, bool case_sensitive) {
  if (case_sensitive) return value;
  if (value.is_string()) {
    return Value::Str(ChangeCase(in.heap(), *value.string, CaseMode::kLower));
  }
  return value;
}

void SortByKeys(Interpreter& in, Vector<Value>& items, const Vector<Value>& keys, bool reverse) {
  Heap& heap = in.heap();
  Vector<uint32_t> order(items.size(), 0, &heap);
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<uint32_t>(i);
  // Equal keys never need an order of their own (Python compares keys inside of lists).
  const auto less = [&](uint32_t a, uint32_t b) {
    return !Equals(heap, keys[a], keys[b]) && Less(heap, keys[a], keys[b]);
  };
  if (reverse) {
    StableSort(heap, order, [&](uint32_t a, uint32_t b) { return less(b, a); });
  } else {
    StableSort(heap, order, less);
  }
  Vector<Value> sorted(&heap);
  sorted.reserve(items.size());
  for (const uint32_t i : order) sorted.push_back(items[i]);
  items = std::move(sorted);
}

namespace {

Vector<Value> KeysOf(Interpreter& in, const Vector<Value>& items, const Value& attribute,
                     bool case_sensitive) {
  Vector<Value> keys(&in.heap());
  keys.reserve(items.size());
  for (const Value& item : items) {
    keys.push_back(SortKey(in, AttributeAt(in, item, attribute), case_sensitive));
  }
  return keys;
}

Value ListOf(Interpreter& in, Vector<Value> items, Kind kind = Kind::kList) {
  List* list = NewList(in);
  list->items = std::move(items);
  return Value::OfList(list, kind);
}

Value FilterLength(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("length", args, {});
  return Value::Int(LengthOf(self));
}

Value FilterFirst(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("first", args, {});
  if (self.Is(Kind::kIterator) && self.iterator->next < self.iterator->items.size()) {
    return self.iterator->items[self.iterator->next++];
  }
  if (self.is_sequence() || self.is_string() || self.Is(Kind::kRange)) {
    const Value item = ElementAt(in, self, 0);
    return item.missing() ? Value::Undefined() : item;
  }
  const Vector<Value> items = ToItems(in.heap(), self);
  return items.empty() ? Value::Undefined() : items.front();
}

Value FilterLast(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("last", args, {});
  if (self.Is(Kind::kIterator)) RaiseType("'{}' object is not reversible", TypeName(self));
  if (self.is_sequence() || self.is_string() || self.Is(Kind::kRange)) {
    const Value item = ElementAt(in, self, -1);
    return item.missing() ? Value::Undefined() : item;
  }
  const Vector<Value> items = ToItems(in.heap(), self);
  return items.empty() ? Value::Undefined() : items.back();
}

Value FilterList(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("list", args, {});
  return ListOf(in, ToItems(in.heap(), self));
}

Value FilterItems(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("items", args, {});
  Vector<Value> pairs(&in.heap());
  if (self.Is(Kind::kUndefined)) return MakeIterator(in, std::move(pairs));
  if (!self.Is(Kind::kDict)) RaiseType("can only get item pairs from a mapping");
  for (const auto& [key, value] : self.dict->entries) pairs.push_back(NewPair(in, key, value));
  return MakeIterator(in, std::move(pairs));
}

Value FilterReverse(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("reverse", args, {});
  if (self.is_string()) {
    return GetSlice(in, self, Value(), Value(), Value::Int(-1));
  }
  Vector<Value> items = ToItems(in.heap(), self);
  std::reverse(items.begin(), items.end());
  return MakeIterator(in, std::move(items), "list_reverseiterator");
}

Value FilterSort(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("sort", args, {"reverse", "case_sensitive", "attribute"});
  Vector<Value> items = ToItems(in.heap(), self);
  SortByKeys(in, items, KeysOf(in, items, p[2], p.Bool(1, false)), p.Bool(0, false));
  return ListOf(in, std::move(items));
}

Value FilterDictsort(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("dictsort", args, {"case_sensitive", "by", "reverse"});
  if (self.Is(Kind::kUndefined)) RaiseUndefined(self);
  if (!self.Is(Kind::kDict)) RaiseType("dictsort needs a mapping, not '{}'", TypeName(self));
  const String* by = p.Text(1);
  if (by != nullptr && by->text != "key" && by->text != "value") {
    RaiseType("dictsort can sort by 'key' or 'value'");
  }
  const bool by_value = by != nullptr && by->text == "value";
  Vector<Value> pairs(&in.heap()), keys(&in.heap());
  for (const auto& [key, value] : self.dict->entries) {
    pairs.push_back(NewPair(in, key, value));
    keys.push_back(SortKey(in, by_value ? value : key, p.Bool(0, false)));
  }
  SortByKeys(in, pairs, keys, p.Bool(2, false));
  return ListOf(in, std::move(pairs));
}

Value FilterUnique(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("unique", args, {"case_sensitive", "attribute"});
  const Vector<Value> items = ToItems(in.heap(), self);
  const Vector<Value> keys = KeysOf(in, items, p[1], p.Bool(0, false));
  Dict* seen = in.heap().New<Dict>(in.heap());
  Vector<Value> chosen(&in.heap());
  for (size_t i = 0; i < items.size(); ++i) {
    if (seen->Find(in.heap(), keys[i]) != nullptr) continue;
    seen->Set(in.heap(), keys[i], Value::None());
    chosen.push_back(items[i]);
  }
  return MakeIterator(in, std::move(chosen));
}

template <bool kMax>
Value FilterExtreme(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p(kMax ? "max" : "min", args, {"case_sensitive", "attribute"});
  const Vector<Value> items = ToItems(in.heap(), self);
  if (items.empty()) return Value::Undefined();
  const Vector<Value> keys = KeysOf(in, items, p[1], p.Bool(0, false));
  size_t best = 0;
  for (size_t i = 1; i < items.size(); ++i) {
    const bool better =
        kMax ? Less(in.heap(), keys[best], keys[i]) : Less(in.heap(), keys[i], keys[best]);
    if (better) best = i;
  }
  return items[best];
}

Value FilterSum(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("sum", args, {"attribute", "start"});
  Value total = p.Has(1) ? p[1] : Value::Int(0);
  if (total.is_string()) RaiseType("strings cannot be summed: use join");
  for (const Value& item : ToItems(in.heap(), self)) {
    total = Add(in, total, AttributeAt(in, item, p[0]));
  }
  return total;
}

Value FilterJoin(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("join", args, {"d", "attribute"});
  Vector<Value> items = ToItems(in.heap(), self);
  if (!p.IsNoneOrMissing(1)) {
    for (Value& item : items) item = AttributeAt(in, item, p[1]);
  }
  const String empty;
  const String* separator = p.Has(0) ? ToStr(in.heap(), p[0]) : &empty;
  return Value::Str(Join(in.heap(), items, *separator));
}

Value FilterBatch(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("batch", args, {"linecount", "fill_with"}, 1);
  const int64_t size = p.Int(0, 1);
  Vector<Value> rows(&in.heap());
  List* row = nullptr;
  for (const Value& item : ToItems(in.heap(), self)) {
    if (row == nullptr || static_cast<int64_t>(row->items.size()) == size) {
      row = NewList(in);
      rows.push_back(Value::OfList(row));
    }
    row->items.push_back(item);
  }
  if (row != nullptr && !p.IsNoneOrMissing(1)) {
    in.heap().Expect(std::max<int64_t>(size, 0), sizeof(Value));
    while (static_cast<int64_t>(row->items.size()) < size) row->items.push_back(p[1]);
  }
  return MakeIterator(in, std::move(rows));
}

Value FilterSlice(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("slice", args, {"slices", "fill_with"}, 1);
  const int64_t slices = p.Int(0, 1);
  if (slices <= 0) RaiseType("slice needs a positive number of slices");
  in.heap().Expect(slices, sizeof(List));
  const Vector<Value> items = ToItems(in.heap(), self);
  const auto length = static_cast<int64_t>(items.size());
  const int64_t each = length / slices, longer = length % slices;
  Vector<Value> rows(&in.heap());
  for (int64_t i = 0, at = 0; i < slices; ++i) {
    List* row = NewList(in);
    const int64_t count = each + (i < longer ? 1 : 0);
    row->items.assign(items.begin() + at, items.begin() + at + count);
    at += count;
    if (!p.IsNoneOrMissing(1) && i >= longer) row->items.push_back(p[1]);
    rows.push_back(Value::OfList(row));
  }
  return MakeIterator(in, std::move(rows));
}

Value FilterGroupby(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("groupby", args, {"attribute", "default", "case_sensitive"}, 1);
  const bool case_sensitive = p.Bool(2, false);
  Vector<Value> items = ToItems(in.heap(), self);
  Vector<Value> keys(&in.heap());
  for (const Value& item : items) {
    Value key = AttributeAt(in, item, p[0]);
    if (key.Is(Kind::kUndefined) && p.Has(1)) key = p[1];
    keys.push_back(SortKey(in, key, case_sensitive));
  }
  Vector<Value> order = keys;
  SortByKeys(in, items, keys, false);
  SortByKeys(in, order, keys, false);
  Vector<Value> groups(&in.heap());
  List* current = nullptr;
  for (size_t i = 0; i < items.size(); ++i) {
    if (current == nullptr || !Equals(in.heap(), order[i], order[i - 1])) {
      current = NewList(in);
      Value name = AttributeAt(in, items[i], p[0]);
      if (name.Is(Kind::kUndefined) && p.Has(1)) name = p[1];
      const Value group = NewPair(in, name, Value::OfList(current));
      group.list->group = true;
      groups.push_back(group);
    }
    current->items.push_back(items[i]);
  }
  return ListOf(in, std::move(groups));
}

Value FilterRandom(Interpreter&, const Value&, const Args&) {
  Raise(ErrorCode::kUnsupported, "random: a prompt must be the same every time");
}

constexpr NativeEntry kEntries[] = {
    {"length", &FilterLength},   {"count", &FilterLength},       {"first", &FilterFirst},
    {"last", &FilterLast},       {"list", &FilterList},          {"items", &FilterItems},
    {"reverse", &FilterReverse}, {"sort", &FilterSort},          {"dictsort", &FilterDictsort},
    {"unique", &FilterUnique},   {"min", &FilterExtreme<false>}, {"max", &FilterExtreme<true>},
    {"sum", &FilterSum},         {"join", &FilterJoin},          {"batch", &FilterBatch},
    {"slice", &FilterSlice},     {"groupby", &FilterGroupby},    {"random", &FilterRandom},
};

}  // namespace

std::span<const NativeEntry> SequenceFilters() { return kEntries; }

}  // namespace tael::jinja
