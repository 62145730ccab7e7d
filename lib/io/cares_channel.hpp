// What the resolver and the look-up of hosts share of c-ares: starting the library, a channel, and name servers as
// text.
#pragma once

#define CARES_NO_DEPRECATED  // ares_send: its successor came with 1.28
#include <ares.h>

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::io {

Error cares_error(std::string_view what, int status);

/// A channel with these options that asks `servers` ("192.0.2.1", "[2001:db8::1]:53"; at most 16; empty: the system's).
/// The caller destroys it. Errc::invalid_argument, Errc::io.
Result<ares_channel> open_channel(ares_options& options, int mask, const std::vector<std::string>& servers);

}  // namespace sendconn::io
