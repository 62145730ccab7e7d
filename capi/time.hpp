// Times of the C interface as the library has them.
#pragma once

#include <algorithm>
#include <chrono>

#include <sendconn/time.hpp>

#include "capi/guard.hpp"

namespace sendconn::capi {

/// 0 stands for the system's clock. Far beyond any use, and such that sums of it cannot overflow.
constexpr std::int64_t max_unix_time = std::int64_t{1} << 48U;

inline UnixTime unix_time_of(std::int64_t seconds) {
  if (seconds < 0 || seconds > max_unix_time)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT,
           "a time of " + std::to_string(seconds) + " seconds since 1970 is out of range");
  return UnixTime(std::chrono::seconds(seconds != 0 ? seconds : sendconn_clock_unix()));
}

/// 146 years. A clock stands still beyond it, so that neither the longest timeout of the options (136 years) added to a
/// time nor the difference of two times can overflow.
constexpr std::int64_t max_clock = (std::int64_t{1} << 62U) - 1;

inline Instant instant_of(std::int64_t nanoseconds) noexcept {
  const std::chrono::nanoseconds bounded(std::clamp(nanoseconds, -max_clock, max_clock));
  return Instant(std::chrono::duration_cast<Duration>(bounded));
}

inline std::int64_t nanoseconds_of(Duration duration) noexcept {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
}
inline std::int64_t nanoseconds_of(Instant instant) noexcept { return nanoseconds_of(instant.time_since_epoch()); }

}  // namespace sendconn::capi
