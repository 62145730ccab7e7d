// What the network around the relay is like: which names and addresses are its own, so that mail never loops to itself.
#pragma once

#include <cstdint>
#include <vector>

#include <sendconn/result.hpp>
#include <sendconn/route.hpp>

#include "relay/config/config.hpp"

namespace sendconn::relay {

/// The relay's own names and addresses. Immutable once made.
struct Surroundings {
  std::vector<std::string> own_names;
  route::AddressPolicy addresses;
};

/// An address of this machine is the relay itself only where the relay listens on the port that mail is delivered to;
/// otherwise another server may live there.
Surroundings look_around(const Config& config, const std::vector<std::uint16_t>& listening_ports);

}  // namespace sendconn::relay
