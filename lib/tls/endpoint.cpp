#include <array>
#include <optional>

#include <sendconn/tls.hpp>

#include "lib/base/hidden.hpp"
#include "lib/tls/context.hpp"
#include "lib/tls/peer_check.hpp"
#include "lib/tls/pipe.hpp"

namespace sendconn::tls {
namespace {

/// Plain text of one record (RFC 8446 section 5.1).
constexpr std::size_t max_record = 16 * 1024;
/// Alerts are numbered in one octet (RFC 8446 section 6).
constexpr int max_alert = 255;

bool is_alert(unsigned long entry) {
  const int reason = ERR_GET_REASON(entry);
  return ERR_GET_LIB(entry) == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET &&
         reason <= SSL_AD_REASON_OFFSET + max_alert;
}

bool is_foreign_protocol(unsigned long entry) {
  if (ERR_GET_LIB(entry) != ERR_LIB_SSL) return false;
  const int reason = ERR_GET_REASON(entry);
  return reason == SSL_R_WRONG_VERSION_NUMBER || reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
}

}  // namespace

struct SENDCONN_HIDDEN Endpoint::Impl {
  std::shared_ptr<const Context::Impl> context;
  Pipe pipe;
  PeerCheck peer_check;
  SslPtr ssl;  ///< after what it points to: goes first
  State state = State::handshaking;
  Error failure;  ///< with State::failed

  explicit Impl(std::shared_ptr<const Context::Impl> shared) : context(std::move(shared)) {}

  void start(std::string_view server_name, const std::optional<UnixTime>& now) {
    ERR_clear_error();
    ssl.reset(SSL_new(context->ssl_ctx.get()));
    BioPtr bio = pipe.make_bio(*context->pipe_method);
    if (ssl == nullptr || bio == nullptr) return fail(openssl_error("TLS: an endpoint cannot be made"));
    SSL_set_bio(ssl.get(), bio.get(), bio.get());
    static_cast<void>(bio.release());  // one reference serves both directions
    if (context->role == Role::server) return SSL_set_accept_state(ssl.get());

    SSL_set_connect_state(ssl.get());
    if (!server_name.empty() || context->verify == Verify::required)
      if (auto expected = peer_check.expect(*ssl, server_name, now); !expected) return fail(expected.error());
    std::string nothing;
    advance(nothing);  // the client speaks first
  }

  /// In front of whatever blames the peer.
  void check_memory() {
    pipe.check_memory();
    peer_check.check_memory();
  }

  [[nodiscard]] std::string peer() const { return context->role == Role::server ? "client" : "server"; }

  void fail(Error error) {
    state = State::failed;
    failure = std::move(error);
  }

  /// For the reason in OpenSSL's queue: an alert that came, or what our side found wrong.
  void fail_with_queue() {
    check_memory();
    const unsigned long entry = take_reason();
    const std::string what = state == State::handshaking ? "handshake" : "connection";
    if (is_alert(entry))
      return fail({Errc::crypto, "TLS: the " + peer() + " ended the " + what + " with the alert \"" +
                                     SSL_alert_desc_string_long(ERR_GET_REASON(entry) - SSL_AD_REASON_OFFSET) +
                                     "\" (RFC 8446 section 6)"});
    if (ERR_GET_LIB(entry) == ERR_LIB_SSL && ERR_GET_REASON(entry) == SSL_R_CERTIFICATE_VERIFY_FAILED)
      return fail({Errc::crypto, "TLS: we refused the server's certificate: " + peer_check.fault()});
    std::string text = "TLS: we ended the " + what + " with the " + peer() + ": ";
    text += entry != 0 ? reason_of(entry) : "OpenSSL gives no reason";
    if (is_foreign_protocol(entry)) text += "; what came is not TLS";
    fail({Errc::crypto, std::move(text)});
  }

  /// Goes on as far as the input reaches.
  void advance(std::string& plain) {
    ERR_clear_error();
    if (state == State::handshaking) {
      const int result = SSL_do_handshake(ssl.get());
      if (result != 1) {
        if (SSL_get_error(ssl.get(), result) != SSL_ERROR_WANT_READ) fail_with_queue();
        return;
      }
      state = State::open;
    }
    std::array<char, max_record> record;
    while (state == State::open) {
      std::size_t size = 0;
      const int result = SSL_read_ex(ssl.get(), record.data(), record.size(), &size);
      if (result == 1) {
        plain.append(record.data(), size);
        continue;
      }
      const int why = SSL_get_error(ssl.get(), result);
      if (why == SSL_ERROR_WANT_READ) return;
      if (why != SSL_ERROR_ZERO_RETURN) return fail_with_queue();
      close();
    }
  }

