// What the admin server asks of the running relay: its queue and its figures. The relay's core implements it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

/// Which messages; an empty member matches all.
struct QueueFilter {
  std::string account;
  std::string connector;  ///< the connector's own name
  std::string sender;     ///< the reverse-path, exactly; "<>" is the null one
  std::string recipient;  ///< an address, or "@domain", of any unsettled recipient
};

struct QueueList {
  std::vector<QueuedMessage> messages;  ///< the oldest first
  std::uint64_t matched = 0;            ///< how many there are without the limit
};

struct RelayStatus {
  std::string hostname;
  UnixTime started{};
  std::vector<std::string> listeners;  ///< "127.0.0.1:2587 starttls", with the port that was really taken
  /// Figures in the order they are to be shown, named for people and scripts alike: "connections",
  /// "messages_accepted", "queue_messages" …
  std::vector<std::pair<std::string, std::uint64_t>> figures;
};

/// Thread-safe: called on the admin server's thread. May wait, but never for the network.
class QueueAdmin {
 public:
  virtual ~QueueAdmin() = default;
  virtual Result<QueueList> list(const QueueFilter& filter, std::size_t limit) = 0;
  /// Errc::not_found.
  virtual Result<QueuedMessage> show(QueueId id) = 0;
  /// Makes every waiting recipient of this message, or of all messages, due now; returns of how many. Errc::not_found.
  virtual Result<std::uint64_t> retry(std::optional<QueueId> id) = 0;
  /// Drops the message without a bounce. Errc::not_found; Errc::conflict: it is being delivered this moment.
  virtual Result<void> remove(QueueId id) = 0;
  virtual RelayStatus status() = 0;
};

/// Whether `filter` takes `message`: one meaning for every implementation.
bool matches(const QueueFilter& filter, const QueuedMessage& message);

}  // namespace sendconn::relay
