#include "relay/spool/sqlite_ledger.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "relay/spool/record.hpp"

namespace sendconn::relay {
namespace {

constexpr int application_id = 0x53435350;  // "SCSP"
constexpr int format_version = 1;
// Pages of 4 KB in the write-ahead log before they are copied, and before writers are held up for it. Our own figures.
constexpr int copy_after_pages = 4'096;
constexpr int hold_after_pages = 131'072;

struct CloseDatabase {
  void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;

Error database_error(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db);
  const int extended = sqlite3_extended_errcode(db);
  std::string text =
      "cannot " + std::string(doing) + " the spool's " + sqlite3_db_filename(db, "main") + ": " + sqlite3_errmsg(db);
  if (code == SQLITE_IOERR) text += " (" + std::to_string(extended) + ')';
  return Error{code == SQLITE_FULL || code == SQLITE_TOOBIG ? Errc::limit_exceeded : Errc::io, std::move(text)};
}

/// A prepared statement, bound and stepped in one call.
class Statement {
 public:
  Statement() = default;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  Result<void> prepare(sqlite3* db, const char* text) {
    db_ = db;
    if (sqlite3_prepare_v3(db, text, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) != SQLITE_OK) {
      return database_error(db, "prepare");
    }
    return {};
  }
  void finalize() {
    sqlite3_finalize(handle_);
    handle_ = nullptr;
  }
  template <class... Values>
  int step(const Values&... values) {
    int place = 0;
    (bind(++place, values), ...);
    return sqlite3_step(handle_);
  }
  int step_on() { return sqlite3_step(handle_); }
  template <class... Values>
  Result<void> run(const Values&... values) {
    const int code = step(values...);
    Result<void> result;
    if (code != SQLITE_DONE && code != SQLITE_ROW) result = database_error(db_, "write to");
    sqlite3_reset(handle_);
    return result;
  }
  void reset() { sqlite3_reset(handle_); }
  std::uint64_t number(int column) { return std::bit_cast<std::uint64_t>(sqlite3_column_int64(handle_, column)); }
  std::string_view octets(int column) {
    const void* data = sqlite3_column_blob(handle_, column);
    return {static_cast<const char*>(data), static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
  }

 private:
  void bind(int place, std::uint64_t value) { sqlite3_bind_int64(handle_, place, std::bit_cast<std::int64_t>(value)); }
  void bind(int place, std::string_view value) {
    // A null pointer would bind NULL instead of nothing.
    sqlite3_bind_blob64(handle_, place, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC);
  }

  sqlite3* db_ = nullptr;
  sqlite3_stmt* handle_ = nullptr;
};

Result<void> execute(sqlite3* db, const char* text) {
  if (sqlite3_exec(db, text, nullptr, nullptr, nullptr) != SQLITE_OK) return database_error(db, "use");
  return {};
}

/// What is kept in memory of each message, to settle it without a look at the database.
struct Entry {
  std::uint64_t octets = 0;
  std::uint64_t file = 0;
  bool has_states = false;
  std::vector<std::uint32_t> unsettled;
};

class SqliteLedger final : public Ledger {
 public:
  SqliteLedger(std::string path, bool sync, std::shared_ptr<LargeFiles> large)
      : path_(std::move(path)), sync_(sync), large_(std::move(large)) {}
  ~SqliteLedger() override { close(); }

  Result<void> open_database();
  Result<QueueId> reserve_ids() override;
  void commit(std::span<Operation> group) override;
  Result<void> load(const std::function<void(QueuedMessage)>& visit) override {
    return read_all([&](QueuedMessage message, std::uint64_t) { visit(std::move(message)); });
  }
  void each_file(const std::function<void(std::uint64_t)>& visit) override {
    for (const auto& [id, entry] : entries_) {
      if (entry.file != 0) visit(entry.file);
    }
  }
  Result<Found> open(QueueId id) override;
  Usage usage() const override { return {messages_.load(), octets_.load(), 0}; }
  void close() override;

