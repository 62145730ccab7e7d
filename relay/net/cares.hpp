// The c-ares resolver on a loop: watches its sockets with Asio and its timeouts with the loop's tick.
#pragma once

#include <memory>

#include <sendconn/dns_cache.hpp>
#include <sendconn/resolver.hpp>

#include "relay/net/loop.hpp"

namespace sendconn::relay {

/// A resolver for this loop's thread alone, behind the cache that all loops share. The loop must outlive it.
Result<std::unique_ptr<io::Resolver>> open_cares_resolver(Loop& loop, const io::CaresOptions& options,
                                                          std::shared_ptr<dns::Cache> cache);

}  // namespace sendconn::relay
