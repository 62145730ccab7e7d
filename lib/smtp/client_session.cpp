// ClientSession: the client's side of RFC 5321, and of LMTP (RFC 2033). How it works stands in client_impl.hpp.
#include <algorithm>

#include <sendconn/crypto.hpp>

#include "lib/base/ascii.hpp"
#include "lib/smtp/client_impl.hpp"

namespace sendconn::smtp {
namespace {

constexpr std::size_t max_quoted_octets = 100;  // of a malformed line, in an error text

std::string clean_hello_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (ascii::is_vchar(c)) out += c;
  }
  return out.empty() ? "[127.0.0.1]" : out;
}

}  // namespace

std::string_view ClientSession::Impl::name(Asked asked) noexcept {
  switch (asked) {
    case Asked::greeting:
      return "the connection";
    case Asked::ehlo:
      return "EHLO";
    case Asked::helo:
      return "HELO";
    case Asked::starttls:
      return "STARTTLS";
    case Asked::auth:
      return "AUTH";
    case Asked::rset:
      return "RSET";
    case Asked::mail:
      return "MAIL";
    case Asked::rcpt:
      return "RCPT";
    case Asked::data:
      return "DATA";
    case Asked::message:
      return "the message";
    case Asked::nothing:
      break;
    case Asked::quit:
      return "QUIT";
  }
  return "nothing";
}

ClientSession::Impl::Impl(ClientOptions o, Instant now) : options(std::move(o)), tls(options.tls == TlsMode::implicit) {
  options.hello_name = clean_hello_name(options.hello_name);
  asked.push_back({Asked::greeting});
  restart(now);
}

ClientSession::Impl::~Impl() {
  if (options.credentials) crypto::wipe(options.credentials->password);
}

bool ClientSession::Impl::sent_final_dot() const noexcept {
  return !transactions.empty() && transactions.front().stage == Transaction::Stage::sent &&
         !transactions.front().hollow;
}

void ClientSession::Impl::close(Reply reason, bool is_orderly) {
  closed = true;
  orderly = is_orderly;
  last = std::move(reason);
  asked.clear();
  waiting.clear();
  transactions.clear();
  login.reset();
}

void ClientSession::Impl::fail(Reply reason, bool taken_possible, bool local) {
  if (reason.code == 0) reason.code = 451;
  events.emplace_back(Failed{reason, taken_possible, local, logging_in});
  close(std::move(reason));
}

void ClientSession::Impl::fail_here(EnhancedCode code, std::string text) {
  fail(Reply{451, code, std::move(text)}, sent_final_dot(), true);
}

void ClientSession::Impl::ask(Asked what, std::string_view command, std::string_view argument) {
  asked.push_back({what});
  waiting.append(command);
  if (!argument.empty()) waiting.append(" ").append(argument);
  waiting += "\r\n";
}

void ClientSession::Impl::send(Instant now) {
  if (waiting.empty() || (!transactions.empty() && transactions.front().stage == Transaction::Stage::content)) return;
  const bool idle = asked.size() == std::size_t(std::count(waiting.begin(), waiting.end(), '\n'));
  if (announced.pipelining) {
    output.end() += waiting;
    waiting.clear();
  } else if (idle) {
    const std::size_t end = waiting.find('\n') + 1;
    output.end().append(waiting, 0, end);
    waiting.erase(0, end);
  } else {
    return;
  }
  if (idle) restart(now);
}

void ClientSession::Impl::quit_when_possible() {
  const auto unsent = [](const Transaction& t) { return t.stage != Transaction::Stage::sent; };
  if (!quitting || quit_asked || std::any_of(transactions.begin(), transactions.end(), unsent)) return;
  quit_asked = true;
  ask(Asked::quit, "QUIT");
}

void ClientSession::Impl::restart(Instant now) {
  if (!transactions.empty() && transactions.front().stage == Transaction::Stage::content) {
    deadline = now + options.data_timeout;
    return;
  }
  if (asked.empty()) return;
  switch (asked.front().asked) {
    case Asked::greeting:
      deadline = now + options.greeting_timeout;
      return;
    case Asked::data:
      deadline = now + options.data_start_timeout;
      return;
    case Asked::message:
      deadline = now + options.message_timeout;
      return;
    default:
      deadline = now + options.command_timeout;
      return;
  }
}

