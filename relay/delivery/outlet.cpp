#include "relay/delivery/outlet.hpp"

#include <algorithm>
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
  if (draining_ || ready_.empty()) return std::nullopt;
  Job job = std::move(ready_.front());
  ready_.pop_front();
  return job;
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

// By value: what settling does may end what the reply belongs to.
void Outlet::settle_ready(Reply reply) {  // NOLINT(performance-unnecessary-value-param)
  auto jobs = std::exchange(ready_, {});
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
  if (!draining_ && !ready_.empty()) provide();  // further connections may be tried again
}

bool Outlet::is_unused(Instant now) const {
  return ready_.empty() && couriers_.empty() && (!down_ || now >= down_until_);
}

}  // namespace sendconn::relay
