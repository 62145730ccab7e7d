// ServerSession: the server's side of RFC 5321. What may be said when stands in command_table.hpp, what is answered in
// replies.hpp, how arguments read in grammar.hpp, how a message ends in content_reader.hpp, how a login runs in
// login_exchange.hpp. This file joins them: input goes to whoever reads at the moment, and at most one event is open.
#include <sendconn/crypto.hpp>
#include <sendconn/smtp.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/smtp/command_table.hpp"
#include "lib/smtp/content_reader.hpp"
#include "lib/smtp/grammar.hpp"
#include "lib/smtp/line_reader.hpp"
#include "lib/smtp/login_exchange.hpp"
#include "lib/smtp/output_buffer.hpp"

namespace sendconn::smtp {

struct ServerSession::Impl {
  /// Who reads the input.
  enum class Reading : std::uint8_t { commands, login, message, handshake, nothing };
  enum class Decision : std::uint8_t { none, greeting, login, verifier, mail, rcpt, data, message };

  Impl(const ServerOptions& o, Instant now) : options(&o), decision(Decision::greeting), event(Greeting{}) {
    expect(now, o.command_timeout);
  }

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

  // ── Output and ends ──

  [[nodiscard]] bool has_event() const noexcept { return event.index() != 0 || hello_due; }
  void expect(Instant now, std::chrono::seconds timeout) { deadline = now + timeout; }

  void say(const Reply& reply) { reply.append_to(output.end()); }
  void say(const CannedReply& canned, std::string_view detail = {}) { say(make_reply(canned, detail)); }
  void say_ok() { output.end() += "250 2.0.0 OK\r\n"; }
  void say_challenge(std::string_view challenge) {
    output.end() += "334 ";
    output.end() += base64::encode(challenge);
    output.end() += "\r\n";
  }

  /// The end of a transaction that brought no message.
  void drop_transaction(Reply reason) {
    phase = phase == Phase::fresh ? Phase::fresh : Phase::ready;
    recipients = 0;
    if (!transaction) return;
    transaction = false;
    event = Reset{std::move(reason)};
  }

  void close(Reply reason, bool is_orderly = false) {
    drop_transaction(reason);
    last = std::move(reason);
    orderly = is_orderly;
    reading = Reading::nothing;
    decision = Decision::none;
    hello_due = false;
    login.reset();
    lines.release();
  }

  /// What is open and not yet told is told no more, but that a transaction ended must be.
  void drop_event() {
    if (!std::holds_alternative<Reset>(event)) event = NeedInput{};
  }

  void say_and_close(Reply reply) {
    say(reply);
    close(std::move(reply));
  }

  void refuse(const CannedReply& canned, std::string_view detail = {}) {
    Reply reply = make_reply(canned, detail);
    if (canned.code == 421) return say_and_close(std::move(reply));
    say(reply);
    if (canned.code >= 500 && ++errors >= options->max_errors) say_and_close(make_reply(replies::too_many_errors));
  }

  // ── Commands ──

  [[nodiscard]] bool needs_tls() const noexcept { return options->require_tls && !tls && !trusted_tls; }
  [[nodiscard]] bool needs_login() const noexcept { return options->require_auth && !authenticated && !trusted_login; }

  std::size_t feed_line(std::string_view input, Instant now) {
    const bool responding = reading == Reading::login;
    const std::size_t limit = responding ? options->max_auth_octets : options->max_command_octets;
    const LineReader::Taken taken = lines.take(input, limit);
    switch (taken.status) {
      case LineReader::Status::partial:
        return taken.used;
      case LineReader::Status::complete:
        if (responding) {
          respond(taken.line);
        } else {
          execute(taken.line);
        }
        break;
      case LineReader::Status::bare_newline:
        lines.skip_to_crlf();
        end_login(nullptr);
        refuse(replies::bare_newline_in_command);
        break;
      case LineReader::Status::too_long:
        end_login(nullptr);
        refuse(responding ? replies::auth_too_long : replies::line_too_long, std::to_string(limit));
        break;
    }
    lines.release();
    expect(now, options->command_timeout);
    // What follows STARTTLS in the clear may come from somebody else: the transition purges it (RFC 3207 section 4.2).
    const bool purged = reading == Reading::handshake || reading == Reading::nothing;
    return purged ? input.size() : taken.used;
  }

