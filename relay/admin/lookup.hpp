// DNS as the relay's configuration has it, asked and awaited.
#pragma once

#include <vector>

#include <sendconn/dns.hpp>
#include <sendconn/result.hpp>

#include "relay/config/config.hpp"

namespace sendconn::relay::admin {

/// The answers in the order of the questions, from the zone file if one is configured, else from the network. Blocks
/// for as long as the configured timeouts and tries allow.
Result<std::vector<dns::Answer>> look_up(const Config& config, const std::vector<dns::Question>& questions);

}  // namespace sendconn::relay::admin
