// A ServerSession's commands and logins: from a line of input to a reply, or to a decision.
#include <sendconn/crypto.hpp>

#include "lib/base/base64.hpp"
#include "lib/smtp/grammar.hpp"
#include "lib/smtp/server_impl.hpp"

namespace sendconn::smtp {

std::size_t ServerSession::Impl::feed_line(std::string_view input, Instant now) {
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

void ServerSession::Impl::execute(std::string_view line) {
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

void ServerSession::Impl::carry_out(Verb verb, std::string_view argument) {
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

void ServerSession::Impl::decide(Decision what, ServerEvent&& about) {
  decision = what;
  event = std::move(about);
}

void ServerSession::Impl::hello(std::string_view argument, bool is_extended) {
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

std::string ServerSession::Impl::capabilities() const {
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

void ServerSession::Impl::start_tls() {
  if (tls) return refuse(replies::tls_active);
  if (!options->offer_starttls) return refuse(replies::not_implemented);
  say(replies::go_ahead_with_tls);
  reading = Reading::handshake;
  event = StartTls{};
}

void ServerSession::Impl::mail(std::string_view argument) {
  MailArguments arguments;
  if (const Refusal refusal = parse_mail(argument, extended, arguments)) return refuse(*refusal.reply, refusal.detail);
  if (options->max_message_octets != 0 && arguments.size.value_or(0) > options->max_message_octets) {
    return refuse(replies::too_large, std::to_string(options->max_message_octets));
  }
  smtputf8 = arguments.smtputf8;
  mail_auth = std::move(arguments.auth);
  decide(Decision::mail,
         Mail{std::move(arguments.reverse_path), arguments.body, arguments.smtputf8, arguments.size, mail_auth});
}

void ServerSession::Impl::rcpt(std::string_view argument) {
  if (recipients >= options->max_recipients) {
    return refuse(replies::too_many_recipients, std::to_string(options->max_recipients));
  }
  std::optional<Address> path;
  const auto& postmaster = options->postmaster_domain;
  if (const Refusal refusal = parse_rcpt(argument, {extended, smtputf8, postmaster ? &*postmaster : nullptr}, path)) {
    return refuse(*refusal.reply, refusal.detail);
  }
  decide(Decision::rcpt, Rcpt{*std::move(path)});
}

void ServerSession::Impl::auth(std::string_view argument) {
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

void ServerSession::Impl::respond(std::string_view line) {
  if (line == "*") return end_login(&replies::auth_cancelled);
  if (line == "=") line = {};  // an initial response without octets (RFC 4954 section 4)
  Result<std::string> response = base64::decode(line);
  if (!response) return end_login(&replies::auth_bad_base64);
  proceed(login->take(*response));
  crypto::wipe(*response);
}

void ServerSession::Impl::proceed(LoginExchange::Next next) {
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

void ServerSession::Impl::end_login(const CannedReply* refusal) {
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

void ServerSession::Impl::count_auth_failure() {
  if (++auth_failures < options->max_auth_failures) return;
  say(replies::too_many_auth_failures);
  close(make_reply(replies::too_many_auth_failures));
}

}  // namespace sendconn::smtp
