#include "lib/mailer/connection.hpp"

#include <algorithm>
#include <utility>

#include <sendconn/crypto.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn {
namespace {

constexpr std::size_t piece_octets = 65'536;  // of the message in the session's output at a time

std::string make_nonce() {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text = crypto::random_octets(24);
  for (char& c : text) c = alphabet[static_cast<unsigned char>(c) & 63U];
  return text;
}

/// RFC 5321 section 4.1.3.
std::string address_literal(const IpAddress& address) {
  return address.is_v4() ? "[" + address.format() + "]" : "[IPv6:" + address.format() + "]";
}

/// A host's name is often a word that means nothing to others.
std::string own_name(const IpAddress& address) {
  const std::string name = io::host_name();
  const auto domain = Domain::parse(name);
  return domain && domain->text().find('.') != std::string::npos ? domain->text() : address_literal(address);
}

}  // namespace

// ── Ends ───────────────────────────────────────────────────────────────────────────────────────────────────────────

void Connection::fail(MailStage stage, MailFate fate, std::string text) {
  if (failure_) return;
  SessionFailure failure;
  failure.stage = stage;
  failure.fate = fate;
  failure.reply.text = std::move(text);
  failure.may_have_arrived = sent_dot_;
  failure_ = std::move(failure);
}

void Connection::fail(const smtp::Failed& failed) {
  if (failure_) return;
  SessionFailure failure;
  const bool no_tls = failed.local && failed.reason.enhanced == EnhancedCode{4, 7, 10};
  failure.stage = failed.login ? MailStage::login : (no_tls ? MailStage::tls : present_stage());
  failure.reply = failed.reason;
  failure.fate = fate_of(failed.reason);
  failure.may_have_arrived = failed.sent_final_dot;
  if (failed.local) {
    failure.reply.code = 0;
    // A connection that was lost may be better next time; without a mechanism in common it will not.
    const bool is_lost = failed.reason.enhanced == EnhancedCode{4, 4, 2};
    failure.fate = failed.login && !is_lost ? MailFate::permanent : MailFate::temporary;
  }
  failure.reply.text = without_secrets(settings_.options, std::move(failure.reply.text));
  failure_ = std::move(failure);
}

MailStage Connection::present_stage() const noexcept {
  if (ready_) return MailStage::message;
  const bool in_tls = in_handshake() || (endpoint_ && endpoint_->state() == tls::State::failed);
  return in_tls ? MailStage::tls : MailStage::greeting;
}

void Connection::tell(std::string_view line) const {
  if (callbacks_ != nullptr && callbacks_->on_trace) callbacks_->on_trace(line);
}

// ── The way to Ready ───────────────────────────────────────────────────────────────────────────────────────────────

std::optional<SessionFailure> Connection::connect(io::Patience& patience) {
  const MailerOptions& options = settings_.options;
  io::Patience part = patience.within(io::now() + options.connect_timeout);
  const std::string place = options.host + " port " + std::to_string(options.port);
  const auto cancelled = [&] {
    fail(MailStage::cancelled, MailFate::temporary, "cancelled while connecting to " + place);
    return failure_;
  };
  auto addresses = io::look_up_host(options.host, options.dns_servers, part);
  if (part.was_cancelled()) return cancelled();
  if (!addresses) {
    fail(MailStage::lookup, MailFate::temporary,
         "cannot find the host " + options.host + ": " + addresses.error().text);
    return failure_;
  }
  auto connected = io::connect_any(*addresses, options.port, part);
  if (part.was_cancelled()) return cancelled();
  if (!connected) {
    fail(MailStage::connect, MailFate::temporary, "cannot connect to " + place + ": " + connected.error().text);
    return failure_;
  }
  peer_ = std::move(*connected);
  if (options.tls == smtp::TlsMode::off && !options.cleartext_beyond_loopback && !peer_.address.is_loopback()) {
    fail(MailStage::tls, MailFate::permanent,
         "the message would go to " + peer_.address.format() + " in the clear; TLS is required beyond this machine");
    return failure_;
  }
  tell("connected to " + peer_.address.format() + " port " + std::to_string(options.port));
  return std::nullopt;
}

smtp::ClientOptions Connection::session_options() const {
  const MailerOptions& from = settings_.options;
  smtp::ClientOptions to;
  to.hello_name = from.hello_name.empty() ? own_name(peer_.socket.local_address()) : from.hello_name;
  to.tls = from.tls;
  if (from.login) {
    smtp::Credentials credentials;
    credentials.user = from.login->user;
    credentials.password = from.login->password;
    credentials.mechanisms = from.login->mechanisms;
    credentials.allow_plaintext = from.login->without_tls && peer_.address.is_loopback();
    to.credentials = std::move(credentials);
  }
  to.nonce = make_nonce();
  to.greeting_timeout = from.command_timeout;
  to.command_timeout = from.command_timeout;
  to.data_start_timeout = from.command_timeout;
  to.data_timeout = from.data_timeout;
  to.message_timeout = from.message_timeout;
  return to;
}

