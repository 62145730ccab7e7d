// When a message is tried again, and what a reply means for it (RFC 5321 sections 4.2.1 and 4.5.4.1).
#include <algorithm>

#include <sendconn/route.hpp>

namespace sendconn::route {
namespace {

using std::chrono::seconds;

constexpr seconds fallback_wait = std::chrono::minutes(30);  // RFC 5321 section 4.5.4.1
constexpr seconds least_wait{1};
constexpr seconds most_wait = std::chrono::hours(24 * 365);  // our own bound, to keep the arithmetic small

/// `wait` varied evenly by up to `percent` to either side; in integers, so that it is the same everywhere.
seconds vary(seconds wait, unsigned percent, std::uint32_t random) {
  const std::int64_t reach = wait.count() * std::min(percent, 100U) / 100;
  const auto choices = static_cast<std::uint64_t>(2 * reach + 1);  // below 2^32, so the product fits
  return wait - seconds(reach) + seconds((choices * random) >> 32U);
}

}  // namespace

Outcome classify(const Reply& reply) {
  if (reply.code >= 200 && reply.code < 300) return Outcome::delivered;
  // Older servers say 552 where 452 is meant: too many recipients now, not for ever (RFC 5321 section 4.5.3.1.10).
  if (reply.code == 552 && reply.enhanced == EnhancedCode{5, 5, 3}) return Outcome::deferred;
  return reply.code >= 500 && reply.code < 600 ? Outcome::failed : Outcome::deferred;
}

std::optional<UnixTime> RetrySchedule::next(UnixTime accepted, std::uint32_t attempts, UnixTime now,
                                            std::uint32_t random) const {
  const UnixTime end = accepted + max_age;
  if (now >= end) return std::nullopt;
  const std::size_t index = std::min<std::size_t>(std::max(attempts, 1U), std::max<std::size_t>(waits.size(), 1)) - 1;
  const seconds wait = std::clamp(waits.empty() ? fallback_wait : waits[index], least_wait, most_wait);
  return std::min(now + std::max(vary(wait, jitter_percent, random), least_wait), end);
}

}  // namespace sendconn::route
