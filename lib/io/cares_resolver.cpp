// The c-ares resolver. c-ares does what is hard about asking: sockets, retries, several servers, TCP after truncation,
// the matching of answers to questions. What a message says is read by lib/dns/wire.hpp, so that every version of
// c-ares (1.18 and newer) gives the same answers.
//
// Answers are collected while c-ares runs and handed out afterwards: a `done` function may therefore ask again or
// destroy the resolver.
#include <sys/random.h>
#include <sys/time.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <new>
#include <unordered_map>
#include <utility>

#include <sendconn/resolver.hpp>
#include <sendconn/zone.hpp>

#include "lib/dns/wire.hpp"
#include "lib/io/cares_channel.hpp"

namespace sendconn::io {
namespace {

using std::chrono::milliseconds;

/// How many questions share a source port, which a forger has to guess (RFC 5452 section 9.2); our own choice.
[[maybe_unused]] constexpr int udp_queries_a_port = 32;

Result<void> check_range(milliseconds value, milliseconds most, std::string_view name) {
  if (value >= milliseconds(1) && value <= most) return {};
  return Error{Errc::invalid_argument, "a DNS " + std::string(name) + " of " + std::to_string(value.count()) +
                                           " ms; it must be from 1 to " + std::to_string(most.count())};
}

std::uint16_t random_id() {
  std::uint16_t id = 0;
  while (::getrandom(&id, sizeof id, 0) != static_cast<ssize_t>(sizeof id)) {
  }
  return id;
}

dns::Status status_of(int cares) {
  switch (cares) {
    case ARES_ETIMEOUT:
      return dns::Status::timeout;
    case ARES_EBADRESP:
    case ARES_EFORMERR:
      return dns::Status::malformed;
    default:
      return dns::Status::server_failure;
  }
}

class Cares final : public CaresResolver {
 public:
  Cares(OnWatch on_watch, milliseconds deadline) : on_watch_(std::move(on_watch)), deadline_(deadline) {}
  Cares(const Cares&) = delete;
  Cares& operator=(const Cares&) = delete;
  ~Cares() override;

  Result<void> start(const CaresOptions& options);
  void resolve(const dns::Question& question, Done done) override;
  void process(int readable, int writable) override;
  [[nodiscard]] std::optional<Duration> next_timeout() const override;

 private:
  using Id = std::uint64_t;

  struct Open {
    dns::Question question;  ///< its name is the last alias once there were some
    dns::Answer so_far;      ///< what the messages before this one said: aliases, TTL, AD
    Done done;
  };

  /// What c-ares carries through a query. It may outlive its question, whose deadline is ours and not c-ares'.
  struct Ticket {
    Cares* resolver;
    Id id;
  };

  static void on_socket(void* self, ares_socket_t socket, int readable, int writable);
  static void on_answer(void* opaque, int status, int timeouts, unsigned char* octets, int count);

  void take_message(Id id, int status, std::string_view message);
  void send(Id id, const dns::Question& question);
  void take(Id id, dns::Reading reading);
  void finish(Id id, dns::Answer answer);
  void expire();
  void deliver();

