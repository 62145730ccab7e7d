#include "lib/io/patience.hpp"

namespace sendconn::io {

Instant now() noexcept { return std::chrono::steady_clock::now(); }

bool Patience::is_over() {
  if (!cancelled_ && is_cancelled_) cancelled_ = is_cancelled_();
  return cancelled_ || now() >= deadline_;
}

std::chrono::milliseconds Patience::next_wait(Instant until) const {
  const Instant present = now();
  Duration wait = std::min(deadline_, until) - present;
  if (is_cancelled_) wait = std::min(wait, interval_);
  return std::chrono::ceil<std::chrono::milliseconds>(std::max(wait, Duration::zero()));
}

}  // namespace sendconn::io
