// Journal: the records of the spool in append-only segments under one fdatasync for each group.
//
// A message is written once, in one record, with its prefix and content; its end is a small record in a later group.
// Where everything stands is kept in memory (message_index.hpp) and found again at the start by reading the segments.
// Nothing on the disk is ever changed in place.
//
// What can go wrong, and what then holds:
//
// A kill or a power failure at any instant. A group counts whole or not at all, blocks may reach the disk in any order.
// The first invalid group of a segment is its end, and what was confirmed stands before it: a group is written only
// after the one before it was durable, and its blocks are not touched again. A start writes into a new segment, never
// behind a torn tail, and begins it with seals: how many groups of every other segment count. The last group it finds
// may be in the kernel's memory alone, left by a sync that failed or never came, and no later sync need bring it to the
// disk. So a start writes what that group says anew before it relies on any of it.
//
// A failed sync. The kernel may have dropped what it could not write and say "success" the next time, so the segment
// is written to no more. What it confirmed before stays good: those blocks were synced by calls that succeeded and were
// not written again. The whole group is written to a new segment, whose seals say that the failed group does not count;
// only if that fails too do the callers hear of it (Errc::io). Should the machine stop before a seal could be made
// durable, a message that was refused may come back: a duplicate, not a loss. A second later the next group tries
// again, so the spool recovers when the disk does.
//
// A full disk. Segments are allocated before they are used, so it shows when one is made: stores are refused
// (Errc::limit_exceeded), settles use the last part of the active segment, which is kept for them. Where a write finds
// no room all the same, an empty group is written over the place and synced before the store is refused, so that no
// refused message comes back.
//
// Damage is told from a torn tail by the seals, and by what each group says of those before it: the start then refuses,
// with the file and the place. The checksum of a record is checked again whenever it is read.
//
// A segment without live messages is put away and used again (segment_table.hpp says when). When files take much more
// than what lives in them, compaction copies the rest of the emptiest segment into the active one, a little after each
// group.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "relay/spool/folder.hpp"
#include "relay/spool/large_files.hpp"
#include "relay/spool/ledger.hpp"
#include "relay/spool/message_index.hpp"
#include "relay/spool/segment.hpp"
#include "relay/spool/segment_keeper.hpp"
#include "relay/spool/segment_table.hpp"

namespace sendconn::relay {

class Journal final : public Ledger {
 public:
  static Result<std::unique_ptr<Ledger>> open(const SpoolFolder& folder, const SpoolOptions& options,
                                              std::shared_ptr<LargeFiles> large);
  ~Journal() override;

  Result<QueueId> reserve_ids() override;
  void commit(std::span<Operation> group) override;
  Result<void> load(const std::function<void(QueuedMessage)>& visit) override;
  void each_file(const std::function<void(std::uint64_t)>& visit) override;
  Result<Found> open(QueueId id) override;
  [[nodiscard]] Usage usage() const override;
  Tidy tidy() override;
  [[nodiscard]] Tidy wants_tidy() const override;
  void close() override;

 private:
  /// What a record in the group does to the table once the group is written.
  struct Effect {
    enum class Kind : std::uint8_t { message, move, settle, carry };
    Kind kind = Kind::message;
    bool ends = false;  ///< settle: nothing is left unsettled
    QueueId id = 0;
    std::uint64_t segment = 0;  ///< where the message stood before
    std::uint64_t length = 0;   ///< of its record there, or of the new one
    std::uint64_t octets = 0;
    std::uint64_t file = 0;
    GroupBuilder::Place place;
  };
  /// A record in the last group of an earlier run: read, but nobody knows whether it is on the disk.
  struct Uncertain {
    QueueId id = 0;
    bool is_message = false;
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::vector<std::uint64_t> copies;  ///< other segments with the message that the record ends, changes or replaces
  };
  /// Segments that are tried for one record that did not fit in a small one: the first may have been prepared while the
  /// disk was full, and be as small.
  static constexpr unsigned max_tried = 2;
  enum class Staged : std::uint8_t { taken, refused, full };
  enum class Written : std::uint8_t { well, refused, in_doubt };

  Journal(const SpoolFolder& folder, const SpoolOptions& options, std::shared_ptr<LargeFiles> large,
          std::unique_ptr<SegmentKeeper> keeper);

  // journal_replay.cpp
  Result<void> replay();
  Result<void> replay_segment(SegmentState& segment, std::uint32_t limit, std::uint32_t sure);
  bool replay_record(SegmentState& segment, const RecordView& record);
  bool replay_message(SegmentState& segment, const RecordView& record);
  bool replay_change(SegmentState& segment, const RecordView& record);

  // journal.cpp
  void begin_group();
  Staged stage(Operation& operation, bool last_segment);
  Result<void> stage_message(const Spool::NewMessage& added, std::uint64_t file);
  void stage_settle(const Operation& operation);
  Written write_group(Result<void>& result);
  void kept();
  void keep_effect(const Effect& effect);
  void take_back();
  void fail(std::span<Operation> group, Written how, const Error& error, int& failures);
  bool cover_up();
  void abandon();
  void drop_if_useless(SegmentState& segment);
  void rest(const Error& error);
  Result<void> find_active();
  Result<void> rotate();
  Result<void> seal(SegmentFile& next);
  void put_away();
  [[nodiscard]] bool is_small() const;
  [[nodiscard]] std::uint64_t room(bool for_message) const;

  // journal_compaction.cpp
  bool compact(std::uint64_t budget);
  bool move_message(SegmentState& from, QueueId id);
  void carry_pins(SegmentState& from);
  bool carry(QueueId id, std::uint64_t target);
  Result<void> secure();
  bool secure(const Uncertain& record);
  Result<RecordView> read_record(const SegmentFile& file, std::uint64_t offset, std::uint64_t length,
                                 std::string& buffer) const;

  std::shared_ptr<LargeFiles> large_;
  bool sync_;
  std::uint64_t segment_octets_;
  std::unique_ptr<SegmentKeeper> keeper_;
  QueueId id_floor_ = 0;

  std::unordered_map<QueueId, std::vector<std::uint64_t>> copies_;  // during the replay: segments with its record

  std::vector<Uncertain> uncertain_;

  mutable std::mutex mutex_;  // for index_ and table_: the committer changes them, open() and load() read them
  MessageIndex index_;
  SegmentTable table_;
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> octets_{0};
  std::atomic<std::uint64_t> disk_octets_{0};

  // The committer's own: where it writes, and the group in the making.
  SegmentState* active_ = nullptr;  ///< null: there is none that may be written to
  std::uint64_t offset_ = 0;        ///< where the group in the making goes
  std::uint32_t place_ = 0;         ///< its place in the segment
  GroupBuilder builder_;
  std::vector<Effect> effects_;
  std::vector<std::uint64_t> removed_files_;  ///< by the group in the making
  std::optional<Error> resting_;              ///< why nothing is written until rest_until_
  std::chrono::steady_clock::time_point rest_until_;
  std::string head_;
  std::string settle_head_;
};

}  // namespace sendconn::relay