  OnWatch on_watch_;
  milliseconds deadline_;
  ares_channel channel_ = nullptr;
  Id last_id_ = 0;
  std::unordered_map<Id, Open> open_;
  std::deque<std::pair<Instant, Id>> deadlines_;  ///< in order, since all questions have equally long
  std::deque<std::pair<Done, dns::Answer>> ready_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  bool delivering_ = false;
  bool out_of_memory_ = false;  ///< noticed inside of c-ares, through which no exception may pass
};

Cares::~Cares() {
  *alive_ = false;
  open_.clear();
  ready_.clear();
  if (channel_ != nullptr) ares_destroy(channel_);
}

Result<void> Cares::start(const CaresOptions& options) {
  ares_options to{};
  to.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS | (options.tcp_only ? ARES_FLAG_USEVC : 0);
  to.timeout = static_cast<int>(options.timeout.count());
  to.tries = options.tries;
  to.ednspsz = dns::udp_payload_octets;
  to.sock_state_cb = &Cares::on_socket;
  to.sock_state_cb_data = this;
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ | ARES_OPT_SOCK_STATE_CB;
#ifdef ARES_OPT_QUERY_CACHE
  to.qcache_max_ttl = 0;  // what is cached is decided in front of the resolver
  mask |= ARES_OPT_QUERY_CACHE;
#endif
#ifdef ARES_OPT_UDP_MAX_QUERIES
  to.udp_max_queries = udp_queries_a_port;  // c-ares 1.20; older ones take a new port only after a pause
  mask |= ARES_OPT_UDP_MAX_QUERIES;
#endif
  auto channel = open_channel(to, mask, options.servers);
  if (!channel) return std::move(channel).error();
  channel_ = *channel;
  return {};
}

void Cares::on_socket(void* self, ares_socket_t socket, int readable, int writable) {
  static_cast<Cares*>(self)->on_watch_(Watch{socket, readable != 0, writable != 0});
}

void Cares::on_answer(void* opaque, int status, int /*timeouts*/, unsigned char* octets, int count) {
  const std::unique_ptr<Ticket> ticket(static_cast<Ticket*>(opaque));
  Cares& self = *ticket->resolver;
  std::string_view message;
  if (octets != nullptr && count > 0)
    message = {reinterpret_cast<const char*>(octets), static_cast<std::size_t>(count)};
  try {
    if (status == ARES_ENOMEM) throw std::bad_alloc();
    self.take_message(ticket->id, status, message);
  } catch (const std::bad_alloc&) {
    self.out_of_memory_ = true;
  }
}

void Cares::take_message(Id id, int status, std::string_view message) {
  const auto open = open_.find(id);
  if (open == open_.end()) return;  // past its deadline, or the resolver is being destroyed
  dns::Reading reading;
  if (!message.empty()) {
    reading = dns::decode_answer(message, open->second.question);
  } else {
    reading.answer.status = status == ARES_SUCCESS ? dns::Status::malformed : status_of(status);
  }
  take(id, std::move(reading));
}

void Cares::resolve(const dns::Question& question, Done done) {
  const Id id = ++last_id_;
  const bool full = open_.size() >= max_open;
  open_.emplace(id, Open{question, {}, std::move(done)});
  if (full) {
    finish(id, {dns::Status::server_failure, {}, {}, false, {}});
  } else {
    deadlines_.emplace_back(std::chrono::steady_clock::now() + deadline_, id);
    send(id, question);
  }
  deliver();
}

void Cares::send(Id id, const dns::Question& question) {
  const auto query = dns::encode_query(question, random_id());
  if (!query) return finish(id, {dns::Status::no_such_name, {}, {}, false, {}});
  auto ticket = std::make_unique<Ticket>(Ticket{this, id});
  ares_send(channel_, reinterpret_cast<const unsigned char*>(query->data()), static_cast<int>(query->size()),
            &Cares::on_answer, ticket.release());
}

/// Joins what a message said to what those before it said, and asks on where the chain of aliases left the message.
void Cares::take(Id id, dns::Reading reading) {
  Open& open = open_.at(id);
  const dns::Answer& before = open.so_far;
  dns::Answer& answer = reading.answer;
  if (!before.aliases.empty() && !dns::is_temporary(answer.status)) {
    answer.ttl = std::min(answer.ttl, before.ttl);
    answer.authenticated = answer.authenticated && before.authenticated;
    answer.aliases.insert(answer.aliases.begin(), before.aliases.begin(), before.aliases.end());
    if (answer.aliases.size() > dns::max_aliases) answer = {dns::Status::server_failure, {}, {}, false, {}};
  }
  if (dns::is_temporary(answer.status) || reading.continues_at.empty()) return finish(id, std::move(answer));
  open.so_far = std::move(answer);
  open.question.name = std::move(reading.continues_at);
  send(id, dns::Question(open.question));
}

void Cares::finish(Id id, dns::Answer answer) {
  const auto open = open_.find(id);
  ready_.emplace_back(std::move(open->second.done), std::move(answer));
  open_.erase(open);
  while (!deadlines_.empty() && open_.count(deadlines_.front().second) == 0) deadlines_.pop_front();
}

void Cares::expire() {
  const Instant now = std::chrono::steady_clock::now();
  while (!deadlines_.empty() && deadlines_.front().first <= now)
    finish(deadlines_.front().second, {dns::Status::timeout, {}, {}, false, {}});
}

void Cares::deliver() {
  if (delivering_) return;
  if (std::exchange(out_of_memory_, false)) throw std::bad_alloc();
  delivering_ = true;
  const std::shared_ptr<bool> alive = alive_;
  while (!ready_.empty()) {
    const auto [done, answer] = std::move(ready_.front());
    ready_.pop_front();
    if (done) done(answer);
    if (!*alive) return;
  }
  delivering_ = false;
}

void Cares::process(int readable, int writable) {
  ares_process_fd(channel_, readable < 0 ? ARES_SOCKET_BAD : readable, writable < 0 ? ARES_SOCKET_BAD : writable);
  expire();
  deliver();
}

std::optional<Duration> Cares::next_timeout() const {
  if (!ready_.empty()) return Duration::zero();
  std::optional<Duration> left;
  timeval room{};
  if (const timeval* own = ares_timeout(channel_, nullptr, &room); own != nullptr)
    left = std::chrono::seconds(own->tv_sec) + std::chrono::microseconds(own->tv_usec);
  if (!deadlines_.empty()) {
    const Duration until = std::max(deadlines_.front().first - std::chrono::steady_clock::now(), Duration::zero());
    left = left ? std::min(*left, until) : until;
  }
  return left;
}

}  // namespace

Result<std::unique_ptr<CaresResolver>> CaresResolver::open(const CaresOptions& options, OnWatch on_watch) {
  if (auto checked = check_range(options.timeout, std::chrono::minutes(1), "timeout"); !checked) return checked.error();
  if (auto checked = check_range(options.deadline, std::chrono::minutes(10), "deadline"); !checked)
    return checked.error();
  if (options.tries < 1 || options.tries > 10)
    return Error{Errc::invalid_argument, std::to_string(options.tries) + " tries; there must be 1 to 10"};
  auto resolver = std::make_unique<Cares>(std::move(on_watch), options.deadline);
  if (auto started = resolver->start(options); !started) return started.error();
  return std::unique_ptr<CaresResolver>(std::move(resolver));
}

}  // namespace sendconn::io
