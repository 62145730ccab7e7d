#include "relay/delivery/surroundings.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace sendconn::relay {
namespace {

std::vector<IpAddress> interface_addresses() {
  std::vector<IpAddress> out;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return out;
  for (const ifaddrs* it = list; it != nullptr; it = it->ifa_next) {
    if (it->ifa_addr == nullptr) continue;
    if (it->ifa_addr->sa_family == AF_INET) {
      sockaddr_in v4{};
      std::memcpy(&v4, it->ifa_addr, sizeof v4);
      std::array<std::uint8_t, 4> octets{};
      std::memcpy(octets.data(), &v4.sin_addr, octets.size());
      out.push_back(IpAddress::v4(octets));
    } else if (it->ifa_addr->sa_family == AF_INET6) {
      sockaddr_in6 v6{};
      std::memcpy(&v6, it->ifa_addr, sizeof v6);
      std::array<std::uint8_t, 16> octets{};
      std::memcpy(octets.data(), &v6.sin6_addr, octets.size());
      out.push_back(IpAddress::v6(octets));
    }
  }
  ::freeifaddrs(list);
  return out;
}

}  // namespace

Surroundings look_around(const Config& config, const std::vector<std::uint16_t>& listening_ports) {
  Surroundings around;
  around.own_names = config.own_names;
  around.own_names.push_back(config.hostname);
  around.addresses.allowed_special = config.allowed_special;
  if (std::find(listening_ports.begin(), listening_ports.end(), config.mx_port) != listening_ports.end())
    around.addresses.own_addresses = interface_addresses();
  return around;
}

}  // namespace sendconn::relay
