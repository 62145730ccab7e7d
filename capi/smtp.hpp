// What both sides of SMTP share in the C interface: the TLS between a session and its socket, and the struct of events.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <sendconn/smtp.hpp>
#include <sendconn/tls.hpp>

#include "capi/structs.hpp"
#include "capi/time.hpp"

namespace sendconn::capi {

/// A session and what lies between it and its socket: nothing, or a TLS endpoint, from the first octet or from STARTTLS
/// on. Octets of the socket go in and come out; the events are the session's, but for those that TLS needs.
///
/// Plain text that the endpoint gave lies here until the session took it, so that views in events stay valid.
template <class Session>
class SmtpWire {
 public:
  SmtpWire(Session session, std::optional<tls::Context> context, std::string server_name, Instant now)
      : session_(std::move(session)), context_(std::move(context)), server_name_(std::move(server_name)), now_(now) {}

  /// The connection is encrypted from its first octet.
  void begin_encrypted() {
    begin_handshake();
    implicit_ = true;
  }

  Session& session() noexcept { return session_; }
  [[nodiscard]] const Session& session() const noexcept { return session_; }

  /// How much was taken. Throws a Failure if TLS fails; the session then learns that the connection is lost.
  std::size_t feed(std::string_view octets, Instant now) {
    now_ = now;
    if (!endpoint_) return session_.feed(octets, now);
    if (position_ < plain_.size() || ended_) return 0;  // what is here comes first
    plain_.clear();
    position_ = 0;
    const Result<void> fed = endpoint_->feed(octets, plain_);
    if (handshaking_ && endpoint_->state() == tls::State::open) end_handshake();
    if (!fed) lose(fed.error());
    if (endpoint_->state() == tls::State::closed) end_of_input_ = true;
    return octets.size();
  }

  auto next_event() {
    while (true) {
      auto event = session_.next_event();
      const bool in_handshake = handshaking_ && !implicit_ && is_pause(event);
      if (in_handshake || std::holds_alternative<smtp::NeedInput>(event)) {
        if (feed_plain()) continue;
        return decltype(event)(smtp::NeedInput{});
      }
      if (std::holds_alternative<smtp::StartTls>(event) && context_) {
        begin_handshake();
        continue;
      }
      if (std::holds_alternative<smtp::Closed>(event)) close();
      return event;
    }
  }

  /// Valid until the next call. Throws a Failure if TLS fails.
  std::string_view output() {
    if (!endpoint_) return session_.output();
    if (!clear_.empty()) return clear_;
    encrypt();
    return endpoint_->output();
  }

  void consumed_output(std::size_t count, Instant now) {
    now_ = now;
    if (!endpoint_) {
      consume(std::min(count, session_.output().size()));
    } else if (!clear_.empty()) {
      clear_.erase(0, count);
    } else {
      endpoint_->consumed_output(std::min(count, endpoint_->output().size()));
    }
  }

  /// The socket's end. That the peer did not say close_notify is no news: SMTP has ends of its own.
  void input_closed() {
    if (!endpoint_) return session_.input_closed();
    static_cast<void>(endpoint_->feed_end());
    end_of_input_ = true;
  }

  void set_now(Instant now) noexcept { now_ = now; }
  [[nodiscard]] const char* protocol() const noexcept { return protocol_.c_str(); }
  [[nodiscard]] bool is_peer_verified() const { return endpoint_ && endpoint_->peer_verified(); }

 private:
  template <class Event>
  static bool is_pause(const Event& event) noexcept {
    if constexpr (std::is_constructible_v<Event, smtp::Paused>) return std::holds_alternative<smtp::Paused>(event);
    return false;
  }

  void begin_handshake() {
    clear_ = session_.output();
    consume(clear_.size());
    plain_.clear();
    position_ = 0;
    endpoint_.emplace(*context_, server_name_);
    handshaking_ = true;
    if (endpoint_->state() == tls::State::failed) lose(endpoint_->error());
  }

  void end_handshake() {
    handshaking_ = false;
    protocol_ = endpoint_->protocol();
    if (!implicit_) session_.tls_started(now_);
  }

  [[noreturn]] void lose(const Error& error) {
    end_of_input_ = true;
    throw Failure{SENDCONN_ERR_TLS, error.text, error.position};
  }

  /// Whether the session went on by what lies here.
  bool feed_plain() {
    if (handshaking_) {
      if (!end_of_input_ || ended_) return false;
    } else if (endpoint_ && position_ < plain_.size()) {
      const std::size_t taken = session_.feed(std::string_view(plain_).substr(position_), now_);
      position_ += taken;
      if (taken != 0) return true;
      // An event may come of what was fed before; if none does, the rest is of no use to the session.
      return !std::exchange(fed_nothing_, !fed_nothing_);
    }
    if (!end_of_input_ || ended_) return false;
    ended_ = true;
    session_.input_closed();
    return true;
  }

  void encrypt() {
    if (handshaking_ || endpoint_->state() != tls::State::open) return;
    const std::string_view said = session_.output();
    if (said.empty()) return;
    if (const Result<void> written = endpoint_->write(said); !written) lose(written.error());
    consume(said.size());
  }

  void close() {
    if (!endpoint_) return;
    if (clear_.empty()) encrypt();
    if (!handshaking_) endpoint_->close();
  }

  void consume(std::size_t count) {
    if constexpr (requires { session_.consumed_output(count, now_); }) {
      session_.consumed_output(count, now_);
    } else {
      session_.consumed_output(count);
    }
  }

  Session session_;
  std::optional<tls::Context> context_;
  std::string server_name_;
  std::optional<tls::Endpoint> endpoint_;
  std::string clear_;  ///< said before the handshake, not sent yet
  std::string plain_;  ///< what the peer said inside TLS
  std::string protocol_;
  std::size_t position_ = 0;  ///< in plain_: what the session took
  Instant now_;
  bool implicit_ = false;
  bool handshaking_ = false;
  bool end_of_input_ = false;  ///< nothing more will come; told to the session when it has taken what came before
  bool ended_ = false;         ///< it was told
  bool fed_nothing_ = false;
};

/// Events and reports have the members of a reply.
template <class Struct>
void set_reply(Struct& out, const Reply& reply) noexcept {
  set(&out.reply_text, &out.reply_text_len, reply.text);
  out.reply_code = reply.code;
  out.reply_class = reply.enhanced.klass;
  out.reply_subject = reply.enhanced.subject;
  out.reply_detail = reply.enhanced.detail;
}

inline std::chrono::seconds timeout_of(std::uint32_t given, std::chrono::seconds otherwise) noexcept {
  return given != 0 ? std::chrono::seconds(given) : otherwise;
}

/// Bits of mechanisms that exist.
inline std::uint8_t mechanisms_of(std::uint32_t given) {
  constexpr std::uint32_t all = SENDCONN_SASL_PLAIN | SENDCONN_SASL_LOGIN | SENDCONN_SASL_SCRAM_SHA_256;
  if ((given & ~all) != 0) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "mechanisms has bits that are no mechanism");
  return static_cast<std::uint8_t>(given);
}

inline std::int64_t deadline_of(const std::optional<Instant>& deadline) noexcept {
  return deadline ? nanoseconds_of(*deadline) : SENDCONN_NEVER;
}

smtp::TlsMode tls_mode_of(std::int32_t mode);
smtp::Envelope envelope_of(const sendconn_smtp_envelope* envelope);

/// Printable octets for SCRAM (RFC 5802 section 5.1).
std::string make_nonce();

}  // namespace sendconn::capi
