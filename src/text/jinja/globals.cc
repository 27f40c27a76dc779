// Global functions: range, dict, namespace, cycler, joiner, raise_exception, strftime_now.
#include "text/jinja/interpreter.h"
#include "text/jinja/strftime.h"

namespace tael::jinja {
namespace {

// As many elements as Jinja's sandbox allows a range.
constexpr int64_t kMaxRange = 100'000;

Value GlobalRange(Interpreter& in, const Value&, const Args& args) {
  const Parameters p("range", args, {"", "", ""}, 1);
  Range range{0, p.Int(0, 0), p.Int(2, 1), 0};
  if (p.Has(1)) {
    range.start = range.stop;
    range.stop = p.Int(1, 0);
  }
  if (range.step == 0) RaiseType("the step of range must not be zero");
  const bool up = range.step > 0;
  if (up ? range.start < range.stop : range.start > range.stop) {
    const uint64_t distance =
        up ? static_cast<uint64_t>(range.stop) - static_cast<uint64_t>(range.start)
           : static_cast<uint64_t>(range.start) - static_cast<uint64_t>(range.stop);
    const uint64_t step =
        up ? static_cast<uint64_t>(range.step) : uint64_t{0} - static_cast<uint64_t>(range.step);
    const uint64_t size = (distance - 1) / step + 1;
    if (size > static_cast<uint64_t>(kMaxRange)) {
      Raise(ErrorCode::kExhausted, "a range may have at most {} elements", kMaxRange);
    }
    range.size = static_cast<int64_t>(size);
  }
  return Value::OfRange(in.heap().New<Range>(range));
}

// Fills a dict from an optional mapping or list of pairs, then keywords.
Dict* DictFrom(Interpreter& in, std::string_view name, const Args& args) {
  Heap& heap = in.heap();
  const Parameters p(name, {args.positional, {}}, {""});
  Dict* dict = heap.New<Dict>(heap);
  if (p.Has(0) && (p[0].Is(Kind::kDict) || p[0].Is(Kind::kNamespace))) {
    for (const auto& [key, value] : p[0].dict->entries) dict->Set(heap, key, value);
  } else if (p.Has(0)) {
    for (const Value& item : ToItems(heap, p[0])) {
      const Vector<Value> pair = ToItems(heap, item);
      if (pair.size() != 2) RaiseType("{} needs pairs, found {} values", name, pair.size());
      dict->Set(heap, pair[0], pair[1]);
    }
  }
  for (const NamedArg& named : args.named) dict->Set(heap, Value::Str(named.name), named.value);
  return dict;
}

Value GlobalDict(Interpreter& in, const Value&, const Args& args) {
  return Value::OfDict(DictFrom(in, "dict", args));
}

Value GlobalNamespace(Interpreter& in, const Value&, const Args& args) {
  return Value::OfDict(DictFrom(in, "namespace", args), Kind::kNamespace);
}

class Cycler final : public Object {
 public:
  explicit Cycler(Vector<Value> items) : items_(std::move(items)) {}
  std::string_view TypeName() const override { return "Cycler"; }
  bool callable() const override { return false; }
  Value Attribute(Interpreter& in, std::string_view name) override {
    if (name == "current") return items_[at_];
    const Value self = Value::OfObject(this);
    if (name == "next") return NewNative(in, &Cycler::Next, self, "next");
    if (name == "reset") return NewNative(in, &Cycler::Reset, self, "reset");
    return {};
  }
  void Print(TextBuilder& out) const override { out.Append("<Cycler>", true); }

 private:
  static Value Next(Interpreter&, const Value& self, const Args&) {
    auto& cycler = static_cast<Cycler&>(*self.object);
    const Value value = cycler.items_[cycler.at_];
    cycler.at_ = (cycler.at_ + 1) % cycler.items_.size();
    return value;
  }
  static Value Reset(Interpreter&, const Value& self, const Args&) {
    static_cast<Cycler&>(*self.object).at_ = 0;
    return Value::None();
  }

  Vector<Value> items_;
  size_t at_ = 0;
};

Value GlobalCycler(Interpreter& in, const Value&, const Args& args) {
  if (args.positional.empty()) RaiseType("cycler needs at least one value");
  Vector<Value> items(args.positional.begin(), args.positional.end(), &in.heap());
  return Value::OfObject(in.heap().New<Cycler>(std::move(items)));
}

class Joiner final : public Object {
 public:
  explicit Joiner(const Value& separator) : separator_(separator) {}
  std::string_view TypeName() const override { return "Joiner"; }
  Value Call(Interpreter& in, const Args& args) override {
    const Parameters p("joiner", args, {});
    const bool first = !used_;
    used_ = true;
    return first ? MakeText(in, "") : separator_;
  }
  void Print(TextBuilder& out) const override { out.Append("<Joiner>", true); }

 private:
  Value separator_;
  bool used_ = false;
};

Value GlobalJoiner(Interpreter& in, const Value&, const Args& args) {
  const Parameters p("joiner", args, {"sep"});
  return Value::OfObject(in.heap().New<Joiner>(p.Has(0) ? p[0] : MakeText(in, ", ")));
}

Value GlobalRaise(Interpreter& in, const Value&, const Args& args) {
  const Parameters p("raise_exception", args, {"message"}, 1);
  const std::string_view message = ToStr(in.heap(), p[0])->text;
  RaiseType("the template refuses the conversation: {}", message.substr(0, 1000));
}

Value GlobalStrftimeNow(Interpreter& in, const Value&, const Args& args) {
  const Parameters p("strftime_now", args, {"format"}, 1);
  const String* format = p.Text(0);
  in.heap().Expect(static_cast<int64_t>(format->text.size()), 32);
  return MakeText(in, FormatTime(format->text, in.unix_time()), format->fully_trusted());
}

Value GlobalLipsum(Interpreter&, const Value&, const Args&) {
  Raise(ErrorCode::kUnsupported, "lipsum: a prompt must be the same every time");
}

constexpr NativeEntry kEntries[] = {
    {"range", &GlobalRange},
    {"dict", &GlobalDict},
    {"namespace", &GlobalNamespace},
    {"cycler", &GlobalCycler},
    {"joiner", &GlobalJoiner},
    {"raise_exception", &GlobalRaise},
    {"strftime_now", &GlobalStrftimeNow},
    {"lipsum", &GlobalLipsum},
};

}  // namespace

std::span<const NativeEntry> Globals() { return kEntries; }

}  // namespace tael::jinja
