// Rate limits: a token bucket whose clock is an argument, and a bounded table of them.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

namespace sendconn::limit {

/// "100/min, burst 20": `count` tokens every `period`, at most `burst` at once. Immutable value.
struct Rate {
  static constexpr std::uint64_t max_count =
      1'000'000'000;                ///< keeps count * period in 64 bits of nanoseconds; our own bound
  std::uint64_t count = 0;          ///< 1 to max_count
  std::chrono::seconds period{60};  ///< 1 s, 1 min, 1 h or 1 d
  std::uint64_t burst = 0;          ///< 1 to max_count

  /// "10/s", "100/min", "1000/h", "5000/d", each with an optional ", burst N" (default: count). Errc::syntax with the
  /// position.
  static Result<Rate> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A token bucket in integers: over any span of time t it gives at most burst + rate * t tokens, never more. A clock
/// that goes backwards gives nothing and takes nothing. Thread-compatible.
class TokenBucket {
 public:
  TokenBucket(const Rate& rate, Instant now);  ///< starts full

  /// Takes `tokens` if all are there. A request above the burst never succeeds.
  bool take(std::uint64_t tokens, Instant now);
  void give_back(std::uint64_t tokens);  ///< undoes a take(); never above the burst
  [[nodiscard]] std::uint64_t available(Instant now) const;
  /// How long until take(tokens) can succeed: zero if now, nothing if never.
  [[nodiscard]] std::optional<Duration> wait(std::uint64_t tokens, Instant now) const;
  /// A changed rate keeps what is used up.
  void set_rate(const Rate& rate, Instant now);
  [[nodiscard]] const Rate& rate() const noexcept { return rate_; }
  [[nodiscard]] bool is_full(Instant now) const;

 private:
  Rate rate_;
  Instant updated_;
  // Owner adds integer state here.
};

/// Buckets by key, in shards with a lock each; bounded: when full, buckets that are full again are dropped first, then
/// the oldest. Thread-safe.
class Table {
 public:
  struct Demand {
    std::string_view key;
    Rate rate;
    std::uint64_t tokens = 1;
  };
  struct Verdict {
    bool granted = false;
    std::size_t refused_by = 0;    ///< index of the demand that waits longest, if not granted
    std::optional<Duration> wait;  ///< until all could succeed; nothing: never (more tokens than the burst)
  };

  explicit Table(std::size_t max_keys = 100'000);
  ~Table();
  /// All or nothing over several buckets.
  Verdict take(std::span<const Demand> demands, Instant now);
  void give_back(std::span<const Demand> demands);
  [[nodiscard]] std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::limit
