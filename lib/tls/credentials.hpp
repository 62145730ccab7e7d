// The certificate chain and key of one side, read from files and checked before anything is served with them.
#pragma once

#include <optional>
#include <string>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>
#include <sendconn/tls.hpp>

#include "lib/tls/openssl.hpp"

namespace sendconn::tls {

/// Loads certificate_file and key_file of `options` into `context`, or says in one sentence which file is wrong, and
/// how.
Result<void> use_credentials(SSL_CTX& context, const ContextOptions& options);

/// Trusts the certificates in a PEM file; at least one must be in it.
Result<void> use_authorities(SSL_CTX& context, const std::string& file);

/// "2026-11-22 15:21:28 UTC".
std::string format_time(const ASN1_TIME& time);

}  // namespace sendconn::tls
