#include "relay/delivery/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace sendconn::relay {
namespace {

UnixTime wall_clock() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::string domain_of(const std::string& address) { return address.substr(address.rfind('@') + 1); }

}  // namespace

Dispatcher::Dispatcher(Loop& loop, const DeliveryServices& services, Settler& settler)
    : loop_(loop), services_(services), settler_(settler) {
  loop_.on_tick([this](Instant now) { on_tick(now); });
}

Dispatcher::~Dispatcher() = default;

void Dispatcher::push(const Destination& destination, Job job) {
  auto& outlet = outlets_[destination.key];
  if (!outlet) outlet = std::make_unique<Outlet>(*this, destination);
  if (draining_) outlet->drain();
  outlet->push(std::move(job));
}

void Dispatcher::push_later(Job job, UnixTime when) {
  // A time further off than the schedule has any was written under a clock that has been set back since.
  const std::vector<std::chrono::seconds>& waits = services_.config.retry.waits;
  const auto longest = waits.empty() ? std::chrono::hours(1) : 2 * *std::max_element(waits.begin(), waits.end());
  const auto wait = std::clamp(when - wall_clock(), std::chrono::seconds(0), longest);
  schedule_.emplace(std::chrono::steady_clock::now() + wait, std::move(job));
}

void Dispatcher::push_by_route(Job job) {
  // All recipients of a job share a destination, so the first one names it.
  for (const std::uint32_t slot : job.slots)
    job.message->change(slot, [](Message::Recipient& it) { it.state = Message::State::waiting; });
  const auto recipient = job.message->recipient(job.slots.front());
  push(services_.routes.find(domain_of(recipient.queued.address)), std::move(job));
}

std::optional<Reply> Dispatcher::decide(const QueuedMessage& message) const {
  if (message.domains.empty()) return std::nullopt;
  const auto connector = directory_->find_connector(message.account, message.connector);
  if (!connector)
    return Reply{451, {4, 7, 1}, "connector " + message.account + "/" + message.connector + " is no more"};
  std::vector<Domain> domains;
  domains.reserve(message.domains.size());
  for (const std::string& text : message.domains) {
    auto domain = Domain::parse(text);
    if (domain) domains.push_back(std::move(*domain));
  }
  return policy::decide_delivery(domains, [&](const Domain& domain) { return connector->right(domain); });
}

void Dispatcher::settle(Job job, std::vector<RecipientResult> results,
                        const std::shared_ptr<const Spool::Octets>& octets) {
  if (!octets && settler_.needs_octets(job, results)) {
    auto message = job.message;
    return with_octets(message, [this, job = std::move(job), results = std::move(results)](
                                    Result<std::shared_ptr<const Spool::Octets>> read) mutable {
      // A report without the header is better than none.
      static const auto none = std::make_shared<const Spool::Octets>(Spool::Octets{{}, make_content({})});
      settle(std::move(job), std::move(results), read ? *read : none);
    });
  }
  auto deferred = settler_.settle(job, results, octets);
  if (!deferred.empty()) job.message->drop_octets();  // it waits for minutes: memory is for what goes out now
  for (DeferredJob& again : deferred) push_later(std::move(again.job), again.when);
}

void Dispatcher::with_octets(const std::shared_ptr<Message>& message,
                             std::function<void(Result<std::shared_ptr<const Spool::Octets>>)> then) {
  if (auto octets = message->octets()) return then(std::move(octets));
  const auto shared_then = std::make_shared<decltype(then)>(std::move(then));
  const bool taken = services_.readers.submit([this, message, shared_then] {
    auto read = services_.spool.open(message->facts().id);
    loop_.post([shared_then, read = std::make_shared<decltype(read)>(std::move(read))] {
      if (!*read) return (*shared_then)(read->error());
      (*shared_then)(std::make_shared<const Spool::Octets>(std::move(**read)));
    });
  });
  if (taken) return;
  // Not at once: who is told so may ask for the next message, and so on.
  loop_.post([shared_then] {
    (*shared_then)(Error{Errc::limit_exceeded, "too many messages wait to be read back from the spool"});
  });
}

void Dispatcher::on_tick(Instant now) {
  for (auto it = outlets_.begin(); it != outlets_.end();) {
    it->second->on_tick(now);
    it = it->second->is_unused(now) ? outlets_.erase(it) : std::next(it);
  }
  if (draining_) return;
  while (!schedule_.empty() && schedule_.begin()->first <= now) {
    Job job = std::move(schedule_.begin()->second);
    schedule_.erase(schedule_.begin());
    push_by_route(std::move(job));
  }
}

std::vector<Job> Dispatcher::take_scheduled(QueueId id) {
  std::vector<Job> taken;
  for (auto it = schedule_.begin(); it != schedule_.end();) {
    if (id == 0 || it->second.message->facts().id == id) {
      taken.push_back(std::move(it->second));
      it = schedule_.erase(it);
    } else {
      ++it;
    }
  }
  return taken;
}

std::size_t Dispatcher::retry(QueueId id) {
  for (auto& [key, outlet] : outlets_) outlet->forget_failures();
  std::size_t count = 0;
  for (Job& job : take_scheduled(id)) {
    count += job.slots.size();
    push_by_route(std::move(job));
  }
  return count;
}

std::size_t Dispatcher::remove(QueueId id) {
  std::size_t count = 0;
  for (const Job& job : take_scheduled(id)) {
    count += job.slots.size();
    settler_.remove(job);
  }
  for (auto& [key, outlet] : outlets_) {
    for (const Job& job : outlet->take(id)) {
      count += job.slots.size();
      settler_.remove(job);
    }
  }
  return count;
}

void Dispatcher::drain(std::function<void()> drained) {
  draining_ = true;
  drained_ = std::move(drained);
  for (auto& [key, outlet] : outlets_) outlet->drain();
  courier_ended();
}

void Dispatcher::courier_ended() {
  if (draining_ && drained_ && couriers() == 0) loop_.post(std::exchange(drained_, {}));
}

std::size_t Dispatcher::couriers() const {
  std::size_t count = 0;
  for (const auto& [key, outlet] : outlets_) count += outlet->couriers();
  return count;
}

}  // namespace sendconn::relay
