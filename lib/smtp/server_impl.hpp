// The state of a ServerSession, and what its parts do: commands and logins are carried out in server_commands.cpp, the
// message, the driver's answers and the public face are in server_session.cpp.
//
// What may be said when stands in command_table.hpp, what is answered in replies.hpp, how arguments read in
// grammar.hpp, how a message ends in content_reader.hpp, how a login runs in login_exchange.hpp. Here they are joined:
// input goes to whoever reads at the moment, and at most one event is open (Hello may follow a Reset).
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include <sendconn/smtp.hpp>

#include "lib/base/hidden.hpp"
#include "lib/smtp/command_table.hpp"
#include "lib/smtp/content_reader.hpp"
#include "lib/smtp/line_reader.hpp"
#include "lib/smtp/login_exchange.hpp"
#include "lib/smtp/output_buffer.hpp"
#include "lib/smtp/replies.hpp"

namespace sendconn::smtp {

struct SENDCONN_HIDDEN ServerSession::Impl {
  /// Who reads the input.
  enum class Reading : std::uint8_t { commands, login, message, handshake, nothing };
  enum class Decision : std::uint8_t { none, greeting, login, verifier, mail, rcpt, data, message };

  Impl(const ServerOptions& o, Instant now);

  const ServerOptions* options;
  Reading reading = Reading::commands;
  Phase phase = Phase::fresh;
  Decision decision;
  bool tls = false;
  bool authenticated = false;
  bool trusted_login = false;
  bool trusted_tls = false;
  bool extended = false;
  bool smtputf8 = false;     ///< of the present transaction
  bool transaction = false;  ///< the driver answered MAIL positively, and knows of no end yet
  bool hello_due = false;    ///< Hello follows the event that is open
  bool input_ended = false;
  bool orderly = false;
  std::uint32_t auth_failures = 0;
  std::uint32_t errors = 0;
  std::uint32_t idle_commands = 0;
  std::uint32_t progress = 0;  ///< octets of the message since the deadline was set
  std::size_t recipients = 0;
  ServerEvent event;  ///< NeedInput: none
  ContentReader content;
  ContentReader::Fault fault = ContentReader::Fault::none;
  LineReader lines;
  OutputBuffer output;
  std::string hello_name;
  std::string mail_auth;
  std::unique_ptr<LoginExchange> login;
  std::unique_ptr<Reply> farewell;  ///< said when the message under way has been answered
  Reply last;
  Instant deadline;

  [[nodiscard]] bool has_event() const noexcept { return event.index() != 0 || hello_due; }
  void expect(Instant now, std::chrono::seconds timeout) { deadline = now + timeout; }
  void say(const Reply& reply) { reply.append_to(output.end()); }
  void say(const CannedReply& canned, std::string_view detail = {}) { say(make_reply(canned, detail)); }
  void say_ok() { output.end() += "250 2.0.0 OK\r\n"; }
  [[nodiscard]] bool needs_tls() const noexcept { return options->require_tls && !tls && !trusted_tls; }
  [[nodiscard]] bool needs_login() const noexcept { return options->require_auth && !authenticated && !trusted_login; }

  // ── Output and ends ──

  void say_challenge(std::string_view challenge);
  /// The end of a transaction that brought no message.
  void drop_transaction(Reply reason);
  void close(Reply reason, bool is_orderly = false);
  /// What is open and not yet told is told no more, but that a transaction ended must be.
  void drop_event();
  void say_and_close(Reply reply);
  void refuse(const CannedReply& canned, std::string_view detail = {});

  // ── Commands ──

  std::size_t feed_line(std::string_view input, Instant now);
  void execute(std::string_view line);
  void carry_out(Verb verb, std::string_view argument);
  void decide(Decision what, ServerEvent&& about);
  void hello(std::string_view argument, bool is_extended);
  [[nodiscard]] std::string capabilities() const;
  void start_tls();
  void mail(std::string_view argument);
  void rcpt(std::string_view argument);

  // ── AUTH ──

  void auth(std::string_view argument);
  void respond(std::string_view line);
  void proceed(LoginExchange::Next next);
  /// An exchange that came to no good end. The driver hears of it if it was asked for a verifier.
  void end_login(const CannedReply* refusal);
  void count_auth_failure();

  // ── The message ──

  std::size_t feed_message(std::string_view input, Instant now);
  void end_message(Instant now);
  /// The message has been answered.
  void finish_message();
  [[nodiscard]] Reply fault_reply() const;

  // ── Answers ──

  void answer(const Reply& reply, Instant now);
  void answer_login(Decision about, const Reply& reply);
};

}  // namespace sendconn::smtp
