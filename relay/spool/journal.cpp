#include "relay/spool/journal.hpp"

#include <algorithm>

#include "relay/spool/record.hpp"

namespace sendconn::relay {
namespace {

using Clock = std::chrono::steady_clock;

// Of each segment, kept for settles when no new segment can be made: this part, but some blocks at least.
constexpr std::uint64_t settle_share = 32;
constexpr std::uint64_t settle_octets = 8 * block_octets;
// After a failed write the disk is left alone for so long; who comes meanwhile gets the same answer. Our own figure.
constexpr std::chrono::seconds try_again_after{1};
// Compaction copies at least this much after a group, so that it ends also when little comes in.
constexpr std::uint64_t compact_octets = 256 * 1024;

std::uint64_t file_of(const Spool::NewMessage& added) {
  const FileContent* file = file_content(added.content.get());
  return file == nullptr ? 0 : file->file();
}

Result<void> append_content(std::string& out, const Content& content) {
  const std::uint64_t size = content.size();
  std::string buffer;
  for (std::uint64_t at = 0; at < size;) {
    auto piece = content.read(at, static_cast<std::size_t>(size - at), buffer);
    if (!piece) return piece.error();
    if (piece->empty() || piece->size() > size - at) {
      return Error{Errc::invalid_argument, "a content has other octets than its size says"};
    }
    out.append(*piece);
    at += piece->size();
  }
  return {};
}

}  // namespace

Journal::Journal(const SpoolFolder& folder, const SpoolOptions& options, std::shared_ptr<LargeFiles> large,
                 std::unique_ptr<SegmentKeeper> keeper)
    : large_(std::move(large)),
      sync_(folder.sync_wanted()),
      segment_octets_(options.segment_octets),
      keeper_(std::move(keeper)) {}

Journal::~Journal() { close(); }

Result<std::unique_ptr<Ledger>> Journal::open(const SpoolFolder& folder, const SpoolOptions& options,
                                              std::shared_ptr<LargeFiles> large) {
  auto keeper = SegmentKeeper::open(folder, options.segment_octets);
  if (!keeper) return keeper.error();
  std::unique_ptr<Journal> journal(new Journal(folder, options, std::move(large), std::move(*keeper)));
  if (auto replayed = journal->replay(); !replayed) return replayed.error();
  return std::unique_ptr<Ledger>(std::move(journal));
}

Result<QueueId> Journal::reserve_ids() {
  id_floor_ = first_free_id(id_floor_);
  const QueueId first = id_floor_;
  // On a full disk the relay starts all the same: it can deliver, and that makes room.
  if (auto found = find_active(); !found && found.error().code != Errc::limit_exceeded) return found.error();
  put_away();
  return first;
}

std::uint64_t Journal::room(bool for_message) const {
  const std::uint64_t size = active_->file->identity.size;
  return for_message ? size - std::max(size / settle_share, settle_octets) : size;
}

/// Made while the disk was full: the next one may be larger.
bool Journal::is_small() const { return active_->file->identity.size < segment_octets_; }

void Journal::begin_group() {
  effects_.clear();
  builder_.start(active_->file->identity);
}

/// `last_segment`: no other is tried for this operation.
Journal::Staged Journal::stage(Operation& operation, bool last_segment) {
  const IndexEntry* entry = index_.find(operation.id);
  if (operation.kind == Operation::Kind::settle) {
    if (auto checked = check_settlements(operation.id, entry, operation.settlements); !checked) {
      operation.result = std::move(checked);
      return Staged::refused;
    }
  }
  std::uint64_t file = 0;
  std::size_t octets = 0;
  if (operation.message) {
    const Spool::NewMessage& added = *operation.message;
    if (index_.find(added.message.id) != nullptr) {
      operation.result =
          Error{Errc::conflict, "message " + format_queue_id(added.message.id) + " is in the spool already"};
      return Staged::refused;
    }
    file = file_of(added);
    head_.clear();
    put_message(head_, added.message, file);
    octets += record_header_octets + head_.size() + added.prefix.size();
    if (file == 0) octets += static_cast<std::size_t>(added.content->size());
  }
  if (operation.kind == Operation::Kind::settle) {
    settle_head_.clear();
    put_number(settle_head_, operation.id);
    put_settlements(settle_head_, operation.settlements);
    octets += record_header_octets + settle_head_.size();
  }
  if (offset_ + builder_.size_with(octets) > room(operation.message.has_value())) {
    const bool fresh = place_ == 1 && effects_.empty();
    if (!fresh || (is_small() && !last_segment)) return Staged::full;
    operation.result = Error{Errc::limit_exceeded, active_->file->path + " has no room for a message of " +
                                                       std::to_string(octets) + " octets with its envelope"};
    return Staged::refused;
  }
  if (operation.message) {
    if (auto staged = stage_message(*operation.message, file); !staged) {
      operation.result = std::move(staged);
      return Staged::refused;
    }
  }
  if (operation.kind == Operation::Kind::settle) stage_settle(operation);
  return Staged::taken;
}

Result<void> Journal::stage_message(const Spool::NewMessage& added, std::uint64_t file) {
  builder_.start_record(RecordKind::message, head_);
  builder_.buffer().append(added.prefix);
  if (file == 0) {
    if (auto appended = append_content(builder_.buffer(), *added.content); !appended) {
      builder_.drop_record();
      return appended;
    }
  }
  Effect effect;
  effect.kind = Effect::Kind::message;
  effect.id = added.message.id;
  effect.place = builder_.finish_record();
  effect.length = effect.place.length;
  effect.octets = added.message.prefix_octets + added.message.content_octets;
  effects_.push_back(effect);

  IndexEntry& entry = index_.change(added.message.id);
  entry.segment = active_->number();
  entry.offset = offset_ + effect.place.offset;
  entry.length = effect.length;
  entry.octets = effect.octets;
  entry.file = file;
  for (const QueuedRecipient& recipient : added.message.recipients) entry.unsettled.add(recipient.index);
  return {};
}

void Journal::stage_settle(const Operation& operation) {
  IndexEntry& entry = index_.change(operation.id);
  Effect effect;
  effect.kind = Effect::Kind::settle;
  effect.id = operation.id;
  effect.segment = entry.segment;
  effect.length = entry.length;
  effect.octets = entry.octets;
  effect.file = entry.file;
  effect.ends = entry.settle(operation.settlements);
  if (effect.ends) index_.remove(operation.id);
  builder_.start_record(RecordKind::settle, settle_head_);
  effect.place = builder_.finish_record();
  effects_.push_back(effect);
}

Journal::Written Journal::write_group(Result<void>& result) {
  const SegmentFile& file = *active_->file;
  const std::string_view group = builder_.finish(place_);
  result = system::write(file.descriptor.get(), file.path, group, offset_);
  if (!result) return result.error().code == Errc::limit_exceeded ? Written::refused : Written::in_doubt;
  if (sync_) {
    result = system::sync_data(file.descriptor.get(), file.path);
    if (!result) return Written::in_doubt;
  }
  offset_ += group.size();
  active_->groups = active_->sure_groups = ++place_;
  return Written::well;
}

/// The group in the making is durable: so are its effects.
void Journal::kept() {
  {
    const std::lock_guard lock(mutex_);
    index_.keep();
    for (const Effect& effect : effects_) keep_effect(effect);
  }
  for (const std::uint64_t file : removed_files_) large_->remove(file);
  removed_files_.clear();
  effects_.clear();
  put_away();
}

void Journal::keep_effect(const Effect& effect) {
  const std::uint64_t here = active_->number();
  SegmentState* before = effect.segment == 0 ? nullptr : table_.find(effect.segment);
  switch (effect.kind) {
    case Effect::Kind::message:
      active_->messages.push_back(effect.id);
      table_.add_live(*active_, effect.length);
      messages_.fetch_add(1, std::memory_order_relaxed);
      octets_.fetch_add(effect.octets, std::memory_order_relaxed);
      id_floor_ = std::max(id_floor_, effect.id + 1);
      break;
    case Effect::Kind::move:
      active_->messages.push_back(effect.id);
      table_.add_live(*active_, effect.place.length);
      table_.remove_live(*before, effect.length);
      table_.pin(here, effect.segment, effect.id);
      break;
    case Effect::Kind::settle:
      table_.pin(here, effect.segment, effect.id);
      if (!effect.ends) break;
      table_.remove_live(*before, effect.length);
      messages_.fetch_sub(1, std::memory_order_relaxed);
      octets_.fetch_sub(effect.octets, std::memory_order_relaxed);
      if (effect.file != 0) removed_files_.push_back(effect.file);
      break;
    case Effect::Kind::carry:
      table_.pin(here, effect.segment, effect.id);
      break;
  }
}

void Journal::take_back() {
  const std::lock_guard lock(mutex_);
  index_.undo();
  effects_.clear();
}

void Journal::commit(std::span<Operation> group) {
  std::uint64_t written_octets = 0;
  int failures = 0;
  std::optional<Error> no_segment;
  unsigned tried = 0;
  for (std::size_t first = 0; first < group.size();) {
    if (active_ == nullptr || !uncertain_.empty()) {
      if (auto found = find_active(); !found) {
        for (Operation& operation : group.subspan(first)) {
          if (operation.result) operation.result = found.error();
        }
        return;
      }
    }
    begin_group();
    Staged staged = Staged::taken;
    std::size_t end = first;
    {
      const std::lock_guard lock(mutex_);
      for (; end < group.size(); ++end) {
        if (!group[end].result) continue;
        staged = stage(group[end], tried == max_tried && end == first);
        if (staged == Staged::full) break;
      }
    }
    if (!effects_.empty()) {
      Result<void> result;
      const Written how = write_group(result);
      if (how != Written::well) {
        fail(group.subspan(first, end - first), how, result.error(), failures);
        continue;
      }
      written_octets += builder_.size_with(0);
      kept();
      failures = 0;
    }
    if (end != first) tried = 0;
    first = end;
    if (staged != Staged::full || end == group.size()) continue;
    if (!no_segment) {
      ++tried;
      if (auto rotated = rotate(); !rotated) no_segment = rotated.error();
    }
    if (no_segment) {
      group[end].result = *no_segment;
      ++first;
    }
  }
  if (active_ != nullptr && table_.wasteful(segment_octets_)) compact(std::max(written_octets, compact_octets));
}

void Journal::fail(std::span<Operation> group, Written how, const Error& error, int& failures) {
  take_back();
  bool refused = false;
  if (how == Written::refused) {
    if (!cover_up()) abandon();
    // The ends of messages may still fit, and make room.
    for (Operation& operation : group) {
      if (!operation.result || !operation.message) continue;
      operation.result = error;
      refused = true;
    }
    if (refused) return;
  } else {
    abandon();
    if (++failures < 2) return;  // once more at once, in a new segment
    failures = 0;
    rest(error);
  }
  for (Operation& operation : group) {
    if (operation.result) operation.result = error;
  }
}

/// After a write that found no room: nothing of it may be found later.
bool Journal::cover_up() {
  builder_.start(active_->file->identity);
  Result<void> result;
  return write_group(result) == Written::well;
}

/// The segment is not written to again; what it confirmed stands.
void Journal::abandon() {
  active_->file->suspect = true;
  drop_if_useless(*active_);
  active_ = nullptr;
}

/// A segment in which nothing but its seals was confirmed is put away without waiting for the next one's seals: on a
/// disk that fails every write they would pile up.
void Journal::drop_if_useless(SegmentState& segment) {
  if (segment.groups > 1) return;
  const std::lock_guard lock(mutex_);
  if (segment.live_messages == 0 && segment.pins.empty()) keeper_->retire(table_.take(segment));
}

void Journal::rest(const Error& error) {
  rest_until_ = Clock::now() + try_again_after;
  resting_ = error;
}

/// A segment to write to, and nothing left in doubt that an earlier run wrote.
Result<void> Journal::find_active() {
  if (resting_ && Clock::now() < rest_until_) return *resting_;
  resting_.reset();
  Result<void> found;
  if (active_ == nullptr) found = rotate();
  if (found) found = secure();
  if (!found && found.error().code != Errc::limit_exceeded) rest(found.error());
  return found;
}

Result<void> Journal::rotate() {
  auto next = keeper_->take(id_floor_);
  if (!next) return next.error();
  {
    const std::lock_guard lock(mutex_);
    active_ = nullptr;
    table_.add(*next);
    disk_octets_ = table_.disk_octets();
  }
  SegmentState& state = *table_.find((*next)->identity.number);
  if (auto sealed = seal(**next); !sealed) {
    (*next)->suspect = true;
    next->reset();
    drop_if_useless(state);
    return sealed;
  }
  active_ = &state;
  active_->groups = active_->sure_groups = place_;
  keeper_->request(id_floor_);
  return {};
}

/// Writes the first group of a segment: what counts in the others.
Result<void> Journal::seal(SegmentFile& next) {
  builder_.start(next.identity);
  table_.each([&](std::uint64_t number, const SegmentState& segment) {
    if (number == next.identity.number) return;
    head_.clear();
    put_number(head_, number);
    put_number(head_, segment.groups);
    put_number(head_, segment.sure_groups);
    builder_.start_record(RecordKind::seal, head_);
    builder_.finish_record();
  });
  const std::string_view group = builder_.finish(0);
  if (auto written = system::write(next.descriptor.get(), next.path, group, block_octets); !written) return written;
  if (sync_) {
    if (auto done = system::sync_data(next.descriptor.get(), next.path); !done) return done;
  }
  offset_ = block_octets + group.size();
  place_ = 1;
  return {};
}

void Journal::put_away() {
  if (active_ == nullptr || !uncertain_.empty()) return;
  const std::lock_guard lock(mutex_);
  for (const std::uint64_t number : keeper_->retired()) table_.forget(number);
  for (auto& file : table_.take_dead(active_)) keeper_->retire(std::move(file));
  disk_octets_ = table_.disk_octets();
}

Ledger::Usage Journal::usage() const {
  return {messages_.load(std::memory_order_relaxed), octets_.load(std::memory_order_relaxed),
          disk_octets_.load(std::memory_order_relaxed)};
}

Ledger::Tidy Journal::wants_tidy() const {
  return active_ != nullptr && table_.wasteful(segment_octets_) ? Tidy::now : Tidy::idle;
}

Ledger::Tidy Journal::tidy() {
  put_away();
  if (wants_tidy() == Tidy::idle) return Tidy::idle;
  return compact(compact_octets) ? Tidy::now : Tidy::idle;
}

Result<void> Journal::load(const std::function<void(QueuedMessage)>& visit) {
  const std::lock_guard lock(mutex_);
  struct Known {
    QueueId id;
    const IndexEntry* entry;
  };
  std::vector<Known> all;
  all.reserve(index_.size());
  index_.each_readable([&](QueueId id, const IndexEntry& entry) { all.push_back({id, &entry}); });
  std::sort(all.begin(), all.end(), [](const Known& a, const Known& b) {
    return std::pair(a.entry->segment, a.entry->offset) < std::pair(b.entry->segment, b.entry->offset);
  });
  std::string buffer;
  for (const Known& known : all) {
    const IndexEntry* entry = known.entry;
    auto record = read_record(*table_.find(entry->segment)->file, entry->offset, entry->length, buffer);
    if (!record) return record.error();
    RecordReader reader(record->head);
    QueuedMessage message = get_message(reader).message;
    std::erase_if(message.recipients,
                  [&](const QueuedRecipient& recipient) { return !entry->unsettled.contains(recipient.index); });
    settle_recipients(message, entry->states);
    visit(std::move(message));
  }
  return {};
}

void Journal::each_file(const std::function<void(std::uint64_t)>& visit) {
  const std::lock_guard lock(mutex_);
  index_.each([&](QueueId, const IndexEntry& entry) {
    if (entry.file != 0) visit(entry.file);
  });
}

Result<Ledger::Found> Journal::open(QueueId id) {
  std::shared_ptr<SegmentFile> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  {
    const std::lock_guard lock(mutex_);
    const IndexEntry* entry = index_.find_readable(id);
    if (entry == nullptr) return Error{Errc::not_found, "message " + format_queue_id(id) + " is not in the spool"};
    file = table_.find(entry->segment)->file;
    offset = entry->offset;
    length = entry->length;
  }
  std::string buffer;
  auto record = read_record(*file, offset, length, buffer);
  if (!record) return record.error();
  RecordReader reader(record->head);
  const MessageRecord head = get_message(reader);
  Found found;
  found.prefix = record->body.substr(0, static_cast<std::size_t>(head.message.prefix_octets));
  found.file = head.file;
  found.file_octets = head.message.content_octets;
  if (found.file == 0) found.content = make_content(std::string(record->body.substr(found.prefix.size())));
  return found;
}

void Journal::close() {
  if (active_ != nullptr) {
    // An orderly end says that everything before it was durable: damage to the last group is then found as such.
    begin_group();
    Result<void> result;
    if (offset_ + block_octets <= room(false)) (void)write_group(result);
    active_ = nullptr;
  }
  keeper_->close();
}

}  // namespace sendconn::relay
