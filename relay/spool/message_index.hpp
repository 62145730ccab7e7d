// MessageIndex: what the journal keeps in memory of each message: where it stands, and what is not settled.
//
// About 150 octets for a message; a deferred recipient adds its state (the time of its next try, the reply of the
// last). Everything else stays in the segment and is read when it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

/// Indices of recipients; those below 64, which is nearly all, cost no memory of their own.
class RecipientSet {
 public:
  void add(std::uint32_t index);
  void remove(std::uint32_t index);
  [[nodiscard]] bool contains(std::uint32_t index) const;
  [[nodiscard]] bool empty() const noexcept { return low_ == 0 && high_.empty(); }
  [[nodiscard]] std::vector<std::uint32_t> list() const;

 private:
  std::uint64_t low_ = 0;
  std::vector<std::uint32_t> high_;
};

/// One message.
struct IndexEntry {
  std::uint64_t segment = 0;  ///< number of the segment with its record
  std::uint64_t offset = 0;   ///< of the record in the segment
  std::uint64_t length = 0;   ///< of the record
  std::uint64_t octets = 0;   ///< of prefix and content
  std::uint64_t file = 0;     ///< its large file, or 0
  RecipientSet unsettled;
  std::vector<Settlement> states;  ///< of recipients that were deferred since the record was written

  /// Takes the settlements in; true if nothing is left unsettled.
  bool settle(const std::vector<Settlement>& settlements);
};

/// Thread-compatible. Changes can be taken back until they are kept, for a group that does not reach the disk.
class MessageIndex {
 public:
  [[nodiscard]] const IndexEntry* find(QueueId id) const;
  /// The entry as of the last keep(), for who reads the message now: what came since may not be on the disk yet. A few
  /// nanoseconds for each change since then.
  [[nodiscard]] const IndexEntry* find_readable(QueueId id) const;
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

  /// The entry before a change, or nothing if there was none; the change follows.
  IndexEntry& change(QueueId id);
  void remove(QueueId id);
  /// The message's record is written anew at another place, with its states; there must be an entry.
  void move(QueueId id, std::uint64_t segment, std::uint64_t offset, std::uint64_t length);
  /// The changes since the last keep() stay, or go.
  void keep() noexcept { undo_.clear(); }
  void undo();

  template <class Visit>
  void each(const Visit& visit) const {
    for (const auto& [id, entry] : entries_) visit(id, entry);
  }
  /// Every entry as of the last keep().
  template <class Visit>
  void each_readable(const Visit& visit) const {
    std::unordered_set<QueueId> changed;
    for (const auto& [id, before] : undo_) {
      if (changed.insert(id).second && before) visit(id, *before);
    }
    for (const auto& [id, entry] : entries_) {
      if (!changed.contains(id)) visit(id, entry);
    }
  }

 private:
  std::unordered_map<QueueId, IndexEntry> entries_;
  std::vector<std::pair<QueueId, std::optional<IndexEntry>>> undo_;
};

/// Whether `settlements` name unsettled recipients of the entry only, each once; Errc::not_found otherwise.
Result<void> check_settlements(QueueId id, const IndexEntry* entry, const std::vector<Settlement>& settlements);

}  // namespace sendconn::relay
