// Census: how many clients are connected, in all and from each address; the bounds on both.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

#include <sendconn/ip.hpp>

namespace sendconn::relay {

/// What counts as one client: an IPv4 address, or the network of an IPv6 address, since every network has more
/// addresses than anybody could count.
inline std::string site_of(const IpAddress& client) {
  constexpr unsigned network_bits = 64;  // RFC 4291 section 2.5.1: the interface has the other half
  const IpAddress address = client.unmapped();
  if (address.is_v4()) return address.format();
  const auto network = IpNetwork::of(address, network_bits);
  return network ? network->format() : address.format();
}

/// Thread-safe: the loops share it, since the kernel spreads one client's connections over all of them.
class Census {
 public:
  enum class Verdict : std::uint8_t { admitted, relay_full, client_full };

  Census(std::size_t max_connections, std::size_t max_per_client)
      : max_connections_(max_connections), max_per_client_(max_per_client) {}

  /// Counts the client (its site_of()) in, unless a bound forbids it.
  Verdict enter(const std::string& client) {
    const std::lock_guard lock(mutex_);
    if (count_ >= max_connections_) return Verdict::relay_full;
    std::size_t& of_client = by_client_[client];
    if (of_client >= max_per_client_) return Verdict::client_full;
    ++of_client;
    ++count_;
    return Verdict::admitted;
  }

  /// Counts out a client that was admitted.
  void leave(const std::string& client) {
    const std::lock_guard lock(mutex_);
    --count_;
    const auto found = by_client_.find(client);
    if (--found->second == 0) by_client_.erase(found);
  }

  [[nodiscard]] std::size_t count() const {
    const std::lock_guard lock(mutex_);
    return count_;
  }

 private:
  const std::size_t max_connections_;
  const std::size_t max_per_client_;
  mutable std::mutex mutex_;
  std::size_t count_ = 0;                                   // guarded by mutex_
  std::unordered_map<std::string, std::size_t> by_client_;  // guarded by mutex_
};

}  // namespace sendconn::relay
