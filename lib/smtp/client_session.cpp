// ClientSession: the client's side of RFC 5321, and of LMTP (RFC 2033).
//
// Replies come in the order of the commands, so the session keeps one queue of what is still to be answered, and
// everything that happens is an entry of it coming to its front. Pipelining changes only when commands leave: together
// if the server announced it (RFC 2920), one by one otherwise. `waiting` holds those that have not left.
//
// At most two transactions are alive: the older awaits the reply to its final dot while the envelope of the younger
// travels behind that dot. Every entry of the queue belongs to the older, for its replies come first.
#include <sendconn/crypto.hpp>
#include <sendconn/smtp.hpp>

#include <algorithm>
#include <deque>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/smtp/capabilities.hpp"
#include "lib/smtp/dot_stuffer.hpp"
#include "lib/smtp/login_attempt.hpp"
#include "lib/smtp/output_buffer.hpp"
#include "lib/smtp/reply_reader.hpp"

namespace sendconn::smtp {
namespace {

constexpr std::size_t max_command_octets = 512;  // RFC 5321 section 4.5.3.1.4: longer AUTH goes without its response
constexpr std::size_t max_quoted_octets = 100;   // of a malformed line, in an error text

/// What a reply answers.
enum class Asked : std::uint8_t {
  greeting,
  ehlo,
  helo,
  starttls,
  auth,
  rset,
  mail,
  rcpt,
  data,
  message,  ///< the final dot
  nothing,  ///< no reply comes: the transaction failed here, and its turn to say so has come
  quit,
};

std::string_view name(Asked asked) noexcept {
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

struct Entry {
  Asked asked;
  std::uint32_t index = 0;  ///< of the recipient
};

struct Transaction {
  enum class Stage : std::uint8_t { envelope, content, sent };
  Stage stage = Stage::envelope;
  bool sender_taken = false;
  bool hollow = false;                  ///< DATA was taken though no recipient was: a lone dot ends it
  std::vector<std::uint32_t> accepted;  ///< recipients
  Reply refusal;                        ///< of MAIL, or the last of RCPT
  Reply settled;                        ///< LMTP: the best reply so far
  Reply missing;                        ///< what the server lacks; enhanced code empty: nothing
};

std::string clean_hello_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (ascii::is_vchar(c)) out += c;
  }
  return out.empty() ? "[127.0.0.1]" : out;
}

}  // namespace

struct ClientSession::Impl {
  Impl(ClientOptions o, Instant now) : options(std::move(o)), tls(options.tls == TlsMode::implicit) {
    options.hello_name = clean_hello_name(options.hello_name);
    asked.push_back({Asked::greeting});
    restart(now);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (options.credentials) crypto::wipe(options.credentials->password);
  }

  ClientOptions options;
  bool tls;
  bool ready = false;      ///< Ready was given
  bool handshake = false;  ///< between StartTls and tls_started()
  bool quitting = false;
  bool quit_asked = false;
  bool closed = false;
  bool orderly = false;
  bool reset_due = false;  ///< the server holds a transaction that failed
  unsigned refused_mechanisms = 0;
  ReplyReader replies;
  OutputBuffer output;
  Capabilities announced;
  std::deque<Entry> asked;
  std::string waiting;
  std::vector<Transaction> transactions;  ///< the older first; at most two
  DotStuffer stuffer;
  std::optional<LoginAttempt> login;
  std::deque<ClientEvent> events;
  Reply last;
  Instant deadline;

  // ── Ends ──

  [[nodiscard]] bool sent_final_dot() const noexcept {
    return !transactions.empty() && transactions.front().stage == Transaction::Stage::sent &&
           !transactions.front().hollow;
  }

  void close(Reply reason, bool is_orderly = false) {
    closed = true;
    orderly = is_orderly;
    last = std::move(reason);
    asked.clear();
    waiting.clear();
    transactions.clear();
    login.reset();
  }

  void fail(Reply reason, bool taken_possible, bool local) {
    if (reason.code == 0) reason.code = 451;
    events.emplace_back(Failed{reason, taken_possible, local});
    close(std::move(reason));
  }
  void fail_here(EnhancedCode code, std::string text) {
    fail(Reply{451, code, std::move(text)}, sent_final_dot(), true);
  }

  // ── Asking ──

