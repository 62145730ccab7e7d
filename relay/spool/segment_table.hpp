// SegmentTable: which segments the journal has, what lives in each, and which may go.
//
// A segment may go when no message lives in it and no other segment needs it. The second is the subtle half. The record
// that ends a message often stands in a later segment than the message. If that later segment went first, a restart
// would find the message and not its end, and deliver it again. So for each segment the table keeps its pins: the
// segments, and the messages in them, that records of this segment end, change or replace. A pin is gone with the
// segment it points at. Compaction writes the pinned records anew elsewhere (journal.hpp).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "relay/spool/segment_keeper.hpp"
#include "relay/spool/spool.hpp"

namespace sendconn::relay {

struct SegmentState {
  std::shared_ptr<SegmentFile> file;  ///< null once it was handed to the keeper to be put away
  std::uint32_t groups = 0;           ///< that count
  std::uint32_t sure_groups = 0;      ///< that are on stable storage for sure; the last one of a crash may not be
  std::uint64_t live_messages = 0;
  std::uint64_t live_octets = 0;  ///< of their records
  std::vector<QueueId> messages;  ///< whose record was written here; some live elsewhere or no more
  std::map<std::uint64_t, std::vector<QueueId>> pins;
  std::size_t moved = 0;  ///< how many of `messages` compaction has seen
  bool keep = false;      ///< something in it could not be read or written anew: left alone until the next start

  [[nodiscard]] std::uint64_t number() const noexcept { return file->identity.number; }
};

/// Thread-compatible.
class SegmentTable {
 public:
  SegmentState& add(std::shared_ptr<SegmentFile> file);
  SegmentState* find(std::uint64_t number);
  /// Records of `holder` end, change or replace the message that stands in `target`, if that still exists.
  void pin(std::uint64_t holder, std::uint64_t target, QueueId id);
  /// The file of one segment, likewise.
  std::shared_ptr<SegmentFile> take(SegmentState& segment);
  /// The segment is durably gone, and with it every pin that points at it.
  void forget(std::uint64_t number);

  /// The files of segments in which nothing lives and that pin nothing, `active` aside; theirs to be put away. Until
  /// forget() the segments still exist for the pins of others.
  std::vector<std::shared_ptr<SegmentFile>> take_dead(const SegmentState* active);
  /// The segment that is cheapest to empty; null if none is worth it.
  SegmentState* sparsest(const SegmentState* active);
  /// Whether the files take so much more than the messages that compaction pays.
  [[nodiscard]] bool wasteful(std::uint64_t segment_octets) const;

  [[nodiscard]] std::uint64_t disk_octets() const noexcept { return disk_octets_; }
  void add_live(SegmentState& segment, std::uint64_t octets);
  void remove_live(SegmentState& segment, std::uint64_t octets);

  template <class Visit>
  void each(const Visit& visit) {
    for (auto& [number, segment] : segments_) visit(number, segment);
  }

 private:
  std::map<std::uint64_t, SegmentState> segments_;
  std::uint64_t disk_octets_ = 0;
  std::uint64_t live_octets_ = 0;
};

}  // namespace sendconn::relay
