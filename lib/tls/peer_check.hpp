// PeerCheck: whether the server that a client reached is the one it asked for (RFC 6125, RFC 5280).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#include "lib/tls/openssl.hpp"

namespace sendconn::tls {

/// Belongs to one handshake; must neither move nor end before it. Thread-compatible.
class PeerCheck {
 public:
  /// Has the certificate that `ssl` will receive checked against `name`, a name in ASCII or an IP address, at `now`
  /// (nothing: the system's clock), and sends a name as SNI. Errc::invalid_argument: no certificate can have that name.
  Result<void> expect(SSL& ssl, std::string_view name, const std::optional<UnixTime>& now);
  /// The answer: chain and name are good. False if no name was asked for.
  [[nodiscard]] bool passed(const SSL& ssl) const;
  /// Why the certificate is not good; empty while no fault is found.
  [[nodiscard]] const std::string& fault() const noexcept { return fault_; }
  /// Throws std::bad_alloc if there was no memory for the fault that was found.
  void check_memory();

  /// For SSL_CTX_set_verify(): asked for every certificate of the chain, notes the first fault.
  static int on_certificate(int good, X509_STORE_CTX* store);

 private:
  std::string name_;
  std::string fault_;
  bool lacked_memory_ = false;
};

}  // namespace sendconn::tls