void ClientSession::Impl::on_reply(Reply reply, Instant now) {
  if (asked.empty()) return on_unasked(std::move(reply));
  const Entry entry = asked.front();
  if (reply.code == 421 && entry.asked != Asked::quit) {
    const bool answers_message = entry.asked == Asked::message && !options.lmtp;
    return fail(std::move(reply), sent_final_dot() && !answers_message, false);
  }
  asked.pop_front();
  const bool between = entry.asked == Asked::data || entry.asked == Asked::auth;
  if (reply.code / 100 == 3 && !between) {
    return fail_here({4, 5, 0}, "unexpected reply to " + std::string(name(entry.asked)) + ": " + reply.summary());
  }
  // Who has quit does not wait for Ready any more; QUIT is in the queue, and that is all that is left to do.
  if (!quitting || ready || entry.asked == Asked::quit) take_reply(entry, std::move(reply), now);
  if (closed || handshake) return;
  quit_when_possible();
  send(now);
  restart(now);
}

void ClientSession::Impl::take_reply(const Entry& entry, Reply reply, Instant now) {
  switch (entry.asked) {
    case Asked::greeting:
      if (reply.code != 220) return fail(std::move(reply), false, false);
      say_hello();
      break;
    case Asked::ehlo:
      on_hello(reply);
      break;
    case Asked::helo:
      if (!reply.positive()) return fail(std::move(reply), false, false);
      announced = Capabilities();
      after_hello();
      break;
    case Asked::starttls:
      if (reply.code == 220) {
        handshake = true;
        events.emplace_back(StartTls{});
        deadline = now + options.command_timeout;
        break;
      }
      go_on_without_starttls(reply, false);
      break;
    case Asked::auth:
      on_auth(reply);
      break;
    case Asked::rset:
      if (!reply.positive()) return fail(std::move(reply), false, false);
      break;
    case Asked::mail:
      on_mail(std::move(reply));
      break;
    case Asked::rcpt:
      on_rcpt(entry.index, std::move(reply));
      break;
    case Asked::data:
      on_data(std::move(reply));
      break;
    case Asked::message:
      on_message(entry.index, std::move(reply));
      break;
    case Asked::quit:
      return close(std::move(reply), true);
    case Asked::nothing:
      break;
  }
}

void ClientSession::Impl::on_unasked(Reply reply) {
  if (transactions.empty()) return close(std::move(reply));
  if (reply.positive()) return fail_here({4, 5, 0}, "a reply that nothing asked for: " + reply.summary());
  fail(std::move(reply), false, false);
}

ClientSession::ClientSession(ClientOptions options, Instant now)
    : impl_(std::make_unique<Impl>(std::move(options), now)) {}
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;
ClientSession::~ClientSession() = default;

std::size_t ClientSession::feed(std::string_view octets, Instant now) {
  Impl& s = *impl_;
  std::size_t used = 0;
  while (used < octets.size() && s.events.empty()) {
    if (s.closed) return octets.size();
    if (s.handshake) {
      s.fail_here({4, 7, 5}, "octets in the clear behind the server's 220 to STARTTLS (RFC 3207 section 4.2)");
      return octets.size();
    }
    const ReplyReader::Taken taken = s.replies.take(octets.substr(used), s.options.max_reply_octets);
    used += taken.used;
    switch (taken.status) {
      case ReplyReader::Status::partial:
        break;
      case ReplyReader::Status::complete:
        s.on_reply(s.replies.release(), now);
        break;
      case ReplyReader::Status::malformed:
        s.fail_here({4, 5, 0}, "not a reply: " + ascii::quote(s.replies.malformed_line(), max_quoted_octets) +
                                   " (RFC 5321 section 4.2)");
        break;
      case ReplyReader::Status::too_long:
        s.fail_here({4, 5, 0}, "a reply of more than " + std::to_string(s.options.max_reply_octets) + " octets");
        break;
    }
    if (s.handshake && used < octets.size()) {
      s.events.clear();
      s.fail_here({4, 7, 5}, "octets in the clear behind the server's 220 to STARTTLS (RFC 3207 section 4.2)");
      return octets.size();
    }
  }
  return used;
}

