// Domain, Address and IpAddress: what was accepted can be written and read again, and is within its bounds.
#include <cstdint>
#include <string_view>

#include <sendconn/address.hpp>
#include <sendconn/ip.hpp>

#include "fuzz/check.hpp"

using namespace sendconn;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto domain = Domain::parse(text)) {
    fuzz::check(!domain->text().empty() && domain->text().size() <= Domain::max_octets, "a domain is within its bound");
    const auto again = Domain::parse(domain->text());
    fuzz::check(again && *again == *domain, "a domain can be read again");
    const auto shown = Domain::parse(domain->display());
    fuzz::check(shown && *shown == *domain, "what is shown of a domain is that domain");
    fuzz::check(domain->is_within(*domain), "a domain is within itself");
  }
  if (const auto address = Address::parse(text)) {
    fuzz::check(address->local().size() <= Address::max_local_octets, "a local part is within its bound");
    fuzz::check(address->format().size() + 2 <= Address::max_path_octets, "an address is within its bound");
    for (const char c : address->format()) fuzz::check(c < 0 || c >= 0x20, "an address holds no control character");
    const auto again = Address::parse(address->format());
    fuzz::check(again && *again == *address, "an address can be read again");
  }
  if (const auto ip = IpAddress::parse(text)) {
    const auto again = IpAddress::parse(ip->format());
    fuzz::check(again && *again == *ip, "an IP address can be read again");
    fuzz::check(!ip->is_loopback() || ip->is_special(), "loopback is special");
  }
  if (const auto network = IpNetwork::parse(text)) {
    fuzz::check(network->contains(network->address()), "a network contains its first address");
    const auto again = IpNetwork::parse(network->format());
    fuzz::check(again && *again == *network, "a network can be read again");
  }
  return 0;
}
