// Filters that apply filters and tests: map, select, reject, and default.
#include "text/jinja/operators.h"
#include "text/jinja/sequence_ops.h"

namespace tael::jinja {
namespace {

Value FilterMap(Interpreter& in, const Value& self, const Args& args) {
  Vector<Value> items = ToItems(in.heap(), self);
  if (args.positional.empty()) {
    const Parameters p("map", args, {"attribute", "default"}, 1);
    for (Value& item : items) {
      item = AttributeAt(in, item, p[0]);
      if (item.Is(Kind::kUndefined) && p.Has(1)) item = p[1];
    }
    return MakeIterator(in, std::move(items));
  }
  if (!args.positional[0].is_string()) RaiseType("map needs the name of a filter");
  const std::string_view name = args.positional[0].string->text;
  const Native filter = FindFilter(name);
  if (filter == nullptr) RaiseType("there is no filter '{}'", name);
  const Args rest{args.positional.subspan(1), args.named};
  for (Value& item : items) {
    in.heap().Step();
    if (item.is_string()) ChargeScan(in.heap(), *item.string);
    item = filter(in, item, rest);
  }
  return MakeIterator(in, std::move(items));
}

// `attribute`: the first argument names what of each item is tested.
template <bool kKeep, bool kAttribute>
Value FilterSelect(Interpreter& in, const Value& self, const Args& args) {
  std::span<const Value> rest = args.positional;
  Value attribute;
  if (kAttribute) {
    if (rest.empty()) RaiseType("the name of an attribute is missing");
    attribute = rest[0];
    rest = rest.subspan(1);
  }
  Native test = nullptr;
  if (!rest.empty()) {
    if (!rest[0].is_string()) RaiseType("a test must be given by its name");
    test = FindTest(rest[0].string->text);
    if (test == nullptr) RaiseType("there is no test '{}'", rest[0].string->text);
    rest = rest.subspan(1);
  }
  Vector<Value> chosen(&in.heap());
  for (const Value& item : ToItems(in.heap(), self)) {
    in.heap().Step();
    const Value value = AttributeAt(in, item, attribute);
    if (value.is_string()) ChargeScan(in.heap(), *value.string);
    const bool holds = Truthy(test != nullptr ? test(in, value, {rest, args.named}) : value);
    if (holds == kKeep) chosen.push_back(item);
  }
  return MakeIterator(in, std::move(chosen));
}

Value FilterDefault(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("default", args, {"default_value", "boolean"});
  const bool use = self.Is(Kind::kUndefined) || (p.Bool(1, false) && !Truthy(self));
  if (!use) return self;
  return p.Has(0) ? p[0] : MakeText(in, "");
}

Value FilterAttr(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("attr", args, {"name"}, 1);
  const String* name = ToStr(in.heap(), p[0]);
  // Items are no attributes here, unlike with a dot.
  if (self.Is(Kind::kDict) && FindMethod(Kind::kDict, name->text) == nullptr &&
      !name->text.starts_with("__")) {
    return Value::Undefined(name, self.kind);
  }
  return GetAttribute(in, self, *name);
}

constexpr NativeEntry kEntries[] = {
    {"map", &FilterMap},
    {"select", &FilterSelect<true, false>},
    {"reject", &FilterSelect<false, false>},
    {"selectattr", &FilterSelect<true, true>},
    {"rejectattr", &FilterSelect<false, true>},
    {"default", &FilterDefault},
    {"d", &FilterDefault},
    {"attr", &FilterAttr},
};

}  // namespace

std::span<const NativeEntry> SelectFilters() { return kEntries; }

}  // namespace tael::jinja
