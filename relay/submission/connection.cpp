#include "relay/submission/connection.hpp"

#include <sendconn/crypto.hpp>

#include <algorithm>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <variant>

namespace sendconn::relay {
namespace {

template <class... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <class... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

constexpr std::size_t nonce_octets = 24;  // RFC 5802 section 5.1 leaves it open; 144 bits and more are never repeated

constexpr std::size_t max_logged_octets = 250;  // of a Message-ID; our own bound

/// Printable, without a comma: hexadecimal is both.
std::string make_nonce() {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string nonce;
  for (const char c : crypto::random_octets(nonce_octets)) {
    nonce.push_back(hex[static_cast<unsigned char>(c) >> 4U]);
    nonce.push_back(hex[static_cast<unsigned char>(c) & 0x0fU]);
  }
  return nonce;
}

/// Seconds to wait, rounded up, never 0: a client that waits as told succeeds.
std::uint64_t seconds_of(Duration wait) {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(1, std::chrono::ceil<std::chrono::seconds>(wait).count()));
}

std::string retry_text(std::string what, const limit::Rate& rate, const std::optional<Duration>& wait) {
  what += " (" + rate.format() + ")";
  return wait ? what + "; retry in " + std::to_string(seconds_of(*wait)) + " s" : what + "; it can never be met";
}

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

Connection::Connection(Submission& submission, std::shared_ptr<const ListenerOptions> listener,
                       asio::ip::tcp::socket socket, const IpAddress& client)
    : submission_(submission),
      services_(submission.services()),
      listener_(std::move(listener)),
      stream_(submission.loop(), std::move(socket)),
      session_(listener_->session, now()),
      client_(client),
      client_text_(client.format()) {}

Connection::~Connection() = default;

void Connection::start() {
  if (listener_->config.tls == ListenerConfig::Tls::implicit) {
    session_.set_tls();
    if (!start_tls()) return finish();
    return continue_later();
  }
  drive({});
}

// ── The flow of bytes ──────────────────────────────────────────────────────────────────────────────────────────────

void Connection::on_readable() {
  const Stream::Read read = stream_.read();
  switch (read.status) {
    case Stream::ReadStatus::would_block:
      return continue_later();
    case Stream::ReadStatus::closed:
    case Stream::ReadStatus::failed:
      if (!stream_.fault().empty())
        services_.log.debug("connection-lost", {{"client", client_text_}, {"reason", stream_.fault()}});
      session_.input_closed();
      drive({});
      return finish();
    case Stream::ReadStatus::data:
      break;
  }
  if (starting_tls_) {
    if (stream_.tls()->state() != tls::State::open) return continue_later();
    starting_tls_ = false;
    if (listener_->config.tls == ListenerConfig::Tls::starttls) session_.tls_started(now());
  }
  drive(read.plain);
}

void Connection::drive(std::string_view input) {
  driving_ = true;
  while (!finished_) {
    const smtp::ServerEvent event = session_.next_event();
    if (std::holds_alternative<smtp::NeedInput>(event)) {
      paused_ = false;  // also after a handshake, which ends the pause of StartTls without an event
      if (input.empty()) break;
      input.remove_prefix(session_.feed(input, now()));
      continue;
    }
    paused_ = std::holds_alternative<smtp::Paused>(event);
    if (paused_) break;
    if (std::holds_alternative<smtp::StartTls>(event)) input = {};  // RFC 3207 section 4.2: nothing from before counts
    std::visit(Overloaded{[](const smtp::NeedInput&) {}, [](const smtp::Paused&) {}, [](const smtp::Hello&) {},
                          [this](const auto& it) { on(it); }},
               event);
  }
  driving_ = false;
  if (finished_) return;
  pending_.assign(input);  // what a decision holds up
  send_output();
  if (!finished_) continue_later();
}

void Connection::send_output() {
  const std::string_view output = session_.output();
  if (output.empty()) return;
  const bool sent = stream_.write(output);
  session_.consumed_output(output.size());
  if (!sent) finish();
}

void Connection::continue_later() {
  if (waiting_ || finished_) return;
  // A client that does not take its replies gets nothing more read; one whose decision is open is not read either.
  if (stream_.unsent() > 0) {
    waiting_ = true;
    return stream_.wait_writable([self = shared_from_this()] {
      self->waiting_ = false;
      if (self->finished_) return;
      if (!self->stream_.flush()) return self->finish();
      self->continue_later();
    });
  }
  if (paused_ && !starting_tls_) return;
  waiting_ = true;
  stream_.wait_readable([self = shared_from_this()] {
    self->waiting_ = false;
    if (!self->finished_) self->on_readable();
  });
}

void Connection::answer(const Reply& reply) {
  if (finished_) return;
  paused_ = false;
  session_.reply(reply, now());
  const std::string input = std::exchange(pending_, {});
  drive(input);
}

void Connection::on_tick(Instant now) {
  if (finished_ || driving_) return;
  if (starting_tls_) {  // of implicit TLS the session knows nothing before the greeting
    if (now >= tls_deadline_) finish();
    return;
  }
  const auto deadline = session_.next_deadline();
  if (!deadline || now < *deadline) return;
  session_.on_time(now);
  drive(std::exchange(pending_, {}));
}

void Connection::drain() {
  if (finished_) return;
  if (starting_tls_) return finish();
  if (transaction_ && transaction_->id != 0) return;  // a message is on its way: its reply comes first
  session_.shut_down({421, {4, 3, 2}, "this relay is shutting down"});
  drive({});
}

void Connection::finish() {
  if (finished_) return;
  finished_ = true;
  transaction_.reset();
  stream_.close();
  submission_.remove(shared_from_this());
}

// ── Greeting, TLS and logins ───────────────────────────────────────────────────────────────────────────────────────

void Connection::on(smtp::Greeting) {
  // A network stands for a login, not for TLS: where the listener asks for that, it asks everybody.
  if (submission_.directory()->find_network(client_.unmapped())) session_.trust_client(false);
  answer_now({220, {}, listener_->session.hostname + " ESMTP sendconn"});
}

void Connection::on(smtp::StartTls) {
  send_output();
  if (finished_) return;
  user_.clear();
  if (!start_tls()) finish();
}

bool Connection::start_tls() {
  starting_tls_ = true;
  tls_deadline_ = now() + listener_->session.command_timeout;
  return stream_.start_tls(*submission_.tls());
}

/// Until a bucket has a token; takes none.
Duration Connection::wait_for(std::string_view key, const limit::Rate& rate) {
  const limit::Table::Demand demand{key, rate, 1};
  const auto verdict = services_.limits.take({&demand, 1}, now());
  if (verdict.granted) services_.limits.give_back({&demand, 1});
  return verdict.wait.value_or(Duration::max());
}

bool Connection::login_allowed() {
  const auto& rate = services_.config.auth_failure_rate;
  return !rate || wait_for("auth:" + site_of(client_), *rate) == Duration::zero();
}

void Connection::count_login_failure() {
  const auto& rate = services_.config.auth_failure_rate;
  if (!rate) return;
  const std::string key = "auth:" + site_of(client_);
  const limit::Table::Demand demand{key, *rate, 1};
  (void)services_.limits.take({&demand, 1}, now());
}

void Connection::on(const smtp::Login& event) {
  if (!login_allowed())
    return refuse("auth", {421, {4, 7, 0}, "too many failed logins from " + client_text_ + "; try again later"});
  const Login* login = submission_.directory()->find_login(event.user);
  const auto weak = weak_from_this();
  services_.passwords.check(
      event.user, event.password, login == nullptr ? nullptr : &login->verifier,
      [weak, &loop = submission_.loop(), user = std::string(event.user),
       proved = login == nullptr ? std::string() : login->verifier.stored_key](PasswordVerdict verdict) {
        loop.post([weak, user, proved, verdict] {
          const auto self = weak.lock();
          if (!self || self->finished_) return;
          if (verdict == PasswordVerdict::busy)
            return self->login_decided(user, proved, false,
                                       {454, {4, 7, 0}, "too many logins at once; try again in a minute"});
          self->login_decided(user, proved, verdict == PasswordVerdict::good,
                              {535, {5, 7, 8}, "user name or password is wrong"});
        });
      });
}

void Connection::login_decided(const std::string& user, const std::string& proved, bool good, const Reply& refusal) {
  if (good) {
    user_ = user;
    proved_ = proved;
    return answer({235, {2, 7, 0}, "welcome"});
  }
  if (refusal.permanent()) count_login_failure();
  services_.log.info("login-refused", {{"client", client_text_}, {"user", user}, {"reply", refusal.summary()}});
  answer(refusal);
}

void Connection::on(const smtp::ScramLogin& event) {
  if (!login_allowed())
    return refuse("auth", {421, {4, 7, 0}, "too many failed logins from " + client_text_ + "; try again later"});
  const Login* login = submission_.directory()->find_login(event.user);
  proved_ = login != nullptr ? login->verifier.stored_key : std::string();  // counts once user_ is set
  session_.reply_verifier(login != nullptr ? login->verifier : services_.passwords.decoy(event.user), make_nonce(),
                          now());
}

void Connection::on(const smtp::LoginDone& event) {
  if (event.ok) {
    user_ = event.user;
    return;
  }
  services_.log.info("login-refused", {{"client", client_text_}, {"user", event.user}, {"mechanism", "SCRAM-SHA-256"}});
  count_login_failure();
}

std::shared_ptr<const Connector> Connection::connector() const {
  if (user_.empty()) return directory_->find_network(client_.unmapped());
  const Login* login = directory_->find_login(user_);
  return login != nullptr && login->verifier.stored_key == proved_ ? login->connector : nullptr;
}

// ── A transaction ──────────────────────────────────────────────────────────────────────────────────────────────────

void Connection::refuse(std::string_view stage, const Reply& reply) {
  const std::string from = transaction_ && transaction_->reverse_path ? transaction_->reverse_path->format() : "";
  const std::string connector = transaction_ && transaction_->connector ? transaction_->connector->key : "";
  services_.log.info("refused", {{"stage", stage},
                                 {"client", client_text_},
                                 {"connector", connector},
                                 {"from", from},
                                 {"reply", reply.summary()}});
  answer_now(reply);
}

void Connection::on(const smtp::Mail& event) {
  directory_ = submission_.directory();  // one snapshot decides the whole message
  transaction_ = std::make_unique<Transaction>();
  Transaction& it = *transaction_;
  it.connector = connector();
  it.reverse_path = event.reverse_path;
  const auto refused = [this](const Reply& reply) {
    refuse("mail", reply);
    transaction_.reset();
  };
  if (!it.connector)
    return refused({530, {5, 7, 0}, "this login or network belongs to no connector any more; log in again"});

  const auto right = [&it](const Domain& domain) { return it.connector->right(domain); };
  if (const auto refusal = policy::decide_mail(it.reverse_path, right)) return refused(*refusal);

  it.declared_octets = event.size.value_or(0);
  if (const auto room = services_.spool.check_room(it.declared_octets); !room) {
    services_.log.warn("no-room", {{"reason", room.error().text}});
    return refused({452, {4, 3, 1}, "the spool has no room; try again later"});
  }

  // Reports have a bucket of their own, of the same size unless told otherwise.
  const Connector& by = *it.connector;
  const auto& rate = it.reverse_path || !by.null_sender_rate ? by.message_rate : by.null_sender_rate;
  if (rate) {
    const std::string key = (it.reverse_path ? "messages:" : "null-sender:") + it.connector->key;
    const limit::Table::Demand demand{key, *rate, 1};
    if (const auto verdict = services_.limits.take({&demand, 1}, now()); !verdict.granted)
      return refused({451, {4, 7, 1}, retry_text("over the message rate of this connector", *rate, verdict.wait)});
    it.rate_key = key;
    it.rate = *rate;
  }
  it.smtputf8 = event.smtputf8;
  it.utf8_address = it.reverse_path && it.reverse_path->needs_smtputf8();
  answer_now({250, {2, 1, 0}, "sender accepted"});
}

void Connection::on(const smtp::Rcpt& event) {
  Transaction& it = *transaction_;
  if (const auto& rate = it.connector->recipient_rate) {
    const std::string key = "recipients:" + it.connector->key;
    const limit::Table::Demand demand{key, *rate, 1};
    if (auto verdict = services_.limits.take({&demand, 1}, now()); !verdict.granted) {
      // Without any recipient the client has to begin with MAIL again: who waits as told must get in there, too.
      if (it.recipients.empty() && !it.rate_key.empty() && verdict.wait)
        verdict.wait = std::max(*verdict.wait, wait_for(it.rate_key, it.rate));
      return refuse("rcpt",
                    {450, {4, 7, 1}, retry_text("over the recipient rate of this connector", *rate, verdict.wait)});
    }
  }
  it.utf8_address = it.utf8_address || event.forward_path.needs_smtputf8();
  it.recipients.push_back(event.forward_path);
  answer_now({250, {2, 1, 5}, "recipient accepted"});
}

std::string_view Connection::protocol() const {
  const bool authenticated = !user_.empty();
  if (transaction_->smtputf8)  // RFC 6531 section 4.3
    return session_.tls() ? (authenticated ? "UTF8SMTPSA" : "UTF8SMTPS") : (authenticated ? "UTF8SMTPA" : "UTF8SMTP");
  if (!session_.extended()) return "SMTP";
  return session_.tls() ? (authenticated ? "ESMTPSA" : "ESMTPS") : (authenticated ? "ESMTPA" : "ESMTP");
}

void Connection::on(smtp::DataStart) {
  Transaction& it = *transaction_;
  it.id = services_.spool.next_id();
  it.accepted = wall_clock();
  IntakeFacts facts;
  facts.id = it.id;
  facts.now = it.accepted;
  facts.hostname = services_.config.hostname;
  facts.client = client_text_;
  facts.hello = session_.hello_name();
  facts.protocol = protocol();
  if (const tls::Endpoint* tls = stream_.tls())
    facts.tls = std::string(tls->protocol()) + " " + std::string(tls->cipher());
  facts.smtputf8 = it.smtputf8;
  facts.expected_octets = it.declared_octets;
  IntakeLimits limits;
  limits.max_header_octets = services_.config.max_header_octets;
  limits.max_received = services_.config.max_received;
  limits.max_memory_octets = services_.config.max_memory_message_octets;
  limits.require_signature = services_.config.require_signature;
  it.intake.emplace(std::move(facts), limits, it.connector, directory_, services_.spool);
  answer_now({354, {}, "send the message, end it with <CRLF>.<CRLF>"});
}

void Connection::on(const smtp::Content& event) { transaction_->intake->content(event.octets); }

/// A message may take its time: what was withdrawn since MAIL counts. Nothing to do while the directory is the same.
std::optional<Reply> Connection::decide_again() {
  if (directory_ == submission_.directory()) return std::nullopt;
  directory_ = submission_.directory();
  Transaction& it = *transaction_;
  it.connector = connector();
  if (!it.connector) return Reply{550, {5, 7, 1}, "this login or network belongs to no connector any more"};
  const auto right = [&it](const Domain& domain) { return it.connector->right(domain); };
  if (auto refusal = policy::decide_mail(it.reverse_path, right)) return refusal;
  return it.intake->decide_again(it.connector, directory_);
}

void Connection::on(const smtp::MessageEnd& event) {
  Transaction& it = *transaction_;
  if (const auto withdrawn = decide_again()) {
    refuse("data", *withdrawn);
    transaction_.reset();
    return;
  }
  if (const auto refusal = it.intake->end()) {
    if (!it.intake->fault().empty()) services_.log.error("spool-failed", {{"reason", it.intake->fault()}});
    refuse("data", *refusal);
    transaction_.reset();
    return;
  }
  auto taken = std::make_shared<TakenMessage>(it.intake->take());
  auto message = std::make_shared<QueuedMessage>();
  message->id = it.id;
  message->accepted = it.accepted;
  message->account = it.connector->account;
  message->connector = it.connector->name;
  if (it.reverse_path) message->reverse_path = it.reverse_path->format();
  message->eight_bit = event.eight_bit;
  message->smtputf8 = it.smtputf8 && (it.utf8_address || taken->eight_bit_header);
  message->content_octets = taken->content->size();
  message->recipients.reserve(it.recipients.size());
  std::unordered_set<std::string> named;  // who is named twice gets one copy
  for (const Address& address : it.recipients) {
    std::string text = address.format();
    if (it.recipients.size() > 1 && !named.insert(text).second) continue;
    message->recipients.push_back(
        {static_cast<std::uint32_t>(message->recipients.size()), std::move(text), 0, it.accepted, {}});
  }

  message->prefix_octets = taken->prefix.size();

  // From here the message goes on by itself, whether its client stays or not: made durable by the spool, handed to the
  // delivery, and only then answered.
  QueuedMessage row = *message;
  services_.spool.store(std::move(row), taken->prefix, taken->content,
                        [self = shared_from_this(), taken, message](Result<void> stored) {
                          if (stored) self->services_.deliver(*message, taken->prefix, taken->content);
                          self->submission_.loop().post([self, message, taken, stored = std::move(stored)] {
                            self->message_stored(*message, taken->message_id, stored);
                          });
                        });
}

void Connection::message_stored(const QueuedMessage& message, const std::string& message_id,
                                const Result<void>& stored) {
  transaction_.reset();
  const std::string id = format_queue_id(message.id);
  if (!stored) {
    services_.log.error("spool-failed", {{"id", id}, {"reason", stored.error().text}});
    const bool full = stored.error().code == Errc::limit_exceeded;
    return answer(full ? Reply{452, {4, 3, 1}, "the spool has no room; try again later"}
                       : Reply{451, {4, 3, 0}, "the message cannot be stored; try again later"});
  }
  services_.log.info("accepted", {{"id", id},
                                  {"connector", message.account + "/" + message.connector},
                                  {"from", "<" + message.reverse_path + ">"},
                                  {"recipients", message.recipients.size()},
                                  {"octets", message.content_octets},
                                  {"client", client_text_},
                                  {"message-id", message_id.substr(0, max_logged_octets)}});
  answer({250, {2, 0, 0}, "queued as " + id});
}

void Connection::on(const smtp::Reset& event) {
  if (transaction_ && event.reason.code >= 400) {
    services_.log.info("refused", {{"stage", "data"}, {"client", client_text_}, {"reply", event.reason.summary()}});
  }
  transaction_.reset();
}

void Connection::on(const smtp::Closed& event) {
  send_output();
  if (!event.orderly && event.reason.code >= 400)
    services_.log.debug("session-ended", {{"client", client_text_}, {"reply", event.reason.summary()}});
  finish();
}

}  // namespace sendconn::relay
