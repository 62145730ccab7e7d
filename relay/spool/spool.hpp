// Spool: the durable queue. What store() has reported is on stable storage; nothing else may be answered 250.
//
// One interface, a contract test (tests/relay/spool_contract) that every implementation passes. An implementation has a
// committer thread of its own that writes whatever is waiting in one group and makes it durable once.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/reply.hpp>
#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

namespace sendconn::relay {

/// Names a message in the queue, the logs and the Received field; unique over the life of a spool, also across
/// restarts.
using QueueId = std::uint64_t;
std::string format_queue_id(QueueId id);  ///< 13 characters, base 32 (upper case, no vowels that make words)
Result<QueueId> parse_queue_id(std::string_view text);

/// A recipient that is not settled yet.
struct QueuedRecipient {
  std::uint32_t index = 0;  ///< its place in the message as accepted; names it in settle()
  std::string address;
  std::uint32_t attempts = 0;
  UnixTime next_attempt{};
  std::string last_reply;  ///< Reply::summary() of the last try, empty before it
};

/// All that is known of a queued message besides its octets.
struct QueuedMessage {
  QueueId id = 0;
  UnixTime accepted{};
  std::string account;       ///< who sent it; empty for the relay's own bounces and for what was received
  std::string connector;     ///< of the account; the listener's name for what was received
  std::string reverse_path;  ///< empty: the null reverse-path
  /// Whose rights the connector needs until the message is delivered: each domain of its reverse-path and authors once.
  std::vector<std::string> domains;
  bool eight_bit = false;                   ///< needs 8BITMIME
  bool smtputf8 = false;                    ///< needs SMTPUTF8
  bool report_failures = true;              ///< tell the reverse-path, if there is one, what could not be delivered
  std::uint64_t prefix_octets = 0;          ///< fields that the relay put in front (Received, DKIM-Signature …)
  std::uint64_t content_octets = 0;         ///< the message as accepted
  std::vector<QueuedRecipient> recipients;  ///< the unsettled ones
};

/// The octets of a message: in memory, or in a file that the spool owns. Immutable and thread-safe; shared between the
/// committer and the delivery, so that a fresh message is never read back.
class Content {
 public:
  virtual ~Content() = default;
  [[nodiscard]] virtual std::uint64_t size() const noexcept = 0;
  /// The piece at `offset`, at most `max` octets; empty at the end. In memory: a view of everything there is; from a
  /// file: read into `buffer`. The view is valid as long as the Content and the buffer.
  virtual Result<std::string_view> read(std::uint64_t offset, std::size_t max, std::string& buffer) const = 0;
};
std::shared_ptr<const Content> make_content(std::string octets);

/// A message on its way into the spool that is too large for memory: written piece by piece, then given to store().
/// Thread-compatible; discarded (and its file removed) when dropped before store().
class ContentWriter {
 public:
  virtual ~ContentWriter() = default;
  virtual Result<void> write(std::string_view octets) = 0;
  /// No more pieces. The file is made durable by the store() that it is given to, before its row is.
  virtual Result<std::shared_ptr<const Content>> finish() = 0;
};

/// What settle() records for one recipient.
struct Settlement {
  std::uint32_t index = 0;
  bool done = false;           ///< delivered, bounced or removed: forget the recipient
  std::uint32_t attempts = 0;  ///< if not done: the new state
  UnixTime next_attempt{};
  std::string last_reply;
};

struct SpoolOptions {
  std::string folder;
  bool sync = true;              ///< false loses mail at a power failure; exists so that a test can show it
  std::uint64_t max_octets = 0;  ///< of the whole spool; 0: what the disk holds
  std::uint64_t min_free_octets = 64 * 1024 * 1024;  ///< of the disk; below it store() refuses. Our own bound
  /// Of the files that messages are written to one after the other; at least 64 KB. Smaller ones are for tests.
  std::uint64_t segment_octets = 32 * 1024 * 1024;
  /// Runs on the committer thread after the callbacks of each group: gather in the callbacks, hand over here, and the
  /// relay is woken once for a group instead of once for a message. May be empty.
  std::function<void()> after_group;
};

/// Figures for `relay status`, logs and benchmarks.
struct SpoolStatus {
  std::uint64_t messages = 0;
  std::uint64_t octets = 0;       ///< of their prefixes and contents
  std::uint64_t disk_octets = 0;  ///< what the files with the messages take; large messages aside
  std::uint64_t commits = 0;      ///< groups made durable since start
  std::uint64_t stored = 0;       ///< messages stored since start
};

/// Thread-safe. Callbacks run on the committer thread, each exactly once: hand the result over and return. They may
/// call store() and settle(), but not close(). What is refused without a look at the disk (a closed spool, a message
/// without recipients) is called back before store() or settle() returns.
class Spool {
 public:
  using Stored = std::function<void(Result<void>)>;
  using Settled = std::function<void(Result<void>)>;
  virtual ~Spool() = default;

  /// An id for a new message; nothing is recorded yet.
  virtual QueueId next_id() = 0;
  /// Refuses at once (Errc::limit_exceeded) when there is no room for `octets` more: the 452 at MAIL.
  virtual Result<void> check_room(std::uint64_t octets) = 0;
  /// For a message above a size the caller decides on.
  virtual Result<std::unique_ptr<ContentWriter>> open_writer() = 0;

  /// Records the message; `stored` says when it is durable, or why it is not (then no trace of it remains).
  /// Errc::limit_exceeded: no room. Errc::io: the disk failed; the text is for the log.
  virtual void store(QueuedMessage message, std::string prefix, std::shared_ptr<const Content> content,
                     Stored stored) = 0;
  /// Records what became of recipients; a message without unsettled ones is gone afterwards. `message`, if given, is
  /// stored in the same commit (a bounce must not be lost, nor sent twice). Without one, the commit may be some
  /// milliseconds off: it is shared with others, and nobody waits for it as a client waits for its 250.
  struct NewMessage {
    QueuedMessage message;
    std::string prefix;
    std::shared_ptr<const Content> content;
  };
  virtual void settle(QueueId id, std::vector<Settlement> settlements, std::optional<NewMessage> message,
                      Settled settled) = 0;

  /// Everything unsettled, in the order of acceptance; called once, at start, before anything is stored.
  virtual Result<std::vector<QueuedMessage>> load() = 0;
  struct Octets {
    std::string prefix;
    std::shared_ptr<const Content> content;
  };
  /// Reads a message back (after a restart, or when memory was short).
  virtual Result<Octets> open(QueueId id) = 0;

  virtual SpoolStatus status() const = 0;
  /// Commits what is waiting, then ends the committer. Later calls fail with Errc::wrong_state.
  virtual void close() = 0;
};

/// Opens or creates the spool in `options.folder` (mode 0700) and locks it against a second process; removes orphans.
/// One clear sentence on error: locked by another relay, made by a newer version, damaged, no permission.
Result<std::unique_ptr<Spool>> open_spool(const SpoolOptions& options);

}  // namespace sendconn::relay
