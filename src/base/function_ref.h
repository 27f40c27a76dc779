// A parameter that is called: borrows a callable for the duration of a call, never allocates.
#pragma once

#include <concepts>
#include <type_traits>

namespace tael {

template <typename Signature>
class FunctionRef;

template <typename Result, typename... Args>
class FunctionRef<Result(Args...)> {
 public:
  template <typename Fn>
    requires(!std::same_as<std::remove_cvref_t<Fn>, FunctionRef> &&
             std::is_invocable_r_v<Result, const Fn&, Args...>)
  FunctionRef(const Fn& fn)  // NOLINT(google-explicit-constructor): lambdas stand in its place
      : object_(&fn), call_([](const void* object, Args... args) -> Result {
          return (*static_cast<const Fn*>(object))(args...);
        }) {}

  Result operator()(Args... args) const { return call_(object_, args...); }

 private:
  const void* object_;
  Result (*call_)(const void*, Args...);
};

}  // namespace tael
