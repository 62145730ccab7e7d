// A SQLite database behind Results: open, execute, ask. Made for small tables that one thread works on.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

struct sqlite3;
struct sqlite3_stmt;

namespace sendconn::relay {

class Database;

/// One statement, bound and stepped. Binding counts from 1 in the order of the calls, columns from 0. The first fault
/// (a full disk, a broken constraint, damage) ends it and stands in error(). Thread-compatible; must not outlive its
/// Database.
class Statement {
 public:
  Statement& bind(std::string_view text);
  Statement& bind(std::int64_t number);
  Statement& bind_null();
  /// The next row. False at the end and on a fault.
  bool step();
  /// Steps to the end; ok unless there was a fault.
  Result<void> run();

  [[nodiscard]] std::string text(int column) const;
  [[nodiscard]] std::int64_t number(int column) const;
  [[nodiscard]] bool is_null(int column) const;
  /// Why step() said no, if not for the end of the rows.
  [[nodiscard]] Result<void> finished() const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const noexcept;
  };
  Statement(const Database& database, std::string_view sql);

  const Database* database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int next_ = 1;
  int status_ = 0;
};

class Database {
 public:
  /// Opens or creates the file. Errors are one sentence with the path: no permission, no SQLite database, damaged.
  static Result<Database> open(const std::string& path);

  [[nodiscard]] Statement prepare(std::string_view sql) const { return {*this, sql}; }
  /// Statements without values, separated by semicolons.
  Result<void> execute(const std::string& sql) const;
  /// The one number that `sql` selects.
  [[nodiscard]] Result<std::int64_t> number(std::string_view sql) const;
  [[nodiscard]] std::int64_t last_id() const;
  [[nodiscard]] std::int64_t changes() const;  ///< rows that the last statement changed
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// What a SQLite status means to a person.
  [[nodiscard]] Error fault(int status) const;

 private:
  friend class Statement;
  struct Close {
    void operator()(sqlite3* handle) const noexcept;
  };
  Database(sqlite3* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  std::unique_ptr<sqlite3, Close> handle_;
  std::string path_;
};

/// BEGIN IMMEDIATE; rolled back unless commit() was called.
class Transaction {
 public:
  static Result<Transaction> begin(const Database& database);
  Transaction(Transaction&& other) noexcept : database_(other.database_) { other.database_ = nullptr; }
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();
  Result<void> commit();

 private:
  explicit Transaction(const Database& database) : database_(&database) {}
  const Database* database_;
};

}  // namespace sendconn::relay
