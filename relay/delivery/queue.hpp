// Queue: every message that is in the spool, as it stands in memory, and its way to the loops that deliver it.
//
// Messages come from the submission (just stored), from the spool at start, and from bounces. The queue splits the
// recipients by destination and hands each group to the loop that owns the destination.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/delivery/dispatcher.hpp"
#include "relay/delivery/message.hpp"
#include "relay/delivery/services.hpp"
#include "relay/delivery/settler.hpp"
#include "relay/net/loop.hpp"

namespace sendconn::relay {

/// Thread-safe once start() has returned.
class Queue {
 public:
  explicit Queue(const DeliveryServices& services);
  ~Queue();

  /// Gives every loop its dispatcher and queues what the spool holds. Before the loops run.
  Result<void> start(const std::vector<std::unique_ptr<Loop>>& loops,
                     const std::shared_ptr<const Directory>& directory);
  /// Whose rights count from now on in the deliveries of this loop; on its thread.
  void set_directory(const Loop& loop, std::shared_ptr<const Directory> directory);

  /// A message that is durable. Its octets stay in memory for the delivery as long as the configured memory lasts.
  void add(QueuedMessage queued, std::string prefix, std::shared_ptr<const Content> content);

  /// Lets deliveries under way end; `drained` runs on some loop once no connection is left.
  void drain(std::function<void()> drained);
  /// Tries once more to record outcomes that the disk refused; before the spool is closed.
  void record_again() { settler_.record_again(); }

  // For the admin socket: any thread.
  [[nodiscard]] std::vector<std::shared_ptr<Message>> list() const;
  [[nodiscard]] std::shared_ptr<Message> find(QueueId id) const;
  /// How many recipients were taken from the schedule; 0 for id means all messages. Waits for the loops.
  std::size_t retry(QueueId id);
  std::size_t remove(QueueId id);
  [[nodiscard]] std::size_t size() const;
  [[nodiscard]] std::uint64_t memory_octets() const noexcept { return memory_octets_->load(); }

 private:
  struct Site {
    Loop* loop = nullptr;
    std::unique_ptr<Dispatcher> dispatcher;
  };
  void dispatch(const std::shared_ptr<Message>& message);
  void finished(QueueId id);
  std::shared_ptr<const Spool::Octets> keep_in_memory(std::string prefix, std::shared_ptr<const Content> content);
  std::size_t on_every_loop(const std::function<std::size_t(Dispatcher&)>& action);

  const DeliveryServices& services_;
  Settler settler_;
  std::vector<Site> sites_;
  Instant next_record_{};  // the first loop's thread alone
  mutable std::mutex mutex_;
  std::unordered_map<QueueId, std::shared_ptr<Message>> messages_;  // guarded by mutex_
  std::shared_ptr<std::atomic<std::uint64_t>> memory_octets_;       ///< shared with the octets that it counts
};

}  // namespace sendconn::relay
