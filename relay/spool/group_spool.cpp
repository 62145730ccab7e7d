#include "relay/spool/group_spool.hpp"

#include <algorithm>
#include <utility>

namespace sendconn::relay {
namespace {

// A group is cut here, so that the first of many large messages does not wait for the last. At this size the cost of a
// sync is spread so thin that more would not help. Our own figure.
constexpr std::uint64_t group_octets = 4ULL * 1024 * 1024;

std::uint64_t octets_of(const Operation& operation) {
  if (!operation.message || file_content(operation.message->content.get()) != nullptr) return 0;
  return operation.message->prefix.size() + operation.message->content->size();
}

// A settle alone waits so long for others, or for a store that takes it along: losing it to a crash would mean a second
// delivery, not a loss, and a sync for each would cost more than all else. Our own figure: at most 500 such syncs a
// second.
constexpr std::chrono::milliseconds patience{4};
// So many groups must be complete in time before one more store is waited for: at first, and after many vain trials.
// Our own figures.
constexpr unsigned min_trial = 16;
constexpr unsigned max_trial = 512;
// A content above it goes to a file even if it came in memory: a group, and the reading back of one, stay bounded.
constexpr std::uint64_t max_inline_octets = 1024 * 1024;

Error closed() { return Error{Errc::wrong_state, "the spool is closed"}; }

}  // namespace

GroupSpool::GroupSpool(const SpoolOptions& options, std::unique_ptr<SpoolFolder> folder,
                       std::shared_ptr<LargeFiles> large, std::unique_ptr<Ledger> ledger, QueueId first)
    : folder_(std::move(folder)),
      large_(std::move(large)),
      ledger_(std::move(ledger)),
      after_group_(options.after_group),
      inline_octets_(std::min(max_inline_octets, options.segment_octets / 4)),
      next_(first),
      trial_(min_trial),
      committer_([this] { run(); }) {}

Result<std::unique_ptr<Spool>> GroupSpool::open(const SpoolOptions& options, std::unique_ptr<SpoolFolder> folder,
                                                std::shared_ptr<LargeFiles> large, std::unique_ptr<Ledger> ledger) {
  auto first = ledger->reserve_ids();
  if (!first) return first.error();
  std::unordered_set<std::uint64_t> referred;
  ledger->each_file([&](std::uint64_t file) { referred.insert(file); });
  if (auto swept = large->sweep(referred); !swept) return swept.error();
  return std::unique_ptr<Spool>(
      new GroupSpool(options, std::move(folder), std::move(large), std::move(ledger), *first));
}

GroupSpool::~GroupSpool() { close(); }

QueueId GroupSpool::next_id() { return next_.fetch_add(1, std::memory_order_relaxed); }

Result<void> GroupSpool::check_room(std::uint64_t octets) {
  return folder_->check_room(ledger_->usage().octets, octets);
}

Result<std::unique_ptr<ContentWriter>> GroupSpool::open_writer() { return large_->create(next_id()); }

void GroupSpool::store(QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content,
                       Stored stored) {
  Operation operation;
  operation.kind = Operation::Kind::store;
  operation.id = message.id;
  operation.message = NewMessage{std::move(message), std::move(prefix), std::move(content)};
  operation.done = std::move(stored);
  submit(std::move(operation));
}

void GroupSpool::settle(QueueId id, std::vector<Settlement> settlements, std::optional<NewMessage> message,
                        Settled settled) {
  Operation operation;
  operation.kind = Operation::Kind::settle;
  operation.id = id;
  operation.settlements = std::move(settlements);
  operation.message = std::move(message);
  operation.done = std::move(settled);
  submit(std::move(operation));
}

void GroupSpool::submit(Operation operation) {
  if (operation.message) {
    NewMessage& added = *operation.message;
    if (added.message.recipients.empty() || added.content == nullptr || added.message.id == 0) {
      operation.done(Error{Errc::invalid_argument, "a queued message needs an id, a content and a recipient"});
      return;
    }
    added.message.prefix_octets = added.prefix.size();
    added.message.content_octets = added.content->size();
    if (const FileContent* file = file_content(added.content.get())) {
      if (!file->keep()) {
        operation.done(Error{Errc::invalid_argument, "the content belongs to another message"});
        return;
      }
      submit_file(std::move(operation));
      return;
    }
    if (added.content->size() > inline_octets_) {
      submit_file(std::move(operation));
      return;
    }
  }
  const bool urgent = operation.message.has_value();
  bool wake = false;
  {
    std::unique_lock lock(mutex_);
    if (closing_) {
      lock.unlock();
      operation.done(closed());
      return;
    }
    waiting_.push_back(std::move(operation));
    wake = wakes(urgent);
  }
  if (wake) wake_.notify_one();
}

void GroupSpool::submit_file(Operation operation) {
  bool taken = false;
  {
    const std::lock_guard lock(mutex_);
    if (!closing_) {
      ++syncing_;
      taken = true;
    }
  }
  if (!taken) {
    if (const FileContent* file = file_content(operation.message->content.get())) file->release();
    operation.done(closed());
    return;
  }
  // std::function wants to copy what it holds; an operation is too heavy for that.
  auto shared = std::make_shared<Operation>(std::move(operation));
  large_->make_durable(next_id(), shared->message->content,
                       [this, shared](Result<std::shared_ptr<const Content>> made) {
                         if (made) {
                           shared->message->content = std::move(*made);
                         } else {
                           shared->result = made.error();
                         }
                         const std::lock_guard lock(mutex_);
                         --syncing_;
                         waiting_.push_back(std::move(*shared));
                         if (wakes(true)) wake_.notify_one();
                       });
}

/// Waits until there is something to do; false at the end. `tidy` is what the ledger wants meanwhile.
bool GroupSpool::wait(std::unique_lock<std::mutex>& lock, Ledger::Tidy tidy) {
  while (waiting_.empty()) {
    if (closing_ && syncing_ == 0) return false;
    if (tidy == Ledger::Tidy::idle) {
      sleep_ = Sleep::deep;
      wake_.wait(lock, [this] { return sleep_ == Sleep::none; });
      continue;
    }
    lock.unlock();
    tidy = ledger_->tidy();
    lock.lock();
  }
  if (urgent_ == 0 && !closing_) sleep_for_stores(lock, 1);
  if (urgent_ != 0 && !closing_) gather(lock);
  return true;
}

/// Sleeps for `patience`, or until as many stores wait.
bool GroupSpool::sleep_for_stores(std::unique_lock<std::mutex>& lock, std::size_t stores) {
  wanted_ = stores;
  sleep_ = Sleep::light;
  const bool reached = wake_.wait_for(lock, patience, [this] { return sleep_ == Sleep::none; });
  sleep_ = Sleep::none;
  return reached;
}

/// A sync costs as much CPU for one store as for ten. Where many come within `patience`, it pays to let some gather: as
/// many as came in time before, and now and then one more. Each time that this was in vain it is tried more rarely, so
/// that the few clients of a quiet relay hardly ever wait.
void GroupSpool::gather(std::unique_lock<std::mutex>& lock) {
  if (urgent_ < expected_ && !sleep_for_stores(lock, expected_)) {
    expected_ = std::max<std::size_t>(urgent_, 1);
    in_time_ = 0;
    trial_ = std::min(2 * trial_, max_trial);
    return;
  }
  expected_ = std::max(expected_, urgent_);
  if (++in_time_ < trial_) return;
  ++expected_;
  in_time_ = 0;
}

void GroupSpool::run() {
  std::vector<Operation> taken;
  Ledger::Tidy tidy = Ledger::Tidy::idle;
  std::unique_lock lock(mutex_);
  while (wait(lock, tidy)) {
    taken.swap(waiting_);
    urgent_ = 0;
    lock.unlock();
    commit(taken);
    taken.clear();
    tidy = ledger_->wants_tidy();
    lock.lock();
  }
}

/// Says whether the committer must be woken; the lock is held.
bool GroupSpool::wakes(bool urgent) {
  if (urgent) ++urgent_;
  if (sleep_ == Sleep::none || (sleep_ == Sleep::light && urgent_ < wanted_ && !closing_)) return false;
  sleep_ = Sleep::none;
  return true;
}

void GroupSpool::commit(std::vector<Operation>& waiting) {
  for (std::size_t first = 0; first < waiting.size();) {
    std::size_t end = first;
    std::uint64_t octets = 0;
    do {
      octets += octets_of(waiting[end]);
      ++end;
    } while (end < waiting.size() && octets < group_octets);
    commit_group(std::span(waiting).subspan(first, end - first));
    first = end;
  }
}

void GroupSpool::commit_group(std::span<Operation> group) {
  // What stays within the room is known here alone: the callers' questions may overlap.
  std::uint64_t octets = 0;
  for (Operation& operation : group) {
    if (!operation.result || !operation.message) continue;
    const std::uint64_t more = operation.message->prefix.size() + operation.message->content->size();
    // A bounce goes with the end of a message: refused, both would be tried for ever.
    if (operation.kind == Operation::Kind::store) {
      operation.result = folder_->check_room(ledger_->usage().octets, octets + more);
    }
    if (operation.result) octets += more;
  }
  ledger_->commit(group);
  std::uint64_t stored = 0;
  for (const Operation& operation : group) {
    if (operation.result) {
      stored += operation.message ? 1 : 0;
    } else if (operation.message) {
      if (const FileContent* file = file_content(operation.message->content.get())) file->release();
    }
  }
  commits_.fetch_add(1, std::memory_order_relaxed);
  stored_.fetch_add(stored, std::memory_order_relaxed);
  for (Operation& operation : group) operation.done(std::move(operation.result));
  if (after_group_) after_group_();
}

Result<std::vector<QueuedMessage>> GroupSpool::load() {
  std::vector<QueuedMessage> messages;
  auto loaded = ledger_->load([&](QueuedMessage message) { messages.push_back(std::move(message)); });
  if (!loaded) return loaded.error();
  std::sort(messages.begin(), messages.end(),
            [](const QueuedMessage& a, const QueuedMessage& b) { return a.id < b.id; });
  return messages;
}

Result<Spool::Octets> GroupSpool::open(QueueId id) {
  auto found = ledger_->open(id);
  if (!found) return found.error();
  if (found->file != 0) {
    auto content = large_->read(found->file, found->file_octets);
    if (!content) return content.error();
    found->content = std::move(*content);
  }
  return Octets{std::move(found->prefix), std::move(found->content)};
}

SpoolStatus GroupSpool::status() const {
  const Ledger::Usage usage = ledger_->usage();
  return SpoolStatus{usage.messages, usage.octets, usage.disk_octets, commits_.load(std::memory_order_relaxed),
                     stored_.load(std::memory_order_relaxed)};
}

void GroupSpool::close() {
  std::thread committer;
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
    committer = std::move(committer_);
    sleep_ = Sleep::none;
  }
  wake_.notify_one();
  if (!committer.joinable()) return;
  committer.join();
  ledger_->close();
  large_->close();
}

}  // namespace sendconn::relay
