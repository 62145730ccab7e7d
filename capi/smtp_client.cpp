// The client side of SMTP.
#include <sendconn/crypto.hpp>
#include <sendconn/smtp.hpp>

#include "capi/bytes.hpp"
#include "capi/smtp.hpp"
#include "capi/tls.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_smtp_client {
  std::optional<SmtpWire<smtp::ClientSession>> wire;
  smtp::ClientEvent event;  ///< what the caller's views lie in
};

namespace sendconn::capi {

smtp::TlsMode tls_mode_of(std::int32_t mode) {
  switch (choice(mode, SENDCONN_SMTP_TLS_OFF, "tls_mode")) {
    case SENDCONN_SMTP_TLS_REQUIRED:
      return smtp::TlsMode::required;
    case SENDCONN_SMTP_TLS_OPPORTUNISTIC:
      return smtp::TlsMode::opportunistic;
    case SENDCONN_SMTP_TLS_IMPLICIT:
      return smtp::TlsMode::implicit;
    default:
      return smtp::TlsMode::off;
  }
}

smtp::Envelope envelope_of(const sendconn_smtp_envelope* envelope) {
  const auto given = read(envelope, "envelope");
  smtp::Envelope result;
  if (const std::string_view path = text(given.reverse_path, given.reverse_path_len, "reverse_path"); !path.empty())
    result.reverse_path = take(Address::parse(path));
  if (given.recipient_count != 0) need(given.recipients, "recipients");
  for (std::size_t i = 0; i < given.recipient_count; ++i) {
    const std::size_t size = given.recipient_lens != nullptr ? given.recipient_lens[i] : SENDCONN_NUL;
    result.recipients.push_back(take(Address::parse(text(given.recipients[i], size, "recipient"))));
  }
  result.body = given.eight_bit != 0 ? smtp::BodyType::eight_bit_mime : smtp::BodyType::seven_bit;
  result.smtputf8 = given.smtputf8 != 0;
  result.octets = given.octets;
  return result;
}

}  // namespace sendconn::capi

namespace {

smtp::ClientOptions options_of(const sendconn_smtp_client_options& given) {
  smtp::ClientOptions options;
  options.hello_name = text(given.hello_name, given.hello_name_len, "hello_name");
  if (options.hello_name.empty()) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "a client needs a hello_name for EHLO");
  options.tls = tls_mode_of(given.tls_mode);
  const std::string_view user = text(given.user, given.user_len, "user");
  const std::string_view password = text(given.password, given.password_len, "password");
  const std::uint8_t mechanisms = mechanisms_of(given.mechanisms);
  if (!user.empty()) {
    smtp::Credentials credentials;
    credentials.user = user;
    credentials.password = password;
    if (mechanisms != 0) credentials.mechanisms = mechanisms;
    credentials.allow_plaintext = given.allow_plaintext_login != 0;
    options.credentials = std::move(credentials);
  }
  options.nonce = make_nonce();
  options.lmtp = given.lmtp != 0;
  options.greeting_timeout = timeout_of(given.greeting_timeout, options.greeting_timeout);
  options.command_timeout = timeout_of(given.command_timeout, options.command_timeout);
  options.data_start_timeout = timeout_of(given.data_start_timeout, options.data_start_timeout);
  options.data_timeout = timeout_of(given.data_timeout, options.data_timeout);
  options.message_timeout = timeout_of(given.message_timeout, options.message_timeout);
  if (given.max_reply_octets != 0) options.max_reply_octets = given.max_reply_octets;
  return options;
}

std::optional<tls::Context> context_of(const sendconn_smtp_client_options& given, smtp::TlsMode mode) {
  if (mode == smtp::TlsMode::off || given.own_tls != 0) return std::nullopt;
  const sendconn_tls_context& context = need(given.tls, "tls");
  if (context.role != tls::Role::client)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, "the TLS context is a server's; a client needs one of its own");
  if (context.verifies && given.server_name_len == 0)
    refuse(SENDCONN_ERR_INVALID_ARGUMENT, "a certificate can only be verified against a server_name (RFC 6125)");
  return context.context;
}