std::optional<SessionFailure> Connection::open(io::Patience& patience, const MailerCallbacks& callbacks) {
  callbacks_ = &callbacks;
  if (auto failed = connect(patience)) return failed;
  session_.emplace(session_options(), io::now());
  if (settings_.options.tls == smtp::TlsMode::implicit) start_tls();
  while (auto event = next_event(patience)) {
    if (!std::holds_alternative<smtp::Ready>(*event)) continue;
    ready_ = true;
    tell(settings_.options.login ? "logged in as " + settings_.options.login->user : "the server is ready");
    break;
  }
  return failure_;
}

void Connection::start_tls() {
  tls_deadline_ = io::now() + settings_.options.connect_timeout;
  endpoint_.emplace(*settings_.context, settings_.options.host);
  if (endpoint_->state() == tls::State::failed) {
    fail(MailStage::tls, MailFate::permanent,
         "TLS with " + settings_.options.host + " failed: " + endpoint_->error().text);
  }
}

// ── Octets ─────────────────────────────────────────────────────────────────────────────────────────────────────────

std::optional<smtp::ClientEvent> Connection::next_event(io::Patience& patience) {
  while (!failure_) {
    smtp::ClientEvent event = session_->next_event();
    if (std::holds_alternative<smtp::NeedInput>(event)) {
      exchange(patience);
    } else if (std::holds_alternative<smtp::StartTls>(event)) {
      start_tls();
    } else if (const auto* failed = std::get_if<smtp::Failed>(&event)) {
      fail(*failed);
    } else if (const auto* closed = std::get_if<smtp::Closed>(&event)) {
      const std::string said = closed->reason.code == 0 ? "" : ": " + closed->reason.summary();
      fail(present_stage(), MailFate::temporary,
           without_secrets(settings_.options, settings_.options.host + " closed the connection" + said));
    } else {
      return event;
    }
  }
  return std::nullopt;
}

/// The session's output becomes records, a batch at a time: the next one when the socket has taken the last.
void Connection::fill_output() {
  if (!endpoint_ || endpoint_->state() != tls::State::open || !endpoint_->output().empty()) return;
  session_->consumed_output(std::exchange(in_records_, 0), io::now());
  const std::string_view output = session_->output();
  if (output.empty()) return;
  if (auto written = endpoint_->write(output); !written) {
    return fail(MailStage::tls, MailFate::temporary, written.error().text);
  }
  in_records_ = output.size();
}

std::size_t Connection::unsent_octets() const {
  if (deaf_) return 0;
  return (endpoint_ ? endpoint_->output().size() : 0) + session_->output().size() - in_records_;
}

void Connection::send_output() {
  const std::string_view output = endpoint_ ? endpoint_->output() : session_->output();
  auto sent = peer_.socket.send_some(output);
  if (!sent) {
    deaf_ = true;
    return;
  }
  if (endpoint_) {
    endpoint_->consumed_output(*sent);
    if (endpoint_->output().empty()) session_->consumed_output(std::exchange(in_records_, 0), io::now());
  } else {
    session_->consumed_output(*sent, io::now());
  }
}

void Connection::exchange(io::Patience& patience) {
  if (!plain_.empty()) {
    plain_.erase(0, session_->feed(plain_, io::now()));
    return;
  }
  fill_output();
  if (failure_) return;
  const bool has_output = !deaf_ && !(endpoint_ ? endpoint_->output() : session_->output()).empty();
  Instant until = session_->next_deadline().value_or(io::now() + settings_.options.command_timeout);
  if (in_handshake()) until = std::min(until, tls_deadline_);
  const io::TcpSocket::Readiness ready = peer_.socket.wait(has_output, until, patience);
  if (!ready.read && !ready.write) return on_silence(patience, until);
  if (ready.write) send_output();
  if (ready.read) receive();
}

void Connection::on_silence(io::Patience& patience, Instant until) {
  const std::string& host = settings_.options.host;
  if (patience.was_cancelled()) {
    fail(MailStage::cancelled, MailFate::temporary, "cancelled");
  } else if (io::now() < until) {
    fail(present_stage(), MailFate::temporary, "the time for this message is over (send_timeout)");
  } else if (in_handshake()) {
    fail(MailStage::tls, MailFate::temporary, host + " did not answer in time during the TLS handshake");
  } else {
    session_->on_time(std::max(io::now(), until));
  }
}

void Connection::receive() {
  std::string octets;
  switch (peer_.socket.receive_some(octets)) {
    case io::TcpSocket::Received::nothing:
      return;
    case io::TcpSocket::Received::octets:
      if (endpoint_) return on_records(octets);
      plain_ += octets;
      return;
    case io::TcpSocket::Received::end:
      break;
  }
  if (in_handshake()) {
    return fail(MailStage::tls, MailFate::temporary,
                settings_.options.host + " closed the connection during the TLS handshake");
  }
  session_->input_closed();
}

