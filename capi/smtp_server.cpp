// The server side of SMTP.
#include <sendconn/crypto.hpp>
#include <sendconn/smtp.hpp>

#include "capi/bytes.hpp"
#include "capi/smtp.hpp"
#include "capi/tls.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_smtp_server {
  smtp::ServerOptions options;
  std::optional<SmtpWire<smtp::ServerSession>> wire;  ///< its session keeps a reference to the options
  smtp::ServerEvent event;                            ///< what the caller's views lie in
  std::string path;
};

namespace sendconn::capi {

std::string make_nonce() {
  constexpr std::size_t octets = 24;  // 18 are asked for; printable ones hold less
  constexpr char digits[] = "0123456789abcdef";
  std::string nonce;
  for (const char c : crypto::random_octets(octets)) {
    nonce += digits[static_cast<unsigned char>(c) >> 4U];
    nonce += digits[static_cast<unsigned char>(c) & 15U];
  }
  return nonce;
}

}  // namespace sendconn::capi

namespace {

void set_limit(std::size_t& limit, std::uint64_t given) noexcept {
  if (given != 0) limit = given;
}

void set_options(smtp::ServerOptions& options, const sendconn_smtp_server_options& given) {
  options.hostname = text(given.hostname, given.hostname_len, "hostname");
  if (options.hostname.empty()) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "a server needs a hostname for its greeting");
  if (given.max_message_octets != 0)
    options.max_message_octets = given.max_message_octets != UINT64_MAX ? given.max_message_octets : 0;
  set_limit(options.max_recipients, given.max_recipients);
  set_limit(options.max_line_octets, given.max_line_octets);
  set_limit(options.max_auth_failures, given.max_auth_failures);
  set_limit(options.max_errors, given.max_errors);
  set_limit(options.max_idle_commands, given.max_idle_commands);
  options.command_timeout = timeout_of(given.command_timeout, options.command_timeout);
  options.data_timeout = timeout_of(given.data_timeout, options.data_timeout);
  options.mechanisms = mechanisms_of(given.mechanisms);
  options.require_tls = given.require_tls != 0;
  options.require_auth = given.require_auth != 0;
  options.offer_starttls = given.implicit_tls == 0 && (given.tls != nullptr || given.own_tls != 0);
  options.bare_newlines = given.normalize_newlines != 0 ? smtp::BareNewlines::normalize : smtp::BareNewlines::refuse;
}

std::optional<tls::Context> context_of(const sendconn_smtp_server_options& given) {
  if (given.tls == nullptr || given.own_tls != 0) {
    if (given.implicit_tls != 0 && given.own_tls == 0)
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, "implicit_tls needs a TLS context");
    return std::nullopt;
  }
  if (given.tls->role != tls::Role::server)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, "the TLS context is a client's; a server needs one of its own");
  return given.tls->context;
}

/// Fills in the struct for each kind of event. Its texts are those of the event, or of `path`.
struct Fill {
  sendconn_smtp_event& out;
  std::string& path;

  void decision(std::int32_t type) const noexcept {
    out.type = type;
    out.is_decision = 1;
  }
  void text(std::string_view value) const noexcept { set(&out.text, &out.text_len, value); }

  void operator()(const smtp::NeedInput&) const noexcept { out.type = SENDCONN_SMTP_NEED_INPUT; }
  void operator()(const smtp::Paused&) const noexcept { out.type = SENDCONN_SMTP_PAUSED; }
  void operator()(const smtp::StartTls&) const noexcept { out.type = SENDCONN_SMTP_START_TLS; }
  void operator()(const smtp::Closed& closed) const noexcept {
    out.type = SENDCONN_SMTP_CLOSED;
    out.orderly = closed.orderly ? 1 : 0;
    set_reply(out, closed.reason);
  }
  void operator()(const smtp::Greeting&) const noexcept { decision(SENDCONN_SMTP_GREETING); }
  void operator()(const smtp::Hello& hello) const noexcept {
    out.type = SENDCONN_SMTP_HELLO;
    out.extended = hello.extended ? 1 : 0;
    text(hello.name);
  }
  void operator()(const smtp::Login& login) const noexcept {
    decision(SENDCONN_SMTP_LOGIN);
    out.mechanism = static_cast<std::int32_t>(login.mechanism);
    text(login.user);
    set(&out.password, &out.password_len, login.password);
  }
  void operator()(const smtp::ScramLogin& login) const noexcept {
    decision(SENDCONN_SMTP_SCRAM_LOGIN);
    out.mechanism = SENDCONN_SASL_SCRAM_SHA_256;
    text(login.user);
  }
  void operator()(const smtp::LoginDone& login) const noexcept {
    out.type = SENDCONN_SMTP_LOGIN_DONE;
    out.ok = login.ok ? 1 : 0;
    text(login.user);
  }
  void operator()(const smtp::Mail& mail) const {
    decision(SENDCONN_SMTP_MAIL);
    path = mail.reverse_path ? mail.reverse_path->format() : std::string();
    text(path);
    out.eight_bit = mail.body == smtp::BodyType::eight_bit_mime ? 1 : 0;
    out.smtputf8 = mail.smtputf8 ? 1 : 0;
    out.octets = mail.size.value_or(0);
    out.has_octets = mail.size ? 1 : 0;
  }
  void operator()(const smtp::Rcpt& rcpt) const {
    decision(SENDCONN_SMTP_RCPT);
    path = rcpt.forward_path.format();
    text(path);
  }
  void operator()(const smtp::DataStart&) const noexcept { decision(SENDCONN_SMTP_DATA_START); }
  void operator()(const smtp::Content& content) const noexcept {
    out.type = SENDCONN_SMTP_CONTENT;
    text(content.octets);
  }
  void operator()(const smtp::MessageEnd& end) const noexcept {
    decision(SENDCONN_SMTP_MESSAGE_END);
    out.octets = end.octets;
    out.has_octets = 1;
    out.eight_bit = end.eight_bit ? 1 : 0;
  }
  void operator()(const smtp::Reset& reset) const noexcept {
    out.type = SENDCONN_SMTP_RESET;
    set_reply(out, reset.reason);
  }
};

