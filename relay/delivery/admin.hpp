// DeliveryAdmin: the running queue as the admin socket sees it.
#pragma once

#include <string>
#include <vector>

#include "relay/admin/queue_admin.hpp"
#include "relay/delivery/queue.hpp"

namespace sendconn::relay {

/// Thread-safe: looks at messages under their own locks and leaves changes to the loops.
class DeliveryAdmin final : public QueueAdmin {
 public:
  /// `connections` counts the clients of the moment.
  using Count = std::function<std::uint64_t()>;
  DeliveryAdmin(Queue& queue, Spool& spool, RelayStatus status, Count connections)
      : queue_(queue), spool_(spool), status_(std::move(status)), connections_(std::move(connections)) {}

  Result<QueueList> list(const QueueFilter& filter, std::size_t limit) override;
  Result<QueuedMessage> show(QueueId id) override;
  Result<std::uint64_t> retry(std::optional<QueueId> id) override;
  Result<void> remove(QueueId id) override;
  RelayStatus status() override;

 private:
  Queue& queue_;
  Spool& spool_;
  RelayStatus status_;
  Count connections_;
};

}  // namespace sendconn::relay
