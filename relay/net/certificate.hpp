// The server's certificate: the configured one, or one made at first start.
#pragma once

#include <memory>

#include <sendconn/result.hpp>
#include <sendconn/tls.hpp>

#include "relay/config/config.hpp"

namespace sendconn::relay {

/// Reads the certificate that the listeners present; without a configured one, a self-signed one in the state folder,
/// made if it is not there (key 0600). Errors are one clear sentence.
Result<std::shared_ptr<const tls::Context>> open_server_context(const Config& config);

/// Whether open_server_context() uses a self-signed certificate: worth a line in the log.
bool is_self_signed(const Config& config);

}  // namespace sendconn::relay