  void execute(std::string_view line) {
    if (has_control(line)) return refuse(replies::control_in_command);
    const CommandLine command = split_command(line);
    const CommandRule* rule = find_rule(command.name);
    if (rule == nullptr) return refuse(replies::unknown_command);
    if (rule->idle && ++idle_commands > options->max_idle_commands) {
      return refuse(replies::too_many_idle_commands);
    }
    if (!rule->takes_argument && !command.argument.empty()) return refuse(replies::takes_no_argument);
    if (rule->verb == Verb::auth && options->mechanisms == 0) return refuse(replies::not_implemented);
    if (rule->gate != Gate::none && needs_tls()) {
      return refuse(rule->verb == Verb::auth ? replies::tls_required_for_auth : replies::tls_required);
    }
    if (rule->gate == Gate::login && needs_login()) return refuse(replies::auth_required);
    const CannedReply* refusal = rule->refusals[static_cast<std::size_t>(phase)];
    if (refusal != nullptr) return refuse(*refusal);
    carry_out(rule->verb, command.argument);
  }

  void carry_out(Verb verb, std::string_view argument) {
    switch (verb) {
      case Verb::mail:
        return mail(argument);
      case Verb::rcpt:
        return rcpt(argument);
      case Verb::data:
        return decide(Decision::data, DataStart{});
      case Verb::ehlo:
        return hello(argument, true);
      case Verb::helo:
        return hello(argument, false);
      case Verb::starttls:
        return start_tls();
      case Verb::auth:
        return auth(argument);
      case Verb::rset:
        say(replies::reset);
        return drop_transaction(make_reply(replies::reset));
      case Verb::noop:
        return say_ok();
      case Verb::quit:
        say(replies::goodbye);
        return close(make_reply(replies::goodbye), true);
      case Verb::vrfy:
        return argument.empty() ? refuse(replies::needs_argument) : say(replies::cannot_verify);
      case Verb::help:
        return say(replies::help);
      case Verb::unimplemented:
      case Verb::http:
      case Verb::unknown:
        return;  // the table refuses them in every phase
    }
  }

  void decide(Decision what, ServerEvent&& about) {
    decision = what;
    event = std::move(about);
  }

  void hello(std::string_view argument, bool is_extended) {
    const std::optional<std::string_view> name = parse_hello(argument);
    if (!name) return refuse(replies::bad_hello);
    hello_name = *name;
    extended = is_extended;
    phase = Phase::ready;
    Reply reply = is_extended ? Reply{250, {}, capabilities()} : Reply{250, {}, options->hostname};
    say(reply);
    drop_transaction(std::move(reply));
    hello_due = true;
  }

  [[nodiscard]] std::string capabilities() const {
    std::string text = options->hostname + "\nPIPELINING\nSIZE";
    if (options->max_message_octets != 0) text += " " + std::to_string(options->max_message_octets);
    text += "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES";
    if (options->offer_starttls && !tls) text += "\nSTARTTLS";
    if (options->mechanisms != 0 && !needs_tls()) {
      text += "\nAUTH";
      for (const auto mechanism : {sasl::Mechanism::scram_sha_256, sasl::Mechanism::plain, sasl::Mechanism::login}) {
        if ((options->mechanisms & static_cast<unsigned>(mechanism)) != 0) text.append(" ").append(format(mechanism));
      }
    }
    text += "\nHELP";
    return text;
  }

  void start_tls() {
    if (tls) return refuse(replies::tls_active);
    if (!options->offer_starttls) return refuse(replies::not_implemented);
    say(replies::go_ahead_with_tls);
    reading = Reading::handshake;
    event = StartTls{};
  }

