#include "relay/control/database.hpp"

#include <sqlite3.h>

namespace sendconn::relay {

void Statement::Finalize::operator()(sqlite3_stmt* statement) const noexcept { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* handle) const noexcept { sqlite3_close(handle); }

Statement::Statement(const Database& database, std::string_view sql) : database_(&database) {
  sqlite3_stmt* statement = nullptr;
  status_ = sqlite3_prepare_v2(database.handle_.get(), sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  statement_.reset(statement);
}

Statement& Statement::bind(std::string_view text) {
  if (text.data() == nullptr) text = "";  // SQLite takes a null pointer for NULL
  if (status_ == SQLITE_OK) {
    // An empty view may have no memory behind it, which SQLite would take for NULL.
    const char* octets = text.data() != nullptr ? text.data() : "";
    status_ = sqlite3_bind_text64(statement_.get(), next_++, octets, text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return *this;
}

Statement& Statement::bind(std::int64_t number) {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_int64(statement_.get(), next_++, number);
  return *this;
}

Statement& Statement::bind_null() {
  if (status_ == SQLITE_OK) status_ = sqlite3_bind_null(statement_.get(), next_++);
  return *this;
}

bool Statement::step() {
  if (status_ == SQLITE_OK || status_ == SQLITE_ROW) status_ = sqlite3_step(statement_.get());
  return status_ == SQLITE_ROW;
}

Result<void> Statement::run() {
  while (step()) {
  }
  return finished();
}

Result<void> Statement::finished() const {
  if (status_ == SQLITE_DONE || status_ == SQLITE_ROW || status_ == SQLITE_OK) return {};
  return database_->fault(status_);
}

std::string Statement::text(int column) const {
  const auto* octets = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  const int size = sqlite3_column_bytes(statement_.get(), column);
  return octets == nullptr ? std::string() : std::string(octets, static_cast<std::size_t>(size));
}

std::int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }

Result<Database> Database::open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int status =
      sqlite3_open_v2(path.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle, path);
  if (handle == nullptr) return Error{Errc::io, "cannot open " + path + ": out of memory"};
  if (status != SQLITE_OK) return database.fault(status);
  sqlite3_extended_result_codes(handle, 1);
  return database;
}

Result<void> Database::execute(const std::string& sql) const {
  const int status = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  if (status != SQLITE_OK) return fault(status);
  return {};
}

Result<std::int64_t> Database::number(std::string_view sql) const {
  Statement statement = prepare(sql);
  if (statement.step()) return statement.number(0);
  if (auto finished = statement.finished(); !finished) return std::move(finished).error();
  return Error{Errc::not_found, path_ + ": no row"};
}

std::int64_t Database::last_id() const { return sqlite3_last_insert_rowid(handle_.get()); }
std::int64_t Database::changes() const { return sqlite3_changes64(handle_.get()); }

Error Database::fault(int status) const {
  const std::string said = sqlite3_errmsg(handle_.get());
  switch (status & 0xff) {  // the primary code of an extended one
    case SQLITE_NOTADB:
      return {Errc::io,
              path_ + " is damaged or no SQLite database; restore it from a backup, or move it away to start anew"};
    case SQLITE_CORRUPT:
      return {Errc::io, path_ + " is damaged (" + said + "); restore it from a backup"};
    case SQLITE_CONSTRAINT:
      return {Errc::conflict, path_ + ": " + said};
    case SQLITE_FULL:
      return {Errc::io, path_ + " cannot be written: the disk is full; nothing was changed"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return {Errc::conflict, path_ + " is in use by another program"};
    case SQLITE_READONLY:
      return {Errc::io, path_ + " is read-only"};
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return {Errc::io, path_ + " cannot be opened; folder and file must be readable and writable for this user"};
    default:
      return {Errc::io, path_ + ": " + said};
  }
}

Result<Transaction> Transaction::begin(const Database& database) {
  if (auto begun = database.execute("BEGIN IMMEDIATE"); !begun) return std::move(begun).error();
  return Transaction(database);
}

Transaction::~Transaction() {
  if (database_ != nullptr) static_cast<void>(database_->execute("ROLLBACK"));
}

Result<void> Transaction::commit() {
  auto done = database_->execute("COMMIT");
  if (done) database_ = nullptr;
  return done;
}

}  // namespace sendconn::relay
