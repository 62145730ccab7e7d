#include <cstdio>
#include <string>

#include "tests/capi/scenarios.hpp"

namespace sendconn::test {
namespace {

using Bytes = Handle<sendconn_bytes, sendconn_bytes_free>;
using Message = Handle<sendconn_message, sendconn_message_free>;

void write_messages(Trial& trial) {
  Message message;
  CALL(trial, sendconn_message_new, message.out());
  sendconn_message* const one = message.get();
  CALL(trial, sendconn_message_add_address, one, std::int32_t{SENDCONN_MESSAGE_FROM}, "Ada L\xc3\xb6we", SENDCONN_NUL,
       "ada@example.org", SENDCONN_NUL);
  CALL(trial, sendconn_message_add_address, one, std::int32_t{SENDCONN_MESSAGE_TO}, optional(""), std::size_t{0},
       "bob@example.net", SENDCONN_NUL);
  CALL(trial, sendconn_message_set_subject, one,
       "Gr\xc3\xbc\xc3\x9f"
       "e aus der Ferne",
       SENDCONN_NUL);
  CALL(trial, sendconn_message_set_text, one, "A text that is too long to stand inside of an object.\n", SENDCONN_NUL);
  CALL(trial, sendconn_message_set_html, one, "<p>A text that is too long to stand inside of it.</p>\n", SENDCONN_NUL);
  CALL(trial, sendconn_message_set_id, one, "an.id.that.is.long.enough@example.org", SENDCONN_NUL);
  CALL(trial, sendconn_message_add_field, one, "X-Campaign", SENDCONN_NUL, "spring", SENDCONN_NUL);
  sendconn_attachment attachment = SENDCONN_ATTACHMENT_INIT;
  attachment.content = "\x00\x01\x02";
  attachment.content_len = 3;
  attachment.file_name = "a file with a long name.bin";
  attachment.file_name_len = SENDCONN_NUL;
  const sendconn_attachment* const given = &attachment;
  CALL(trial, sendconn_message_attach, one, given);
  const std::string path = testing::TempDir() + "/capi-attachment.txt";
  std::FILE* const file = std::fopen(path.c_str(), "w");
  std::fputs("content", file);
  std::fclose(file);
  CALL(trial, sendconn_message_attach_file, one, path.c_str(), "text/plain", SENDCONN_NUL);
  const sendconn_message* const whole = one;
  Bytes bytes;
  CALL(trial, sendconn_message_compose, bytes.out(), whole, std::int64_t{1'795'359'770});
  const std::string octets = sendconn_bytes_data(bytes.get());
  EXPECT_NE(octets.find("Date: Sun, 22 Nov 2026 15:02:50 +0000\r\n"), std::string::npos);
  EXPECT_NE(octets.find("capi-attachment.txt"), std::string::npos);
  sendconn_message* fresh = nullptr;
  sendconn_message_new(&fresh, nullptr);
  GET(trial, sendconn_message_free, fresh);
}

std::int32_t go_on(void*) { return 0; }

/// To a port where nobody listens: the report says so.
void send_to_nobody(Trial& trial) {
  sendconn_mailer_options options = SENDCONN_MAILER_OPTIONS_INIT;
  options.host = "127.0.0.1";
  options.host_len = SENDCONN_NUL;
  options.port = 9;
  options.authorities_file = certificate_file().c_str();
  options.authorities_file_len = SENDCONN_NUL;
  options.hello_name = "client.example";
  options.hello_name_len = SENDCONN_NUL;
  options.user = "a user with a name that is too long to stand inside of an object";
  options.user_len = SENDCONN_NUL;
  options.password = "secret";
  options.password_len = SENDCONN_NUL;
  const sendconn_mailer_options* const given = &options;
  Handle<sendconn_mailer, sendconn_mailer_free> mailer;
  CALL(trial, sendconn_mailer_new, mailer.out(), given);
  Message message;
  sendconn_message_new(message.out(), nullptr);
  sendconn_message_add_address(message.get(), SENDCONN_MESSAGE_FROM, nullptr, 0, "ada@example.org", SENDCONN_NUL,
                               nullptr);
  sendconn_message_add_address(message.get(), SENDCONN_MESSAGE_TO, nullptr, 0, "bob@example.net", SENDCONN_NUL,
                               nullptr);
  sendconn_message_set_text(message.get(), "Hello", SENDCONN_NUL, nullptr);
  const sendconn_message* const what = message.get();
  sendconn_mailer_callbacks callbacks = SENDCONN_MAILER_CALLBACKS_INIT;
  callbacks.cancel = go_on;
  const sendconn_mailer_callbacks* const told = &callbacks;
  Handle<sendconn_mail_report, sendconn_mail_report_free> report;
  CALL(trial, sendconn_mailer_send, report.out(), mailer.get(), what, optional(told));
  const char* const recipients[] = {"bob.with.a.name.that.is.long@example.net"};
  sendconn_smtp_envelope envelope = SENDCONN_SMTP_ENVELOPE_INIT;
  envelope.reverse_path = "ada@example.org";
  envelope.reverse_path_len = SENDCONN_NUL;
  envelope.recipients = recipients;
  envelope.recipient_count = 1;
  const sendconn_smtp_envelope* const to = &envelope;
  CALL(trial, sendconn_mailer_send_octets, report.out(), mailer.get(), "From: ada@example.org\r\n\r\nHello\r\n",
       SENDCONN_NUL, to, optional(told));
  const sendconn_mail_report* const one = report.get();
  sendconn_mail_outcome outcome = SENDCONN_MAIL_OUTCOME_INIT;
  CALL(trial, sendconn_mail_report_get, &outcome, one);
  EXPECT_EQ(outcome.failed_at, SENDCONN_MAIL_STAGE_CONNECT);
  EXPECT_EQ(outcome.recipients, 1U);
  sendconn_mail_recipient recipient = SENDCONN_MAIL_RECIPIENT_INIT;
  CALL(trial, sendconn_mail_report_recipient, &recipient, one, std::size_t{0});
  EXPECT_EQ(recipient.fate, SENDCONN_MAIL_TEMPORARY);
  EXPECT_STREQ(recipient.address, recipients[0]);
  CALL_FOR(trial, SENDCONN_ERR_NOT_FOUND, sendconn_mail_report_recipient, &recipient, one, std::size_t{1});
  CALL(trial, sendconn_mailer_close, mailer.get());
  const sendconn_mailer* const by = mailer.get();
  EXPECT_EQ(GET(trial, sendconn_mailer_is_open, by), 0);
  sendconn_mail_report* fresh_report = nullptr;
  sendconn_mailer_send(&fresh_report, mailer.get(), what, nullptr, nullptr);
  GET(trial, sendconn_mail_report_free, fresh_report);
  sendconn_mailer* fresh = nullptr;
  sendconn_mailer_new(&fresh, &options, nullptr);
  GET(trial, sendconn_mailer_free, fresh);
}

}  // namespace

std::vector<NamedScenario> mailer_scenarios() {
  return {{"write_messages", write_messages}, {"send_to_nobody", send_to_nobody}};
}

}  // namespace sendconn::test
