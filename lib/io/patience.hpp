// Patience: how long a blocking call may take, and who may end it sooner. Everything in lib/io that waits, waits by
// one.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include <sendconn/time.hpp>

namespace sendconn::io {

/// The monotonic clock, for those who drive machines from here.
Instant now() noexcept;

/// Thread-compatible. `is_cancelled` may be empty; it is asked between waits of at most `interval`, and may throw.
class Patience {
 public:
  Patience(Instant deadline, std::function<bool()> is_cancelled, Duration interval)
      : deadline_(deadline), is_cancelled_(std::move(is_cancelled)), interval_(interval) {}

  /// The same for a part of the call, over at `until` at the latest.
  [[nodiscard]] Patience within(Instant until) const {
    Patience part = *this;
    part.deadline_ = std::min(deadline_, until);
    return part;
  }

  /// The time is over, or somebody cancelled; asks whoever may.
  bool is_over();
  [[nodiscard]] bool was_cancelled() const noexcept { return cancelled_; }
  [[nodiscard]] Instant deadline() const noexcept { return deadline_; }
  /// How long to wait now, at most, before asking is_over() again; rounded up, so that it is zero only at the end.
  [[nodiscard]] std::chrono::milliseconds next_wait(Instant until) const;

 private:
  Instant deadline_;
  std::function<bool()> is_cancelled_;
  Duration interval_;
  bool cancelled_ = false;
};

}  // namespace sendconn::io
