// Dispatcher: the sending side of one loop: its destinations, and the schedule of what is to be tried again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/control/directory.hpp"
#include "relay/delivery/outlet.hpp"
#include "relay/delivery/services.hpp"
#include "relay/delivery/settler.hpp"
#include "relay/net/loop.hpp"

namespace sendconn::relay {

/// Everything on the loop's thread.
class Dispatcher {
 public:
  Dispatcher(Loop& loop, const DeliveryServices& services, Settler& settler);
  ~Dispatcher();

  void push(const Destination& destination, Job job);
  void push_later(Job job, UnixTime when);
  /// To the destination of its recipients, as it is configured.
  void push_by_route(Job job);
  /// Tries deferred recipients of this message (0: of all messages) now.
  std::size_t retry(QueueId id);
  /// Removes recipients of this message that are not being delivered just now; those are not tried again if they fail.
  std::size_t remove(QueueId id);
  void drain(std::function<void()> drained);

  /// Whose rights count from now on.
  void set_directory(std::shared_ptr<const Directory> directory) { directory_ = std::move(directory); }

  // For outlets and couriers.
  /// Why the message may not leave now: rights of its sender have ended since it was accepted. Nothing: it may.
  [[nodiscard]] std::optional<Reply> decide(const QueuedMessage& message) const;
  Loop& loop() noexcept { return loop_; }
  [[nodiscard]] const DeliveryServices& services() const noexcept { return services_; }
  /// Settles, reading the message back first if a report needs it, and schedules what has to be tried again.
  void settle(Job job, std::vector<RecipientResult> results, const std::shared_ptr<const Spool::Octets>& octets);
  /// The message's octets; `then` runs on this loop: at once if they are in memory, else later.
  void with_octets(const std::shared_ptr<Message>& message,
                   std::function<void(Result<std::shared_ptr<const Spool::Octets>>)> then);
  void courier_ended();
  [[nodiscard]] std::size_t couriers() const;

 private:
  void on_tick(Instant now);
  std::vector<Job> take_scheduled(QueueId id);

  Loop& loop_;
  const DeliveryServices& services_;
  Settler& settler_;
  std::shared_ptr<const Directory> directory_;
  std::unordered_map<std::string, std::unique_ptr<Outlet>> outlets_;
  std::multimap<Instant, Job> schedule_;  // by a clock that nobody sets
  std::function<void()> drained_;
  bool draining_ = false;
};

}  // namespace sendconn::relay
