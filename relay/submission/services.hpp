// What every submission connection shares: made once in relay/relay.cpp, alive until all loops have ended.
#pragma once

#include <functional>
#include <memory>

#include <sendconn/limit.hpp>
#include <sendconn/tls.hpp>

#include "relay/config/config.hpp"
#include "relay/control/directory.hpp"
#include "relay/log/log.hpp"
#include "relay/spool/spool.hpp"
#include "relay/submission/census.hpp"
#include "relay/submission/passwords.hpp"

namespace sendconn::relay {

/// Takes over a message that is in the spool; thread-safe.
using Deliver = std::function<void(QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content)>;

struct Services {
  const Config& config;
  Log& log;
  Spool& spool;
  limit::Table& limits;
  Passwords& passwords;
  Census& census;
  Deliver deliver;
  bool checking = false;  ///< a listener checks where messages come from
};

}  // namespace sendconn::relay