ClientEvent ClientSession::next_event() {
  Impl& s = *impl_;
  if (!s.events.empty()) {
    ClientEvent event = std::move(s.events.front());
    s.events.pop_front();
    return event;
  }
  if (s.closed) return Closed{s.orderly, s.last};
  return NeedInput{};
}

void ClientSession::tls_started(Instant now) {
  Impl& s = *impl_;
  if (!s.handshake || s.closed) return;
  s.handshake = false;
  s.tls = true;
  s.say_hello();
  s.send(now);
}

Result<void> ClientSession::begin(const Envelope& envelope, Instant now) {
  Impl& s = *impl_;
  if (s.closed || s.quitting || !s.ready) return Error{Errc::wrong_state, "the session is not ready for a message"};
  if (envelope.recipients.empty()) return Error{Errc::invalid_argument, "the envelope has no recipient"};
  if (!s.transactions.empty()) {
    const bool behind = s.transactions.size() == 1 && s.announced.pipelining &&
                        s.transactions.front().stage == Impl::Transaction::Stage::sent;
    if (!behind) return Error{Errc::wrong_state, "the message before is not done yet"};
  }
  s.begin(envelope, now);
  return {};
}

void ClientSession::content(std::string_view octets, Instant now) {
  Impl& s = *impl_;
  if (s.transactions.empty() || s.transactions.front().stage != Impl::Transaction::Stage::content) return;
  s.stuffer.append(s.output.end(), octets);
  s.restart(now);
}

void ClientSession::end_content(Instant now) {
  Impl& s = *impl_;
  if (s.transactions.empty() || s.transactions.front().stage != Impl::Transaction::Stage::content) return;
  s.end_content(now);
}

void ClientSession::quit(Instant now) {
  Impl& s = *impl_;
  if (s.closed || s.quitting || s.handshake) return;
  s.quitting = true;
  s.quit_when_possible();
  s.send(now);
}

void ClientSession::input_closed() {
  Impl& s = *impl_;
  if (s.closed) return;
  if (s.asked.empty() ? s.transactions.empty() && !s.handshake : s.asked.front().asked == Impl::Asked::quit) {
    return s.close(Reply{});
  }
  const std::string_view waited = s.asked.empty() ? "the message" : Impl::name(s.asked.front().asked);
  s.fail_here({4, 4, 2}, "connection lost, no reply to " + std::string(waited));
}

std::string_view ClientSession::output() const noexcept { return impl_->output.pending(); }
void ClientSession::consumed_output(std::size_t count) { impl_->output.consume(count); }
void ClientSession::consumed_output(std::size_t count, Instant now) {
  impl_->output.consume(count);
  if (count > 0 && !impl_->transactions.empty() &&
      impl_->transactions.front().stage != Impl::Transaction::Stage::envelope) {
    impl_->restart(now);
  }
}

std::optional<Instant> ClientSession::next_deadline() const noexcept {
  const Impl& s = *impl_;
  if (s.closed) return std::nullopt;
  if (s.asked.empty() && s.transactions.empty() && !s.handshake) return std::nullopt;
  return s.deadline;
}

void ClientSession::on_time(Instant now) {
  Impl& s = *impl_;
  const std::optional<Instant> due = next_deadline();
  if (!due || now < *due) return;
  const std::string_view waited = s.handshake       ? "the TLS handshake"
                                  : s.asked.empty() ? "the message"
                                                    : Impl::name(s.asked.front().asked);
  s.fail_here({4, 4, 2}, "timeout, no reply to " + std::string(waited));
}

const Capabilities& ClientSession::capabilities() const noexcept { return impl_->announced; }
bool ClientSession::tls() const noexcept { return impl_->tls; }

}  // namespace sendconn::smtp