  void mail(std::string_view argument) {
    MailArguments arguments;
    if (const Refusal refusal = parse_mail(argument, extended, arguments))
      return refuse(*refusal.reply, refusal.detail);
    if (options->max_message_octets != 0 && arguments.size.value_or(0) > options->max_message_octets) {
      return refuse(replies::too_large, std::to_string(options->max_message_octets));
    }
    smtputf8 = arguments.smtputf8;
    mail_auth = std::move(arguments.auth);
    decide(Decision::mail,
           Mail{std::move(arguments.reverse_path), arguments.body, arguments.smtputf8, arguments.size, mail_auth});
  }

  void rcpt(std::string_view argument) {
    if (recipients >= options->max_recipients) {
      return refuse(replies::too_many_recipients, std::to_string(options->max_recipients));
    }
    std::optional<Address> path;
    if (const Refusal refusal = parse_rcpt(argument, extended, smtputf8, path)) {
      return refuse(*refusal.reply, refusal.detail);
    }
    decide(Decision::rcpt, Rcpt{*std::move(path)});
  }

  // ── AUTH ──

  void auth(std::string_view argument) {
    if (authenticated) return refuse(replies::auth_twice);
    if (!extended) return refuse(replies::auth_needs_ehlo);
    if (argument.empty()) return refuse(replies::needs_argument);
    const CommandLine words = split_command(argument);
    const std::optional<sasl::Mechanism> mechanism = sasl::parse_mechanism(words.name);
    if (!mechanism || (options->mechanisms & static_cast<unsigned>(*mechanism)) == 0) {
      return refuse(replies::unknown_mechanism);
    }
    login = std::make_unique<LoginExchange>(*mechanism);
    reading = Reading::login;
    if (words.argument.empty()) return proceed(login->begin());
    respond(words.argument);
  }

  void respond(std::string_view line) {
    if (line == "*") return end_login(&replies::auth_cancelled);
    if (line == "=") line = {};  // an initial response without octets (RFC 4954 section 4)
    Result<std::string> response = base64::decode(line);
    if (!response) return end_login(&replies::auth_bad_base64);
    proceed(login->take(*response));
    crypto::wipe(*response);
  }

  void proceed(LoginExchange::Next next) {
    switch (next) {
      case LoginExchange::Next::send_challenge:
        return say_challenge(login->challenge());
      case LoginExchange::Next::check_password:
        return decide(Decision::login, Login{login->user(), login->password(), login->mechanism()});
      case LoginExchange::Next::find_verifier:
        return decide(Decision::verifier, ScramLogin{login->user()});
      case LoginExchange::Next::accepted:
        authenticated = true;
        say(replies::logged_in);
        event = LoginDone{login->user(), true};
        reading = Reading::commands;
        return;
      case LoginExchange::Next::refused:
        return end_login(&login->refusal());
    }
  }

  /// An exchange that came to no good end. The driver hears of it if it was asked for a verifier.
  void end_login(const CannedReply* refusal) {
    if (reading != Reading::login) return;
    reading = Reading::commands;
    if (login->announced()) {
      event = LoginDone{login->user(), false};
    } else {
      login.reset();
    }
    if (refusal == nullptr) return;
    if (refusal->code != replies::auth_failed.code) return refuse(*refusal);
    say(*refusal);
    count_auth_failure();
  }

  void count_auth_failure() {
    if (++auth_failures < options->max_auth_failures) return;
    say(replies::too_many_auth_failures);
    // The user that LoginDone views must outlive the end of the session.
    std::unique_ptr<LoginExchange> kept = std::move(login);
    close(make_reply(replies::too_many_auth_failures));
    login = std::move(kept);
  }

  // ── The message ──

