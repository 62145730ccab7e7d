// The mailer, for applications that only send.
#include <sendconn/mailer.hpp>

#include "capi/bytes.hpp"
#include "capi/dkim_sign.hpp"
#include "capi/outgoing.hpp"
#include "capi/smtp.hpp"
#include "capi/structs.hpp"
#include "capi/uncancelled.hpp"
#include "capi/words.hpp"

using namespace sendconn;
using namespace sendconn::capi;

struct sendconn_mailer {
  Mailer mailer;
};

struct sendconn_mail_report {
  MailReport report;
  std::vector<std::string> addresses;  ///< of the recipients, as text
};

namespace {

static_assert(static_cast<int>(MailFate::permanent) == SENDCONN_MAIL_PERMANENT);
static_assert(static_cast<int>(MailStage::cancelled) == SENDCONN_MAIL_STAGE_CANCELLED);

MailerOptions options_of(const sendconn_mailer_options& given) {
  MailerOptions options;
  options.host = text(given.host, given.host_len, "host");
  options.port = given.port;
  options.tls = tls_mode_of(given.tls_mode);
  options.cleartext_beyond_loopback = given.cleartext_beyond_loopback != 0;
  options.verify = given.no_verify == 0;
  options.authorities_file = text(given.authorities_file, given.authorities_file_len, "authorities_file");
  const std::string_view user = text(given.user, given.user_len, "user");
  const std::string_view password = text(given.password, given.password_len, "password");
  const std::uint8_t mechanisms = mechanisms_of(given.mechanisms);
  if (!user.empty()) {
    options.login = MailerLogin{std::string(user), std::string(password)};
    if (mechanisms != 0) options.login->mechanisms = mechanisms;
    options.login->without_tls = given.login_without_tls != 0;
  }
  options.hello_name = text(given.hello_name, given.hello_name_len, "hello_name");
  options.dns_servers = words(text(given.dns_servers, given.dns_servers_len, "dns_servers"));
  for_each_struct(given.signatures, given.signature_count, "signatures", [&](const sendconn_dkim_signature& signature) {
    options.signatures.push_back(signature_of(signature));
  });
  options.keep_open = std::chrono::seconds(given.keep_open);
  if (given.max_messages != 0) options.max_messages = given.max_messages;
  options.connect_timeout = timeout_of(given.connect_timeout, options.connect_timeout);
  options.command_timeout = timeout_of(given.command_timeout, options.command_timeout);
  options.data_timeout = timeout_of(given.data_timeout, options.data_timeout);
  options.message_timeout = timeout_of(given.message_timeout, options.message_timeout);
  options.send_timeout = timeout_of(given.send_timeout, options.send_timeout);
  if (given.max_message_octets != 0)
    options.max_message_octets = given.max_message_octets != UINT64_MAX ? given.max_message_octets : 0;
  if (given.max_recipients != 0) options.max_recipients = given.max_recipients;
  return options;
}

/// Calls the caller's, whose exceptions come out as what they are here.
template <class Call>
auto call_back(Call call) {
  try {
    return call();
  } catch (...) {
    refuse(SENDCONN_ERR_CALLBACK, "a callback of the mailer threw");
  }
}

MailerCallbacks callbacks_of(const sendconn_mailer_callbacks* callbacks) {
  const auto given = read_or_default(callbacks, "callbacks");
  MailerCallbacks result;
  void* const userdata = given.userdata;
  if (given.progress != nullptr)
    result.on_progress = [fn = given.progress, userdata](std::uint64_t sent, std::uint64_t total) {
      call_back([&] { fn(sent, total, userdata); });
    };
  if (given.cancel != nullptr)
    result.is_cancelled = [fn = given.cancel, userdata] { return call_back([&] { return fn(userdata) != 0; }); };
  if (given.log != nullptr)
    result.on_trace = [fn = given.log, userdata](std::string_view line) {
      const std::string terminated(line);
      call_back([&] { fn(6, terminated.c_str(), terminated.size(), userdata); });
    };
  return result;
}

std::unique_ptr<sendconn_mail_report> make_report(MailReport report) {
  auto handle = std::make_unique<sendconn_mail_report>();
  for (const RecipientReport& recipient : report.recipients) handle->addresses.push_back(recipient.recipient.format());
  handle->report = std::move(report);
  return handle;
}

}  // namespace