/// Fills in the struct for each kind of event. Its texts are those of the event.
struct Fill {
  sendconn_smtp_event& out;

  void operator()(const smtp::NeedInput&) const noexcept { out.type = SENDCONN_SMTP_NEED_INPUT; }
  void operator()(const smtp::StartTls&) const noexcept { out.type = SENDCONN_SMTP_START_TLS; }
  void operator()(const smtp::Closed& closed) const noexcept {
    out.type = SENDCONN_SMTP_CLOSED;
    out.orderly = closed.orderly ? 1 : 0;
    set_reply(out, closed.reason);
  }
  void operator()(const smtp::Ready&) const noexcept { out.type = SENDCONN_SMTP_READY; }
  void operator()(const smtp::SendContent&) const noexcept { out.type = SENDCONN_SMTP_SEND_CONTENT; }
  void operator()(const smtp::RecipientReply& recipient) const noexcept {
    out.type = SENDCONN_SMTP_RECIPIENT_REPLY;
    out.index = recipient.index;
    set_reply(out, recipient.reply);
  }
  void operator()(const smtp::MessageDone& done) const noexcept {
    out.type = SENDCONN_SMTP_MESSAGE_DONE;
    set_reply(out, done.reply);
  }
  void operator()(const smtp::Failed& failed) const noexcept {
    out.type = SENDCONN_SMTP_FAILED;
    set_reply(out, failed.reason);
    out.sent_final_dot = failed.sent_final_dot ? 1 : 0;
    out.local = failed.local ? 1 : 0;
  }
};

SmtpWire<smtp::ClientSession>& wire_of(sendconn_smtp_client* session) { return *need(session, "session").wire; }

/// The session, with the time noted for what goes out later.
smtp::ClientSession& session_at(sendconn_smtp_client* session, std::int64_t now) {
  auto& wire = wire_of(session);
  wire.set_now(instant_of(now));
  return wire.session();
}

bool offers(const smtp::Capabilities& announced, std::string_view keyword) noexcept {
  if (keyword == "PIPELINING") return announced.pipelining;
  if (keyword == "8BITMIME") return announced.eight_bit_mime;
  if (keyword == "SMTPUTF8") return announced.smtputf8;
  if (keyword == "STARTTLS") return announced.starttls;
  if (keyword == "ENHANCEDSTATUSCODES") return announced.enhanced_codes;
  if (keyword == "SIZE") return announced.size;
  return keyword == "AUTH" && announced.mechanisms != 0;
}

}  // namespace

sendconn_status sendconn_smtp_client_new(sendconn_smtp_client** out, const sendconn_smtp_client_options* options,
                                         std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read(options, "options");
    smtp::ClientOptions session = options_of(given);
    const smtp::TlsMode mode = session.tls;
    std::optional<tls::Context> context = context_of(given, mode);
    const bool encrypted = context && mode == smtp::TlsMode::implicit;
    std::string name(text(given.server_name, given.server_name_len, "server_name"));
    auto handle = std::make_unique<sendconn_smtp_client>();
    handle->wire.emplace(smtp::ClientSession(std::move(session), instant_of(now)), std::move(context), std::move(name),
                         instant_of(now));
    if (encrypted) handle->wire->begin_encrypted();
    slot.set(std::move(handle));
  });
}

sendconn_status sendconn_smtp_client_feed(std::size_t* taken, sendconn_smtp_client* session, const char* octets,
                                          std::size_t octets_len, std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    std::size_t& count = need(taken, "taken");
    auto& wire = wire_of(session);
    count = wire.feed(text(octets, octets_len, "octets"), instant_of(now));
  });
}

