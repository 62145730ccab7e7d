#include "relay/spool/segment.hpp"

#include <algorithm>

#include "relay/spool/checksum.hpp"

namespace sendconn::relay {
namespace {

constexpr std::string_view magic = "scspool\x1a";
constexpr std::uint32_t format_version = 1;

// Places in the segment header.
constexpr std::size_t version_at = 8;
constexpr std::size_t number_at = 16;
constexpr std::size_t size_at = 24;
constexpr std::size_t id_floor_at = 32;
constexpr std::size_t header_salt_at = 40;
constexpr std::size_t header_sum_at = 56;
constexpr std::size_t segment_header_octets = 64;

// Places in a group's header.
constexpr std::size_t group_number_at = 16;
constexpr std::size_t group_place_at = 24;
constexpr std::size_t group_length_at = 32;
constexpr std::size_t group_records_at = 40;
constexpr std::size_t group_digest_at = 48;
constexpr std::size_t group_sum_at = 56;
constexpr std::size_t group_header_octets = 64;

// Places in a record's header.
constexpr std::size_t record_kind_at = 8;
constexpr std::size_t record_head_at = 12;
constexpr std::size_t record_body_at = 16;

std::size_t whole_blocks(std::size_t octets) noexcept {
  return (octets + block_octets - 1) / block_octets * block_octets;
}

std::uint64_t add_to_digest(std::uint64_t digest, std::uint64_t sum) noexcept {
  return (digest ^ sum) * 0x9e3779b97f4a7c15 + 1;
}

struct GroupHeader {
  std::uint32_t place = 0;
  std::uint64_t length = 0;
  std::uint32_t records = 0;
  std::uint64_t digest = 0;
};

std::optional<GroupHeader> parse_group_header(const SegmentIdentity& identity, std::string_view octets) {
  if (octets.size() < group_header_octets) return std::nullopt;
  if (octets.substr(0, salt_octets) != std::string_view(identity.salt.data(), salt_octets)) return std::nullopt;
  if (get_fixed64(octets, group_sum_at) != checksum(octets.substr(0, group_sum_at), identity.seed())) {
    return std::nullopt;
  }
  if (get_fixed64(octets, group_number_at) != identity.number) return std::nullopt;
  return GroupHeader{get_fixed32(octets, group_place_at), get_fixed64(octets, group_length_at),
                     get_fixed32(octets, group_records_at), get_fixed64(octets, group_digest_at)};
}

/// The records of the group at the start of `octets`, checked.
std::optional<std::vector<RecordView>> parse_group(const GroupHeader& header, std::string_view octets,
                                                   std::uint64_t offset, std::uint64_t seed) {
  if (header.length > octets.size() - group_header_octets) return std::nullopt;
  std::string_view rest = octets.substr(group_header_octets, static_cast<std::size_t>(header.length));
  std::vector<RecordView> records;
  std::uint64_t digest = 0;
  offset += group_header_octets;
  while (!rest.empty()) {
    auto record = parse_record(rest, seed);
    if (!record) return std::nullopt;
    digest = add_to_digest(digest, get_fixed64(rest, 0));
    record->group = header.place;
    record->offset = offset;
    offset += record->length;
    rest.remove_prefix(record->length);
    records.push_back(*record);
  }
  if (digest != header.digest || records.size() != header.records) return std::nullopt;
  return records;
}

Error damaged(const std::string& path, std::uint64_t offset, std::string_view why) {
  return Error{Errc::io, path + " is damaged at octet " + std::to_string(offset) + ": " + std::string(why) +
                             "; restore it, or move it away and lose the mail in it"};
}

}  // namespace

std::uint64_t SegmentIdentity::seed() const noexcept {
  return checksum(std::string_view(salt.data(), salt.size()), number);
}

std::string format_segment_header(const SegmentIdentity& identity) {
  std::string octets(magic);
  put_fixed32(octets, format_version);
  put_fixed32(octets, 0);
  put_fixed64(octets, identity.number);
  put_fixed64(octets, identity.size);
  put_fixed64(octets, identity.id_floor);
  octets.append(identity.salt.data(), identity.salt.size());
  put_fixed64(octets, checksum(octets, 0));
  octets.resize(block_octets, '\0');
  return octets;
}

Result<SegmentIdentity> parse_segment_header(std::string_view octets, const std::string& path) {
  if (octets.size() < block_octets || !octets.starts_with(magic)) {
    return damaged(path, 0, "it does not begin as a segment of a spool");
  }
  // Before the checksum: what else a newer version changes is not ours to judge.
  const std::uint32_t version = get_fixed32(octets, version_at);
  if (version > format_version) {
    return Error{Errc::unsupported, path + " was made by a newer version (format " + std::to_string(version) +
                                        "; this version reads up to " + std::to_string(format_version) + ")"};
  }
  if (get_fixed64(octets, header_sum_at) != checksum(octets.substr(0, header_sum_at), 0)) {
    return damaged(path, 0, "the checksum of its header is wrong");
  }
  SegmentIdentity identity;
  identity.number = get_fixed64(octets, number_at);
  identity.size = get_fixed64(octets, size_at);
  identity.id_floor = get_fixed64(octets, id_floor_at);
  std::copy_n(octets.data() + header_salt_at, salt_octets, identity.salt.data());
  static_assert(header_sum_at + 8 == segment_header_octets);
  return identity;
}

void GroupBuilder::start(const SegmentIdentity& identity) {
  // One huge group must not hold its memory for ever.
  constexpr std::size_t keep_octets = 8U * 1024 * 1024;
  if (octets_.capacity() > keep_octets) octets_ = {};
  identity_ = identity;
  seed_ = identity.seed();
  octets_.assign(group_header_octets, '\0');
  end_ = group_header_octets;
  records_ = 0;
  digest_ = 0;
}

void GroupBuilder::start_record(RecordKind kind, std::string_view head) {
  record_ = octets_.size();
  octets_.append(8, '\0');
  put_fixed32(octets_, static_cast<std::uint32_t>(kind));
  put_fixed32(octets_, static_cast<std::uint32_t>(head.size()));
  octets_.append(8, '\0');
  octets_.append(head);
}

GroupBuilder::Place GroupBuilder::finish_record() {
  const std::size_t head = get_fixed32(octets_, record_ + record_head_at);
  set_fixed64(octets_, record_ + record_body_at, octets_.size() - record_ - record_header_octets - head);
  const std::uint64_t sum = checksum(std::string_view(octets_).substr(record_ + 8), seed_);
  set_fixed64(octets_, record_, sum);
  digest_ = add_to_digest(digest_, sum);
  ++records_;
  end_ = octets_.size();
  return Place{record_, end_ - record_};
}

void GroupBuilder::drop_record() { octets_.resize(end_); }

std::size_t GroupBuilder::size_with(std::size_t more) const noexcept { return whole_blocks(end_ + more); }

std::string_view GroupBuilder::finish(std::uint32_t place_in_segment) {
  std::string header(identity_.salt.data(), salt_octets);
  put_fixed64(header, identity_.number);
  put_fixed32(header, place_in_segment);
  put_fixed32(header, 0);
  put_fixed64(header, end_ - group_header_octets);
  put_fixed32(header, records_);
  put_fixed32(header, 0);
  put_fixed64(header, digest_);
  put_fixed64(header, checksum(header, seed_));
  octets_.replace(0, group_header_octets, header);
  octets_.resize(whole_blocks(end_), '\0');
  return octets_;
}

std::optional<RecordView> parse_record(std::string_view octets, std::uint64_t seed) {
  if (octets.size() < record_header_octets) return std::nullopt;
  const std::uint64_t head = get_fixed32(octets, record_head_at);
  const std::uint64_t body = get_fixed64(octets, record_body_at);
  const std::uint64_t left = octets.size() - record_header_octets;
  if (head > left || body > left - head) return std::nullopt;
  RecordView record;
  record.length = record_header_octets + static_cast<std::size_t>(head + body);
  if (get_fixed64(octets, 0) != checksum(octets.substr(8, record.length - 8), seed)) return std::nullopt;
  record.kind = static_cast<RecordKind>(get_fixed32(octets, record_kind_at));
  record.head = octets.substr(record_header_octets, static_cast<std::size_t>(head));
  record.body = octets.substr(record_header_octets + static_cast<std::size_t>(head), static_cast<std::size_t>(body));
  return record;
}

Result<SegmentScan> scan_segment(const SegmentIdentity& identity, std::string_view octets, std::uint32_t limit,
                                 std::uint32_t sure, const std::string& path,
                                 const std::function<bool(const RecordView&)>& visit) {
  const std::uint64_t seed = identity.seed();
  SegmentScan scan{0, block_octets};
  while (scan.groups < limit && scan.end < octets.size()) {
    const std::string_view rest = octets.substr(static_cast<std::size_t>(scan.end));
    const auto header = parse_group_header(identity, rest);
    if (!header || header->place != scan.groups) break;
    const auto records = parse_group(*header, rest, scan.end, seed);
    if (!records) break;
    for (const RecordView& record : *records) {
      if (!visit(record)) return damaged(path, record.offset, "a record cannot be read");
    }
    scan.end += whole_blocks(group_header_octets + static_cast<std::size_t>(header->length));
    ++scan.groups;
  }
  if (scan.groups == limit) return scan;
  bool missing = scan.groups < sure;
  for (std::uint64_t at = scan.end; !missing && at < octets.size(); at += block_octets) {
    const auto later = parse_group_header(identity, octets.substr(static_cast<std::size_t>(at)));
    missing = later && later->place > scan.groups;
  }
  if (missing) return damaged(path, scan.end, "a group that was on stable storage is not valid");
  return scan;
}

}  // namespace sendconn::relay
