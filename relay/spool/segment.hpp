// Segment: the form of the journal's files.
//
//   segment   a header block, then groups, each at the start of a block; a block has 4096 octets
//   header    magic, version, number, size, id floor, salt, checksum; the rest of its block is zero
//   group     salt, segment number, place in the segment, length and digest of its records, checksum of this header;
//   then
//             the records; then zeros up to the end of the block
//   record    checksum, kind, lengths of head and body, head, body
//
// A group counts whole or not at all: its digest is made of the checksums of its records, and each is checked when the
// segment is read. It is written only after the one before it was durable. A block that holds a confirmed group is
// never written again, so a torn write cannot harm it.
//
// Segments are used again, because overwriting what is allocated and written costs the file system half of what new
// blocks cost. What an earlier life left behind cannot come back: every life has a salt of its own, 16 random octets
// that stand in each group's header and seed each checksum. The salt is also why nobody can smuggle a group in through
// the text of a message that happens to lie at the start of a block.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "relay/spool/spool.hpp"
#include "relay/spool/system.hpp"

namespace sendconn::relay {

inline constexpr std::size_t block_octets = 4096;  // what a disk writes whole, and a page of memory
inline constexpr std::size_t salt_octets = 16;
// Room for a header, seals, a few messages and the part kept for settles. Our own bound.
inline constexpr std::uint64_t min_segment_octets = 64 * 1024;
inline constexpr std::size_t record_header_octets = 24;

/// Who a segment is, as its header says.
struct SegmentIdentity {
  std::uint64_t number = 0;  ///< counts up; names the file
  std::uint64_t size = 0;    ///< octets of the file
  QueueId id_floor = 0;      ///< ids below it, and id_block from it on, may have been handed out
  std::array<char, salt_octets> salt{};

  [[nodiscard]] std::uint64_t seed() const noexcept;
};

std::string format_segment_header(const SegmentIdentity& identity);
/// Errc::unsupported: a newer version. Errc::io: no header. `path` is for the error's text.
Result<SegmentIdentity> parse_segment_header(std::string_view octets, const std::string& path);

enum class RecordKind : std::uint8_t {
  message = 1,  ///< head: the message (record.hpp), body: prefix and content. Replaces an earlier one with the same id
  settle = 2,   ///< head: id, settlements
  gone = 3,     ///< head: id. Every recipient is settled
  state = 4,    ///< head: id, the unsettled recipients, settlements of the deferred ones: a settle written anew
  seal = 5,     ///< head: segment number, two counts. No more than so many groups of it are valid, so many are for sure
};

/// Puts a group together in memory.
class GroupBuilder {
 public:
  /// Begins an empty group for a segment.
  void start(const SegmentIdentity& identity);

  /// Where a record begins, from the start of the group, and its length with header.
  struct Place {
    std::size_t offset = 0;
    std::size_t length = 0;
  };
  /// The head is given; the body is what is appended to buffer() before finish_record().
  void start_record(RecordKind kind, std::string_view head);
  std::string& buffer() noexcept { return octets_; }
  Place finish_record();
  /// Takes back the record that was started and not finished.
  void drop_record();

  [[nodiscard]] bool empty() const noexcept { return records_ == 0; }
  /// Octets on the disk if finished after `more` octets of records, their headers included.
  [[nodiscard]] std::size_t size_with(std::size_t more) const noexcept;

  /// The group as it goes to the disk, valid until the next call.
  std::string_view finish(std::uint32_t place_in_segment);

 private:
  SegmentIdentity identity_;
  std::uint64_t seed_ = 0;
  std::string octets_;
  std::size_t end_ = 0;  // of the records
  std::size_t record_ = 0;
  std::uint32_t records_ = 0;
  std::uint64_t digest_ = 0;
};

/// A record as it stands in a segment.
struct RecordView {
  RecordKind kind = RecordKind::message;
  std::uint32_t group = 0;   ///< its group's place
  std::uint64_t offset = 0;  ///< in the segment
  std::size_t length = 0;    ///< with its header
  std::string_view head;
  std::string_view body;
};

/// Takes one record apart; nothing if its checksum is wrong. `octets` may go on behind it.
std::optional<RecordView> parse_record(std::string_view octets, std::uint64_t seed);

/// What scan_segment() found.
struct SegmentScan {
  std::uint32_t groups = 0;  ///< valid ones, from the start
  std::uint64_t end = 0;     ///< where the next would stand
};

inline constexpr std::uint32_t no_limit = UINT32_MAX;

/// Reads the groups of a segment in order and calls `visit` for each record of a valid group, up to `limit` groups. The
/// end is where a group is invalid: the tail that a crash left. It is damage instead (Errc::io) if less than `sure`
/// groups are valid, or if a later group is there, which was written only when this one was durable.
Result<SegmentScan> scan_segment(const SegmentIdentity& identity, std::string_view octets, std::uint32_t limit,
                                 std::uint32_t sure, const std::string& path,
                                 const std::function<bool(const RecordView&)>& visit);

}  // namespace sendconn::relay
