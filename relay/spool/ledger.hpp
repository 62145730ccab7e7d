// Ledger: where the records of the spool stand. GroupSpool gathers what is waiting into groups; a Ledger makes a group
// durable at once. The Journal is the one in use; an SQLite database was measured against it and costs several times as
// much (docs/performance.md, "Spool").
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

/// Ids are numbers from one sequence: seconds since 1970 times 2^30 when the spool was opened, or `floor` if that is
/// higher because the clock went back. An opening takes a block of them that the ledger makes durable first.
inline constexpr QueueId id_block = QueueId{1} << 30;
QueueId first_free_id(QueueId floor);

/// One store() or settle() on its way. A store has a message and no settlements for `id`.
struct Operation {
  enum class Kind : std::uint8_t { store, settle };
  Kind kind = Kind::store;
  QueueId id = 0;  ///< of the message that is stored or settled
  std::vector<Settlement> settlements;
  std::optional<Spool::NewMessage> message;
  std::function<void(Result<void>)> done;
  Result<void> result;
};

/// Called by one thread at a time except where noted.
class Ledger {
 public:
  struct Usage {
    std::uint64_t messages = 0;
    std::uint64_t octets = 0;
    std::uint64_t disk_octets = 0;
  };

  virtual ~Ledger() = default;
  /// The lowest id that was never handed out. Called once; ids up to the next 2^30 above it are then taken.
  virtual Result<QueueId> reserve_ids() = 0;
  /// Writes the group and makes it durable; says in each operation how it went. An operation that is refused for its
  /// own sake leaves no trace and does not disturb the others.
  virtual void commit(std::span<Operation> group) = 0;
  /// Calls `visit` for each message, in no particular order.
  virtual Result<void> load(const std::function<void(QueuedMessage)>& visit) = 0;
  /// Calls `visit` for the large file of each message that has one.
  virtual void each_file(const std::function<void(std::uint64_t file)>& visit) = 0;
  /// Prefix and content; for a content in a large file only `prefix` and `file` are set. Thread-safe.
  struct Found {
    std::string prefix;
    std::shared_ptr<const Content> content;
    std::uint64_t file = 0;
    std::uint64_t file_octets = 0;
  };
  virtual Result<Found> open(QueueId id) = 0;
  /// Thread-safe.
  [[nodiscard]] virtual Usage usage() const = 0;
  /// A step of housekeeping, for when nothing waits, and whether there is more to do; wants_tidy() after a commit().
  enum class Tidy : std::uint8_t { idle, now };
  virtual Tidy tidy() { return Tidy::idle; }
  [[nodiscard]] virtual Tidy wants_tidy() const { return Tidy::idle; }
  /// Makes everything durable and lets go of the files.
  virtual void close() = 0;
};

}  // namespace sendconn::relay