sendconn_status sendconn_mailer_new(sendconn_mailer** out, const sendconn_mailer_options* options,
                                    sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    MailerOptions mailer = options_of(read(options, "options"));
    slot.set(std::unique_ptr<sendconn_mailer>(new sendconn_mailer{take(Mailer::create(std::move(mailer)))}));
  });
}

sendconn_status sendconn_mailer_send(sendconn_mail_report** out, sendconn_mailer* mailer,
                                     const sendconn_message* message, const sendconn_mailer_callbacks* callbacks,
                                     sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    Mailer& by = need(mailer, "mailer").mailer;
    const mime::Message& what = need(message, "message").message;
    const MailerCallbacks told = callbacks_of(callbacks);
    slot.set(make_report(take(by.send(what, told))));
  });
}

sendconn_status sendconn_mailer_send_octets(sendconn_mail_report** out, sendconn_mailer* mailer, const char* message,
                                            std::size_t message_len, const sendconn_smtp_envelope* envelope,
                                            const sendconn_mailer_callbacks* callbacks,
                                            sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    Mailer& by = need(mailer, "mailer").mailer;
    const std::string_view octets = text(message, message_len, "message");
    const smtp::Envelope to = envelope_of(envelope);
    const MailerCallbacks told = callbacks_of(callbacks);
    slot.set(make_report(take(by.send_octets(octets, to, told))));
  });
}

sendconn_status sendconn_mailer_close(sendconn_mailer* mailer, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Mailer& what = need(mailer, "mailer").mailer;
    what.close();
  });
}

std::int32_t sendconn_mailer_is_open(const sendconn_mailer* mailer) noexcept {
  return mailer != nullptr && mailer->mailer.is_open() ? 1 : 0;
}

void sendconn_mailer_free(sendconn_mailer* mailer) noexcept {
  const Uncancelled uncancelled;
  delete mailer;
}

sendconn_status sendconn_mail_report_get(sendconn_mail_outcome* out, const sendconn_mail_report* report,
                                         sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const MailReport& from = need(report, "report").report;
    auto filled = sendconn_initialized<sendconn_mail_outcome>();
    set_reply(filled, from.reply);
    capi::set(&filled.message_id, &filled.message_id_len, from.message_id);
    capi::set(&filled.tls, &filled.tls_len, from.tls);
    filled.recipients = from.recipients.size();
    filled.all_accepted = from.all_accepted() ? 1 : 0;
    filled.failed_at = static_cast<std::int32_t>(from.failed_at);
    filled.may_have_arrived = from.may_have_arrived ? 1 : 0;
    slot.set(filled);
  });
}

sendconn_status sendconn_mail_report_recipient(sendconn_mail_recipient* out, const sendconn_mail_report* report,
                                               std::size_t index, sendconn_error** error) noexcept {
  return guard(error, [&] {
    OutStruct slot(out, "out");
    const sendconn_mail_report& from = need(report, "report");
    if (index >= from.addresses.size()) refuse(SENDCONN_ERR_NOT_FOUND, "the report has no recipient of this index");
    const RecipientReport& recipient = from.report.recipients[index];
    auto filled = sendconn_initialized<sendconn_mail_recipient>();
    capi::set(&filled.address, &filled.address_len, from.addresses[index]);
    set_reply(filled, recipient.reply);
    filled.fate = static_cast<std::int32_t>(recipient.fate);
    slot.set(filled);
  });
}

void sendconn_mail_report_free(sendconn_mail_report* report) noexcept { delete report; }
