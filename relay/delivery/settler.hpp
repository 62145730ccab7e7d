// Settler: turns what servers said into the fate of recipients: delivered, tried again later, or bounced. It records
// the fate in the spool, writes the log, and makes the report for what failed for good.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "relay/delivery/message.hpp"
#include "relay/delivery/services.hpp"

namespace sendconn::relay {

/// What became of one recipient in one try.
struct RecipientResult {
  std::uint32_t slot = 0;
  Reply reply;
  std::string remote;  ///< "mx.example[192.0.2.1]:25"; empty if no server was reached
};

/// Recipients of a job that are to be tried again, all at the same time.
struct DeferredJob {
  Job job;
  UnixTime when{};
};

class Settler {
 public:
  using AddMessage = std::function<void(QueuedMessage, std::string prefix, std::shared_ptr<const Content>)>;

  /// `add` queues a bounce once it is durable; thread-safe.
  Settler(const DeliveryServices& services, AddMessage add, std::function<void(QueueId)> finished)
      : services_(services), add_(std::move(add)), finished_(std::move(finished)) {}

  /// Settles every result of `job`. Returns what has to be tried again. `octets` may be null only if no result is
  /// permanent.
  std::vector<DeferredJob> settle(const Job& job, const std::vector<RecipientResult>& results,
                                  const std::shared_ptr<const Spool::Octets>& octets);
  /// Whether settle() would need the message's octets: for the report about a permanent failure.
  [[nodiscard]] bool needs_octets(const Job& job, const std::vector<RecipientResult>& results) const;
  /// Forgets recipients without a report, on an operator's word.
  void remove(const Job& job);
  /// Tries once more to record what the disk refused. Every few seconds, and before the spool is closed; thread-safe.
  void record_again();

 private:
  /// The end of some recipients of a message, with the report about it.
  struct End {
    QueueId id = 0;
    std::vector<Settlement> settlements;
    std::optional<Spool::NewMessage> report;
  };
  void record(End end, bool again);
  void recorded(End end, bool again, const Result<void>& result);

  const DeliveryServices& services_;
  AddMessage add_;
  std::function<void(QueueId)> finished_;
  std::mutex mutex_;
  std::vector<End> refused_;  // guarded by mutex_; no more than messages were in the queue
};

}  // namespace sendconn::relay
