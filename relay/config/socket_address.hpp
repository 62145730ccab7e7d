// An IP address with a port, as configuration writes it: "0.0.0.0:587", "[::1]:465".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/ip.hpp>
#include <sendconn/result.hpp>

namespace sendconn::relay {

struct SocketAddress {
  IpAddress address;
  std::uint16_t port = 0;

  /// IPv6 stands in brackets when a port follows. Without a port, `default_port` is taken; if that is nothing, the port
  /// is required. Errc::syntax otherwise.
  static Result<SocketAddress> parse(std::string_view text, std::optional<std::uint16_t> default_port = std::nullopt);
  [[nodiscard]] std::string format() const;
  friend bool operator==(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace sendconn::relay
