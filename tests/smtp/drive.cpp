#include "tests/smtp/drive.hpp"

#include <cstdlib>
#include <iostream>

namespace sendconn::smtp::test {

const sasl::ScramVerifier& verifier() {
  static const sasl::ScramVerifier made =
      *sasl::ScramVerifier::from_password(password, "\x5b\x6d\x99\x68\x9d\x12\x35\x8e\xec\xa0\x4b\x14\x12\x36\xfa\x81");
  return made;
}

namespace {
template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

std::string path(const std::optional<Address>& address) { return address ? address->format() : "<>"; }
}  // namespace

std::string describe(const ServerEvent& event) {
  return std::visit(
      Overloaded{
          [](const NeedInput&) { return std::string("NeedInput"); },
          [](const Paused&) { return std::string("Paused"); },
          [](const StartTls&) { return std::string("StartTls"); },
          [](const Closed& e) { return std::string(e.orderly ? "Closed orderly " : "Closed ") + e.reason.summary(); },
          [](const Greeting&) { return std::string("Greeting"); },
          [](const Hello& e) { return (e.extended ? "Hello extended " : "Hello ") + std::string(e.name); },
          [](const Login& e) {
            return "Login " + std::string(e.user) + "/" + std::string(e.password) + " " +
                   std::string(format(e.mechanism));
          },
          [](const ScramLogin& e) { return "ScramLogin " + std::string(e.user); },
          [](const LoginDone& e) { return "LoginDone " + std::string(e.user) + (e.ok ? " ok" : " failed"); },
          [](const Mail& e) {
            std::string text = "Mail " + path(e.reverse_path);
            if (e.body == BodyType::eight_bit_mime) text += " 8BITMIME";
            if (e.smtputf8) text += " SMTPUTF8";
            if (e.size) text += " SIZE=" + std::to_string(*e.size);
            if (!e.auth.empty()) text += " AUTH=" + std::string(e.auth);
            return text;
          },
          [](const Rcpt& e) { return "Rcpt " + e.forward_path.format(); },
          [](const DataStart&) { return std::string("DataStart"); },
          [](const Content& e) { return "Content " + std::string(e.octets); },
          [](const MessageEnd& e) {
            return "MessageEnd " + std::to_string(e.octets) + (e.eight_bit ? " eight_bit" : "");
          },
          [](const Reset& e) { return "Reset " + e.reason.summary(); },
      },
      event);
}

std::string describe(const ClientEvent& event) {
  return std::visit(
      Overloaded{
          [](const NeedInput&) { return std::string("NeedInput"); },
          [](const StartTls&) { return std::string("StartTls"); },
          [](const Closed& e) { return std::string(e.orderly ? "Closed orderly " : "Closed ") + e.reason.summary(); },
          [](const Ready&) { return std::string("Ready"); },
          [](const SendContent&) { return std::string("SendContent"); },
          [](const RecipientReply& e) { return "RecipientReply " + std::to_string(e.index) + " " + e.reply.summary(); },
          [](const MessageDone& e) { return "MessageDone " + e.reply.summary(); },
          [](const Failed& e) {
            return std::string("Failed ") + (e.local ? "local " : "") + (e.sent_final_dot ? "dot " : "") +
                   e.reason.summary();
          },
      },
      event);
}

std::ostream& operator<<(std::ostream& out, const Record& record) {
  out << "\n";
  for (const std::string& event : record.events) out << "  " << event << "\n";
  return out << "  content: " << record.content << "\n  output: " << record.output;
}

// ── Server ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ServerDriver::ServerDriver(const ServerOptions& options) : session(options, start) {}

void ServerDriver::act(const ServerEvent& event) {
  const auto say = [&](std::uint16_t code, EnhancedCode enhanced, std::string text) {
    session.reply(Reply{code, enhanced, std::move(text)}, now);
  };
  const auto denied = [](std::string_view local, std::string_view word) { return local.starts_with(word); };
  std::visit(Overloaded{
                 [](const auto&) {},
                 [&](const StartTls&) {
                   handshake_ = true;
                   take_output();
                   session.tls_started(now);
                 },
                 [&](const Greeting&) { say(220, {}, "mx.example ESMTP"); },
                 [&](const Login& e) {
                   if (e.user == user && e.password == password) {
                     say(235, {2, 7, 0}, "in");
                   } else {
                     say(535, {5, 7, 8}, "not in");
                   }
                 },
                 [&](const ScramLogin&) { session.reply_verifier(verifier(), server_nonce, now); },
                 [&](const Mail& e) {
                   from_ = e.reverse_path ? e.reverse_path->local() : "";
                   if (denied(from_, "denied")) {
                     say(550, {5, 7, 1}, "sender denied");
                   } else {
                     say(250, {2, 1, 0}, "sender");
                   }
                 },
                 [&](const Rcpt& e) {
                   if (denied(e.forward_path.local(), "denied")) {
                     say(550, {5, 1, 1}, "recipient denied");
                   } else {
                     say(250, {2, 1, 5}, "recipient");
                   }
                 },
                 [&](const DataStart&) {
                   if (denied(from_, "nodata")) {
                     say(451, {4, 3, 0}, "not now");
                   } else {
                     say(354, {}, "go");
                   }
                 },
                 [&](const MessageEnd&) {
                   if (denied(from_, "nomessage")) {
                     say(550, {5, 7, 1}, "message denied");
                   } else {
                     say(250, {2, 0, 0}, "queued");
                   }
                 },
             },
             event);
}

void ServerDriver::take_events() {
  while (true) {
    const ServerEvent event = session.next_event();
    if (std::holds_alternative<NeedInput>(event)) return;
    if (std::holds_alternative<Paused>(event)) {
      if (answer && !handshake_) std::abort();  // nothing was left unanswered
      return;
    }
    if (const auto* content = std::get_if<Content>(&event)) {
      record.content += content->octets;
      if (record.events.empty() || record.events.back() != "Content") record.events.emplace_back("Content");
      continue;
    }
    record.events.push_back(describe(event));
    if (std::holds_alternative<Closed>(event)) {
      record.closed = true;
      return;
    }
    if (decide && decide(event)) continue;
    if (answer) act(event);
  }
}

void ServerDriver::take_output() {
  record.output += session.output();
  session.consumed_output(session.output().size());
}

void ServerDriver::feed(std::string_view input, const std::vector<std::size_t>& cuts) {
  if (!record.closed) take_events();
  std::size_t from = 0;
  handshake_ = false;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
    // A copy of its own, so that a view kept for too long is caught by the sanitizer.
    const std::string piece(input.substr(from, to - from));
    std::string_view rest = piece;
    from = to;
    while (!rest.empty() && !record.closed && !handshake_) {
      rest.remove_prefix(session.feed(rest, now));
      take_events();
      if (!answer && std::holds_alternative<Paused>(session.next_event())) break;
    }
  }
  take_output();
}

