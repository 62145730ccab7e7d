// send, dig and completion: commands that need no relay.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>

#include <sendconn/crypto.hpp>
#include <sendconn/message.hpp>
#include <sendconn/resolver.hpp>

#include "tools/command.hpp"
#include "tools/commands.hpp"
#include "tools/completion.hpp"
#include "tools/mail_client.hpp"
#include "tools/message_file.hpp"
#include "tools/secret.hpp"
#include "tools/show.hpp"

namespace sendconn::tools {
namespace {

using nlohmann::json;

// ── send ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

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
Result<void> read_server(const std::string& text, MailServer& server) {
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

Result<MailServer> server_of(const SendInputs& in) {
  const std::map<std::string, smtp::TlsMode> modes{{"off", smtp::TlsMode::off},
                                                   {"opportunistic", smtp::TlsMode::opportunistic},
                                                   {"required", smtp::TlsMode::required},
                                                   {"implicit", smtp::TlsMode::implicit}};
  const std::map<std::string, sasl::Mechanism> mechanisms{{"plain", sasl::Mechanism::plain},
                                                          {"login", sasl::Mechanism::login},
                                                          {"scram-sha-256", sasl::Mechanism::scram_sha_256}};
  MailServer server;
  server.port = submission_port;
  if (auto read = read_server(in.server, server); !read) return std::move(read).error();
  if (!in.tls.empty()) {
    server.tls = modes.at(in.tls);
  } else if (server.port == submissions_port) {
    server.tls = smtp::TlsMode::implicit;
  } else {
    server.tls = server.port == smtp_port && in.user.empty() ? smtp::TlsMode::opportunistic : smtp::TlsMode::required;
  }
  server.verify = !in.no_verify;
  server.authorities_file = in.authorities_file;
  server.hello_name = in.hello_name.empty() ? system_name() : in.hello_name;
  server.timeout = std::chrono::seconds(in.timeout);
  if (in.user.empty()) return server;
  auto password =
      in.password_file.empty() ? prompt_secret("Password of " + in.user, false) : read_secret(in.password_file);
  if (!password) return std::move(password).error();
  smtp::Credentials credentials;
  credentials.user = in.user;
  credentials.password = std::move(*password);
  credentials.allow_plaintext = in.allow_plaintext;
  if (!in.mechanism.empty()) credentials.mechanisms = static_cast<std::uint8_t>(mechanisms.at(in.mechanism));
  server.credentials = std::move(credentials);
  return server;
}

Result<smtp::Envelope> envelope_of(const SendInputs& in, std::string_view message) {
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
  const auto is_8bit = [](char c) { return (static_cast<unsigned char>(c) & 0x80U) != 0; };
  const std::size_t body = message.find("\r\n\r\n");
  const std::string_view header = message.substr(0, body);
  envelope.smtputf8 = std::any_of(header.begin(), header.end(), is_8bit) ||
                      (envelope.reverse_path && envelope.reverse_path->needs_smtputf8()) ||
                      std::any_of(envelope.recipients.begin(), envelope.recipients.end(),
                                  [](const Address& one) { return one.needs_smtputf8(); });
  if (std::any_of(message.begin(), message.end(), is_8bit)) envelope.body = smtp::BodyType::eight_bit_mime;
  envelope.octets = message.size();
  return envelope;
}

/// A small message of its own, if no file is given.
std::string compose(const SendInputs& in, const std::string& hello_name) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string id = crypto::random_octets(16);
  for (char& c : id) c = digits[static_cast<unsigned char>(c) & 15U];
  std::string to;
  for (const std::string& one : in.to) to += (to.empty() ? "" : ",\r\n ") + one;
  std::string header = "From: " + (in.from == "<>" ? "postmaster@" + hello_name : in.from) + "\r\nTo: " + to +
                       "\r\nSubject: " + in.subject + "\r\nDate: " +
                       mail::format_date(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())) +
                       "\r\nMessage-ID: <" + id + "@" + hello_name + ">\r\nMIME-Version: 1.0\r\n" +
                       "Content-Type: text/plain; charset=utf-8\r\n";
  return header + "\r\n" + to_crlf(in.text) + "\r\n";
}

json show_reply(const Reply& reply) {
  if (reply.code == 0) return {{"code", nullptr}, {"enhanced", reply.enhanced.format()}, {"text", reply.text}};
  return {{"code", reply.code}, {"enhanced", reply.enhanced.format()}, {"text", reply.text}};
}

void run_send(const SendInputs& in, Session& session) {
  if (in.subject.find_first_of("\r\n") != std::string::npos) {
    return session.fail({Errc::invalid_argument, "the subject must be one line"});
  }
  auto server = server_of(in);
  if (!server) return session.fail(server.error());
  auto message = in.file.empty() ? Result<std::string>(compose(in, server->hello_name)) : read_message(in.file);
  if (!message) return session.fail(message.error());
  auto envelope = envelope_of(in, *message);
  if (!envelope) return session.fail(envelope.error());
  OnProgress progress;
  if (in.verbose) progress = [](std::string_view text) { std::fprintf(stderr, "%s\n", harmless(text).c_str()); };
  auto delivery = deliver(*server, *envelope, *message, progress);
  if (server->credentials) crypto::wipe(server->credentials->password);
  if (!delivery && delivery.error().code == Errc::io)
    return session.fail(exit_temporary, "temporary", delivery.error().text);
  if (!delivery) return session.fail(delivery.error());  // no certificate mends itself

  json recipients = json::array();
  bool all_good = delivery->reply.positive();
  bool temporary = delivery->reply.temporary();
  std::string refusals;
  for (std::size_t i = 0; i < envelope->recipients.size(); ++i) {
    const bool own = delivery->recipients[i].code != 0;
    const Reply& reply = own ? delivery->recipients[i] : delivery->reply;
    recipients.push_back({{"address", envelope->recipients[i].format()}, {"reply", show_reply(reply)}});
    if (own && !reply.positive()) {
      all_good = false;
      temporary = reply.temporary();
      refusals += (refusals.empty() ? "" : "; ") + envelope->recipients[i].format() + ": " + reply.summary();
    }
  }
  const json result{{"reply", show_reply(delivery->reply)}, {"recipients", recipients}, {"tls", delivery->protocol}};
  if (session.json) session.print(result, nullptr);
  if (all_good) {
    if (!session.json) session.out.line(server->host + " took it: " + harmless(delivery->reply.summary()));
    return;
  }
  session.exit_code = temporary ? exit_temporary : exit_failed;
  session.out.error(server->host + ": " + (refusals.empty() ? delivery->reply.summary() : refusals));
}

// ── dig ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

struct DigInputs {
  std::string name;
  std::string type = "TXT";
  std::string zone;
  std::vector<std::string> servers;
  bool system = false;
};

Result<dns::Answer> look_up(const DigInputs& in, const dns::Question& question) {
  if (in.zone.empty()) {
    io::CaresOptions options;
    options.servers = in.servers;
    auto answers = io::resolve_blocking(options, {question});
    if (!answers) return std::move(answers).error();
    return answers->front();
  }
  auto zone = io::open_zone_resolver(in.zone);
  if (!zone) return std::move(zone).error();
  dns::Answer answer;
  (*zone)->resolve(question, [&answer](const dns::Answer& found) { answer = found; });
  return answer;
}

/// The same form as the relay's answer to "dig".
json show_answer(const dns::Question& question, const dns::Answer& answer) {
  json records = json::array();
  for (const dns::Record& record : answer.records) {
    if (question.type == dns::RecordType::a || question.type == dns::RecordType::aaaa) {
      records.push_back(record.address.format());
    } else if (question.type == dns::RecordType::mx) {
      records.push_back(std::to_string(record.preference) + " " + record.text + ".");
    } else {
      records.push_back(record.text);
    }
  }
  return {{"name", question.name},
          {"type", dns::format(question.type)},
          {"status", dns::format(answer.status)},
          {"temporary", dns::is_temporary(answer.status)},
          {"records", records},
          {"ttl", answer.ttl.count()},
          {"authenticated", answer.authenticated},
          {"aliases", answer.aliases}};
}

void run_dig(const DigInputs& in, Session& session) {
  std::optional<json> result;
  if (in.zone.empty() && in.servers.empty() && !in.system) {
    result = session.ask("dig", {{"name", in.name}, {"type", in.type}}, show::dns_answer);
    if (!result) return;
  } else {
    auto type = dns::parse_record_type(in.type);
    if (!type) return session.fail(type.error());
    const dns::Question question{in.name, *type};
    auto answer = look_up(in, question);
    if (!answer) return session.fail(answer.error());
    result = show_answer(question, *answer);
    session.print(*result, show::dns_answer);
  }
  if (result->value("temporary", false)) {
    session.exit_code = exit_temporary;
  } else if (result->value("records", json::array()).empty()) {
    session.exit_code = exit_not_found;
  }
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
  command->add_flag("--allow-plaintext", in->allow_plaintext, "Send the password without TLS (for loopback)")
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

void add_dig_command(CLI::App& program, Session& session) {
  auto in = std::make_shared<DigInputs>();
  CLI::App* command = add_command(program, "dig", "Look a name up in the DNS as the relay sees it",
                                  "  sendconn dig _sendconn-challenge.example.org\n"
                                  "  sendconn dig example.org MX --dns-server 192.0.2.53\n"
                                  "  sendconn dig s1._domainkey.example.org --zone test.zone\n"
                                  "The exit code is 3 if there is no such record, 4 if the DNS did not answer.\n");
  command->add_option("name", in->name, "The name")->type_name("")->required();
  command->add_option("type", in->type, "A, AAAA, MX, TXT, CNAME, PTR, NS or TLSA")
      ->type_name("")
      ->capture_default_str();
  auto* zone = command->add_option("--zone", in->zone, "Ask this zone file")->type_name("FILE");
  auto* servers =
      command->add_option("--dns-server", in->servers, "Ask this resolver: ADDRESS or ADDRESS:PORT (repeatable)");
  servers->type_name("ADDRESS")->allow_extra_args(false)->excludes(zone);
  command->add_flag("--system", in->system, "Ask the system's resolvers")->excludes(zone)->excludes(servers);
  command->callback([in, &session] { run_dig(*in, session); });
}

void add_completion_command(CLI::App& program, Session& session) {
  CLI::App* command = add_command(program, "completion", "Print the completion script for bash",
                                  "  source <(sendconn completion)\n"
                                  "  sendconn completion > /etc/bash_completion.d/sendconn\n");
  command->callback([&program, &session] { session.out.line(bash_completion(program)); });
}

}  // namespace sendconn::tools
