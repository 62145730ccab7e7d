#include "relay/admin/spool_queue.hpp"

#include <algorithm>
#include <chrono>
#include <future>

#include "relay/admin/stores.hpp"

namespace sendconn::relay::admin {
namespace {

UnixTime now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

}  // namespace

Result<void> SpoolQueue::open() {
  if (spool_) return {};
  auto spool = open_spool(spool_options(config_));
  if (!spool) return std::move(spool).error();
  auto messages = (*spool)->load();
  if (!messages) return std::move(messages).error();
  spool_ = std::move(*spool);
  messages_ = std::move(*messages);
  return {};
}

Result<QueueList> SpoolQueue::list(const QueueFilter& filter, std::size_t limit) {
  if (auto opened = open(); !opened) return std::move(opened).error();
  QueueList found;
  for (const QueuedMessage& one : messages_) {
    if (!matches(filter, one)) continue;
    if (found.matched++ < limit) found.messages.push_back(one);
  }
  return found;
}

Result<QueuedMessage*> SpoolQueue::find(QueueId id) {
  if (auto opened = open(); !opened) return std::move(opened).error();
  for (QueuedMessage& one : messages_) {
    if (one.id == id) return &one;
  }
  return Error{Errc::not_found, "there is no message " + format_queue_id(id) + " in the queue"};
}

Result<QueuedMessage> SpoolQueue::show(QueueId id) {
  auto found = find(id);
  if (!found) return std::move(found).error();
  return **found;
}

Result<void> SpoolQueue::settle(QueueId id, std::vector<Settlement> settlements) {
  std::promise<Result<void>> settled;
  spool_->settle(id, std::move(settlements), std::nullopt,
                 [&settled](Result<void> result) { settled.set_value(std::move(result)); });
  return settled.get_future().get();
}

Result<std::uint64_t> SpoolQueue::retry(std::optional<QueueId> id) {
  if (auto opened = open(); !opened) return std::move(opened).error();
  if (id) {
    if (auto found = find(*id); !found) return std::move(found).error();
  }
  std::uint64_t recipients = 0;
  for (QueuedMessage& message : messages_) {
    if (id && message.id != *id) continue;
    std::vector<Settlement> settlements;
    for (const QueuedRecipient& one : message.recipients) {
      settlements.push_back({one.index, false, one.attempts, now(), one.last_reply});
    }
    recipients += settlements.size();
    if (auto settled = settle(message.id, std::move(settlements)); !settled) return std::move(settled).error();
  }
  return recipients;
}

Result<void> SpoolQueue::remove(QueueId id) {
  auto found = find(id);
  if (!found) return std::move(found).error();
  std::vector<Settlement> settlements;
  for (const QueuedRecipient& one : (*found)->recipients) {
    settlements.push_back({one.index, true, one.attempts, now(), one.last_reply});
  }
  return settle(id, std::move(settlements));
}

RelayStatus SpoolQueue::status() {
  RelayStatus status;
  status.hostname = config_.hostname;
  return status;
}

}  // namespace sendconn::relay::admin
