// Opening and locking, the schema, and accounts. The other tables have files of their own: connectors.cpp, domains.cpp,
// keys.cpp; snapshot.cpp makes the Directory.
#include "relay/control/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <thread>

namespace sendconn::relay {
namespace {

constexpr std::int64_t application_id = 0x73634374;  // "scCt": tells this database from any other
constexpr std::int64_t schema_version = 1;
constexpr std::chrono::milliseconds lock_poll{20};

// One active domain of a name is an invariant of the database itself, not only of the code above it.
constexpr const char* schema = R"(
CREATE TABLE account (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, created INTEGER NOT NULL) STRICT;
CREATE TABLE connector (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  name TEXT NOT NULL, message_rate TEXT, recipient_rate TEXT, null_sender_rate TEXT, created INTEGER NOT NULL,
  UNIQUE (account, name)) STRICT;
CREATE TABLE login (
  user TEXT PRIMARY KEY, connector INTEGER NOT NULL REFERENCES connector ON DELETE CASCADE,
  verifier TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE network (
  network TEXT PRIMARY KEY, connector INTEGER NOT NULL REFERENCES connector ON DELETE CASCADE) STRICT;
CREATE TABLE domain (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account INTEGER NOT NULL REFERENCES account ON DELETE CASCADE,
  name TEXT NOT NULL, token TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'revoked')),
  added INTEGER NOT NULL, verified INTEGER, checked INTEGER, revoked INTEGER, outcome TEXT NOT NULL DEFAULT '',
  UNIQUE (account, name)) STRICT;
CREATE UNIQUE INDEX one_active_domain ON domain (name) WHERE state = 'active';
CREATE TABLE domain_grant (
  domain INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,
  connector INTEGER NOT NULL REFERENCES connector ON DELETE CASCADE,
  PRIMARY KEY (domain, connector)) STRICT;
CREATE TABLE dkim_key (
  id INTEGER PRIMARY KEY AUTOINCREMENT, domain INTEGER NOT NULL REFERENCES domain ON DELETE CASCADE,
  selector TEXT NOT NULL, type TEXT NOT NULL CHECK (type IN ('rsa', 'ed25519')), bits INTEGER NOT NULL,
  pem TEXT NOT NULL, created INTEGER NOT NULL, UNIQUE (domain, selector)) STRICT;
)";

std::string reason() { return std::generic_category().message(errno); }

Result<void> make_folder(const std::string& folder) {
  std::error_code fault;
  const std::filesystem::path path(folder);
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), fault);
  const bool made = ::mkdir(folder.c_str(), 0700) == 0;
  if (!made && (errno != EEXIST || !std::filesystem::is_directory(path, fault)))
    return Error{Errc::io, "cannot make the state folder " + folder + ": " + reason()};
  struct stat status {};
  if (::stat(folder.c_str(), &status) != 0) return Error{Errc::io, "cannot look at " + folder + ": " + reason()};
  if ((status.st_mode & 022U) != 0)
    return Error{Errc::io, "others may write to the state folder " + folder + ", so that they could replace what it " +
                               "holds; run chmod 700 " + folder};
  return {};
}

/// The file with mode 0600, made before SQLite would make it with another; an existing one must not be open to others.
Result<void> make_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) return Error{Errc::io, "cannot open " + path + ": " + reason()};
  struct stat status {};
  const bool read = ::fstat(file, &status) == 0;
  ::close(file);
  if (!read) return Error{Errc::io, "cannot look at " + path + ": " + reason()};
  if ((status.st_mode & 077U) != 0) {
    return Error{Errc::io, path + " holds private keys, but others may open it; run chmod 600 " + path};
  }
  return {};
}

Result<void> prepare_schema(Database& database) {
  if (auto set = database.execute("PRAGMA foreign_keys = ON; PRAGMA secure_delete = ON; PRAGMA synchronous = FULL;"
                                  "PRAGMA trusted_schema = OFF");
      !set) {
    return set;
  }
  const auto tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) return tables.error();
  const auto application = database.number("PRAGMA application_id");
  if (!application) return application.error();
  if (*tables == 0 && *application == 0) {
    auto transaction = Transaction::begin(database);
    if (!transaction) return transaction.error();
    const std::string marks = "PRAGMA application_id = " + std::to_string(application_id) +
                              "; PRAGMA user_version = " + std::to_string(schema_version);
    if (auto made = database.execute(schema + marks); !made) return made;
    return transaction->commit();
  }
  if (*application != application_id) {
    return Error{Errc::io, database.path() + " is no control database of sendconn; move it away to start anew"};
  }
  const auto version = database.number("PRAGMA user_version");
  if (!version) return version.error();
  if (*version != schema_version) {
    return Error{Errc::unsupported, database.path() + " has the form " + std::to_string(*version) +
                                        " of a newer sendconn; this one knows form " + std::to_string(schema_version)};
  }
  Statement check = database.prepare("PRAGMA quick_check(1)");
  if (!check.step()) return check.finished();
  if (std::string found = check.text(0); found != "ok") {
    for (char& c : found) c = c == '\n' ? ' ' : c;
    return Error{Errc::io, database.path() + " is damaged (" + found + "); restore it from a backup"};
  }
  return {};
}

}  // namespace