void Connection::on_records(std::string_view records) {
  const bool shaking_hands = in_handshake();
  if (auto fed = endpoint_->feed(records, plain_); !fed) {
    send_output();  // it may hold an alert
    // A certificate that was refused stays refused.
    const MailFate fate = fed.error().code == Errc::io ? MailFate::temporary : MailFate::permanent;
    const std::string text = "TLS with " + settings_.options.host + " failed: " + fed.error().text;
    return fail(MailStage::tls, shaking_hands ? fate : MailFate::temporary, text);
  }
  if (shaking_hands && endpoint_->state() == tls::State::open) {
    tell(std::string(endpoint_->protocol()) + ", " + std::string(endpoint_->cipher()) +
         (endpoint_->peer_verified() ? ", certificate verified" : ", certificate not verified"));
    if (settings_.options.tls != smtp::TlsMode::implicit) session_->tls_started(io::now());
  }
  if (endpoint_->state() == tls::State::closed) {
    while (!plain_.empty()) {
      const std::size_t taken = session_->feed(plain_, io::now());
      if (taken == 0) break;
      plain_.erase(0, taken);
    }
    session_->input_closed();
  }
}

// ── Messages ───────────────────────────────────────────────────────────────────────────────────────────────────────

/// The last piece leaves with the final dot.
void Connection::send_content(std::string_view prefix, std::string_view message, io::Patience& patience) {
  const std::uint64_t total = prefix.size() + message.size();
  std::uint64_t given = 0;
  for (std::string_view rest : {prefix, message}) {
    while (!rest.empty()) {
      const std::string_view piece = rest.substr(0, piece_octets);
      session_->content(piece, io::now());
      rest.remove_prefix(piece.size());
      given += piece.size();
      if (unsent_octets() < piece_octets) continue;
      while (unsent_octets() > 0) {
        exchange(patience);
        const smtp::ClientEvent event = session_->next_event();
        if (const auto* failed = std::get_if<smtp::Failed>(&event)) fail(*failed);
        if (failure_) return;
      }
      if (deaf_) return;  // why, the server may still say
      if (callbacks_->on_progress) callbacks_->on_progress(given, total);
    }
  }
  session_->end_content(io::now());
  sent_dot_ = true;
}

std::optional<SessionFailure> Connection::send(std::string_view prefix, std::string_view message,
                                               const smtp::Envelope& envelope, io::Patience& patience,
                                               const MailerCallbacks& callbacks, ReportBuilder& builder) {
  callbacks_ = &callbacks;
  sent_dot_ = false;
  if (auto begun = session_->begin(envelope, io::now()); !begun) {
    fail(MailStage::message, MailFate::temporary, begun.error().text);
  }
  while (auto event = next_event(patience)) {
    if (std::holds_alternative<smtp::SendContent>(*event)) {
      send_content(prefix, message, patience);
    } else if (const auto* recipient = std::get_if<smtp::RecipientReply>(&*event)) {
      tell("<" + envelope.recipients[recipient->index].format() + ">: " + recipient->reply.summary());
      builder.take_recipient(recipient->index, recipient->reply);
    } else if (const auto* done = std::get_if<smtp::MessageDone>(&*event)) {
      tell("message: " + (done->reply.code == 0 ? done->reply.text : done->reply.summary()));
      builder.take_message(done->reply);
      if (sent_dot_ && callbacks.on_progress) {
        const std::uint64_t total = prefix.size() + message.size();
        callbacks.on_progress(total, total);
      }
      sent_dot_ = false;
      ++messages_;
      break;
    }
  }
  return failure_;
}

void Connection::quit(io::Patience& patience) {
  callbacks_ = nullptr;
  if (!session_ || failure_) return;
  session_->quit(io::now());
  while (next_event(patience)) continue;
  if (endpoint_ && endpoint_->state() == tls::State::open) {
    endpoint_->close();
    if (!deaf_) send_output();
  }
}

void Connection::leave() noexcept {
  if (!session_ || failure_ || deaf_) return;
  session_->quit(io::now());
  fill_output();
  send_output();
}

bool Connection::is_alive() {
  callbacks_ = nullptr;
  if (!session_ || !ready_ || failure_) return false;
  io::Patience none(io::now() + std::chrono::milliseconds(1), {}, Duration::zero());
  while (!failure_ && peer_.socket.wait(false, io::now(), none).read) {
    receive();
    while (!plain_.empty()) {
      const std::size_t taken = session_->feed(plain_, io::now());
      if (taken == 0) break;
      plain_.erase(0, taken);
    }
    if (!std::holds_alternative<smtp::NeedInput>(session_->next_event())) return false;
  }
  return !failure_;
}

}  // namespace sendconn
