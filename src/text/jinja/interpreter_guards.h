// What the interpreter changes for the life of a block: its scope, its output, the depth of calls.
#pragma once

#include "text/jinja/interpreter.h"

namespace tael::jinja {

// Switches to a scope for the life of the guard.
class ScopeGuard {
 public:
  ScopeGuard(Interpreter& in, Scope* scope) : in_(in), saved_(in.scope_) { in.scope_ = scope; }
  ~ScopeGuard() { in_.scope_ = saved_; }
  ScopeGuard(const ScopeGuard&) = delete;
  ScopeGuard& operator=(const ScopeGuard&) = delete;

 private:
  Interpreter& in_;
  Scope* saved_;
};

// Sends output to a builder of its own for the life of the guard.
class OutputGuard {
 public:
  explicit OutputGuard(Interpreter& in) : builder_(in.heap_), in_(in), saved_(in.out_) {
    in.out_ = &builder_;
  }
  ~OutputGuard() { in_.out_ = saved_; }
  OutputGuard(const OutputGuard&) = delete;
  OutputGuard& operator=(const OutputGuard&) = delete;
  const String* Finish() const { return builder_.Finish(); }

 private:
  TextBuilder builder_;
  Interpreter& in_;
  TextBuilder* saved_;
};

// Counts a nested call.
class CallGuard {
 public:
  explicit CallGuard(Interpreter& in) : in_(in) {
    if (in.calls_ >= in.limits_.max_calls) {
      Raise(ErrorCode::kExhausted, "calls are nested deeper than {} levels", in.limits_.max_calls);
    }
    ++in.calls_;
  }
  ~CallGuard() { --in_.calls_; }
  CallGuard(const CallGuard&) = delete;
  CallGuard& operator=(const CallGuard&) = delete;

 private:
  Interpreter& in_;
};

}  // namespace tael::jinja