 private:
  Result<Database> connect() const;
  Result<void> check_version();
  Result<void> read_all(const std::function<void(QueuedMessage, std::uint64_t)>& visit);
  Result<void> load_entries();
  Result<void> write(Operation& operation);
  Result<void> write_message(const Spool::NewMessage& added);
  bool commit_together(std::span<Operation> group);
  void applied(const Operation& operation);
  void remember(const Spool::NewMessage& added);
  Result<void> known(const Operation& operation) const;
  void copy_log();
  static int on_commit(void* self, sqlite3* db, const char* name, int pages);

  std::string path_;
  bool sync_;
  std::shared_ptr<LargeFiles> large_;
  Database db_;
  Statement insert_, remove_, set_state_, remove_states_, reserve_;
  std::unordered_map<QueueId, Entry> entries_;
  std::atomic<std::uint64_t> messages_{0};
  std::atomic<std::uint64_t> octets_{0};
  std::vector<std::uint64_t> removed_files_;
  std::optional<Error> failed_;

  std::mutex reading_;
  Database reader_;
  Statement read_;

  std::mutex copy_mutex_;
  std::condition_variable copy_wake_;
  int log_pages_ = 0;
  bool closing_ = false;
  std::thread copier_;
};

Result<Database> SqliteLedger::connect() const {
  sqlite3* raw = nullptr;
  const int code =
      sqlite3_open_v2(path_.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database db(raw);
  if (code != SQLITE_OK) return database_error(raw, "open");
  sqlite3_extended_result_codes(raw, 0);
  sqlite3_busy_timeout(raw, 10'000);
  std::string setup =
      "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; PRAGMA temp_store=MEMORY; PRAGMA synchronous=";
  setup += sync_ ? "FULL;" : "OFF;";
  if (auto done = execute(raw, setup.c_str()); !done) return done.error();
  return db;
}

Result<void> SqliteLedger::check_version() {
  Statement version;
  if (auto prepared = version.prepare(db_.get(), "PRAGMA user_version"); !prepared) return prepared;
  if (version.step() != SQLITE_ROW) return database_error(db_.get(), "read");
  const std::uint64_t found = version.number(0);
  if (found > format_version) {
    return Error{Errc::unsupported, "spool " + path_ + " was made by a newer version (format " + std::to_string(found) +
                                        "; this version reads up to " + std::to_string(format_version) + ")"};
  }
  return {};
}

Result<void> SqliteLedger::open_database() {
  {
    auto private_file = system::open(path_, O_RDWR | O_CREAT);  // SQLite alone would make it readable for all
    if (!private_file) return private_file.error();
  }
  auto db = connect();
  if (!db) return db.error();
  db_ = std::move(*db);
  if (auto checked = check_version(); !checked) return checked;
  const std::string setup =
      "BEGIN IMMEDIATE;"
      "CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, record BLOB NOT NULL, prefix BLOB NOT NULL,"
      " content BLOB NOT NULL);"
      "CREATE TABLE IF NOT EXISTS state (id INTEGER NOT NULL, recipient INTEGER NOT NULL, settlement BLOB NOT NULL,"
      " PRIMARY KEY (id, recipient)) WITHOUT ROWID;"
      "CREATE TABLE IF NOT EXISTS reserved (one INTEGER PRIMARY KEY CHECK (one = 1), id INTEGER NOT NULL);"
      "PRAGMA application_id=" +
      std::to_string(application_id) + "; PRAGMA user_version=" + std::to_string(format_version) + "; COMMIT";
  if (auto done = execute(db_.get(), setup.c_str()); !done) return done;
  const std::pair<Statement*, const char*> statements[] = {
      {&insert_, "INSERT INTO message VALUES (?1, ?2, ?3, ?4)"},
      {&remove_, "DELETE FROM message WHERE id = ?1"},
      {&set_state_, "INSERT OR REPLACE INTO state VALUES (?1, ?2, ?3)"},
      {&remove_states_, "DELETE FROM state WHERE id = ?1"},
      {&reserve_, "INSERT OR REPLACE INTO reserved VALUES (1, ?1)"},
  };
  for (const auto& [statement, text] : statements) {
    if (auto prepared = statement->prepare(db_.get(), text); !prepared) return prepared;
  }
  auto reader = connect();
  if (!reader) return reader.error();
  reader_ = std::move(*reader);
  if (auto prepared = read_.prepare(reader_.get(), "SELECT record, prefix, content FROM message WHERE id = ?1");
      !prepared) {
    return prepared;
  }
  if (auto loaded = load_entries(); !loaded) return loaded;
  sqlite3_wal_hook(db_.get(), &SqliteLedger::on_commit, this);
  copier_ = std::thread([this] { copy_log(); });
  return {};
}

Result<void> SqliteLedger::load_entries() {
  entries_.clear();
  messages_ = 0;
  octets_ = 0;
  return read_all([this](QueuedMessage message, std::uint64_t file) {
    Entry entry;
    entry.octets = message.prefix_octets + message.content_octets;
    entry.file = file;
    entry.has_states = true;
    for (const QueuedRecipient& recipient : message.recipients) entry.unsettled.push_back(recipient.index);
    octets_ += entry.octets;
    ++messages_;
    entries_.emplace(message.id, std::move(entry));
  });
}

Result<QueueId> SqliteLedger::reserve_ids() {
  Statement statement;
  if (auto prepared = statement.prepare(db_.get(), "SELECT id FROM reserved"); !prepared) return prepared.error();
  const QueueId first = first_free_id(statement.step() == SQLITE_ROW ? statement.number(0) : 0);
  statement.reset();
  if (auto done = reserve_.run(first + id_block); !done) return done.error();
  return first;
}

Result<void> SqliteLedger::known(const Operation& operation) const {
  const auto place = entries_.find(operation.id);
  if (operation.kind == Operation::Kind::store) {
    if (place == entries_.end()) return {};
    return Error{Errc::conflict, "message " + format_queue_id(operation.id) + " is in the spool already"};
  }
  if (place == entries_.end()) {
    return Error{Errc::not_found, "message " + format_queue_id(operation.id) + " is not in the spool"};
  }
  for (const Settlement& settlement : operation.settlements) {
    const std::vector<std::uint32_t>& unsettled = place->second.unsettled;
    if (std::find(unsettled.begin(), unsettled.end(), settlement.index) == unsettled.end()) {
      return Error{Errc::not_found, "message " + format_queue_id(operation.id) + " has no unsettled recipient " +
                                        std::to_string(settlement.index)};
    }
  }
  return {};
}

Result<void> SqliteLedger::write_message(const Spool::NewMessage& added) {
  std::string record;
  const FileContent* file = file_content(added.content.get());
  put_message(record, added.message, file != nullptr ? file->file() : 0);
  std::string gathered;
  std::string_view content;
  if (file == nullptr) {
    std::string buffer;
    auto piece = added.content->read(0, added.content->size(), buffer);
    if (!piece) return piece.error();
    content = *piece;
    if (content.size() < added.content->size()) {
      gathered = content;
      while (gathered.size() < added.content->size()) {
        piece = added.content->read(gathered.size(), added.content->size(), buffer);
        if (!piece) return piece.error();
        if (piece->empty()) return Error{Errc::invalid_argument, "a content is shorter than its size"};
        gathered.append(*piece);
      }
      content = gathered;
    }
    return insert_.run(added.message.id, std::string_view(record), std::string_view(added.prefix), content);
  }
  return insert_.run(added.message.id, std::string_view(record), std::string_view(added.prefix), content);
}

Result<void> SqliteLedger::write(Operation& operation) {
  if (auto checked = known(operation); !checked) return checked;
  if (operation.message) {
    if (auto written = write_message(*operation.message); !written) return written;
  }
  if (operation.kind == Operation::Kind::store) return {};
  Entry& entry = entries_.at(operation.id);
  std::size_t done = 0;
  for (const Settlement& settlement : operation.settlements) done += settlement.done ? 1 : 0;
  if (done == entry.unsettled.size()) {
    if (auto removed = remove_.run(operation.id); !removed) return removed;
    return entry.has_states ? remove_states_.run(operation.id) : Result<void>();
  }
  for (const Settlement& settlement : operation.settlements) {
    std::string record;
    put_settlements(record, {settlement});
    const auto index = static_cast<std::uint64_t>(settlement.index);
    if (auto set = set_state_.run(operation.id, index, std::string_view(record)); !set) return set;
  }
  return {};
}

void SqliteLedger::remember(const Spool::NewMessage& added) {
  Entry entry;
  entry.octets = added.message.prefix_octets + added.message.content_octets;
  if (const FileContent* file = file_content(added.content.get())) entry.file = file->file();
  for (const QueuedRecipient& recipient : added.message.recipients) entry.unsettled.push_back(recipient.index);
  octets_ += entry.octets;
  ++messages_;
  entries_.emplace(added.message.id, std::move(entry));
}

void SqliteLedger::applied(const Operation& operation) {
  if (operation.message) remember(*operation.message);
  if (operation.kind == Operation::Kind::store) return;
  const auto place = entries_.find(operation.id);
  Entry& entry = place->second;
  entry.has_states = true;
  for (const Settlement& settlement : operation.settlements) {
    if (settlement.done) std::erase(entry.unsettled, settlement.index);
  }
  if (!entry.unsettled.empty()) return;
  octets_ -= entry.octets;
  --messages_;
  if (entry.file != 0) removed_files_.push_back(entry.file);
  entries_.erase(place);
}

bool SqliteLedger::commit_together(std::span<Operation> group) {
  const std::size_t files = removed_files_.size();
  auto done = execute(db_.get(), "BEGIN IMMEDIATE");
  for (Operation& operation : group) {
    if (!done) break;
    if (!operation.result) continue;
    // In memory at once, so that a store and its settle may share a group; undone by forgetting the group below.
    done = write(operation);
    if (done) {
      applied(operation);
    } else if (sqlite3_get_autocommit(db_.get()) == 0 && done.error().code != Errc::io &&
               done.error().code != Errc::limit_exceeded) {
      operation.result = std::exchange(done, Result<void>());
    }
  }
  if (done) done = execute(db_.get(), "COMMIT");
  if (done) return true;
  if (sqlite3_get_autocommit(db_.get()) == 0) (void)execute(db_.get(), "ROLLBACK");
  removed_files_.resize(files);
  if (auto loaded = load_entries(); !loaded) done = loaded;
  if (done.error().code != Errc::limit_exceeded) {
    failed_ = Error{done.error().code, done.error().text + "; the spool takes nothing until the relay is restarted"};
    done = *failed_;
  }
  for (Operation& operation : group) {
    if (operation.result) operation.result = done;
  }
  return false;
}

void SqliteLedger::commit(std::span<Operation> group) {
  if (failed_) {
    for (Operation& operation : group) operation.result = *failed_;
    return;
  }
  if (!commit_together(group)) {
    // A full disk: one by one, so that the ends of messages, which make room, go through.
    for (std::size_t i = 0; i < group.size() && !failed_; ++i) {
      if (group[i].result || group[i].result.error().code != Errc::limit_exceeded) continue;
      group[i].result = {};
      (void)commit_together(group.subspan(i, 1));
    }
  }
  for (const std::uint64_t file : removed_files_) large_->remove(file);
  removed_files_.clear();
}

Result<void> SqliteLedger::read_all(const std::function<void(QueuedMessage, std::uint64_t)>& visit) {
  Statement messages;
  Statement states;
  if (auto prepared = messages.prepare(db_.get(), "SELECT id, record FROM message ORDER BY id"); !prepared) {
    return prepared;
  }
  if (auto prepared = states.prepare(db_.get(), "SELECT settlement FROM state WHERE id = ?1"); !prepared) {
    return prepared;
  }
  int code = 0;
  while ((code = messages.step()) == SQLITE_ROW) {
    RecordReader reader(messages.octets(1));
    MessageRecord record = get_message(reader);
    if (!reader.done()) {
      return Error{Errc::io, "spool " + path_ + " is damaged: the record of message " +
                                 format_queue_id(messages.number(0)) + " cannot be read"};
    }
    std::vector<Settlement> settlements;
    while (states.step(record.message.id) == SQLITE_ROW) {
      RecordReader state(states.octets(0));
      for (Settlement& settlement : get_settlements(state)) settlements.push_back(std::move(settlement));
    }
    states.reset();
    settle_recipients(record.message, settlements);
    visit(std::move(record.message), record.file);
  }
  if (code != SQLITE_DONE) return database_error(db_.get(), "read");
  return {};
}

Result<Ledger::Found> SqliteLedger::open(QueueId id) {
  const std::lock_guard lock(reading_);
  if (!reader_) return Error{Errc::wrong_state, "the spool is closed"};
  const int code = read_.step(id);
  if (code != SQLITE_ROW) {
    read_.reset();
    if (code != SQLITE_DONE) return database_error(reader_.get(), "read");
    return Error{Errc::not_found, "message " + format_queue_id(id) + " is not in the spool"};
  }
  Found found;
  RecordReader reader(read_.octets(0));
  const MessageRecord record = get_message(reader);
  found.prefix = read_.octets(1);
  found.file = record.file;
  found.file_octets = record.message.content_octets;
  if (found.file == 0) found.content = make_content(std::string(read_.octets(2)));
  read_.reset();
  return found;
}

int SqliteLedger::on_commit(void* self, sqlite3*, const char*, int pages) {
  auto* ledger = static_cast<SqliteLedger*>(self);
  if (pages < copy_after_pages) return SQLITE_OK;
  const std::lock_guard lock(ledger->copy_mutex_);
  ledger->log_pages_ = pages;
  ledger->copy_wake_.notify_one();
  return SQLITE_OK;
}

void SqliteLedger::copy_log() {
  auto connection = connect();
  std::unique_lock lock(copy_mutex_);
  while (connection) {
    copy_wake_.wait(lock, [this] { return closing_ || log_pages_ != 0; });
    if (closing_) return;
    const int pages = std::exchange(log_pages_, 0);
    lock.unlock();
    sqlite3_wal_checkpoint_v2(connection->get(), nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
    if (pages > hold_after_pages) {
      sqlite3_wal_checkpoint_v2(connection->get(), nullptr, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
    }
    lock.lock();
  }
}

void SqliteLedger::close() {
  {
    const std::lock_guard lock(copy_mutex_);
    closing_ = true;
    copy_wake_.notify_one();
  }
  if (copier_.joinable()) copier_.join();
  const std::lock_guard lock(reading_);
  read_.finalize();
  reader_.reset();
  for (Statement* statement : {&insert_, &remove_, &set_state_, &remove_states_, &reserve_}) statement->finalize();
  db_.reset();
}

/// What an earlier run could not sync may still stand in memory, marked as written. Read from there and built upon, it
/// would be lost with all that follows it; so the memory is dropped, and what is read is what the disk has.
Result<void> settle_on_disk(const std::string& path) {
  auto file = system::open(path, O_RDWR | O_CREAT);
  if (!file) return file.error();
  if (auto synced = system::sync_data(file->get(), path); !synced) return synced;
  (void)::posix_fadvise(file->get(), 0, 0, POSIX_FADV_DONTNEED);
  return {};
}

}  // namespace

Result<std::unique_ptr<Ledger>> open_sqlite_ledger(const SpoolFolder& folder, std::shared_ptr<LargeFiles> large) {
  auto ledger = std::make_unique<SqliteLedger>(folder.file("spool.db"), folder.sync_wanted(), std::move(large));
  if (folder.sync_wanted()) {
    for (const char* name : {"spool.db", "spool.db-wal"}) {
      if (auto settled = settle_on_disk(folder.file(name)); !settled) return settled.error();
    }
  }
  if (auto opened = ledger->open_database(); !opened) return opened.error();
  if (folder.sync_wanted()) {
    // SQLite syncs the name of its log too, but does not look whether that worked.
    auto names = system::open(folder.path(), O_RDONLY | O_DIRECTORY);
    if (!names) return names.error();
    if (auto synced = system::sync_folder(names->get(), folder.path()); !synced) return synced.error();
  }
  return std::unique_ptr<Ledger>(std::move(ledger));
}

}  // namespace sendconn::relay
