// The start: what the segments say is put together in memory again.
#include <algorithm>

#include "relay/spool/journal.hpp"
#include "relay/spool/record.hpp"

namespace sendconn::relay {
namespace {

// The first group of a segment holds its seals alone, a few octets for each other segment.
constexpr std::size_t seals_octets = 1024 * 1024;

}  // namespace

Result<void> Journal::replay() {
  auto files = keeper_->existing();
  if (!files) return files.error();
  // Newest first: the newest word on a segment holds, and a segment that was given up before its first group has none.
  struct Seal {
    std::uint32_t groups = no_limit;
    std::uint32_t sure = 0;
  };
  std::map<std::uint64_t, Seal> seals;
  for (std::size_t place = files->size(); place > 0; --place) {
    const SegmentFile& file = *(*files)[place - 1];
    const auto known = seals.find(file.identity.number);
    if (known != seals.end() && known->second.groups == 0) continue;
    std::string buffer;
    auto octets = system::read(file.descriptor.get(), file.path, 0, seals_octets, buffer);
    if (!octets) return octets.error();
    auto scanned = scan_segment(file.identity, *octets, 1, 0, file.path, [&](const RecordView& record) {
      RecordReader reader(record.head);
      const std::uint64_t number = reader.number();
      Seal seal;
      seal.groups = reader.small_number();
      seal.sure = reader.small_number();
      seals.try_emplace(number, seal);
      return record.kind == RecordKind::seal && reader.done();
    });
    if (!scanned) return scanned.error();
  }
  for (auto& file : *files) {
    id_floor_ = std::max(id_floor_, file->identity.id_floor + id_block);
    const auto known = seals.find(file->identity.number);
    const Seal seal = known == seals.end() ? Seal{} : known->second;
    SegmentState& segment = table_.add(std::move(file));
    if (auto done = replay_segment(segment, seal.groups, seal.sure); !done) return done;
  }
  copies_.clear();
  index_.keep();
  messages_ = index_.size();
  index_.each([this](QueueId, const IndexEntry& entry) { octets_ += entry.octets; });
  disk_octets_ = table_.disk_octets();
  return {};
}

Result<void> Journal::replay_segment(SegmentState& segment, std::uint32_t limit, std::uint32_t sure) {
  const SegmentFile& file = *segment.file;
  std::string buffer;
  auto octets = system::read(file.descriptor.get(), file.path, 0, static_cast<std::size_t>(file.identity.size), buffer);
  if (!octets) return octets.error();
  const std::size_t first = uncertain_.size();
  std::uint32_t group = 0;
  auto scanned = scan_segment(file.identity, *octets, limit, sure, file.path, [&](const RecordView& record) {
    // A group that another follows was durable before that was written.
    if (record.group != group) uncertain_.resize(first);
    group = record.group;
    return replay_record(segment, record);
  });
  if (!scanned) return scanned.error();
  segment.groups = scanned->groups;
  segment.sure_groups = std::max(sure, scanned->groups == 0 ? 0 : scanned->groups - 1);
  if (segment.sure_groups == segment.groups || group + 1 != segment.groups) uncertain_.resize(first);
  return {};
}

bool Journal::replay_record(SegmentState& segment, const RecordView& record) {
  switch (record.kind) {
    case RecordKind::message:
      return replay_message(segment, record);
    case RecordKind::settle:
    case RecordKind::gone:
    case RecordKind::state:
      return replay_change(segment, record);
    case RecordKind::seal:
      return true;
  }
  return false;
}

bool Journal::replay_message(SegmentState& segment, const RecordView& record) {
  RecordReader reader(record.head);
  const MessageRecord read = get_message(reader);
  const QueuedMessage& message = read.message;
  const std::uint64_t body = message.prefix_octets + (read.file == 0 ? message.content_octets : 0);
  if (!reader.done() || body != record.body.size() || message.recipients.empty()) return false;
  std::vector<std::uint64_t>& copies = copies_[message.id];
  uncertain_.push_back({message.id, true, segment.number(), record.offset, copies});
  for (const std::uint64_t other : copies) table_.pin(segment.number(), other, message.id);
  if (std::find(copies.begin(), copies.end(), segment.number()) == copies.end()) copies.push_back(segment.number());
  if (const IndexEntry* before = index_.find(message.id)) {
    table_.remove_live(*table_.find(before->segment), before->length);
  }
  IndexEntry& entry = index_.change(message.id);
  entry = {};
  entry.segment = segment.number();
  entry.offset = record.offset;
  entry.length = record.length;
  entry.octets = message.prefix_octets + message.content_octets;
  entry.file = read.file;
  for (const QueuedRecipient& recipient : message.recipients) entry.unsettled.add(recipient.index);
  index_.keep();
  segment.messages.push_back(message.id);
  table_.add_live(segment, entry.length);
  id_floor_ = std::max(id_floor_, message.id + 1);
  return true;
}

bool Journal::replay_change(SegmentState& segment, const RecordView& record) {
  RecordReader reader(record.head);
  const QueueId id = reader.number();
  RecipientSet unsettled;
  if (record.kind == RecordKind::state) {
    const std::uint64_t count = reader.number();
    for (std::uint64_t i = 0; reader.ok() && i < count; ++i) unsettled.add(reader.small_number());
  }
  std::vector<Settlement> settlements;
  if (record.kind != RecordKind::gone) settlements = get_settlements(reader);
  if (!reader.done()) return false;
  if (const auto copies = copies_.find(id); copies != copies_.end()) {
    for (const std::uint64_t other : copies->second) table_.pin(segment.number(), other, id);
    uncertain_.push_back({id, false, segment.number(), record.offset, copies->second});
  }
  if (index_.find(id) == nullptr) return true;  // its segment is gone already
  IndexEntry& entry = index_.change(id);
  bool ends = record.kind == RecordKind::gone;
  if (record.kind == RecordKind::state) {
    for (const std::uint32_t index : entry.unsettled.list()) {
      if (!unsettled.contains(index)) entry.unsettled.remove(index);
    }
  }
  if (!ends) ends = entry.settle(settlements);
  if (ends) {
    table_.remove_live(*table_.find(entry.segment), entry.length);
    index_.remove(id);
  }
  index_.keep();
  return true;
}

}  // namespace sendconn::relay
