// The resolvers of the C interface.
#include "capi/resolver.hpp"

#include <poll.h>

#include <cerrno>
#include <chrono>
#include <map>
#include <utility>

#include <sendconn/dns_cache.hpp>
#include <sendconn/resolver.hpp>
#include <sendconn/zone.hpp>

#include "capi/bytes.hpp"
#include "capi/uncancelled.hpp"
#include "capi/words.hpp"

using namespace sendconn;
using namespace sendconn::capi;

namespace {

/// No poll(2) waits longer: our own bound, so that a wait fits an int of milliseconds.
constexpr auto longest_wait = std::chrono::minutes(1);

/// c-ares under poll(2), kept from call to call.
class Network final : public sendconn_resolver {
 public:
  Network(const io::CaresOptions& options, std::size_t cache_octets)
      : cares_(take(
            io::CaresResolver::open(options, [this](const io::CaresResolver::Watch& watch) { on_watch(watch); }))) {
    if (cache_octets == 0) return;
    dns::CacheOptions cache;
    cache.max_octets = cache_octets;
    cache.shards = 1;
    cached_ = io::cached(*cares_, std::make_shared<dns::Cache>(cache));
  }

 private:
  std::vector<dns::Answer> resolve(const std::vector<dns::Question>& questions) override;

  /// Called by c-ares, which knows no exceptions.
  void on_watch(const io::CaresResolver::Watch& watch) noexcept {
    try {
      if (!watch.read && !watch.write) {
        watched_.erase(watch.socket);
      } else {
        watched_[watch.socket] = static_cast<short>((watch.read ? POLLIN : 0) | (watch.write ? POLLOUT : 0));
      }
    } catch (...) {
      out_of_memory_ = true;
    }
  }

  void wait();

  std::map<int, short> watched_;
  bool out_of_memory_ = false;
  std::unique_ptr<io::CaresResolver> cares_;
  std::unique_ptr<io::Resolver> cached_;  ///< goes first: it asks the other
};

std::vector<dns::Answer> Network::resolve(const std::vector<dns::Question>& questions) {
  // Shared with the callbacks, which may outlive this call if it fails.
  struct Round {
    std::vector<dns::Answer> answers;
    std::size_t open = 0;
  };
  const auto round = std::make_shared<Round>();
  round->answers.resize(questions.size());
  io::Resolver& resolver = cached_ != nullptr ? *cached_ : *cares_;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    ++round->open;
    resolver.resolve(questions[i], [round, i](const dns::Answer& answer) {
      round->answers[i] = answer;
      --round->open;
    });
  }
  while (round->open != 0) wait();
  return std::move(round->answers);
}

