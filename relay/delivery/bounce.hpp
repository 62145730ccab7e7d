// Bounce: the delivery status notification for recipients that failed for good (RFC 3464, RFC 6522).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <sendconn/reply.hpp>
#include <sendconn/time.hpp>

#include "relay/spool/spool.hpp"

namespace sendconn::relay {

struct FailedRecipient {
  std::string address;
  Reply reply;           ///< code 0: nothing was said by a server; the enhanced code and text are ours
  std::string remote;    ///< the server that said it, empty if none
  bool expired = false;  ///< given up after the last of many tries
};

/// The report as a message with CRLF line ends. `header` is the header section of the failed message: it is returned,
/// the body is not. `id` is the report's own.
std::string format_bounce(const QueuedMessage& failed, const std::vector<FailedRecipient>& recipients,
                          std::string_view header, std::string_view hostname, QueueId id, UnixTime now);

}  // namespace sendconn::relay
