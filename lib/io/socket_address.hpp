// Between IpAddress and what the system calls a socket's address.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>

#include <sendconn/ip.hpp>

namespace sendconn::io {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  sockaddr* generic() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
};

inline SocketAddress to_socket_address(const IpAddress& address, std::uint16_t port) {
  SocketAddress out;
  const auto octets = address.octets();
  if (address.is_v4()) {
    auto& v4 = reinterpret_cast<sockaddr_in&>(out.storage);
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    std::copy(octets.begin(), octets.end(), reinterpret_cast<char*>(&v4.sin_addr));
    out.size = sizeof v4;
  } else {
    auto& v6 = reinterpret_cast<sockaddr_in6&>(out.storage);
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::copy(octets.begin(), octets.end(), reinterpret_cast<char*>(&v6.sin6_addr));
    out.size = sizeof v6;
  }
  return out;
}

/// Nothing for another family.
inline std::optional<IpAddress> to_ip_address(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &v4.sin_addr, octets.size());
    return IpAddress::v4(octets);
  }
  if (address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    std::array<std::uint8_t, 16> octets{};
    std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
    return IpAddress::v6(octets);
  }
  return std::nullopt;
}

}  // namespace sendconn::io
