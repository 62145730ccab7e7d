// Compaction: the last messages of a segment that is mostly dead are copied into the active one, and so are the records
// that end messages of other segments; then the segment is empty and can go.
#include <algorithm>

#include "relay/spool/journal.hpp"
#include "relay/spool/record.hpp"

namespace sendconn::relay {
namespace {

// Pinned records written anew in one step; some 20 octets each.
constexpr std::size_t carry_at_once = 2'000;

}  // namespace

Result<RecordView> Journal::read_record(const SegmentFile& file, std::uint64_t offset, std::uint64_t length,
                                        std::string& buffer) const {
  auto octets = system::read(file.descriptor.get(), file.path, offset, static_cast<std::size_t>(length), buffer);
  if (!octets) return octets.error();
  auto record = parse_record(*octets, file.identity.seed());
  if (!record || record->kind != RecordKind::message) {
    return Error{Errc::io, file.path + " is damaged at octet " + std::to_string(offset) +
                               ": the message that was written there cannot be read"};
  }
  return *record;
}

bool Journal::move_message(SegmentState& from, QueueId id) {
  const IndexEntry* known = index_.find(id);
  if (known == nullptr || known->segment != from.number()) return true;
  std::string buffer;
  auto record = read_record(*from.file, known->offset, known->length, buffer);
  if (!record) {
    from.keep = true;
    return false;
  }
  RecordReader reader(record->head);
  MessageRecord message = get_message(reader);
  std::erase_if(message.message.recipients,
                [&](const QueuedRecipient& recipient) { return !known->unsettled.contains(recipient.index); });
  settle_recipients(message.message, known->states);
  head_.clear();
  put_message(head_, message.message, message.file);
  const std::size_t octets = record_header_octets + head_.size() + record->body.size();
  if (offset_ + builder_.size_with(octets) > room(true)) return false;
  builder_.start_record(RecordKind::message, head_);
  builder_.buffer().append(record->body);

  Effect effect;
  effect.kind = Effect::Kind::move;
  effect.id = id;
  effect.segment = from.number();
  effect.length = known->length;
  effect.place = builder_.finish_record();
  effects_.push_back(effect);
  index_.move(id, active_->number(), offset_ + effect.place.offset, effect.place.length);
  return true;
}

/// Writes anew what is known of a message that stands in `target`, or stood there; false if there is no room.
bool Journal::carry(QueueId id, std::uint64_t target) {
  const IndexEntry* entry = index_.find(id);
  head_.clear();
  put_number(head_, id);
  if (entry != nullptr) {
    const std::vector<std::uint32_t> unsettled = entry->unsettled.list();
    put_number(head_, unsettled.size());
    for (const std::uint32_t index : unsettled) put_number(head_, index);
    put_settlements(head_, entry->states);
  }
  if (offset_ + builder_.size_with(record_header_octets + head_.size()) > room(true)) return false;
  builder_.start_record(entry == nullptr ? RecordKind::gone : RecordKind::state, head_);
  builder_.finish_record();
  Effect effect;
  effect.kind = Effect::Kind::carry;
  effect.id = id;
  effect.segment = target;
  effects_.push_back(effect);
  return true;
}

/// Writes anew what `from` says of messages in other segments, last first; the ones written are taken off its pins. A
/// failure after that leaves too few pins in memory, so the caller then keeps the segment for this run.
void Journal::carry_pins(SegmentState& from) {
  std::size_t carried = 0;
  while (!from.pins.empty()) {
    const auto place = from.pins.begin();
    const std::uint64_t target = place->first;
    std::vector<QueueId>& ids = place->second;
    for (; !ids.empty(); ids.pop_back()) {
      const QueueId id = ids.back();
      const IndexEntry* entry = index_.find(id);
      if (entry != nullptr && entry->segment != target) {
        // Its newer copy replaces the one in the target, so the copy's segment is what must stay.
        table_.pin(entry->segment, target, id);
      } else if (carried == carry_at_once || !carry(id, target)) {
        return;
      } else {
        ++carried;
      }
    }
    from.pins.erase(place);
  }
}

/// After a start: what the last group of the run before says is written anew, in as many groups as it takes.
Result<void> Journal::secure() {
  unsigned tried = 0;
  while (!uncertain_.empty()) {
    begin_group();
    std::size_t taken = 0;
    {
      const std::lock_guard lock(mutex_);
      while (taken < uncertain_.size() && secure(uncertain_[taken])) ++taken;
    }
    if (taken == 0) {
      const bool fresh = place_ == 1;
      if (fresh && (tried == max_tried || !is_small()))
        return Error{Errc::limit_exceeded, active_->file->path + " has no room for one message"};
      SegmentState& before = *active_;
      if (auto rotated = rotate(); !rotated) return rotated;
      if (fresh) drop_if_useless(before);
      ++tried;
      continue;
    }
    tried = 0;
    if (!effects_.empty()) {
      Result<void> result;
      if (write_group(result) != Written::well) {
        take_back();
        abandon();
        return result;
      }
      kept();
    }
    for (std::size_t i = 0; i < taken; ++i) {
      // Once all of it stands elsewhere, nobody needs that group.
      SegmentState* segment = table_.find(uncertain_[i].segment);
      const bool last = i + 1 == uncertain_.size() || uncertain_[i + 1].segment != uncertain_[i].segment;
      if (last && segment != nullptr && !segment->keep) segment->groups = segment->sure_groups;
    }
    uncertain_.erase(uncertain_.begin(), uncertain_.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  return {};
}

/// False if there is no room in this group for what the record says.
bool Journal::secure(const Uncertain& record) {
  const IndexEntry* entry = index_.find(record.id);
  if (record.is_message) {
    if (entry == nullptr || entry->segment != record.segment || entry->offset != record.offset) return true;
    SegmentState& from = *table_.find(record.segment);
    if (!move_message(from, record.id)) return from.keep;
  } else if (entry != nullptr && entry->segment == active_->number()) {
    return true;  // written anew just now, with all that is known of it
  }
  for (const std::uint64_t copy : record.copies) {
    if (!record.is_message) {
      if (!carry(record.id, copy)) return false;
      continue;
    }
    Effect effect;
    effect.kind = Effect::Kind::carry;
    effect.id = record.id;
    effect.segment = copy;
    effects_.push_back(effect);
  }
  return true;
}

/// One step: true if there was something to do and it succeeded.
bool Journal::compact(std::uint64_t budget) {
  if (active_ == nullptr) return false;
  SegmentState* from = table_.sparsest(active_);
  if (from == nullptr) return false;
  begin_group();
  {
    const std::lock_guard lock(mutex_);
    while (from->moved < from->messages.size() && builder_.size_with(0) < budget) {
      if (!move_message(*from, from->messages[from->moved])) break;
      ++from->moved;
    }
    if (from->moved == from->messages.size() && !from->keep) carry_pins(*from);
  }
  if (effects_.empty()) {
    if (from->keep) return true;  // another may do
    if (from->live_messages == 0 && from->pins.empty()) {
      put_away();
      return true;
    }
    return static_cast<bool>(rotate());  // no room: go on in a new segment
  }
  Result<void> result;
  if (write_group(result) == Written::well) {
    kept();
    return true;
  }
  take_back();
  from->keep = true;  // some of its pins may be off the list
  abandon();
  return false;
}

}  // namespace sendconn::relay
