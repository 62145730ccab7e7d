// A TLS endpoint without I/O: records in, records out, plain text in, plain text out. Used by the relay, the client and
// the tests alike; over memory that we own, so an idle connection costs no read or write buffer.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

// Randomness for keys and nonces is OpenSSL's own. Where a `now` is left out, OpenSSL reads the system's clock.

#pragma GCC visibility push(default)

namespace sendconn::tls {

enum class Role : std::uint8_t { client, server };

/// How a client treats the server's certificate.
enum class Verify : std::uint8_t {
  none,      ///< opportunistic (RFC 7435): encrypt to whoever answers; what the check would say is peer_verified()
  required,  ///< chain to a trusted authority and name match (RFC 6125), as for a configured smarthost
};

struct ContextOptions {
  Role role = Role::client;
  std::string certificate_file;  ///< PEM chain, leaf first; required for a server, a client may have one
  std::string key_file;          ///< PEM, not encrypted; goes with certificate_file
  Verify verify = Verify::none;
  std::string authorities_file;  ///< PEM; empty: the system's store
  bool allow_tls_1_2 = true;     ///< else 1.3 alone; nothing older is ever offered (RFC 8996)
  std::optional<UnixTime> now;   ///< when certificate_file must be valid
};

/// Certificates, keys and settings shared by many endpoints. Immutable and thread-safe; endpoints keep it alive, so a
/// reload makes a new one and leaves the old to its connections.
class Context {
 public:
  /// One clear sentence on error: which file, and what is wrong with it (missing, not PEM, key and certificate differ,
  /// expired, not for a server). Reads the files once; never asks for a passphrase.
  static Result<Context> create(const ContextOptions& options);
  struct Impl;
  [[nodiscard]] const std::shared_ptr<const Impl>& impl() const noexcept { return impl_; }

 private:
  explicit Context(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<const Impl> impl_;
};

/// A self-signed certificate and its key for `hostname` (a name in ASCII or an IP address), P-256, valid from a day
/// before `now` to `days` (1 to max_self_signed_days) after it: what a relay starts with if nothing is configured.
/// The key is a secret: store it with mode 0600.
struct SelfSigned {
  std::string certificate_pem;
  std::string key_pem;
};
inline constexpr unsigned max_self_signed_days = 36'500;  ///< our own bound: a century
Result<SelfSigned> make_self_signed(std::string_view hostname, unsigned days, UnixTime now);

enum class State : std::uint8_t {
  handshaking,
  open,
  closed,  ///< the peer sent close_notify, or close() was called; what still arrives is dropped
  failed,  ///< see error(); no plain text passes any more
};

/// One end of one connection. Thread-compatible. Between calls an idle endpoint holds no record buffers.
class Endpoint {
 public:
  /// `server_name`: client only; a name in ASCII is sent as SNI, an IP address is not; either is checked against the
  /// certificate (RFC 6125, the subject's common name does not count). Verify::required without a name fails at once.
  /// `now`: when the peer's certificates must be valid.
  explicit Endpoint(const Context& context, std::string_view server_name = {}, std::optional<UnixTime> now = {});
  Endpoint(Endpoint&&) noexcept;
  Endpoint& operator=(Endpoint&&) noexcept;
  ~Endpoint();

  /// Records from the socket, cut anywhere; all octets are taken. Plain text that they hold is appended to `plain`.
  /// An error means the connection is lost (alert, bad record, refused certificate); send output() first, it may hold
  /// an alert. What the peer sends can make output() grow: stop reading while much of it waits.
  Result<void> feed(std::string_view records, std::string& plain);
  /// The socket's end of file. Errc::io if the peer had not said close_notify: what was received may be cut short
  /// (RFC 8446 section 6.1).
  Result<void> feed_end();
  /// Plain text to send; only when open. Becomes records in output().
  Result<void> write(std::string_view plain);
  /// Ends our side: close_notify goes to output(), unless the handshake was still going on.
  void close();

  /// Records to send. Valid until the next call on this endpoint other than consumed_output().
  [[nodiscard]] std::string_view output() const noexcept;
  void consumed_output(std::size_t count);

  [[nodiscard]] State state() const noexcept;
  [[nodiscard]] const Error& error() const noexcept;  ///< once failed
  [[nodiscard]] std::string_view protocol() const;    ///< "TLSv1.3", once open
  [[nodiscard]] std::string_view cipher() const;      ///< "TLS_AES_256_GCM_SHA384", once open
  [[nodiscard]] unsigned cipher_bits() const;
  [[nodiscard]] bool peer_verified() const;          ///< client: chain and name were checked and good
  static constexpr std::size_t max_exported = 1024;  ///< our own bound
  /// Keying material exporter (RFC 5705, RFC 8446 section 7.5) with an empty context, e.g. "EXPORTER-Channel-Binding"
  /// and 32 for RFC 9266. Once open. `size`: 1 to max_exported octets.
  [[nodiscard]] Result<std::string> export_keying_material(std::string_view label, std::size_t size) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sendconn::tls

#pragma GCC visibility pop
