#include "relay/delivery/admin.hpp"

#include <algorithm>
#include <utility>

namespace sendconn::relay {
namespace {

Error unknown(QueueId id) {
  return {Errc::not_found,
          "no message " + format_queue_id(id) + " is in the queue: it was delivered, bounced or removed"};
}

/// The message with the recipients that are not settled.
QueuedMessage describe(const Message& message) {
  QueuedMessage out = message.facts();
  for (std::size_t slot = 0; slot < message.recipient_count(); ++slot) {
    Message::Recipient recipient = message.recipient(slot);
    if (recipient.state != Message::State::done) out.recipients.push_back(std::move(recipient.queued));
  }
  return out;
}

}  // namespace

Result<QueueList> DeliveryAdmin::list(const QueueFilter& filter, std::size_t limit) {
  QueueList out;
  for (const auto& message : queue_.list()) {
    QueuedMessage described = describe(*message);
    if (described.recipients.empty() || !matches(filter, described)) continue;
    out.messages.push_back(std::move(described));
  }
  out.matched = out.messages.size();
  std::sort(out.messages.begin(), out.messages.end(), [](const QueuedMessage& a, const QueuedMessage& b) {
    return std::pair(a.accepted, a.id) < std::pair(b.accepted, b.id);
  });
  if (out.messages.size() > limit) out.messages.resize(limit);
  return out;
}

Result<QueuedMessage> DeliveryAdmin::show(QueueId id) {
  const auto message = queue_.find(id);
  if (!message) return unknown(id);
  return describe(*message);
}

Result<std::uint64_t> DeliveryAdmin::retry(std::optional<QueueId> id) {
  if (id && !queue_.find(*id)) return unknown(*id);
  return queue_.retry(id.value_or(0));
}

Result<void> DeliveryAdmin::remove(QueueId id) {
  if (!queue_.find(id)) return unknown(id);
  const std::size_t removed = queue_.remove(id);
  if (removed == 0)
    return Error{Errc::conflict, "message " + format_queue_id(id) +
                                     " is being delivered this moment; what fails of it will not be tried again"};
  return {};
}

RelayStatus DeliveryAdmin::status() {
  RelayStatus status = status_;
  const SpoolStatus spool = spool_.status();
  status.figures = {{"connections", connections_()},
                    {"queue_messages", queue_.size()},
                    {"queue_memory_octets", queue_.memory_octets()},
                    {"spool_messages", spool.messages},
                    {"spool_octets", spool.octets},
                    {"spool_commits", spool.commits},
                    {"messages_stored", spool.stored}};
  return status;
}

}  // namespace sendconn::relay
