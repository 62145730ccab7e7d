#include "relay/delivery/queue.hpp"

#include <algorithm>
#include <future>
#include <map>
#include <utility>

namespace sendconn::relay {
namespace {

std::string domain_of(const std::string& address) { return address.substr(address.rfind('@') + 1); }

constexpr std::size_t max_recipients_together = 100;  // RFC 5321 section 4.5.3.1.8: more may be refused
constexpr std::chrono::seconds record_interval{5};  // between tries to record what a full disk refused; our own figure

}  // namespace

Queue::Queue(const DeliveryServices& services)
    : services_(services),
      settler_(
          services,
          [this](QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content) {
            add(std::move(message), std::move(prefix), std::move(content));
          },
          [this](QueueId id) { finished(id); }),
      memory_octets_(std::make_shared<std::atomic<std::uint64_t>>(0)) {}

Queue::~Queue() = default;

Result<void> Queue::start(const std::vector<std::unique_ptr<Loop>>& loops,
                          const std::shared_ptr<const Directory>& directory) {
  for (const auto& loop : loops) {
    sites_.push_back({loop.get(), std::make_unique<Dispatcher>(*loop, services_, settler_)});
    sites_.back().dispatcher->set_directory(directory);
  }
  loops.front()->on_tick([this](Instant now) {
    if (now < next_record_) return;
    next_record_ = now + record_interval;
    settler_.record_again();
  });
  auto loaded = services_.spool.load();
  if (!loaded) return loaded.error();
  for (QueuedMessage& queued : *loaded) {
    auto message = std::make_shared<Message>(std::move(queued));
    messages_.emplace(message->facts().id, message);
    dispatch(message);
  }
  if (!loaded->empty()) services_.log.info("queue-loaded", {{"messages", loaded->size()}});
  return {};
}

void Queue::set_directory(const Loop& loop, std::shared_ptr<const Directory> directory) {
  const auto site = std::find_if(sites_.begin(), sites_.end(), [&](const Site& it) { return it.loop == &loop; });
  if (site != sites_.end()) site->dispatcher->set_directory(std::move(directory));
}

void Queue::add(QueuedMessage queued, std::string prefix, std::shared_ptr<const Content> content) {
  auto message = std::make_shared<Message>(std::move(queued));
  message->keep(keep_in_memory(std::move(prefix), std::move(content)));
  {
    const std::lock_guard lock(mutex_);
    messages_.emplace(message->facts().id, message);
  }
  dispatch(message);
}

std::shared_ptr<const Spool::Octets> Queue::keep_in_memory(std::string prefix, std::shared_ptr<const Content> content) {
  const std::uint64_t octets = prefix.size() + content->size();
  const bool in_file = content->size() > services_.config.max_memory_message_octets;
  const std::uint64_t counted = in_file ? prefix.size() : octets;
  if (memory_octets_->fetch_add(counted) + counted > services_.config.memory_octets) {
    memory_octets_->fetch_sub(counted);
    return nullptr;  // it is read back from the spool when its turn comes
  }
  return {new Spool::Octets{std::move(prefix), std::move(content)},
          [total = memory_octets_, counted](const Spool::Octets* it) {
            delete it;
            total->fetch_sub(counted);
          }};
}

void Queue::dispatch(const std::shared_ptr<Message>& message) {
  struct Group {
    Destination destination;
    Job job;
    UnixTime when{};
    bool later = false;
  };
  std::map<std::pair<std::string, UnixTime>, Group> groups;
  std::vector<Group> ready;
  for (std::uint32_t slot = 0; slot < message->recipient_count(); ++slot) {
    const auto recipient = message->recipient(slot);
    Destination destination = services_.routes.find(domain_of(recipient.queued.address));
    // What was tried before (and comes from the spool after a restart) keeps its place in the schedule.
    const UnixTime when = recipient.queued.attempts == 0 ? UnixTime{} : recipient.queued.next_attempt;
    const auto key = std::make_pair(destination.key, when);
    Group& group = groups[key];
    if (group.job.slots.size() == max_recipients_together) ready.push_back(std::exchange(group, {}));
    if (group.job.slots.empty()) {
      group.destination = std::move(destination);
      group.job.message = message;
      group.when = when;
      group.later = recipient.queued.attempts != 0;
    }
    group.job.slots.push_back(slot);
  }
  for (auto& [key, group] : groups) ready.push_back(std::move(group));
  for (Group& group : ready) {
    const Site& site = sites_[std::hash<std::string>{}(group.destination.key) % sites_.size()];
    if (group.later)
      for (const std::uint32_t slot : group.job.slots)
        message->change(slot, [](Message::Recipient& it) { it.state = Message::State::deferred; });
    site.loop->post([dispatcher = site.dispatcher.get(), group = std::move(group)]() mutable {
      if (group.later) return dispatcher->push_later(std::move(group.job), group.when);
      dispatcher->push(group.destination, std::move(group.job));
    });
  }
}

void Queue::finished(QueueId id) {
  const std::lock_guard lock(mutex_);
  messages_.erase(id);
}

void Queue::drain(std::function<void()> drained) {
  auto left = std::make_shared<std::atomic<std::size_t>>(sites_.size());
  const auto done = std::make_shared<std::function<void()>>(std::move(drained));
  for (const Site& site : sites_)
    site.loop->post([dispatcher = site.dispatcher.get(), left, done] {
      dispatcher->drain([left, done] {
        if (left->fetch_sub(1) == 1) (*done)();
      });
    });
}

std::vector<std::shared_ptr<Message>> Queue::list() const {
  std::vector<std::shared_ptr<Message>> all;
  const std::lock_guard lock(mutex_);
  all.reserve(messages_.size());
  for (const auto& [id, message] : messages_) all.push_back(message);
  return all;
}

std::shared_ptr<Message> Queue::find(QueueId id) const {
  const std::lock_guard lock(mutex_);
  const auto found = messages_.find(id);
  return found != messages_.end() ? found->second : nullptr;
}

std::size_t Queue::size() const {
  const std::lock_guard lock(mutex_);
  return messages_.size();
}

std::size_t Queue::on_every_loop(const std::function<std::size_t(Dispatcher&)>& action) {
  std::size_t count = 0;
  for (const Site& site : sites_) {
    auto promise = std::make_shared<std::promise<std::size_t>>();
    auto result = promise->get_future();
    site.loop->post([dispatcher = site.dispatcher.get(), action, promise] { promise->set_value(action(*dispatcher)); });
    // A loop that has ended answers nothing.
    if (result.wait_for(std::chrono::seconds(10)) == std::future_status::ready) count += result.get();
  }
  return count;
}

std::size_t Queue::retry(QueueId id) {
  return on_every_loop([id](Dispatcher& dispatcher) { return dispatcher.retry(id); });
}

std::size_t Queue::remove(QueueId id) {
  if (const auto message = find(id))
    for (std::uint32_t slot = 0; slot < message->recipient_count(); ++slot)
      message->change(slot, [](Message::Recipient& it) { it.removed = true; });
  return on_every_loop([id](Dispatcher& dispatcher) { return dispatcher.remove(id); });
}

}  // namespace sendconn::relay