// ── Client ─────────────────────────────────────────────────────────────────────────────────────────────────────────

ClientDriver::ClientDriver(ClientOptions options) : session(std::move(options), start) {}

void ClientDriver::take_events() {
  while (!record.closed) {
    const ClientEvent event = session.next_event();
    if (std::holds_alternative<NeedInput>(event)) break;
    record.events.push_back(describe(event));
    if (std::holds_alternative<Closed>(event)) record.closed = true;
    if (act) act(event);
  }
  take_output();
}

void ClientDriver::take_output() {
  record.output += session.output();
  session.consumed_output(session.output().size());
}

void ClientDriver::feed(std::string_view input, const std::vector<std::size_t>& cuts) {
  take_events();
  std::size_t from = 0;
  for (std::size_t i = 0; i <= cuts.size(); ++i) {
    const std::size_t to = i < cuts.size() ? cuts[i] : input.size();
    const std::string piece(input.substr(from, to - from));
    std::string_view rest = piece;
    from = to;
    while (!rest.empty() && !record.closed) {
      rest.remove_prefix(session.feed(rest, now));
      take_events();
    }
  }
}

Address address(std::string_view text) { return *Address::parse(text); }

Envelope envelope(std::vector<std::string_view> recipients, std::string_view from) {
  Envelope out;
  if (!from.empty()) out.reverse_path = address(from);
  for (const std::string_view recipient : recipients) out.recipients.push_back(address(recipient));
  return out;
}

std::string lines(std::string_view text) {
  std::string out;
  while (true) {
    const std::size_t end = text.find('|');
    out += text.substr(0, end);
    out += "\r\n";
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

}  // namespace sendconn::smtp::test