/// Held as long as the store: flock(2) on a file of its own, which the system drops when the process ends.
class ControlStore::Lock {
 public:
  explicit Lock(int file) : file_(file) {}
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;
  ~Lock() { ::close(file_); }

  static Result<std::unique_ptr<Lock>> take(const std::string& path, std::chrono::milliseconds patience) {
    const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return Error{Errc::io, "cannot open the lock " + path + ": " + reason()};
    auto lock = std::make_unique<Lock>(file);
    const auto deadline = std::chrono::steady_clock::now() + patience;
    int held = ::flock(file, LOCK_EX | LOCK_NB);
    while (held != 0 && errno == EWOULDBLOCK && std::chrono::steady_clock::now() < deadline) {
      std::this_thread::sleep_for(lock_poll);  // flock has no form with a timeout
      held = ::flock(file, LOCK_EX | LOCK_NB);
    }
    if (held == 0) return lock;
    if (errno == EWOULDBLOCK) {
      return Error{Errc::conflict, path + " is held by another sendconn-relay: two must not share one state folder"};
    }
    return Error{Errc::io, "cannot lock " + path + ": " + reason()};
  }

 private:
  int file_;
};

ControlStore::ControlStore(ControlOptions options, std::unique_ptr<Lock> lock, Database database)
    : options_(std::move(options)), lock_(std::move(lock)), database_(std::move(database)) {}
ControlStore::ControlStore(ControlStore&&) noexcept = default;
ControlStore& ControlStore::operator=(ControlStore&&) noexcept = default;
ControlStore::~ControlStore() { crypto::wipe(options_.passphrase); }

Result<ControlStore> ControlStore::open(const ControlOptions& options) {
  const std::string path = options.folder + "/control.db";
  if (auto made = make_folder(options.folder); !made) return std::move(made).error();
  auto lock = Lock::take(options.folder + "/control.lock", options.patience);
  if (!lock) return std::move(lock).error();
  if (auto made = make_private_file(path); !made) return std::move(made).error();
  auto database = Database::open(path);
  if (!database) return std::move(database).error();
  if (auto prepared = prepare_schema(*database); !prepared) return std::move(prepared).error();
  return ControlStore(options, std::move(*lock), std::move(*database));
}

Result<std::int64_t> ControlStore::account_id(std::string_view name) const {
  Statement find = database_.prepare("SELECT id FROM account WHERE name = ?");
  if (find.bind(name).step()) return find.number(0);
  if (auto finished = find.finished(); !finished) return std::move(finished).error();
  return Error{Errc::not_found, "there is no account '" + std::string(name) + "'"};
}

Result<void> ControlStore::add_account(std::string_view name, UnixTime now) {
  if (auto checked = check_name("an account", name); !checked) return checked;
  if (account_id(name)) return Error{Errc::conflict, "account '" + std::string(name) + "' exists already"};
  return database_.prepare("INSERT INTO account (name, created) VALUES (?, ?)")
      .bind(name)
      .bind(now.time_since_epoch().count())
      .run();
}

Result<std::vector<Account>> ControlStore::accounts() const {
  std::vector<Account> all;
  Statement rows = database_.prepare(
      "SELECT name, created, (SELECT count(*) FROM connector WHERE account = account.id),"
      " (SELECT count(*) FROM domain WHERE account = account.id),"
      " (SELECT count(*) FROM dkim_key JOIN domain ON domain.id = dkim_key.domain WHERE domain.account = account.id)"
      " FROM account ORDER BY name");
  while (rows.step()) {
    all.push_back({rows.text(0), UnixTime(std::chrono::seconds(rows.number(1))),
                   static_cast<std::size_t>(rows.number(2)), static_cast<std::size_t>(rows.number(3)),
                   static_cast<std::size_t>(rows.number(4))});
  }
  if (auto finished = rows.finished(); !finished) return std::move(finished).error();
  return all;
}

Result<Account> ControlStore::account(std::string_view name) const {
  auto all = accounts();
  if (!all) return std::move(all).error();
  for (Account& one : *all) {
    if (one.name == name) return std::move(one);
  }
  return Error{Errc::not_found, "there is no account '" + std::string(name) + "'"};
}

Result<void> ControlStore::remove_account(std::string_view name) {
  const auto id = account_id(name);
  if (!id) return id.error();
  return database_.prepare("DELETE FROM account WHERE id = ?").bind(*id).run();
}

}  // namespace sendconn::relay
