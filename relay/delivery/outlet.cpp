#include "relay/delivery/outlet.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

#include "relay/delivery/courier.hpp"
#include "relay/delivery/dispatcher.hpp"

namespace sendconn::relay {
namespace {

/// After a destination could not be reached, its mail is deferred for so long without another try: a dead host must not
/// cost a connection timeout for each message. Below the first wait of any sensible retry schedule.
constexpr std::chrono::seconds down_time{20};

/// After a server that serves us has refused one more connection, no further one is opened for so long.
constexpr std::chrono::seconds full_time{20};

/// Between two looks for jobs that have become too old while they waited for a connection, and how long after its time
/// a job may still wait for its last try: as long as a server may take to answer the message in front of it (RFC 5321
/// section 4.5.3.2.6). The first is our own figure.
constexpr std::chrono::seconds expiry_interval{5};
constexpr std::chrono::minutes expiry_grace{10};

}  // namespace

Outlet::Outlet(Dispatcher& dispatcher, Destination destination)
    : dispatcher_(dispatcher), destination_(std::move(destination)) {}

Outlet::~Outlet() = default;

void Outlet::push(Job job) {
  ready_.push_back(std::move(job));
  if (draining_) return;
  if (down_ && std::chrono::steady_clock::now() < down_until_) return settle_ready(*down_);
  provide();
}

std::vector<Job> Outlet::take(QueueId id) {
  std::vector<Job> taken;
  std::erase_if(ready_, [&](Job& job) {
    if (job.message->facts().id != id) return false;
    taken.push_back(std::move(job));
    return true;
  });
  return taken;
}

std::optional<Job> Outlet::next() {
  while (!draining_ && !ready_.empty()) {
    Job job = std::move(ready_.front());
    ready_.pop_front();
    const auto refusal = dispatcher_.decide(job.message->facts());
    if (!refusal) return job;
    std::deque<Job> refused;
    refused.push_back(std::move(job));
    settle_jobs(std::move(refused), *refusal);
  }
  return std::nullopt;
}

void Outlet::put_back(Job job) {
  ready_.push_front(std::move(job));
  if (!draining_) provide();
}

void Outlet::provide() {
  // One for each job: who is woken for nothing begins its idle time anew, and would keep its connection for ever.
  for (std::size_t wanted = ready_.size(); wanted > 0 && !idle_.empty(); --wanted) {
    Courier* courier = idle_.back();
    idle_.pop_back();
    courier->work();
  }
  const DeliveryServices& services = dispatcher_.services();
  // As many couriers as jobs, up to the limit; those still connecting will find their job.
  std::size_t connecting = 0;
  for (const auto& courier : couriers_) connecting += courier->is_connecting() ? 1U : 0U;
  if (connecting < couriers_.size() && std::chrono::steady_clock::now() < full_until_) return;
  while (connecting < ready_.size() && couriers_.size() < services.config.max_connections_per_destination) {
    auto courier = std::make_shared<Courier>(*this);
    couriers_.insert(courier);
    ++connecting;
    courier->start();
  }
}

void Outlet::unreachable(const Reply& reply) {
  const Instant now = std::chrono::steady_clock::now();
  const bool temporary = reply.temporary() || reply.code == 0;
  const bool served =
      std::any_of(couriers_.begin(), couriers_.end(), [](const auto& it) { return !it->is_connecting(); });
  if (temporary && served) {
    full_until_ = now + full_time;  // the servers limit our connections: those that they took carry everything
    return;
  }
  if (temporary) {
    down_ = reply;
    down_until_ = now + down_time;
  }
  settle_ready(reply);
}

/// A server that holds every connection for hours must not keep a message beyond its time.
void Outlet::expire(Instant now) {
  if (ready_.empty() || now < next_expiry_) return;
  next_expiry_ = now + expiry_interval;
  const auto today = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::chrono::seconds most = dispatcher_.services().config.retry.max_age + expiry_grace;
  const auto kept = std::stable_partition(ready_.begin(), ready_.end(),
                                          [&](const Job& job) { return today < job.message->facts().accepted + most; });
  std::deque<Job> old(std::make_move_iterator(kept), std::make_move_iterator(ready_.end()));
  ready_.erase(kept, ready_.end());
  settle_jobs(std::move(old), {451, {4, 4, 5}, "no connection to the mail server became free"});
}

void Outlet::settle_ready(const Reply& reply) { settle_jobs(std::exchange(ready_, {}), reply); }

// By value: what settling does may end what the reply belongs to.
void Outlet::settle_jobs(std::deque<Job> jobs, Reply reply) {  // NOLINT(performance-unnecessary-value-param)
  for (Job& job : jobs) {
    std::vector<RecipientResult> results;
    for (const std::uint32_t slot : job.slots) results.push_back({slot, reply, {}});
    dispatcher_.settle(std::move(job), std::move(results), nullptr);
  }
}

void Outlet::courier_is_idle(Courier& courier) {
  down_.reset();
  idle_.push_back(&courier);
}

void Outlet::courier_is_busy(Courier& courier) { std::erase(idle_, &courier); }

void Outlet::courier_ended(const std::shared_ptr<Courier>& courier) {
  std::erase(idle_, courier.get());
  couriers_.erase(courier);
  if (!draining_ && !ready_.empty()) provide();
  dispatcher_.courier_ended();
}

void Outlet::forget_failures() {
  down_.reset();
  full_until_ = {};
}

void Outlet::drain() {
  draining_ = true;
  const auto all = couriers_;
  for (const auto& courier : all) courier->drain();
}

void Outlet::on_tick(Instant now) {
  const auto all = couriers_;
  for (const auto& courier : all) courier->on_tick(now);
  if (!draining_) expire(now);
  if (!draining_ && !ready_.empty()) provide();  // further connections may be tried again
}

bool Outlet::is_unused(Instant now) const {
  return ready_.empty() && couriers_.empty() && (!down_ || now >= down_until_);
}

}  // namespace sendconn::relay
