#include "hub/retry.h"

#include <algorithm>
#include <random>
#include <thread>

#include "base/error.h"

namespace tael {
namespace {

using std::chrono::milliseconds;

constexpr int64_t kLongestRetryAfter = 600;  // seconds

double RandomUnit() {
  thread_local std::minstd_rand generator{std::random_device{}()};
  return std::uniform_real_distribution<double>(0, 1)(generator);
}

void Pause(milliseconds time, const std::atomic<bool>* cancelled) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end && (cancelled == nullptr || !*cancelled)) {
    std::this_thread::sleep_for(std::min(time, milliseconds(50)));
  }
}

}  // namespace

milliseconds RetryDelay(const RetryPolicy& policy, int attempt,
                        std::optional<int64_t> retry_after_seconds, double random) {
  const int doublings = std::clamp(attempt - 1, 0, 20);
  const milliseconds full = std::min(policy.longest, policy.first * (int64_t{1} << doublings));
  const milliseconds half = full / 2;
  milliseconds delay =
      half + milliseconds(static_cast<int64_t>(static_cast<double>(half.count()) * random));
  if (retry_after_seconds) {
    const int64_t asked = std::clamp<int64_t>(*retry_after_seconds, 0, kLongestRetryAfter);
    delay = std::max(delay, milliseconds(asked * 1000));
  }
  return delay;
}

bool IsTransient(int status) {
  return status == 408 || status == 425 || status == 429 ||
         (status >= 500 && status <= 599 && status != 501);
}

TransientStatus::TransientStatus(const HttpReply& reply)
    : status_(reply.status), host_(SplitUrl(reply.url, "URL").host) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  if (const auto value = reply.fields.Find("retry-after")) {
    retry_after_ =
        ParseRetryAfter(*value, std::chrono::duration_cast<std::chrono::seconds>(now).count());
  }
}

void WithRetries(const RetryPolicy& policy, const std::atomic<bool>* cancelled,
                 const std::function<void()>& work, const std::function<bool()>& progressed) {
  const auto stopped = [&] { return cancelled != nullptr && cancelled->load(); };
  for (int attempt = 1;; ++attempt) {
    std::optional<int64_t> retry_after;
    try {
      work();
      return;
    } catch (const TransientStatus& status) {
      if (stopped()) Fail(ErrorCode::kUnavailable, "cancelled");
      if (progressed && progressed()) attempt = 1;
      if (attempt >= policy.attempts) {
        Fail(ErrorCode::kUnavailable, "{}: answered {} {} times. Hint: {}", status.host(),
             status.status(), attempt,
             status.status() == 429 ? "the hub limits requests; try later, or give a token"
                                    : "the server has a problem; try later");
      }
      retry_after = status.retry_after();
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnavailable || stopped()) throw;
      if (progressed && progressed()) attempt = 1;
      if (attempt >= policy.attempts) throw;
    }
    Pause(RetryDelay(policy, attempt, retry_after, RandomUnit()), cancelled);
  }
}

}  // namespace tael