sendconn_status sendconn_smtp_client_next_event(sendconn_smtp_event* out, sendconn_smtp_client* session,
                                                sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    auto& wire = wire_of(session);
    session->event = wire.next_event();
    auto filled = sendconn_initialized<sendconn_smtp_event>();
    std::visit(Fill{filled}, session->event);
    slot.set(filled);
  });
}

sendconn_status sendconn_smtp_client_tls_started(sendconn_smtp_client* session, std::int64_t now,
                                                 sendconn_error** error) noexcept {
  return guard(error, [&] { session_at(session, now).tls_started(instant_of(now)); });
}

sendconn_status sendconn_smtp_client_begin(sendconn_smtp_client* session, const sendconn_smtp_envelope* envelope,
                                           std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    smtp::ClientSession& client = session_at(session, now);
    take(client.begin(envelope_of(envelope), instant_of(now)));
  });
}

sendconn_status sendconn_smtp_client_content(sendconn_smtp_client* session, const char* octets, std::size_t octets_len,
                                             std::int64_t now, sendconn_error** error) noexcept {
  return guard(error, [&] {
    smtp::ClientSession& client = session_at(session, now);
    client.content(text(octets, octets_len, "octets"), instant_of(now));
  });
}

sendconn_status sendconn_smtp_client_end_content(sendconn_smtp_client* session, std::int64_t now,
                                                 sendconn_error** error) noexcept {
  return guard(error, [&] { session_at(session, now).end_content(instant_of(now)); });
}

sendconn_status sendconn_smtp_client_quit(sendconn_smtp_client* session, std::int64_t now,
                                          sendconn_error** error) noexcept {
  return guard(error, [&] { session_at(session, now).quit(instant_of(now)); });
}

sendconn_status sendconn_smtp_client_input_closed(sendconn_smtp_client* session, sendconn_error** error) noexcept {
  return guard(error, [&] { wire_of(session).input_closed(); });
}

sendconn_status sendconn_smtp_client_output(const char** out, std::size_t* out_len, sendconn_smtp_client* session,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    need(out, "out");
    need(out_len, "out_len");
    capi::set(out, out_len, wire_of(session).output());
  });
}

void sendconn_smtp_client_consumed_output(sendconn_smtp_client* session, std::size_t count, std::int64_t now) noexcept {
  if (session != nullptr) session->wire->consumed_output(count, instant_of(now));
}

std::int64_t sendconn_smtp_client_next_deadline(const sendconn_smtp_client* session) noexcept {
  return session != nullptr ? deadline_of(session->wire->session().next_deadline()) : SENDCONN_NEVER;
}

sendconn_status sendconn_smtp_client_on_time(sendconn_smtp_client* session, std::int64_t now,
                                             sendconn_error** error) noexcept {
  return guard(error, [&] { session_at(session, now).on_time(instant_of(now)); });
}

std::int32_t sendconn_smtp_client_is_tls(const sendconn_smtp_client* session) noexcept {
  return session != nullptr && session->wire->session().tls() ? 1 : 0;
}
std::int32_t sendconn_smtp_client_is_peer_verified(const sendconn_smtp_client* session) noexcept {
  return guard_value<std::int32_t>(0, [&] { return need(session, "session").wire->is_peer_verified() ? 1 : 0; });
}
const char* sendconn_smtp_client_tls_protocol(const sendconn_smtp_client* session) noexcept {
  return session != nullptr ? session->wire->protocol() : nullptr;
}
std::int32_t sendconn_smtp_client_offers(const sendconn_smtp_client* session, const char* keyword,
                                         std::size_t keyword_len) noexcept {
  return guard_value<std::int32_t>(0, [&] {
    const auto& announced = need(session, "session").wire->session().capabilities();
    return offers(announced, text(keyword, keyword_len, "keyword")) ? 1 : 0;
  });
}
void sendconn_smtp_client_free(sendconn_smtp_client* session) noexcept { delete session; }