  std::size_t feed_message(std::string_view input, Instant now) {
    const ContentReader::Limits limits{options->max_message_octets, options->max_line_octets,
                                       options->bare_newlines == BareNewlines::normalize};
    const ContentReader::Step step = content.take(input, limits);
    progress += static_cast<std::uint32_t>(std::min<std::size_t>(step.used, ServerOptions::min_data_progress));
    if (progress >= ServerOptions::min_data_progress) {
      progress = 0;
      expect(now, options->data_timeout);
    }
    if (step.fault != ContentReader::Fault::none) {
      fault = step.fault;
      drop_transaction(fault_reply());
    } else if (step.end) {
      end_message(now);
    } else if (!step.octets.empty()) {
      event = Content{step.octets};
    }
    return step.used;
  }

  void end_message(Instant now) {
    reading = Reading::commands;
    if (fault == ContentReader::Fault::none) {
      return decide(Decision::message, MessageEnd{content.octets(), content.eight_bit()});
    }
    say(fault_reply());
    expect(now, options->command_timeout);
    finish_message();
  }

  /// The message has been answered.
  void finish_message() {
    phase = Phase::ready;
    recipients = 0;
    transaction = false;
    if (farewell != nullptr) say_and_close(*farewell);
  }

  [[nodiscard]] Reply fault_reply() const {
    switch (fault) {
      case ContentReader::Fault::nul:
        return make_reply(replies::nul_in_message);
      case ContentReader::Fault::too_large:
        return make_reply(replies::too_large, std::to_string(options->max_message_octets));
      case ContentReader::Fault::line_too_long:
        return make_reply(replies::line_of_message_too_long, std::to_string(options->max_line_octets));
      case ContentReader::Fault::bare_newline:
      case ContentReader::Fault::none:
        break;
    }
    return make_reply(replies::bare_newline);
  }

  // ── Answers ──

  void answer(const Reply& reply, Instant now) {
    const Decision about = decision;
    if (about == Decision::none) return;
    decision = Decision::none;
    event = NeedInput{};
    expect(now, options->command_timeout);
    if (about == Decision::greeting) {
      const bool named = !reply.text.empty() || reply.code != 220;
      (named ? reply : Reply{220, {}, options->hostname + " ESMTP"}).append_to(output.end(), false);
      if (reply.code != 220) return close(reply);
    } else if (about == Decision::verifier && reply.positive()) {
      say(replies::auth_failed);  // nobody is let in without a proof
    } else {
      say(reply);
    }
    switch (about) {
      case Decision::login:
      case Decision::verifier:
        answer_login(about, reply);
        break;
      case Decision::mail:
        if (reply.positive()) {
          phase = Phase::mail;
          transaction = true;
        }
        break;
      case Decision::rcpt:
        if (reply.positive()) {
          phase = Phase::rcpt;
          ++recipients;
        }
        break;
      case Decision::data:
        if (reply.code == 354) {
          reading = Reading::message;
          content.begin();
          fault = ContentReader::Fault::none;
          progress = 0;
          expect(now, options->data_timeout);
        }
        break;
      case Decision::message:
        if (reply.positive()) errors = idle_commands = 0;
        finish_message();
        break;
      case Decision::greeting:
      case Decision::none:
        break;
    }
    if (reply.code == 421 && reading != Reading::nothing) close(reply);
    if (input_ended && reading != Reading::nothing) close(Reply{});
  }

