// send: one message over SMTP, by the library's Mailer.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include <sendconn/crypto.hpp>
#include <sendconn/mailer.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/message_file.hpp"
#include "tools/secret.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

constexpr std::uint16_t submission_port = 587;   // RFC 6409
constexpr std::uint16_t submissions_port = 465;  // RFC 8314
constexpr std::uint16_t smtp_port = 25;

struct SendInputs {
  std::string server = "localhost";
  std::string tls;
  std::string from;
  std::vector<std::string> to;
  std::string user;
  std::string password_file;
  std::string mechanism;
  std::string authorities_file;
  std::string hello_name;
  std::string subject;
  std::string text;
  std::string file;
  unsigned timeout = 60;
  bool no_verify = false;
  bool allow_plaintext = false;
  bool verbose = false;
};

std::string system_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

/// "host", "host:port", "[2001:db8::1]:port".
Result<void> read_server(const std::string& text, MailerOptions& server) {
  server.host = text;
  std::string port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t bracket = text.find(']');
    server.host = text.substr(1, bracket - 1);
    if (bracket != std::string::npos && bracket + 1 < text.size()) port = text.substr(bracket + 2);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string::npos && text.find(':', colon + 1) == std::string::npos) {
    server.host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) port = "?";
  }
  if (port.empty()) return {};
  unsigned long number = 0;
  if (port.find_first_not_of("0123456789") == std::string::npos && port.size() <= 5) number = std::stoul(port);
  if (number == 0 || number > 65535) {
    return Error{Errc::invalid_argument, "the server must be HOST, HOST:PORT or [IPV6]:PORT, got '" + text + "'"};
  }
  server.port = static_cast<std::uint16_t>(number);
  return {};
}

Result<MailerOptions> server_of(const SendInputs& in) {
  const std::map<std::string, smtp::TlsMode> modes{{"off", smtp::TlsMode::off},
                                                   {"opportunistic", smtp::TlsMode::opportunistic},
                                                   {"required", smtp::TlsMode::required},
                                                   {"implicit", smtp::TlsMode::implicit}};
  const std::map<std::string, sasl::Mechanism> mechanisms{{"plain", sasl::Mechanism::plain},
                                                          {"login", sasl::Mechanism::login},
                                                          {"scram-sha-256", sasl::Mechanism::scram_sha_256}};
  MailerOptions server;
  server.port = submission_port;
  if (auto read = read_server(in.server, server); !read) return std::move(read).error();
  if (!in.tls.empty()) {
    server.tls = modes.at(in.tls);
  } else if (server.port == submissions_port) {
    server.tls = smtp::TlsMode::implicit;
  } else {
    server.tls = server.port == smtp_port && in.user.empty() ? smtp::TlsMode::opportunistic : smtp::TlsMode::required;
  }
  server.cleartext_beyond_loopback = true;  // "--tls off" asks for it
  server.verify = !in.no_verify;
  server.authorities_file = in.authorities_file;
  server.hello_name = in.hello_name.empty() ? system_name() : in.hello_name;
  server.connect_timeout = server.command_timeout = server.data_timeout = server.message_timeout =
      std::chrono::seconds(in.timeout);
  server.send_timeout = MailerOptions::max_timeout;
  server.max_message_octets = 0;
  if (in.user.empty()) return server;
  auto password =
      in.password_file.empty() ? prompt_secret("Password of " + in.user, false) : read_secret(in.password_file);
  if (!password) return std::move(password).error();
  MailerLogin login;
  login.user = in.user;
  login.password = std::move(*password);
  login.without_tls = in.allow_plaintext;
  if (!in.mechanism.empty()) login.mechanisms = static_cast<std::uint8_t>(mechanisms.at(in.mechanism));
  server.login = std::move(login);
  return server;
}

Result<smtp::Envelope> envelope_of(const SendInputs& in) {
  smtp::Envelope envelope;
  if (in.from != "<>") {
    auto from = Address::parse(in.from);
    if (!from) return Error{Errc::invalid_argument, "'" + in.from + "' is no address: " + from.error().text};
    envelope.reverse_path = std::move(*from);
  }
  for (const std::string& text : in.to) {
    auto to = Address::parse(text);
    if (!to) return Error{Errc::invalid_argument, "'" + text + "' is no address: " + to.error().text};
    envelope.recipients.push_back(std::move(*to));
  }
  return envelope;
}

/// A small message of its own, if no file is given.
Result<std::string> compose(const SendInputs& in, const smtp::Envelope& envelope, const std::string& hello_name) {
  auto postmaster = Address::parse("postmaster@" + hello_name);
  if (!postmaster) postmaster = Address::parse("postmaster@localhost");
  mime::Message message;
  message.from.push_back({"", envelope.reverse_path ? *envelope.reverse_path : *postmaster});
  for (const Address& to : envelope.recipients) message.to.push_back({"", to});
  message.subject = in.subject;
  message.text = in.text;
  mime::ComposeOptions options;
  options.now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  options.random = crypto::random_octets(mime::min_random_octets);
  auto composed = mime::compose(message, options);
  if (!composed) return Error{Errc::invalid_argument, composed.error().text};
  return std::move(composed->octets);
}

json show_reply(const Reply& reply) {
  if (reply.code == 0) return {{"code", nullptr}, {"enhanced", reply.enhanced.format()}, {"text", reply.text}};
  return {{"code", reply.code}, {"enhanced", reply.enhanced.format()}, {"text", reply.text}};
}