  void ask(Asked what, std::string_view command, std::string_view argument = {}) {
    asked.push_back({what});
    waiting.append(command);
    if (!argument.empty()) waiting.append(" ").append(argument);
    waiting += "\r\n";
  }

  /// Lets commands leave: all of them if the server pipelines, else one when nothing is unanswered.
  void send(Instant now) {
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

  /// QUIT travels behind a final dot, but never behind a DATA: it would be read as content.
  void quit_when_possible() {
    const auto unsent = [](const Transaction& t) { return t.stage != Transaction::Stage::sent; };
    if (!quitting || quit_asked || std::any_of(transactions.begin(), transactions.end(), unsent)) return;
    quit_asked = true;
    ask(Asked::quit, "QUIT");
  }

  void restart(Instant now) {
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

  // ── Greeting, TLS, AUTH ──

  void say_hello() {
    announced = Capabilities();
    ask(Asked::ehlo, options.lmtp ? "LHLO" : "EHLO", options.hello_name);
  }

  void on_hello(const Reply& reply) {
    if (reply.positive()) {
      announced = parse_capabilities(reply.text);
      return after_hello();
    }
    if (reply.temporary() || options.lmtp) return fail(reply, false, false);
    ask(Asked::helo, "HELO", options.hello_name);
  }

  void after_hello() {
    if (!tls && announced.starttls && options.tls != TlsMode::off) return ask(Asked::starttls, "STARTTLS");
    go_on_without_starttls(Reply{451, {4, 7, 10}, "TLS is required here, and the server does not offer STARTTLS"},
                           true);
  }

  void go_on_without_starttls(const Reply& why_not, bool local) {
    if (!tls && options.tls == TlsMode::required) return fail(why_not, false, local);
    if (options.credentials) return log_in();
    become_ready();
  }

  void become_ready() {
    ready = true;
    login.reset();
    events.emplace_back(Ready{});
  }

  void log_in() {
    const Credentials& credentials = *options.credentials;
    unsigned mechanisms = credentials.mechanisms & announced.mechanisms & ~refused_mechanisms;
    if (!tls && !credentials.allow_plaintext) mechanisms &= static_cast<unsigned>(sasl::Mechanism::scram_sha_256);
    if (!sasl::is_nonce(options.nonce)) mechanisms &= ~static_cast<unsigned>(sasl::Mechanism::scram_sha_256);
    const std::optional<sasl::Mechanism> mechanism = LoginAttempt::choose(mechanisms);
    if (!mechanism) {
      return fail_here({4, 7, 0}, tls ? "the server offers no login mechanism that may be used here"
                                      : "the server offers no login mechanism that may be used here without TLS");
    }
    Result<LoginAttempt> attempt =
        LoginAttempt::make(*mechanism, credentials.user, credentials.password, options.nonce);
    if (!attempt) return fail_here({4, 7, 8}, attempt.error().text);
    login.emplace(*std::move(attempt));
    std::string argument(format(*mechanism));
    if (std::optional<std::string> initial = login->initial()) {
      std::string encoded = base64::encode(*initial);
      crypto::wipe(*initial);
      if (encoded.size() + argument.size() + 8 <= max_command_octets) {  // RFC 4954 section 4
        argument.append(" ").append(encoded);
        login->sent_initial();
      }
      crypto::wipe(encoded);
    }
    ask(Asked::auth, "AUTH", argument);
    crypto::wipe(argument);
  }

  void on_auth(const Reply& reply) {
    if (reply.code == 334) return answer_challenge(reply.text);
    if (reply.positive()) {
      if (reply.code == 235 && login->may_succeed()) return become_ready();
      return fail_here({4, 7, 0}, "the server let us in without proving that it knows the user (RFC 5802 section 3)");
    }
    // 504: not this mechanism; 534: too weak (RFC 4954 section 6). Another may do; a refused password stays refused.
    refused_mechanisms |= static_cast<unsigned>(login->mechanism());
    login.reset();
    if (reply.code == 504 || reply.code == 534) {
      const unsigned left = options.credentials->mechanisms & announced.mechanisms & ~refused_mechanisms;
      if (left != 0) return log_in();
    }
    fail(reply, false, false);
  }

  void answer_challenge(std::string_view text) {
    const Result<std::string> challenge = base64::decode(text);
    Result<std::string> response = challenge ? login->respond(*challenge)
                                             : Result<std::string>(Error{Errc::syntax, "the challenge is not base64"});
    if (!response) {
      // "*" would be polite; but this server is not the one we know, or does not speak the mechanism.
      return fail_here({4, 7, 0}, "login failed: " + response.error().text);
    }
    std::string encoded = base64::encode(*response);
    ask(Asked::auth, encoded);
    crypto::wipe(encoded);
    crypto::wipe(*response);
  }

  // ── Transactions ──

  /// What the message needs and the server does not have; an empty code: nothing.
  [[nodiscard]] Reply find_missing(const Envelope& envelope, bool smtputf8) const {
    if (smtputf8 && !announced.smtputf8) {
      return {0, {5, 6, 7}, "the server does not offer SMTPUTF8, which the message needs (RFC 6531)"};
    }
    if (envelope.body == BodyType::eight_bit_mime && !announced.eight_bit_mime) {
      return {0, {5, 6, 3}, "the server does not offer 8BITMIME, which the message needs (RFC 6152)"};
    }
    if (announced.max_octets != 0 && envelope.octets > announced.max_octets) {
      return {0,
              {5, 3, 4},
              "the message has " + std::to_string(envelope.octets) + " octets, the server takes at most " +
                  std::to_string(announced.max_octets) + " (RFC 1870)"};
    }
    return {};
  }

  void begin(const Envelope& envelope, Instant now) {
    const auto beyond_ascii = [](const Address& address) { return address.needs_smtputf8(); };
    const bool smtputf8 = envelope.smtputf8 || (envelope.reverse_path && beyond_ascii(*envelope.reverse_path)) ||
                          std::any_of(envelope.recipients.begin(), envelope.recipients.end(), beyond_ascii);
    transactions.emplace_back();
    Transaction& transaction = transactions.back();
    transaction.missing = find_missing(envelope, smtputf8);
    if (!transaction.missing.enhanced.empty()) {
      asked.push_back({Asked::nothing});
      return settle_here();
    }
    if (reset_due) ask(Asked::rset, "RSET");
    reset_due = false;
    std::string argument = "FROM:<" + (envelope.reverse_path ? envelope.reverse_path->format() : "") + ">";
    if (announced.size && envelope.octets != 0) argument += " SIZE=" + std::to_string(envelope.octets);
    if (envelope.body == BodyType::eight_bit_mime) argument += " BODY=8BITMIME";
    if (smtputf8) argument += " SMTPUTF8";
    ask(Asked::mail, "MAIL", argument);
    for (std::uint32_t i = 0; i < envelope.recipients.size(); ++i) {
      ask(Asked::rcpt, "RCPT TO:<" + envelope.recipients[i].format() + ">");
      asked.back().index = i;
    }
    ask(Asked::data, "DATA");
    send(now);
  }

  void finish_transaction(Reply reply) {
    transactions.erase(transactions.begin());
    events.emplace_back(MessageDone{std::move(reply)});
    settle_here();
  }

  /// A transaction that failed without being sent tells so when its turn has come.
  void settle_here() {
    if (asked.empty() || asked.front().asked != Asked::nothing) return;
    asked.pop_front();
    finish_transaction(std::move(transactions.front().missing));
  }

  /// The commands of this transaction that have not left never will.
  void forget_unsent() {
    waiting.clear();
    asked.clear();
  }

  void on_mail(Reply reply) {
    Transaction& transaction = transactions.front();
    transaction.sender_taken = reply.positive();
    if (reply.positive()) return;
    if (announced.pipelining) {
      transaction.refusal = std::move(reply);
      return;
    }
    forget_unsent();
    finish_transaction(std::move(reply));
  }

  void on_rcpt(std::uint32_t index, Reply reply) {
    Transaction& transaction = transactions.front();
    if (!transaction.sender_taken) return;  // refused because MAIL was; MessageDone says why
    if (reply.positive()) {
      transaction.accepted.push_back(index);
    } else {
      transaction.refusal = reply;
    }
    events.emplace_back(RecipientReply{index, std::move(reply)});
    const bool last_one = asked.empty() || asked.front().asked != Asked::rcpt;
    if (!last_one || !transaction.accepted.empty() || announced.pipelining) return;
    forget_unsent();
    reset_due = true;
    Reply refusal = std::move(transaction.refusal);
    finish_transaction(std::move(refusal));
  }

  void on_data(Reply reply) {
    Transaction& transaction = transactions.front();
    const bool wanted = !transaction.accepted.empty();
    if (reply.code == 354) {
      if (wanted) {
        transaction.stage = Transaction::Stage::content;
        events.emplace_back(SendContent{});
        return;
      }
      // The server wants a message for nobody: an empty one is the only way out (RFC 2920 section 3.1).
      transaction.stage = Transaction::Stage::sent;
      transaction.hollow = true;
      output.end() += ".\r\n";
      asked.push_back({Asked::message});
      return;
    }
    if (reply.positive()) return fail_here({4, 5, 0}, "unexpected reply to DATA: " + reply.summary());
    reset_due = transaction.sender_taken;
    Reply reason = wanted ? std::move(reply) : std::move(transaction.refusal);
    finish_transaction(std::move(reason));
  }

  void on_message(std::uint32_t index, Reply reply) {
    Transaction& transaction = transactions.front();
    if (transaction.hollow) {
      Reply refusal = std::move(transaction.refusal);
      return finish_transaction(std::move(refusal));
    }
    if (!options.lmtp) return finish_transaction(std::move(reply));
    if (transaction.settled.code == 0 || (reply.positive() && !transaction.settled.positive())) {
      transaction.settled = reply;
    }
    events.emplace_back(RecipientReply{index, std::move(reply)});
    if (!asked.empty() && asked.front().asked == Asked::message) return;
    Reply settled = std::move(transaction.settled);
    finish_transaction(std::move(settled));
  }

  void end_content(Instant now) {
    Transaction& transaction = transactions.front();
    stuffer.finish(output.end());
    transaction.stage = Transaction::Stage::sent;
    if (options.lmtp) {
      for (const std::uint32_t index : transaction.accepted) asked.push_back({Asked::message, index});
    } else {
      asked.push_back({Asked::message});
    }
    restart(now);
    quit_when_possible();
    send(now);
  }

  // ── Replies ──

  void on_reply(Reply reply, Instant now) {
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

  void take_reply(const Entry& entry, Reply reply, Instant now) {
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

  /// A reply to nothing: the server is going away, or does not want the rest of the message.
  void on_unasked(Reply reply) {
    if (transactions.empty()) return close(std::move(reply));
    if (reply.positive()) return fail_here({4, 5, 0}, "a reply that nothing asked for: " + reply.summary());
    fail(std::move(reply), false, false);
  }
};

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
                        s.transactions.front().stage == Transaction::Stage::sent;
    if (!behind) return Error{Errc::wrong_state, "the message before is not done yet"};
  }
  s.begin(envelope, now);
  return {};
}

void ClientSession::content(std::string_view octets, Instant now) {
  Impl& s = *impl_;
  if (s.transactions.empty() || s.transactions.front().stage != Transaction::Stage::content) return;
  s.stuffer.append(s.output.end(), octets);
  s.restart(now);
}

void ClientSession::end_content(Instant now) {
  Impl& s = *impl_;
  if (s.transactions.empty() || s.transactions.front().stage != Transaction::Stage::content) return;
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
  if (s.asked.empty() ? s.transactions.empty() && !s.handshake : s.asked.front().asked == Asked::quit) {
    return s.close(Reply{});
  }
  const std::string_view waited = s.asked.empty() ? "the message" : name(s.asked.front().asked);
  s.fail_here({4, 4, 2}, "connection lost, no reply to " + std::string(waited));
}

std::string_view ClientSession::output() const noexcept { return impl_->output.pending(); }
void ClientSession::consumed_output(std::size_t count) { impl_->output.consume(count); }
void ClientSession::consumed_output(std::size_t count, Instant now) {
  impl_->output.consume(count);
  if (count > 0 && !impl_->transactions.empty() && impl_->transactions.front().stage != Transaction::Stage::envelope) {
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
                                                    : name(s.asked.front().asked);
  s.fail_here({4, 4, 2}, "timeout, no reply to " + std::string(waited));
}

const Capabilities& ClientSession::capabilities() const noexcept { return impl_->announced; }
bool ClientSession::tls() const noexcept { return impl_->tls; }

}  // namespace sendconn::smtp
