#include "relay/control/directory.hpp"

namespace sendconn::relay {

policy::DomainRight Connector::right(const Domain& domain) const {
  if (const auto found = domains.find(domain.text()); found != domains.end()) return found->second;
  return {policy::Right::unknown_domain, "Add " + domain.text() + " to account " + account +
                                             " (each subdomain on its own), then publish the TXT record " +
                                             "that proves it is yours"};
}

const Login* Directory::find_login(std::string_view user) const {
  const auto found = logins.find(std::string(user));
  return found == logins.end() ? nullptr : &found->second;
}

std::shared_ptr<const Connector> Directory::find_network(const IpAddress& client) const {
  const IpAddress address = client.unmapped();
  for (const auto& [network, connector] : networks) {
    if (network.contains(address)) return connector;
  }
  return nullptr;
}

std::shared_ptr<const Connector> Directory::find_connector(std::string_view account, std::string_view name) const {
  const auto found = connectors.find(std::string(account).append("/").append(name));
  return found == connectors.end() ? nullptr : found->second;
}

const std::vector<SigningKey>& Directory::find_keys(std::string_view account, const Domain& domain) const {
  static const std::vector<SigningKey> none;
  const auto found = keys.find(std::string(account) + "/" + domain.text());
  return found == keys.end() ? none : found->second;
}

}  // namespace sendconn::relay