void Network::wait() {
  const auto left = cares_->next_timeout();
  std::vector<pollfd> sockets;
  sockets.reserve(watched_.size());
  for (const auto& [socket, events] : watched_) sockets.push_back({socket, events, 0});
  const auto wait =
      std::chrono::ceil<std::chrono::milliseconds>(left ? std::min<Duration>(*left, longest_wait) : longest_wait);
  const int count = ::poll(sockets.data(), sockets.size(), static_cast<int>(wait.count()));
  if (count < 0 && errno != EINTR) refuse(SENDCONN_ERR_IO, std::string("poll: ") + std::strerror(errno));
  for (const pollfd& socket : sockets) {
    const bool failed = (socket.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;  // c-ares learns it from reading
    const bool read = failed || (socket.revents & POLLIN) != 0;
    const bool write = (socket.revents & POLLOUT) != 0;
    if (count > 0 && (read || write)) cares_->process(read ? socket.fd : -1, write ? socket.fd : -1);
  }
  cares_->process(-1, -1);
  if (std::exchange(out_of_memory_, false)) throw std::bad_alloc();
}

class ZoneResolver final : public sendconn_resolver {
 public:
  explicit ZoneResolver(dns::Zone zone) : zone_(std::move(zone)) {}

 private:
  std::vector<dns::Answer> resolve(const std::vector<dns::Question>& questions) override {
    std::vector<dns::Answer> answers;
    answers.reserve(questions.size());
    for (const dns::Question& question : questions) answers.push_back(zone_.lookup(question));
    return answers;
  }

  dns::Zone zone_;
};

class Callback final : public sendconn_resolver {
 public:
  Callback(sendconn_resolve_fn fn, void* userdata) : fn_(fn), userdata_(userdata) {}

 private:
  std::vector<dns::Answer> resolve(const std::vector<dns::Question>& questions) override {
    std::vector<dns::Answer> answers;
    for (const dns::Question& question : questions) {
      sendconn_dns_answer answer;
      answer.answer.status = dns::Status::no_data;
      const sendconn_status status = call(answer, question);
      if (status == SENDCONN_ERR_NO_MEMORY) throw std::bad_alloc();
      if (status == SENDCONN_ERR_CANCELLED)
        refuse(SENDCONN_ERR_CANCELLED, "the resolver's callback ended the call at the question for " + question.name);
      if (status != SENDCONN_OK)
        refuse(SENDCONN_ERR_CALLBACK, "the resolver's callback failed with status " + std::to_string(status) +
                                          " at the question for " + question.name);
      answers.push_back(answer_for(question, answer));
    }
    return answers;
  }

  sendconn_status call(sendconn_dns_answer& answer, const dns::Question& question) const {
    try {
      return fn_(&answer, question.name.c_str(), question.name.size(), static_cast<std::uint16_t>(question.type),
                 userdata_);
    } catch (...) {
      return SENDCONN_ERR_CALLBACK;
    }
  }

  sendconn_resolve_fn fn_;
  void* userdata_;
};

/// Those that the network can be asked for.
bool is_known(std::uint16_t type) noexcept {
  switch (type) {
    case SENDCONN_DNS_A:
    case SENDCONN_DNS_NS:
    case SENDCONN_DNS_CNAME:
    case SENDCONN_DNS_PTR:
    case SENDCONN_DNS_MX:
    case SENDCONN_DNS_TXT:
    case SENDCONN_DNS_AAAA:
    case SENDCONN_DNS_TLSA:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::vector<dns::Answer> sendconn_resolver::ask(const std::vector<dns::Question>& questions) {
  std::vector<dns::Answer> answers = resolve(questions);
  if (log == nullptr) return answers;
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const std::string line = questions[i].name + " " + std::string(dns::format(questions[i].type)) + ": " +
                             std::string(dns::format(answers[i].status)) + ", " +
                             std::to_string(answers[i].records.size()) + " records";
    try {
      log(7, line.c_str(), line.size(), log_userdata);
    } catch (...) {
      refuse(SENDCONN_ERR_CALLBACK, "the log callback threw");
    }
  }
  return answers;
}

sendconn_status sendconn_resolver_new(sendconn_resolver** out, const sendconn_resolver_options* options,
                                      sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    const auto given = read_or_default(options, "options");
    io::CaresOptions cares;
    cares.servers = words(text(given.servers, given.servers_len, "servers"));
    if (given.timeout_ms != 0) cares.timeout = std::chrono::milliseconds(given.timeout_ms);
    if (given.deadline_ms != 0) cares.deadline = std::chrono::milliseconds(given.deadline_ms);
    if (given.tries > 10) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "tries is more than 10");
    if (given.tries != 0) cares.tries = static_cast<int>(given.tries);
    cares.tcp_only = given.tcp_only != 0;
    slot.set(std::unique_ptr<sendconn_resolver>(new Network(cares, given.cache_octets)));
  });
}

sendconn_status sendconn_resolver_new_zone(sendconn_resolver** out, const char* zone, std::size_t zone_len,
                                           sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    dns::Zone parsed = take(dns::Zone::parse(text(zone, zone_len, "zone")));
    slot.set(std::unique_ptr<sendconn_resolver>(new ZoneResolver(std::move(parsed))));
  });
}

sendconn_status sendconn_resolver_new_callback(sendconn_resolver** out, sendconn_resolve_fn fn, void* userdata,
                                               sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    if (fn == nullptr) refuse(SENDCONN_ERR_INVALID_ARGUMENT, "the argument fn is NULL");
    slot.set(std::unique_ptr<sendconn_resolver>(new Callback(fn, userdata)));
  });
}

void sendconn_resolver_set_log(sendconn_resolver* resolver, sendconn_log_fn fn, void* userdata) noexcept {
  if (resolver == nullptr) return;
  resolver->log = fn;
  resolver->log_userdata = userdata;
}

sendconn_status sendconn_resolver_resolve(sendconn_dns_answer** out, sendconn_resolver* resolver, const char* name,
                                          std::size_t name_len, std::uint16_t type, sendconn_error** error) noexcept {
  return guard(error, [&] {
    Slot slot(out, "out");
    sendconn_resolver& from = need(resolver, "resolver");
    if (!is_known(type))
      refuse(SENDCONN_ERR_INVALID_ARGUMENT, std::to_string(type) + " is no type of records that can be asked for");
    const dns::Question question{std::string(text(name, name_len, "name")), record_type(type)};
    std::vector<dns::Answer> answers = from.ask({question});
    auto handle = std::make_unique<sendconn_dns_answer>();
    handle->answer = std::move(answers.front());
    if (type == SENDCONN_DNS_A || type == SENDCONN_DNS_AAAA)
      for (dns::Record& record : handle->answer.records) record.text = record.address.octets();
    slot.set(std::move(handle));
  });
}

void sendconn_resolver_free(sendconn_resolver* resolver) noexcept {
  const Uncancelled uncancelled;
  delete resolver;
}