SmtpWire<smtp::ServerSession>& wire_of(sendconn_smtp_server* session) { return *need(session, "session").wire; }

}  // namespace

sendconn_status sendconn_smtp_server_new(sendconn_smtp_server** out, const sendconn_smtp_server_options* options,
                                         std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read(options, "options");
    auto handle = std::make_unique<sendconn_smtp_server>();
    set_options(handle->options, given);
    std::optional<tls::Context> context = context_of(given);
    const bool encrypted = context && given.implicit_tls != 0;
    smtp::ServerSession session(handle->options, instant_of(now));
    if (given.implicit_tls != 0) session.set_tls();
    handle->wire.emplace(std::move(session), std::move(context), std::string(), instant_of(now));
    if (encrypted) handle->wire->begin_encrypted();
    slot.set(std::move(handle));
  });
}

void sendconn_smtp_server_trust_client(sendconn_smtp_server* session, std::int32_t also_without_tls) noexcept {
  if (session != nullptr) session->wire->session().trust_client(also_without_tls != 0);
}

sendconn_status sendconn_smtp_server_feed(std::size_t* taken, sendconn_smtp_server* session, const char* octets,
                                          std::size_t octets_len, std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::size_t& count = need(taken, "taken");
    auto& wire = wire_of(session);
    count = wire.feed(text(octets, octets_len, "octets"), instant_of(now));
  });
}

sendconn_status sendconn_smtp_server_next_event(sendconn_smtp_event* out, sendconn_smtp_server* session,
                                                sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    auto& wire = wire_of(session);
    session->event = wire.next_event();
    auto filled = sendconn_initialized<sendconn_smtp_event>();
    std::visit(Fill{filled, session->path}, session->event);
    slot.set(filled);
  });
}

sendconn_status sendconn_smtp_server_reply(sendconn_smtp_server* session, std::int32_t code, const char* enhanced,
                                           std::size_t enhanced_len, const char* data, std::size_t size,
                                           std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& wire = wire_of(session);
    if (code < 200 || code > 599)
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, "a reply has a code from 200 to 599, not " + std::to_string(code));
    Reply reply;
    reply.code = static_cast<std::uint16_t>(code);
    if (const std::string_view given = text(enhanced, enhanced_len, "enhanced"); !given.empty())
      reply.enhanced = take(EnhancedCode::parse(given));
    reply.text = text(data, size, "text");
    wire.set_now(instant_of(now));
    wire.session().reply(reply, instant_of(now));
  });
}

sendconn_status sendconn_smtp_server_reply_verifier(sendconn_smtp_server* session, const char* verifier,
                                                    std::size_t verifier_len, std::int64_t now,
                                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& wire = wire_of(session);
    const auto parsed = take(sasl::ScramVerifier::parse(text(verifier, verifier_len, "verifier")));
    const std::string nonce = make_nonce();
    wire.set_now(instant_of(now));
    wire.session().reply_verifier(parsed, nonce, instant_of(now));
  });
}

sendconn_status sendconn_smtp_server_tls_started(sendconn_smtp_server* session, std::int64_t now,
                                                 sendconn_error** error) noexcept {
  return guard(error, [&] { wire_of(session).session().tls_started(instant_of(now)); });
}

sendconn_status sendconn_smtp_server_shut_down(sendconn_smtp_server* session, const char* data, std::size_t size,
                                               sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& wire = wire_of(session);
    wire.session().shut_down({421, {4, 3, 2}, std::string(text(data, size, "text"))});
  });
}

sendconn_status sendconn_smtp_server_input_closed(sendconn_smtp_server* session, sendconn_error** error) noexcept {
  return guard(error, [&] { wire_of(session).input_closed(); });
}

sendconn_status sendconn_smtp_server_output(const char** out, std::size_t* out_len, sendconn_smtp_server* session,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(out, "out");
    need(out_len, "out_len");
    capi::set(out, out_len, wire_of(session).output());
  });
}

void sendconn_smtp_server_consumed_output(sendconn_smtp_server* session, std::size_t count, std::int64_t now) noexcept {
  if (session != nullptr) session->wire->consumed_output(count, instant_of(now));
}

std::int64_t sendconn_smtp_server_next_deadline(const sendconn_smtp_server* session) noexcept {
  return session != nullptr ? deadline_of(session->wire->session().next_deadline()) : SENDCONN_NEVER;
}

sendconn_status sendconn_smtp_server_on_time(sendconn_smtp_server* session, std::int64_t now,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] {
    auto& wire = wire_of(session);
    wire.set_now(instant_of(now));
    wire.session().on_time(instant_of(now));
  });
}

std::int32_t sendconn_smtp_server_is_tls(const sendconn_smtp_server* session) noexcept {
  return session != nullptr && session->wire->session().tls() ? 1 : 0;
}
std::int32_t sendconn_smtp_server_is_authenticated(const sendconn_smtp_server* session) noexcept {
  return session != nullptr && session->wire->session().authenticated() ? 1 : 0;
}
const char* sendconn_smtp_server_tls_protocol(const sendconn_smtp_server* session) noexcept {
  return session != nullptr ? session->wire->protocol() : nullptr;
}
void sendconn_smtp_server_free(sendconn_smtp_server* session) noexcept { delete session; }
