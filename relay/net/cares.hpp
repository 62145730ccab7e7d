// The c-ares resolver on a loop: watches its sockets with Asio and its timeouts with the loop's tick.
#pragma once

#include <memory>

#include <sendconn/resolver.hpp>

#include "relay/net/loop.hpp"

namespace sendconn::relay {

/// A resolver for this loop's thread alone. The loop must outlive it.
Result<std::unique_ptr<io::Resolver>> open_cares_resolver(Loop& loop, const io::CaresOptions& options);

}  // namespace sendconn::relay
