// Where a message goes and when it is tried again: pure decisions over DNS answers, replies and times.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/dns.hpp>
#include <sendconn/reply.hpp>
#include <sendconn/time.hpp>

#pragma GCC visibility push(default)

namespace sendconn::route {

constexpr std::size_t max_hosts = 20;      ///< MX names used for one domain; our own bound against 1,000 MX
constexpr std::size_t max_addresses = 32;  ///< addresses tried in one attempt; our own bound

/// The hosts to try, in order; or why there are none.
struct Plan {
  std::vector<std::string> hosts;
  /// Set when hosts is empty: 556 5.1.10 null MX (RFC 7505), 550 5.1.2 no such domain, 550 5.4.4 no MX that names a
  /// host, 554 5.4.6 only we are left (a loop), 451 4.4.3 the DNS failed.
  std::optional<Reply> refusal;
};

/// MX order (RFC 5321 section 5.1): by preference, equal ones shuffled by `random` (uniform over 32 bits); the domain
/// itself if it exists and has no MX (implicit MX). Left out: names of our own (`own_names`) and everything of the same
/// or a higher preference, names that are addresses or no host names, a null MX beside others (RFC 7505 section 3 wants
/// it alone), and what exceeds max_hosts. The hosts are in lower case.
Plan plan_mx(const Domain& domain, const dns::Answer& mx, const std::vector<std::string>& own_names,
             const std::function<std::uint32_t()>& random);

/// Which addresses of a host may be connected to: never ours, and special ones (IpAddress::is_special) only if listed.
struct AddressPolicy {
  std::vector<IpAddress> own_addresses;
  std::vector<IpNetwork> allowed_special;
};
bool is_allowed(const IpAddress& address, const AddressPolicy& policy);

/// What a reply means for a recipient: 2yz delivered; 5yz failed; anything else deferred, a Reply without a code (a
/// connection that failed) and "552 5.5.3 too many recipients" (RFC 5321 section 4.5.3.1.10) included.
enum class Outcome : std::uint8_t { delivered, deferred, failed };
Outcome classify(const Reply& reply);

/// When to try again: waits that grow, each varied by up to `jitter_percent`, until the message is too old.
struct RetrySchedule {
  std::vector<std::chrono::seconds> waits = {
      std::chrono::minutes(5), std::chrono::minutes(10), std::chrono::minutes(20), std::chrono::minutes(40),
      std::chrono::hours(1),   std::chrono::hours(2),    std::chrono::hours(4)};  ///< the last one repeats; RFC 5321
                                                                                  ///< section 4.5.4.1 asks 30 minutes
                                                                                  ///< at least in the long run
  std::chrono::seconds max_age = std::chrono::hours(5 * 24);  ///< RFC 5321 section 4.5.4.1: 4 to 5 days
  unsigned jitter_percent = 10;

  /// The time of the next try after `attempts` failed ones (1 or more); nothing: give up and bounce. `random` is
  /// uniform over 32 bits. Always later than `now` and never later than `accepted` + `max_age`: the last try is made
  /// then, and from then on there is none. Waits are held between a second and a year, the jitter to 100 %.
  [[nodiscard]] std::optional<UnixTime> next(UnixTime accepted, std::uint32_t attempts, UnixTime now,
                                             std::uint32_t random) const;
};

}  // namespace sendconn::route

#pragma GCC visibility pop