  void close() {
    if (state == State::failed) return;
    if (state == State::open) SSL_shutdown(ssl.get());
    ERR_clear_error();
    state = State::closed;
    pipe.check_memory();
  }

  [[nodiscard]] bool was_open() const { return ssl != nullptr && SSL_is_init_finished(ssl.get()) == 1; }
};

Endpoint::Endpoint(const Context& context, std::string_view server_name, std::optional<UnixTime> now)
    : impl_(std::make_unique<Impl>(context.impl())) {
  impl_->start(server_name, now);
}

Endpoint::Endpoint(Endpoint&&) noexcept = default;
Endpoint& Endpoint::operator=(Endpoint&&) noexcept = default;
Endpoint::~Endpoint() = default;

Result<void> Endpoint::feed(std::string_view records, std::string& plain) {
  if (impl_->state == State::failed) return impl_->failure;
  if (impl_->state == State::closed) return {};
  impl_->pipe.give_input(records);
  impl_->advance(plain);
  impl_->pipe.give_input({});
  if (impl_->state == State::failed) return impl_->failure;
  return {};
}

Result<void> Endpoint::feed_end() {
  switch (impl_->state) {
    case State::failed:
      return impl_->failure;
    case State::closed:
      return {};
    case State::handshaking:
      impl_->fail({Errc::io, "TLS: the " + impl_->peer() + " closed the connection during the handshake"});
      return impl_->failure;
    case State::open:
      impl_->fail({Errc::io, "TLS: the " + impl_->peer() +
                                 " closed the connection without close_notify, so it may be cut short"
                                 " (RFC 8446 section 6.1)"});
      return impl_->failure;
  }
  return {};
}

Result<void> Endpoint::write(std::string_view plain) {
  if (impl_->state == State::failed) return impl_->failure;
  if (impl_->state != State::open) return Error{Errc::wrong_state, "TLS: plain text can be sent only while open"};
  if (plain.empty()) return {};
  ERR_clear_error();
  std::size_t taken = 0;
  if (SSL_write_ex(impl_->ssl.get(), plain.data(), plain.size(), &taken) == 1) return {};
  impl_->fail_with_queue();
  return impl_->failure;
}

void Endpoint::close() { impl_->close(); }

std::string_view Endpoint::output() const noexcept { return impl_->pipe.output(); }
void Endpoint::consumed_output(std::size_t count) { impl_->pipe.consumed_output(count); }

State Endpoint::state() const noexcept { return impl_->state; }
const Error& Endpoint::error() const noexcept { return impl_->failure; }

std::string_view Endpoint::protocol() const {
  return impl_->was_open() ? std::string_view(SSL_get_version(impl_->ssl.get())) : std::string_view();
}

std::string_view Endpoint::cipher() const {
  return impl_->was_open() ? std::string_view(SSL_get_cipher_name(impl_->ssl.get())) : std::string_view();
}

unsigned Endpoint::cipher_bits() const {
  return impl_->was_open() ? static_cast<unsigned>(SSL_get_cipher_bits(impl_->ssl.get(), nullptr)) : 0;
}

bool Endpoint::peer_verified() const { return impl_->was_open() && impl_->peer_check.passed(*impl_->ssl); }

Result<std::string> Endpoint::export_keying_material(std::string_view label, std::size_t size) const {
  if (!impl_->was_open()) return Error{Errc::wrong_state, "TLS: keying material exists only after the handshake"};
  if (size == 0 || size > max_exported)
    return Error{Errc::invalid_argument, "TLS: " + std::to_string(size) +
                                             " octets of keying material are asked for, 1 to " +
                                             std::to_string(max_exported) + " are possible"};
  std::string material(size, '\0');
  ERR_clear_error();
  // An empty context, not an absent one: before TLS 1.3 the two differ, and RFC 9266 section 2 says which.
  constexpr unsigned char no_octets = 0;
  if (SSL_export_keying_material(impl_->ssl.get(), reinterpret_cast<unsigned char*>(material.data()), size,
                                 label.data(), label.size(), &no_octets, 0, 1) != 1)
    return openssl_error("TLS: keying material cannot be exported");
  return material;
}

}  // namespace sendconn::tls
