// The memory and the budgets of one rendering: everything a template creates lives in one arena
// that is dropped as a whole, so nothing is counted one by one and cycles cannot leak.
#pragma once

#include <fmt/core.h>
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace tael::jinja {

// What went wrong inside a template; chat_template.cc adds the place and throws tael::Error.
struct Fault {
  ErrorCode code;
  std::string message;
};

template <typename... Args>
[[noreturn]] void Raise(ErrorCode code, fmt::format_string<Args...> text, Args&&... args) {
  throw Fault{code, fmt::format(text, std::forward<Args>(args)...)};
}

// The common case: the template did something that its data does not allow.
template <typename... Args>
[[noreturn]] void RaiseType(fmt::format_string<Args...> text, Args&&... args) {
  throw Fault{ErrorCode::kInvalidArgument, fmt::format(text, std::forward<Args>(args)...)};
}

struct Budget {
  int64_t max_steps = 0;
  int64_t max_bytes = 0;
  int max_nesting = 0;  // of native calls that follow nested nodes or nested data
};

// A bump allocator with a hard limit. Objects in it are never destroyed: they may own memory only
// through this resource. Not thread-safe.
class Heap final : public std::pmr::memory_resource {
 public:
  explicit Heap(const Budget& budget) : budget_(budget), steps_left_(budget.max_steps) {}

  // Accounts for work; throws Fault(kExhausted) when the steps are used up.
  void Step(int64_t count = 1) {
    if ((steps_left_ -= count) < 0) FailSteps();
  }
  // Throws Fault(kExhausted) if `count` elements of `size` bytes would not fit any more. Called
  // before anything whose size a template chooses.
  void Expect(int64_t count, int64_t size = 1);
  int64_t bytes_used() const { return bytes_used_; }
  int64_t steps_used() const { return budget_.max_steps - steps_left_; }

  template <typename T, typename... Args>
  T* New(Args&&... args) {
    return ::new (allocate(sizeof(T), alignof(T))) T(std::forward<Args>(args)...);
  }
  std::string_view Copy(std::string_view bytes);

  // Held by every function that recurses along what the template or its data chose.
  class Nest {
   public:
    explicit Nest(Heap& heap) : heap_(heap) {
      if (++heap_.nesting_ > heap_.budget_.max_nesting) heap_.FailNesting();
    }
    ~Nest() { --heap_.nesting_; }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;

   private:
    Heap& heap_;
  };

 private:
  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void*, size_t, size_t) override {}
  bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
    return this == &other;
  }
  void* AllocateChunk(size_t bytes, size_t alignment);
  [[noreturn]] void FailSteps() const;
  [[noreturn]] void FailBytes() const;
  [[noreturn]] void FailNesting();

  Budget budget_;
  int64_t steps_left_;
  int64_t bytes_used_ = 0;
  int nesting_ = 0;
  char* free_ = nullptr;
  char* end_ = nullptr;
  size_t next_chunk_ = 16 << 10;  // doubles up to kMaxChunk: small templates stay small
  std::vector<std::unique_ptr<char[]>> chunks_;
};

template <typename T>
using Vector = std::pmr::vector<T>;

}  // namespace tael::jinja
