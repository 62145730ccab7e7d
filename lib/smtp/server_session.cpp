// ServerSession: the server's side of RFC 5321. How it works stands in server_impl.hpp.
#include <algorithm>

#include <sendconn/smtp.hpp>

#include "lib/base/base64.hpp"
#include "lib/smtp/server_impl.hpp"

namespace sendconn::smtp {

ServerSession::Impl::Impl(const ServerOptions& o, Instant now)
    : options(&o), decision(Decision::greeting), event(Greeting{}) {
  expect(now, o.command_timeout);
}

void ServerSession::Impl::say_challenge(std::string_view challenge) {
  output.end() += "334 ";
  output.end() += base64::encode(challenge);
  output.end() += "\r\n";
}

void ServerSession::Impl::drop_transaction(Reply reason) {
  phase = phase == Phase::fresh ? Phase::fresh : Phase::ready;
  recipients = 0;
  if (!transaction) return;
  transaction = false;
  event = Reset{std::move(reason)};
}

void ServerSession::Impl::close(Reply reason, bool is_orderly) {
  drop_transaction(reason);
  last = std::move(reason);
  orderly = is_orderly;
  reading = Reading::nothing;
  decision = Decision::none;
  hello_due = false;
  if (!std::holds_alternative<LoginDone>(event)) login.reset();  // else next_event() does: LoginDone views the user
  lines.release();
}

void ServerSession::Impl::drop_event() {
  if (!std::holds_alternative<Reset>(event)) event = NeedInput{};
}

void ServerSession::Impl::say_and_close(Reply reply) {
  say(reply);
  close(std::move(reply));
}

void ServerSession::Impl::refuse(const CannedReply& canned, std::string_view detail) {
  Reply reply = make_reply(canned, detail);
  if (canned.code == 421) return say_and_close(std::move(reply));
  say(reply);
  if (canned.code >= 500 && ++errors >= options->max_errors) say_and_close(make_reply(replies::too_many_errors));
}

std::size_t ServerSession::Impl::feed_message(std::string_view input, Instant now) {
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

void ServerSession::Impl::end_message(Instant now) {
  reading = Reading::commands;
  if (fault == ContentReader::Fault::none) {
    return decide(Decision::message, MessageEnd{content.octets(), content.eight_bit()});
  }
  say(fault_reply());
  expect(now, options->command_timeout);
  finish_message();
}

void ServerSession::Impl::finish_message() {
  phase = Phase::ready;
  recipients = 0;
  transaction = false;
  if (farewell != nullptr) say_and_close(*farewell);
}

Reply ServerSession::Impl::fault_reply() const {
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

void ServerSession::Impl::answer(const Reply& reply, Instant now) {
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

void ServerSession::Impl::answer_login(Decision about, const Reply& reply) {
  reading = Reading::commands;
  login.reset();
  if (about == Decision::login && reply.positive()) {
    authenticated = true;
  } else if (reply.code == replies::auth_failed.code || reply.positive()) {
    count_auth_failure();
  }
}

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
  if (s.decision == Impl::Decision::none && s.reading != Impl::Reading::login) s.login.reset();  // LoginDone viewed it
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
