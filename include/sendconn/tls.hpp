// A TLS endpoint without I/O: records in, records out, plain text in, plain text out. Used by the relay, the client and
// the tests alike; over memory that we own, so an idle connection costs no read or write buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::tls {

enum class Role : std::uint8_t { client, server };

/// How a client treats the server's certificate.
enum class Verify : std::uint8_t {
  none,      ///< opportunistic (RFC 7435): encrypt to whoever answers
  required,  ///< chain to a trusted authority and name match (RFC 6125), as for a configured smarthost
};

struct ContextOptions {
  Role role = Role::client;
  std::string certificate_file;  ///< PEM chain, leaf first; required for a server
  std::string key_file;          ///< PEM; required for a server
  Verify verify = Verify::none;
  std::string authorities_file;  ///< PEM; empty: the system's store
  bool allow_tls_1_2 = true;     ///< else 1.3 alone; nothing older is ever offered (RFC 8996)
};

/// Certificates, keys and settings shared by many endpoints. Immutable and thread-safe; endpoints keep it alive, so a
/// reload makes a new one and leaves the old to its connections.
class Context {
 public:
  /// One clear sentence on error: which file, and what is wrong with it (missing, not PEM, key and certificate differ,
  /// expired).
  static Result<Context> create(const ContextOptions& options);
  struct Impl;
  [[nodiscard]] const std::shared_ptr<const Impl>& impl() const noexcept { return impl_; }

 private:
  explicit Context(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// A self-signed certificate and its key for `hostname`, P-256, valid for `days`: what a relay starts with if nothing
/// is configured.
struct SelfSigned {
  std::string certificate_pem;
  std::string key_pem;
};
Result<SelfSigned> make_self_signed(std::string_view hostname, unsigned days);

enum class State : std::uint8_t {
  handshaking,
  open,
  closed,  ///< the peer sent close_notify, or close() finished
  failed,  ///< see error(); no plain text passes any more
};

/// One end of one connection. Thread-compatible.
class Endpoint {
 public:
  /// `server_name`: client only; sent as SNI and checked if Verify::required.
  Endpoint(const Context& context, std::string_view server_name = {});
  Endpoint(Endpoint&&) noexcept;
  Endpoint& operator=(Endpoint&&) noexcept;
  ~Endpoint();

  /// Records from the socket; all of them are taken. Plain text that they hold is appended to `plain`.
  /// An error means the connection is lost (alert, bad record, refused certificate); send output() first, it may hold
  /// an alert.
  Result<void> feed(std::string_view records, std::string& plain);
  /// Plain text to send; only when open. Becomes records in output().
  Result<void> write(std::string_view plain);
  /// Begins an orderly end: close_notify goes to output().
  void close();

  /// Records to send. Valid until the next call on this endpoint other than consumed_output().
  [[nodiscard]] std::string_view output() const noexcept;
  void consumed_output(std::size_t count);

  [[nodiscard]] State state() const noexcept;
  [[nodiscard]] const Error& error() const noexcept;  ///< once failed
  [[nodiscard]] std::string_view protocol() const;    ///< "TLSv1.3", once open
  [[nodiscard]] std::string_view cipher() const;      ///< "TLS_AES_256_GCM_SHA384", once open
  [[nodiscard]] unsigned cipher_bits() const;
  [[nodiscard]] bool peer_verified() const;  ///< client: chain and name were checked and good
  /// Keying material exporter (RFC 5705), e.g. "EXPORTER-Channel-Binding" for RFC 9266. Once open.
  [[nodiscard]] Result<std::string> export_keying_material(std::string_view label, std::size_t size) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::tls
