// Outlet: one destination of one loop: the jobs that are ready for it, and the couriers that carry them.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "relay/delivery/services.hpp"
#include "relay/delivery/settler.hpp"
#include "relay/net/loop.hpp"

namespace sendconn::relay {

class Courier;
class Dispatcher;

class Outlet {
 public:
  Outlet(Dispatcher& dispatcher, Destination destination);
  ~Outlet();

  void push(Job job);
  /// Takes back the jobs of this message that wait for a courier.
  std::vector<Job> take(QueueId id);

  // For couriers.
  [[nodiscard]] const Destination& destination() const noexcept { return destination_; }
  Dispatcher& dispatcher() noexcept { return dispatcher_; }
  [[nodiscard]] bool has_ready() const noexcept { return !ready_.empty(); }
  /// The next job that may leave; those whose sender has lost its rights meanwhile are settled on the way.
  std::optional<Job> next();
  /// The job was not tried: it goes back to the front.
  void put_back(Job job);
  /// No endpoint took this courier's connection, or there is none: every ready job shares this answer, unless other
  /// couriers are served.
  void unreachable(const Reply& reply);
  void courier_is_idle(Courier& courier);
  void courier_is_busy(Courier& courier);
  void courier_ended(const std::shared_ptr<Courier>& courier);

  /// No more jobs are given out; idle couriers say QUIT.
  void drain();
  /// Tries at once what it would have waited for; on an operator's word.
  void forget_failures();
  void on_tick(Instant now);
  /// Nothing is ready, connected or remembered: the outlet may be dropped.
  [[nodiscard]] bool is_unused(Instant now) const;
  [[nodiscard]] std::size_t couriers() const noexcept { return couriers_.size(); }

 private:
  void provide();
  void settle_ready(const Reply& reply);
  void settle_jobs(std::deque<Job> jobs, Reply reply);
  void expire(Instant now);

  Dispatcher& dispatcher_;
  Destination destination_;
  std::deque<Job> ready_;
  std::unordered_set<std::shared_ptr<Courier>> couriers_;
  std::vector<Courier*> idle_;
  std::optional<Reply> down_;  ///< the last answer of an unreachable destination
  Instant down_until_{};
  Instant full_until_{};
  Instant next_expiry_{};
  bool draining_ = false;
};

}  // namespace sendconn::relay
