#include "relay/submission/connection.hpp"

#include <sendconn/crypto.hpp>

#include <algorithm>
#include <type_traits>
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
  while (!finished_ && !held_) {
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
  if (held_) return;
  const std::string_view output = session_.output();
  if (output.empty()) return;
  const bool sent = stream_.write(output);
  session_.consumed_output(output.size());
  if (!sent) finish();
}

void Connection::continue_later() {
  if (waiting_ || finished_ || held_) return;
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
  if (driving_) return answer_now(reply);
  paused_ = false;
  session_.reply(reply, now());
  const std::string input = std::exchange(pending_, {});
  drive(input);
}

void Connection::on_tick(Instant now) {
  if (finished_ || driving_ || held_) return;
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
  // A listener that receives from the Internet asks nobody: to it all clients are strangers.
  if (!listener_->config.receives() && submission_.directory()->find_network(client_.unmapped()))
    session_.trust_client(false);
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

void Connection::login_failed() {
  hold_reply();
  const auto& rate = services_.config.auth_failure_rate;
  if (!rate) return;
  const std::string key = "auth:" + site_of(client_);
  const limit::Table::Demand demand{key, *rate, 1};
  (void)services_.limits.take({&demand, 1}, now());
}

/// Who guesses passwords waits for each reply, and so does what was sent ahead of it; who mistypes hardly notices.
void Connection::hold_reply() {
  const auto delay = services_.config.failed_login_delay;
  if (delay == delay.zero() || held_) return;
  held_ = true;
  submission_.loop().after(delay, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->finished_) return;
    self->held_ = false;
    const std::string input = std::exchange(self->pending_, {});
    self->drive(input);
  });
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
  if (refusal.permanent()) {
    login_failed();
  } else {
    hold_reply();
  }
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
  login_failed();
}

std::shared_ptr<const Connector> Connection::connector() const {
  if (listener_->config.receives()) return nullptr;
  if (user_.empty()) return directory_->find_network(client_.unmapped());
  const Login* login = directory_->find_login(user_);
  return login != nullptr && login->verifier.stored_key == proved_ ? login->connector : nullptr;
}

void Connection::log_refusal(std::string_view stage, const Reply& reply, const Transaction* of) const {
  services_.log.info("refused", {{"stage", stage},
                                 {"client", client_text_},
                                 {"connector", of != nullptr && of->connector ? of->connector->key : ""},
                                 {"from", of != nullptr && of->reverse_path ? of->reverse_path->format() : ""},
                                 {"reply", reply.summary()}});
}

void Connection::refuse(std::string_view stage, const Reply& reply) {
  log_refusal(stage, reply, transaction_.get());
  answer_now(reply);
}

void Connection::on(const smtp::Closed& event) {
  send_output();
  if (!event.orderly && event.reason.code >= 400)
    services_.log.debug("session-ended", {{"client", client_text_}, {"reply", event.reason.summary()}});
  finish();
}

}  // namespace sendconn::relay
