// The queue as the command line sees it while no relay runs: the spool itself, opened when a command needs it.
#pragma once

#include <memory>
#include <vector>

#include "relay/admin/queue_admin.hpp"
#include "relay/config/config.hpp"

namespace sendconn::relay::admin {

/// Thread-compatible.
class SpoolQueue : public QueueAdmin {
 public:
  /// `config` must outlive it.
  explicit SpoolQueue(const Config& config) : config_(config) {}

  Result<QueueList> list(const QueueFilter& filter, std::size_t limit) override;
  Result<QueuedMessage> show(QueueId id) override;
  Result<std::uint64_t> retry(std::optional<QueueId> id) override;
  Result<void> remove(QueueId id) override;
  RelayStatus status() override;

 private:
  Result<void> open();
  Result<QueuedMessage*> find(QueueId id);
  Result<void> settle(QueueId id, std::vector<Settlement> settlements);

  const Config& config_;
  std::unique_ptr<Spool> spool_;
  std::vector<QueuedMessage> messages_;
};

}  // namespace sendconn::relay::admin
