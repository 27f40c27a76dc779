// Tests: what may follow `is`.
#include <algorithm>

#include "base/utf8.h"
#include "text/jinja/charset.h"
#include "text/jinja/interpreter.h"

namespace tael::jinja {
namespace {

using Predicate = bool (*)(const Value& value);

template <Predicate kPredicate>
Value Simple(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("the test", args, {});
  return Value::Bool(kPredicate(self));
}

bool IsDefined(const Value& v) { return !v.Is(Kind::kUndefined); }
bool IsUndefined(const Value& v) { return v.Is(Kind::kUndefined); }
bool IsNone(const Value& v) { return v.Is(Kind::kNone); }
bool IsBoolean(const Value& v) { return v.Is(Kind::kBool); }
bool IsTrue(const Value& v) { return v.Is(Kind::kBool) && v.boolean; }
bool IsFalse(const Value& v) { return v.Is(Kind::kBool) && !v.boolean; }
bool IsInteger(const Value& v) { return v.Is(Kind::kInt); }
bool IsFloat(const Value& v) { return v.Is(Kind::kFloat); }
bool IsNumber(const Value& v) { return v.is_number(); }
bool IsString(const Value& v) { return v.is_string(); }
bool IsMapping(const Value& v) { return v.Is(Kind::kDict); }
bool IsIterable(const Value& v) {
  return v.Is(Kind::kUndefined) || v.is_string() || v.is_sequence() || v.Is(Kind::kDict) ||
         v.Is(Kind::kRange) || v.Is(Kind::kIterator);
}
bool IsSequence(const Value& v) {
  return v.Is(Kind::kUndefined) || v.is_string() || v.Is(Kind::kList) || v.Is(Kind::kTuple) ||
         v.Is(Kind::kDict) || v.Is(Kind::kRange);
}
// Jinja's Undefined has a method __call__ (that fails), so it counts.
bool IsCallable(const Value& v) {
  return v.Is(Kind::kUndefined) || (v.Is(Kind::kObject) && v.object->callable());
}
bool IsEscaped(const Value& v) { return v.is_string() && v.string->markup; }

int64_t Integral(const Value& value) {
  if (value.Is(Kind::kUndefined)) RaiseUndefined(value);
  if (!value.is_integral()) RaiseType("the test needs an integer, not '{}'", TypeName(value));
  return value.as_int();
}

template <int kRemainder>
Value TestParity(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("the test", args, {});
  if (self.Is(Kind::kFloat))
    return Value::Bool(__builtin_fabs(__builtin_fmod(self.number, 2)) == kRemainder);
  return Value::Bool((Integral(self) & 1) == kRemainder);
}

Value TestDivisibleBy(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("divisibleby", args, {"num"}, 1);
  const int64_t divisor = Integral(p[0]);
  if (divisor == 0) RaiseType("integer division or modulo by zero");
  return Value::Bool(divisor == -1 || Integral(self) % divisor == 0);
}

enum class Order { kEq, kNe, kLt, kLe, kGt, kGe };

template <Order kOrder>
Value TestOrder(Interpreter& in, const Value& a, const Args& args) {
  const Parameters p("the test", args, {"other"}, 1);
  const Value& b = p[0];
  Heap& heap = in.heap();
  switch (kOrder) {
    case Order::kEq:
      return Value::Bool(Equals(heap, a, b));
    case Order::kNe:
      return Value::Bool(!Equals(heap, a, b));
    case Order::kLt:
      return Value::Bool(Less(heap, a, b));
    case Order::kGt:
      return Value::Bool(Less(heap, b, a));
    case Order::kLe:
      return Value::Bool(Less(heap, a, b) || Equals(heap, a, b));
    case Order::kGe:
      return Value::Bool(Less(heap, b, a) || Equals(heap, a, b));
  }
  return {};
}

Value TestIn(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("in", args, {"seq"}, 1);
  return Value::Bool(Contains(in, p[0], self));
}

Value TestSameAs(Interpreter& in, const Value& a, const Args& args) {
  const Parameters p("sameas", args, {"other"}, 1);
  const Value& b = p[0];
  if (a.kind != b.kind) return Value::Bool(false);
  const bool by_address = a.is_sequence() || a.Is(Kind::kDict) || a.Is(Kind::kRange);
  return Value::Bool(by_address ? a.list == b.list : Equals(in.heap(), a, b));
}

// str.isupper / islower of the text of any value.
template <bool kUpper>
Value TestCase(Interpreter& in, const Value& self, const Args& args) {
  const Parameters p("the test", args, {});
  const std::string_view text = ToStr(in.heap(), self)->text;
  bool any = false;
  for (size_t pos = 0; pos < text.size();) {
    const CodePoint c = DecodeUtf8(text, pos);
    if (kUpper ? IsLower(c.value) || IsTitle(c.value) : IsUpper(c.value) || IsTitle(c.value)) {
      return Value::Bool(false);
    }
    any |= kUpper ? IsUpper(c.value) : IsLower(c.value);
    pos += static_cast<size_t>(c.length);
  }
  return Value::Bool(any);
}

template <Native (*kFind)(std::string_view)>
Value TestKnown(Interpreter&, const Value& self, const Args& args) {
  const Parameters p("the test", args, {});
  return Value::Bool(self.is_string() && kFind(self.string->text) != nullptr);
}

constexpr NativeEntry kEntries[] = {
    {"defined", &Simple<IsDefined>},
    {"undefined", &Simple<IsUndefined>},
    {"none", &Simple<IsNone>},
    {"boolean", &Simple<IsBoolean>},
    {"true", &Simple<IsTrue>},
    {"false", &Simple<IsFalse>},
    {"integer", &Simple<IsInteger>},
    {"float", &Simple<IsFloat>},
    {"number", &Simple<IsNumber>},
    {"string", &Simple<IsString>},
    {"mapping", &Simple<IsMapping>},
    {"iterable", &Simple<IsIterable>},
    {"sequence", &Simple<IsSequence>},
    {"callable", &Simple<IsCallable>},
    {"escaped", &Simple<IsEscaped>},
    {"odd", &TestParity<1>},
    {"even", &TestParity<0>},
    {"divisibleby", &TestDivisibleBy},
    {"eq", &TestOrder<Order::kEq>},
    {"equalto", &TestOrder<Order::kEq>},
    {"==", &TestOrder<Order::kEq>},
    {"ne", &TestOrder<Order::kNe>},
    {"!=", &TestOrder<Order::kNe>},
    {"lt", &TestOrder<Order::kLt>},
    {"lessthan", &TestOrder<Order::kLt>},
    {"<", &TestOrder<Order::kLt>},
    {"le", &TestOrder<Order::kLe>},
    {"<=", &TestOrder<Order::kLe>},
    {"gt", &TestOrder<Order::kGt>},
    {"greaterthan", &TestOrder<Order::kGt>},
    {">", &TestOrder<Order::kGt>},
    {"ge", &TestOrder<Order::kGe>},
    {">=", &TestOrder<Order::kGe>},
    {"in", &TestIn},
    {"sameas", &TestSameAs},
    {"upper", &TestCase<true>},
    {"lower", &TestCase<false>},
    {"filter", &TestKnown<FindFilter>},
    {"test", &TestKnown<FindTest>},
};

}  // namespace

std::span<const NativeEntry> Tests() { return kEntries; }

}  // namespace tael::jinja
