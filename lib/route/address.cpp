// is_allowed: the addresses that a name in the DNS may send us to.
#include <algorithm>

#include <sendconn/route.hpp>

namespace sendconn::route {

bool is_allowed(const IpAddress& address, const AddressPolicy& policy) {
  const IpAddress plain = address.unmapped();
  const bool is_own = std::any_of(policy.own_addresses.begin(), policy.own_addresses.end(),
                                  [&](const IpAddress& own) { return own.unmapped() == plain; });
  if (is_own) return false;
  if (!plain.is_special()) return true;
  return std::any_of(policy.allowed_special.begin(), policy.allowed_special.end(),
                     [&](const IpNetwork& network) { return network.contains(plain) || network.contains(address); });
}

}  // namespace sendconn::route
