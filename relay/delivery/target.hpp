// Target: from a destination to the addresses to connect to, by route and DNS.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/reply.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/route.hpp>
#include <sendconn/tls.hpp>

#include "relay/config/config.hpp"
#include "relay/delivery/surroundings.hpp"

namespace sendconn::relay {

/// Where a group of recipients goes: a recipient domain's MX hosts, or a smarthost. Two recipients with equal keys
/// share connections.
struct Destination {
  std::string key;
  std::string domain;                                ///< of MX delivery; empty for a smarthost
  std::shared_ptr<const SmarthostConfig> smarthost;  ///< null: MX
};

/// The first route that matches, else MX. `domain` is in lower case A-labels.
class RouteTable {
 public:
  explicit RouteTable(const std::vector<RouteConfig>& routes);
  [[nodiscard]] Destination find(const std::string& domain) const;
  [[nodiscard]] std::vector<std::shared_ptr<const SmarthostConfig>> smarthosts() const;

 private:
  struct Entry {
    std::vector<std::string> patterns;
    std::shared_ptr<const SmarthostConfig> smarthost;
    std::string key;
  };
  std::vector<Entry> entries_;
};

/// One address to connect to.
struct Endpoint {
  std::string host;
  IpAddress address;
  std::uint16_t port = 25;
};

/// The endpoints in the order to try, or the refusal that stands for them.
struct Endpoints {
  std::vector<Endpoint> list;
  std::optional<Reply> refusal;
};

/// Asks DNS as far as needed; calls `done` once, on the resolver's thread.
void find_endpoints(io::Resolver& resolver, const Config& config, const Surroundings& surroundings,
                    const Destination& destination, std::function<void(Endpoints)> done);

}  // namespace sendconn::relay