  void answer_login(Decision about, const Reply& reply) {
    reading = Reading::commands;
    login.reset();
    if (about == Decision::login && reply.positive()) {
      authenticated = true;
    } else if (reply.code == replies::auth_failed.code || reply.positive()) {
      count_auth_failure();
    }
  }
};

ServerSession::ServerSession(const ServerOptions& options, Instant now) : impl_(std::make_unique<Impl>(options, now)) {}
ServerSession::ServerSession(ServerSession&&) noexcept = default;
ServerSession& ServerSession::operator=(ServerSession&&) noexcept = default;
ServerSession::~ServerSession() = default;

void ServerSession::set_tls() noexcept { impl_->tls = true; }

void ServerSession::trust_client(bool also_without_tls) noexcept {
  impl_->trusted_login = true;
  impl_->trusted_tls = also_without_tls;
}

std::size_t ServerSession::feed(std::string_view octets, Instant now) {
  Impl& s = *impl_;
  std::size_t used = 0;
  while (used < octets.size() && !s.has_event() && s.decision == Impl::Decision::none) {
    switch (s.reading) {
      case Impl::Reading::commands:
      case Impl::Reading::login:
        used += s.feed_line(octets.substr(used), now);
        break;
      case Impl::Reading::message:
        used += s.feed_message(octets.substr(used), now);
        break;
      case Impl::Reading::handshake:
        return used;
      case Impl::Reading::nothing:
        return octets.size();
    }
  }
  return used;
}

ServerEvent ServerSession::next_event() {
  Impl& s = *impl_;
  if (s.event.index() != 0) return std::exchange(s.event, NeedInput{});
  if (s.hello_due) {
    s.hello_due = false;
    return Hello{s.hello_name, s.extended};
  }
  if (s.reading == Impl::Reading::nothing) return Closed{s.orderly, s.last};
  if (s.decision != Impl::Decision::none || s.reading == Impl::Reading::handshake) return Paused{};
  return NeedInput{};
}

void ServerSession::reply(const Reply& reply, Instant now) { impl_->answer(reply, now); }

void ServerSession::reply_verifier(const sasl::ScramVerifier& verifier, std::string_view nonce, Instant now) {
  Impl& s = *impl_;
  if (s.decision != Impl::Decision::verifier) return;
  s.decision = Impl::Decision::none;
  s.event = NeedInput{};
  s.expect(now, s.options->command_timeout);
  s.proceed(s.login->challenge_with(verifier, nonce));
  if (s.input_ended) s.close(Reply{});
}

void ServerSession::tls_started(Instant now) {
  Impl& s = *impl_;
  if (s.reading != Impl::Reading::handshake) return;
  s.tls = true;
  s.reading = Impl::Reading::commands;
  s.phase = Phase::fresh;
  s.authenticated = false;
  s.extended = false;
  s.hello_name.clear();
  s.expect(now, s.options->command_timeout);
}

void ServerSession::shut_down(const Reply& reply) {
  Impl& s = *impl_;
  if (s.reading == Impl::Reading::nothing) return;
  if (s.reading == Impl::Reading::message || s.decision == Impl::Decision::message) {
    s.farewell = std::make_unique<Reply>(reply);
    return;
  }
  s.drop_event();
  if (s.reading == Impl::Reading::handshake) return s.close(reply);  // nothing in the clear behind 220
  s.say_and_close(reply);
}

void ServerSession::input_closed() {
  Impl& s = *impl_;
  s.input_ended = true;
  if (std::holds_alternative<StartTls>(s.event)) s.event = NeedInput{};
  if (s.decision == Impl::Decision::none && s.reading != Impl::Reading::nothing) s.close(Reply{});
}

std::string_view ServerSession::output() const noexcept { return impl_->output.pending(); }
void ServerSession::consumed_output(std::size_t count) { impl_->output.consume(count); }

std::optional<Instant> ServerSession::next_deadline() const noexcept {
  if (impl_->decision != Impl::Decision::none || impl_->reading == Impl::Reading::nothing) return std::nullopt;
  return impl_->deadline;
}

void ServerSession::on_time(Instant now) {
  Impl& s = *impl_;
  const std::optional<Instant> deadline = next_deadline();
  if (!deadline || now < *deadline) return;
  s.drop_event();
  if (s.reading == Impl::Reading::handshake) return s.close(make_reply(replies::timed_out));
  s.say_and_close(make_reply(replies::timed_out));
}

bool ServerSession::tls() const noexcept { return impl_->tls; }
bool ServerSession::authenticated() const noexcept { return impl_->authenticated; }
bool ServerSession::extended() const noexcept { return impl_->extended; }
std::string_view ServerSession::hello_name() const noexcept { return impl_->hello_name; }

}  // namespace sendconn::smtp
