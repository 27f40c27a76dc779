// Arithmetic with Python's rules on 64-bit integers and doubles.
#include "text/jinja/operators.h"

#include <cmath>

#include "text/jinja/interpreter.h"

namespace tael::jinja {
namespace {

[[noreturn]] void RaiseOperands(std::string_view op, const Value& left, const Value& right) {
  if (left.Is(Kind::kUndefined)) RaiseUndefined(left);
  if (right.Is(Kind::kUndefined)) RaiseUndefined(right);
  RaiseType("unsupported operand types for {}: '{}' and '{}'", op, TypeName(left), TypeName(right));
}

[[noreturn]] void RaiseOverflow(std::string_view op) {
  RaiseType("the result of {} does not fit a 64-bit integer", op);
}

Value WithOrigin(Value result, const Value& left, const Value& right) {
  result.untrusted = left.untrusted || right.untrusted;
  return result;
}

bool BothIntegral(const Value& a, const Value& b) { return a.is_integral() && b.is_integral(); }
bool BothNumbers(const Value& a, const Value& b) { return a.is_number() && b.is_number(); }

Value Joined(Interpreter& in, const List& a, const List& b, Kind kind) {
  List* list = NewList(in);
  in.heap().Expect(static_cast<int64_t>(a.items.size() + b.items.size()), sizeof(Value));
  list->items.reserve(a.items.size() + b.items.size());
  list->items.insert(list->items.end(), a.items.begin(), a.items.end());
  list->items.insert(list->items.end(), b.items.begin(), b.items.end());
  return Value::OfList(list, kind);
}

Value Repeated(Interpreter& in, const Value& value, int64_t count) {
  Heap& heap = in.heap();
  count = std::max<int64_t>(count, 0);
  if (value.is_string()) {
    TextBuilder builder(heap);
    builder.AppendRepeated(*value.string, count);
    return Value::Str(builder.Finish(value.string->markup));
  }
  const Vector<Value>& items = value.list->items;
  List* list = NewList(in);
  if (!items.empty()) {
    heap.Expect(count, static_cast<int64_t>(items.size() * sizeof(Value)));
    list->items.reserve(items.size() * static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
      list->items.insert(list->items.end(), items.begin(), items.end());
    }
  }
  return Value::OfList(list, value.kind);
}

bool Repeatable(const Value& value) {
  return value.is_string() || value.Is(Kind::kList) || value.Is(Kind::kTuple);
}

int64_t FloorDivideInt(int64_t a, int64_t b) {
  if (b == 0) RaiseType("integer division or modulo by zero");
  if (b == -1) {
    int64_t result;
    if (__builtin_sub_overflow(int64_t{0}, a, &result)) RaiseOverflow("//");
    return result;
  }
  const int64_t quotient = a / b;
  return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

double FloatModulo(double a, double b) {
  if (b == 0) RaiseType("float division or modulo by zero");
  double result = std::fmod(a, b);
  if (result != 0 && (result < 0) != (b < 0)) result += b;
  if (result == 0) result = std::copysign(0.0, b);
  return result;
}

Value PowerInt(int64_t base, int64_t exponent) {
  int64_t result = 1;
  while (exponent > 0) {
    if ((exponent & 1) != 0 && __builtin_mul_overflow(result, base, &result)) RaiseOverflow("**");
    exponent >>= 1;
    if (exponent > 0 && __builtin_mul_overflow(base, base, &base)) RaiseOverflow("**");
  }
  return Value::Int(result);
}

}  // namespace

Value Negate(const Value& value) {
  Value result;
  if (value.Is(Kind::kFloat)) {
    result = Value::Float(-value.number);
  } else {
    int64_t negated;
    if (__builtin_sub_overflow(int64_t{0}, value.as_int(), &negated)) RaiseOverflow("-");
    result = Value::Int(negated);
  }
  result.untrusted = value.untrusted;
  return result;
}

Value Add(Interpreter& in, const Value& left, const Value& right) {
  if (left.is_string() && right.is_string()) {
    const String *a = left.string, *b = right.string;
    if (a->markup != b->markup) {  // Markup escapes what is added to it
      a = EscapeHtml(in.heap(), *a);
      b = EscapeHtml(in.heap(), *b);
    }
    return Value::Str(Concatenate(in.heap(), *a, *b));
  }
  if (BothIntegral(left, right)) {
    int64_t sum;
    if (__builtin_add_overflow(left.as_int(), right.as_int(), &sum)) RaiseOverflow("+");
    return WithOrigin(Value::Int(sum), left, right);
  }
  if (BothNumbers(left, right)) {
    return WithOrigin(Value::Float(left.as_double() + right.as_double()), left, right);
  }
  if (left.kind == right.kind && (left.Is(Kind::kList) || left.Is(Kind::kTuple))) {
    return Joined(in, *left.list, *right.list, left.kind);
  }
  if (left.is_string() && !right.Is(Kind::kUndefined)) {
    RaiseType("only strings can be joined to a string with +, not '{}'", TypeName(right));
  }
  RaiseOperands("+", left, right);
}

Value Subtract(Interpreter&, const Value& left, const Value& right) {
  if (BothIntegral(left, right)) {
    int64_t difference;
    if (__builtin_sub_overflow(left.as_int(), right.as_int(), &difference)) RaiseOverflow("-");
    return WithOrigin(Value::Int(difference), left, right);
  }
  if (!BothNumbers(left, right)) RaiseOperands("-", left, right);
  return WithOrigin(Value::Float(left.as_double() - right.as_double()), left, right);
}

Value Multiply(Interpreter& in, const Value& left, const Value& right) {
  if (BothIntegral(left, right)) {
    int64_t product;
    if (__builtin_mul_overflow(left.as_int(), right.as_int(), &product)) RaiseOverflow("*");
    return WithOrigin(Value::Int(product), left, right);
  }
  if (BothNumbers(left, right)) {
    return WithOrigin(Value::Float(left.as_double() * right.as_double()), left, right);
  }
  if (Repeatable(left) && right.is_integral()) return Repeated(in, left, right.as_int());
  if (Repeatable(right) && left.is_integral()) return Repeated(in, right, left.as_int());
  RaiseOperands("*", left, right);
}

Value Divide(Interpreter&, const Value& left, const Value& right) {
  if (!BothNumbers(left, right)) RaiseOperands("/", left, right);
  if (right.as_double() == 0) RaiseType("division by zero");
  return WithOrigin(Value::Float(left.as_double() / right.as_double()), left, right);
}

Value FloorDivide(Interpreter&, const Value& left, const Value& right) {
  if (BothIntegral(left, right)) {
    return WithOrigin(Value::Int(FloorDivideInt(left.as_int(), right.as_int())), left, right);
  }
  if (!BothNumbers(left, right)) RaiseOperands("//", left, right);
  const double a = left.as_double(), b = right.as_double();
  const double modulo = FloatModulo(a, b);
  return WithOrigin(Value::Float(std::nearbyint((a - modulo) / b)), left, right);
}

Value Modulo(Interpreter& in, const Value& left, const Value& right) {
  if (left.is_string()) return Value::Str(FormatPercent(in, *left.string, right));
  if (BothIntegral(left, right)) {
    const int64_t a = left.as_int(), b = right.as_int();
    if (b == 0) RaiseType("integer division or modulo by zero");
    int64_t result = b == -1 ? 0 : a % b;
    if (result != 0 && (result < 0) != (b < 0)) result += b;
    return WithOrigin(Value::Int(result), left, right);
  }
  if (!BothNumbers(left, right)) RaiseOperands("%", left, right);
  return WithOrigin(Value::Float(FloatModulo(left.as_double(), right.as_double())), left, right);
}

Value Power(Interpreter&, const Value& left, const Value& right) {
  if (!BothNumbers(left, right)) RaiseOperands("**", left, right);
  if (BothIntegral(left, right) && right.as_int() >= 0) {
    return WithOrigin(PowerInt(left.as_int(), right.as_int()), left, right);
  }
  const double a = left.as_double(), b = right.as_double();
  if (a == 0 && b < 0) RaiseType("zero cannot be raised to a negative power");
  const double result = std::pow(a, b);
  if (std::isinf(result) && !std::isinf(a) && !std::isinf(b))
    RaiseType("the result of ** is too large");
  if (std::isnan(result) && !std::isnan(a) && !std::isnan(b)) {
    RaiseType("a negative number cannot be raised to a fractional power");
  }
  return WithOrigin(Value::Float(result), left, right);
}

}  // namespace tael::jinja
