// Findings: what the checks of a message's origin lead to. A pure decision: results and configured actions in; a
// refusal, header fields and a line for the log out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <sendconn/authenticate.hpp>
#include <sendconn/reply.hpp>

#include "relay/config/config.hpp"

namespace sendconn::relay {

/// What DKIM says of the whole message: a signature of an author passed, one of somebody else, or, as none passed,
/// temperror if one may still pass, else what the first of them says.
DkimFinding dkim_finding(const authenticate::Results& results);
std::string_view format(DkimFinding finding) noexcept;  ///< "foreign"

/// Who checked, whom, and how it is said.
struct FindingsContext {
  const Config& config;
  const CheckActions& actions;
  IpAddress client;
  std::string_view hello;
};

struct Findings {
  /// RFC 7372's code. Of several reasons a final one counts before a temporary one; several final ones are one refusal.
  std::optional<Reply> refusal;
  /// Authentication-Results, Received-SPF and the field of quarantine, as far as the actions want them, each with CRLF.
  /// Received-SPF and Authentication-Results stand above the relay's own Received (RFC 7208 section 9.1).
  std::string fields;
  /// The owner of the reverse-path let this client send for it: a report about a failure reaches who sent the message.
  bool sender_proven = false;

  // For the log; texts of strangers, shortened.
  std::string spf;   ///< "fail: ..." and so on
  std::string helo;  ///< empty: not checked on its own
  std::string dkim;  ///< of the message
  std::string dmarc;
  std::string action;  ///< the strongest: "record", "tag", "quarantine", "defer", "reject"
};

Findings judge(const authenticate::Results& results, const FindingsContext& context);

}  // namespace sendconn::relay
