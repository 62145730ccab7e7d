// What every delivery shares: made once in relay/relay.cpp, alive until all loops have ended.
#pragma once

#include <memory>
#include <unordered_map>

#include <sendconn/tls.hpp>

#include "relay/config/config.hpp"
#include "relay/delivery/target.hpp"
#include "relay/log/log.hpp"
#include "relay/net/pool.hpp"
#include "relay/spool/spool.hpp"

namespace sendconn::relay {

class Queue;

/// How a smarthost is met, read from files once at start.
struct SmarthostAccess {
  std::shared_ptr<const tls::Context> tls;
  std::string password;
};

struct DeliveryServices {
  const Config& config;
  Log& log;
  Spool& spool;
  Pool& readers;  ///< reads messages back from the spool
  const RouteTable& routes;
  const Surroundings& surroundings;
  std::shared_ptr<const tls::Context> mx_tls;
  std::unordered_map<const SmarthostConfig*, SmarthostAccess> smarthosts;
};

}  // namespace sendconn::relay
