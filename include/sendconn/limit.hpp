// Rate limits: a token bucket whose clock is an argument, and a bounded table of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::limit {

/// "100/min, burst 20": `count` tokens every `period`, at most `burst` at once. Immutable value.
struct Rate {
  /// Our own bound; with it, and periods of at most a day, all arithmetic of a bucket fits 64 bits.
  static constexpr std::uint64_t max_count = 1'000'000'000;
  std::uint64_t count = 0;          ///< 1 to max_count
  std::chrono::seconds period{60};  ///< 1 s, 1 min, 1 h or 1 d
  std::uint64_t burst = 0;          ///< 1 to max_count

  /// "10/s", "100/min", "1000/h", "5000/d", each with an optional ", burst N" (default: count), in any case, spaces
  /// around the parts allowed. Errc::syntax or Errc::limit_exceeded (a number out of range) with the position.
  static Result<Rate> parse(std::string_view text);
  [[nodiscard]] std::string format() const;
  friend bool operator==(const Rate&, const Rate&) = default;
};

/// A token bucket in integers: over any span of time t it gives at most burst + rate * t tokens, never more, and what
/// it refuses would be more. A clock that goes backwards gives nothing and takes nothing. A rate outside its ranges is
/// taken as the nearest inside, except that a count of 0 never refills. Thread-compatible.
class TokenBucket {
 public:
  TokenBucket(const Rate& rate, Instant now);  ///< starts full

  /// Takes `tokens` if all are there. A request above the burst never succeeds.
  bool take(std::uint64_t tokens, Instant now);
  void give_back(std::uint64_t tokens);  ///< undoes a take(); never above the burst
  [[nodiscard]] std::uint64_t available(Instant now) const;
  /// The shortest time after which take(tokens) succeeds if nothing else is taken: zero if now, nothing if never.
  /// Duration::max() stands for anything longer (292 years).
  [[nodiscard]] std::optional<Duration> wait(std::uint64_t tokens, Instant now) const;
  /// A changed rate keeps what is used up, as far as the new burst reaches.
  void set_rate(const Rate& rate, Instant now);
  [[nodiscard]] const Rate& rate() const noexcept { return rate_; }
  [[nodiscard]] bool is_full(Instant now) const;
  /// When it is full again if nothing is taken; Instant::max() if never.
  [[nodiscard]] Instant full_at() const;

 private:
  void refill(Instant now);

  Rate rate_;
  Instant updated_;             ///< what is below is true at this time
  std::uint64_t tokens_;        ///< whole tokens, 0 to the burst
  std::uint64_t fraction_ = 0;  ///< of a token, in 1/(period in nanoseconds); 0 when full
};

/// Buckets by key, in shards with a lock each; bounded: for a new key, the bucket that is full again for the longest
/// time is dropped, and if none is, the one that will be first: so the least that was used up is forgotten.
/// Thread-safe; the clocks of the threads may differ a little.
class Table {
 public:
  struct Demand {
    std::string_view key;
    Rate rate;
    std::uint64_t tokens = 1;
  };
  struct Verdict {
    bool granted = false;
    std::size_t refused_by = 0;  ///< index of the demand that waits longest, if not granted
    /// Until all could succeed if nothing else is taken, zero if granted; nothing: never (more tokens than the burst).
    std::optional<Duration> wait;
  };

  explicit Table(std::size_t max_keys = 100'000);
  ~Table();
  Table(const Table&) = delete;
  Table& operator=(const Table&) = delete;
  /// All or nothing over several buckets; a key that is named twice must give the sum. A new key starts with a full
  /// bucket; a rate that differs from the bucket's changes it (TokenBucket::set_rate). A refusal takes nothing.
  Verdict take(std::span<const Demand> demands, Instant now);
  void give_back(std::span<const Demand> demands);  ///< undoes a granted take(); keys that are gone are skipped
  [[nodiscard]] std::size_t size() const;           ///< keys held

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::limit

#pragma GCC visibility pop