/// A reply for people; a reason that no server gave has no code.
std::string said(const Reply& reply) { return reply.code == 0 ? reply.text : reply.summary(); }

/// How the report becomes an exit code: nothing but success is success, and one that may come later is told from
/// others.
void show_report(const MailReport& report, const std::string& host, Session& session) {
  json recipients = json::array();
  bool temporary = report.failed_at != MailStage::none || report.reply.temporary();
  std::string refusals;
  for (const RecipientReport& one : report.recipients) {
    recipients.push_back({{"address", one.recipient.format()}, {"reply", show_reply(one.reply)}});
    if (one.fate == MailFate::accepted) continue;
    temporary = one.fate == MailFate::temporary;
    if (one.reply != report.reply) {
      refusals += (refusals.empty() ? "" : "; ") + one.recipient.format() + ": " + said(one.reply);
    }
  }
  const json result{{"reply", show_reply(report.reply)}, {"recipients", recipients}, {"tls", report.tls}};
  if (session.json) session.print(result, nullptr);
  if (report.all_accepted()) {
    if (!session.json) session.out.line(host + " took it: " + harmless(report.reply.summary()));
    return;
  }
  session.exit_code = temporary ? exit_temporary : exit_failed;
  session.out.error(host + ": " + (refusals.empty() ? said(report.reply) : refusals));
}

void run_send(const SendInputs& in, Session& session) {
  auto server = server_of(in);
  if (!server) return session.fail(server.error());
  auto envelope = envelope_of(in);
  if (!envelope) return session.fail(envelope.error());
  auto message = in.file.empty() ? compose(in, *envelope, server->hello_name) : read_message(in.file);
  if (!message) return session.fail(message.error());
  auto mailer = Mailer::create(*server);
  if (server->login) crypto::wipe(server->login->password);
  if (!mailer) return session.fail(mailer.error());
  MailerCallbacks callbacks;
  if (in.verbose) {
    callbacks.on_trace = [](std::string_view text) { std::fprintf(stderr, "%s\n", harmless(text).c_str()); };
  }
  auto report = mailer->send_octets(*message, *envelope, callbacks);
  if (!report) return session.fail(report.error());
  if (report->failed_at != MailStage::none && report->reply.code == 0) {
    const bool temporary = report->recipients.front().fate == MailFate::temporary;
    return session.fail(temporary ? exit_temporary : exit_failed, temporary ? "temporary" : "failed",
                        report->reply.text);
  }
  show_report(*report, server->host, session);
}

}  // namespace

void add_send_command(CLI::App& program, Session& session) {
  auto in = std::make_shared<SendInputs>();
  CLI::App* command = add_command(
      program, "send", "Send one message over SMTP",
      "  sendconn send --server mail.example.org --user shop@acme --from a@example.org --to b@example.net message.eml\n"
      "  sendconn send --server 127.0.0.1:2587 --no-verify --user shop@acme --password-file p.txt --from a@example.org "
      "\\\n"
      "      --to b@example.net --subject Hello --text \"A test\"\n"
      "Without --tls: implicit for port 465, opportunistic for port 25 without a login, required otherwise.\n");
  command->add_option("--server", in->server, "HOST, HOST:PORT or [IPV6]:PORT; the port is 587 unless given")
      ->type_name("SERVER")
      ->capture_default_str();
  command->add_option("--tls", in->tls, "off, opportunistic, required (STARTTLS) or implicit")
      ->type_name("MODE")
      ->check(CLI::IsMember({"off", "opportunistic", "required", "implicit"}).description(""));
  command->add_flag("--no-verify", in->no_verify, "Take any certificate (for tests)");
  command->add_option("--ca", in->authorities_file, "Trust the authorities in this PEM file")->type_name("FILE");
  command->add_option("--from", in->from, "The reverse-path; <> for none")->type_name("ADDRESS")->required();
  command->add_option("--to", in->to, "A recipient (repeatable)")
      ->type_name("ADDRESS")
      ->required()
      ->allow_extra_args(false);
  auto* user = command->add_option("--user", in->user, "Log in; the password is asked for, or in --password-file");
  user->type_name("USER");
  command->add_option("--password-file", in->password_file, "Its first line is the password (-: standard input)")
      ->type_name("FILE")
      ->needs(user);
  command->add_option("--mechanism", in->mechanism, "plain, login or scram-sha-256; default: the strongest offered")
      ->type_name("NAME")
      ->needs(user)
      ->check(CLI::IsMember({"plain", "login", "scram-sha-256"}).description(""));
  command
      ->add_flag("--allow-plaintext", in->allow_plaintext, "Send the password without TLS, to a server on this machine")
      ->needs(user);
  command->add_option("--hello", in->hello_name, "The name in EHLO; default: the system's")->type_name("NAME");
  auto* file = command->add_option("file", in->file, "The message; -: standard input; without it one is made");
  file->type_name("");
  command->add_option("--subject", in->subject, "Of the message that is made")->type_name("TEXT")->excludes(file);
  command->add_option("--text", in->text, "Of the message that is made")->type_name("TEXT")->excludes(file);
  command->add_option("--timeout", in->timeout, "Seconds to connect, and for each reply")
      ->type_name("N")
      ->check(CLI::Range(1U, 3600U).description(""))
      ->capture_default_str();
  command->add_flag("-v,--verbose", in->verbose, "Tell on standard error what the server says");
  command->callback([in, &session] { run_send(*in, session); });
}

}  // namespace sendconn::tools
