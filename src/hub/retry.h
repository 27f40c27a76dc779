// When a failed request is tried again.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>

#include "hub/http_client.h"

namespace tael {

struct RetryPolicy {
  int attempts = 6;  // in a row without any progress
  std::chrono::milliseconds first{500}, longest{30'000};
};

// How long to wait before attempt `attempt` (1 = the second try): doubling, a random half of it
// (`random` in [0, 1)) taken off so that clients do not come together; at least what the server
// asked for by Retry-After, which is followed up to ten minutes.
std::chrono::milliseconds RetryDelay(const RetryPolicy& policy, int attempt,
                                     std::optional<int64_t> retry_after_seconds, double random);

// Whether an answer of this status may be another one next time: 408, 425, 429, 5xx without 501.
bool IsTransient(int status);

// An answer that is worth another try; carries its Retry-After.
class TransientStatus : public std::exception {
 public:
  explicit TransientStatus(const HttpReply& reply);
  const char* what() const noexcept override { return "transient HTTP status"; }
  int status() const { return status_; }
  std::optional<int64_t> retry_after() const { return retry_after_; }
  const std::string& host() const { return host_; }

 private:
  int status_;
  std::optional<int64_t> retry_after_;
  std::string host_;
};

// Calls `work` until it returns. What throws TransientStatus or kUnavailable is tried again after a
// pause; `progressed` (may be empty) says, after a failure, whether bytes have come since the last
// one: then attempts count anew. Gives up with kUnavailable. Other errors pass through; so does
// everything once `cancelled`.
void WithRetries(const RetryPolicy& policy, const std::atomic<bool>* cancelled,
                 const std::function<void()>& work, const std::function<bool()>& progressed = {});

}  // namespace tael
