// The arithmetic of a token bucket, exact and in 64 bits.
//
// A token is made of P * 10^9 parts, where P is the period in seconds; each nanosecond brings `count` parts. Products
// of counts and nanoseconds would not fit 64 bits, so seconds and nanoseconds are kept apart, and every product below
// is annotated with its bound: count <= 10^9, burst <= 10^9, P <= 86,400, and 2^64 = 1.84 * 10^19.
#include <algorithm>

#include <sendconn/limit.hpp>

namespace sendconn::limit {
namespace {

constexpr std::uint64_t nano = 1'000'000'000;
constexpr std::chrono::seconds longest_period = std::chrono::hours(24);
static_assert(Rate::max_count <= nano);

Rate within_bounds(Rate rate) {
  rate.count = std::min(rate.count, Rate::max_count);
  rate.burst = std::min(rate.burst, Rate::max_count);
  rate.period = std::clamp(rate.period, std::chrono::seconds(1), longest_period);
  return rate;
}

std::uint64_t seconds_of(const Rate& rate) { return static_cast<std::uint64_t>(rate.period.count()); }

/// Nanoseconds from `begin` to a later `end`; modulo 2^64 because the signed difference may not fit.
std::uint64_t nanoseconds_between(Instant begin, Instant end) {
  const auto count = [](Instant time) {
    return static_cast<std::uint64_t>(std::chrono::nanoseconds(time.time_since_epoch()).count());
  };
  return count(end) - count(begin);
}

Instant later(Instant time, Duration wait) {
  return wait > Instant::max() - std::max(time, Instant()) ? Instant::max() : time + wait;
}

}  // namespace

TokenBucket::TokenBucket(const Rate& rate, Instant now)
    : rate_(within_bounds(rate)), updated_(now), tokens_(rate_.burst) {}

void TokenBucket::refill(Instant now) {
  if (now <= updated_) return;
  const std::uint64_t passed = nanoseconds_between(updated_, now);
  updated_ = now;
  if (tokens_ == rate_.burst) return;
  const std::uint64_t period = seconds_of(rate_);
  // count * seconds <= 10^9 * 1.84 * 10^10 (all that 64 bits of nanoseconds hold): in 1/P of a token.
  const std::uint64_t from_seconds = rate_.count * (passed / nano);
  // count * nanoseconds < 10^18; with the fraction (below P * 10^9 <= 8.64 * 10^13): in 1/(P * 10^9) of a token.
  const std::uint64_t from_rest = rate_.count * (passed % nano) + fraction_;
  // Both as 1/P of a token: the whole tokens first, so that the sum stays small.
  const std::uint64_t parts = from_seconds % period + from_rest / nano;
  const std::uint64_t whole = from_seconds / period + parts / period;
  if (whole >= rate_.burst - tokens_) {
    tokens_ = rate_.burst;
    fraction_ = 0;
    return;
  }
  tokens_ += whole;
  fraction_ = parts % period * nano + from_rest % nano;
}

bool TokenBucket::take(std::uint64_t tokens, Instant now) {
  refill(now);
  if (tokens > tokens_) return false;
  tokens_ -= tokens;
  return true;
}

void TokenBucket::give_back(std::uint64_t tokens) {
  tokens_ += std::min(tokens, rate_.burst - tokens_);
  if (tokens_ == rate_.burst) fraction_ = 0;
}

std::uint64_t TokenBucket::available(Instant now) const {
  TokenBucket then = *this;
  then.refill(now);
  return then.tokens_;
}

std::optional<Duration> TokenBucket::wait(std::uint64_t tokens, Instant now) const {
  if (tokens > rate_.burst) return std::nullopt;
  TokenBucket then = *this;
  then.refill(now);
  if (tokens <= then.tokens_) return Duration::zero();
  if (rate_.count == 0) return std::nullopt;
  // What is missing is missing * P * 10^9 - fraction parts, at `count` parts a nanosecond, rounded up.
  const std::uint64_t seconds_wide = (tokens - then.tokens_) * seconds_of(rate_);  // <= 8.64 * 10^13
  const std::uint64_t parts = seconds_wide % rate_.count * nano;                   // < count * 10^9 <= 10^18
  constexpr auto longest = static_cast<std::uint64_t>(std::chrono::nanoseconds::max().count());
  if (seconds_wide / rate_.count >= longest / nano) return Duration::max();
  std::uint64_t nanoseconds = seconds_wide / rate_.count * nano;
  if (parts >= then.fraction_)
    nanoseconds += (parts - then.fraction_ + rate_.count - 1) / rate_.count;
  else
    nanoseconds -= (then.fraction_ - parts) / rate_.count;  // stays positive: a fraction is less than what is missing
  // A clock behind the bucket's has to catch up first.
  const std::uint64_t behind = now < then.updated_ ? nanoseconds_between(now, then.updated_) : 0;
  if (nanoseconds >= longest || behind >= longest - nanoseconds) return Duration::max();
  return std::chrono::ceil<Duration>(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds + behind)));
}

void TokenBucket::set_rate(const Rate& rate, Instant now) {
  refill(now);
  const Rate old = rate_;
  rate_ = within_bounds(rate);
  const std::uint64_t used = old.burst - tokens_;  // a fraction of a token less than this
  if (used > rate_.burst) {
    tokens_ = 0;
    fraction_ = 0;
    return;
  }
  tokens_ = rate_.burst - used;
  // From 1/(P * 10^9) to 1/(P' * 10^9) of a token, rounded down: fraction / 10^9 < P, so the products stay below
  // 86,400^2 * 10^9 = 7.5 * 10^18 and 86,400 * 10^9.
  const std::uint64_t period = seconds_of(old);
  const std::uint64_t new_period = seconds_of(rate_);
  fraction_ = (fraction_ / nano * new_period * nano + fraction_ % nano * new_period) / period;
  if (tokens_ == rate_.burst) fraction_ = 0;
}

bool TokenBucket::is_full(Instant now) const { return available(now) == rate_.burst; }

Instant TokenBucket::full_at() const {
  const auto missing = wait(rate_.burst, updated_);
  return missing ? later(updated_, *missing) : Instant::max();
}

}  // namespace sendconn::limit
