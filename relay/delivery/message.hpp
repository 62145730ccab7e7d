// Message: a queued message in memory, as all deliveries of it share it.
//
// A message with recipients at several destinations is delivered by several loops at once. Each recipient belongs to
// one job at a time, and only the loop that owns the job changes it; the lock is for those who look (the admin socket).
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

class Message {
 public:
  enum class State : std::uint8_t { waiting, active, deferred, done };
  struct Recipient {
    QueuedRecipient queued;
    State state = State::waiting;
    bool removed = false;  ///< an operator asked for its removal while it was active
  };

  explicit Message(QueuedMessage queued) : facts_(std::move(queued)), open_(facts_.recipients.size()) {
    recipients_.reserve(facts_.recipients.size());
    for (QueuedRecipient& recipient : facts_.recipients)
      recipients_.push_back({std::move(recipient), State::waiting, false});
    facts_.recipients.clear();
  }

  /// Everything but the recipients; immutable.
  [[nodiscard]] const QueuedMessage& facts() const noexcept { return facts_; }
  [[nodiscard]] std::size_t recipient_count() const noexcept { return recipients_.size(); }

  /// Recipient number `slot` (its place here, not QueuedRecipient::index) as it is now.
  [[nodiscard]] Recipient recipient(std::size_t slot) const {
    const std::lock_guard lock(mutex_);
    return recipients_[slot];
  }
  template <class Change>
  void change(std::size_t slot, Change&& change) {
    const std::lock_guard lock(mutex_);
    change(recipients_[slot]);
  }

  /// One recipient is settled for good; true for the last one.
  bool settle_one() { return open_.fetch_sub(1) == 1; }

  /// The octets, if they are in memory; null otherwise.
  [[nodiscard]] std::shared_ptr<const Spool::Octets> octets() const {
    const std::lock_guard lock(mutex_);
    return octets_;
  }
  void keep(std::shared_ptr<const Spool::Octets> octets) {
    const std::lock_guard lock(mutex_);
    octets_ = std::move(octets);
  }
  /// Whoever delivers just now keeps its own reference.
  void drop_octets() { keep(nullptr); }

 private:
  QueuedMessage facts_;
  mutable std::mutex mutex_;
  std::vector<Recipient> recipients_;            // guarded by mutex_; its size never changes
  std::shared_ptr<const Spool::Octets> octets_;  // guarded by mutex_
  std::atomic<std::size_t> open_;
};

/// Recipients of one message on their way to one destination together.
struct Job {
  std::shared_ptr<Message> message;
  std::vector<std::uint32_t> slots;
};

}  // namespace sendconn::relay
