// Bytes that many share a bound on.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace tael {

// Any thread.
class ByteBudget {
 public:
  explicit ByteBudget(size_t limit) : limit_(limit) {}

  // All of them, or false.
  bool Take(size_t bytes) {
    if (used_.fetch_add(bytes) + bytes <= limit_) return true;
    used_.fetch_sub(bytes);
    return false;
  }
  // Beyond the bound if need be: for what is there already.
  void Add(size_t bytes) { used_.fetch_add(bytes); }
  void Return(size_t bytes) { used_.fetch_sub(bytes); }

  size_t used() const { return used_.load(); }
  size_t limit() const { return limit_; }

 private:
  const size_t limit_;
  std::atomic<size_t> used_ = 0;
};

// A part of a budget that is given back at its end. Not for several threads at once.
class ByteLease {
 public:
  explicit ByteLease(std::shared_ptr<ByteBudget> budget) : budget_(std::move(budget)) {}
  ~ByteLease() { Shrink(0); }
  ByteLease(ByteLease&& other) noexcept
      : budget_(other.budget_), bytes_(std::exchange(other.bytes_, 0)) {}
  ByteLease& operator=(ByteLease&&) = delete;
  ByteLease(const ByteLease&) = delete;
  ByteLease& operator=(const ByteLease&) = delete;

  // False when the budget is used up; the lease is what it was.
  bool Grow(size_t bytes) {
    if (bytes > bytes_ && !budget_->Take(bytes - bytes_)) return false;
    bytes_ = bytes > bytes_ ? bytes : bytes_;
    return true;
  }
  void Shrink(size_t bytes) {
    if (bytes >= bytes_) return;
    budget_->Return(bytes_ - bytes);
    bytes_ = bytes;
  }
  // Hands a part of it on, all of it if it has less.
  ByteLease Split(size_t bytes) {
    ByteLease part(budget_);
    part.bytes_ = bytes < bytes_ ? bytes : bytes_;
    bytes_ -= part.bytes_;
    return part;
  }
  size_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<ByteBudget> budget_;
  size_t bytes_ = 0;
};

}  // namespace tael
