// Passwords: checks PLAIN and LOGIN off the event loops, since each check costs a PBKDF2.
//
// A bounded queue, so that a flood is answered "try again" and not queued for ever; a short-lived cache of successes
// under a keyed hash, so that a busy sender pays once a minute; the same work for unknown users as for known ones.
#pragma once

#include <array>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include <sendconn/sasl.hpp>
#include <sendconn/time.hpp>

#include "relay/net/pool.hpp"

namespace sendconn::relay {

enum class PasswordVerdict : std::uint8_t { good, bad, busy };

/// Thread-safe.
class Passwords {
 public:
  using Done = std::function<void(PasswordVerdict)>;

  static constexpr std::chrono::seconds cache_life{
      60};  ///< a changed password is refused at once: the key holds the verifier
  static constexpr std::size_t max_cached = 10'000;  ///< our own bound
  static constexpr std::size_t max_waiting = 256;    ///< checks in the queue; at 2 ms each half a second of waiting

  explicit Passwords(unsigned threads);

  /// `verifier`: null for an unknown user. `done` is called once: here (cached, busy) or on a pool thread.
  void check(std::string_view user, std::string_view password, const sasl::ScramVerifier* verifier, Done done);
  /// What an unknown user's SCRAM exchange runs against: the same for the same name every time, and never satisfied.
  [[nodiscard]] sasl::ScramVerifier decoy(std::string_view user) const;

 private:
  [[nodiscard]] std::string cache_key(std::string_view user, std::string_view password,
                                      const sasl::ScramVerifier& verifier) const;
  bool is_cached(const std::string& key);
  void remember(const std::string& key);

  const std::string secret_;  ///< of this process; keys the cache and the decoys
  std::mutex mutex_;
  std::unordered_map<std::string, Instant> cache_;  // guarded by mutex_
  Pool pool_;
};

}  // namespace sendconn::relay
