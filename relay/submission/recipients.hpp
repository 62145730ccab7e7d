// Whose mail a listener that receives from the Internet takes: the decision at RCPT.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include <sendconn/address.hpp>
#include <sendconn/reply.hpp>

namespace sendconn::relay {

/// Nothing for a recipient in one of `relay_domains` (as Config has them); else the refusal. A local part that names a
/// route of its own ("user%other.example", "other.example!user", "user@other.example" in quotes) is refused, too: the
/// next server might follow it, and would be our open relay. Precedent: Postfix's allow_untrusted_routing = no.
std::optional<Reply> decide_recipient(const Address& recipient, const std::vector<std::string>& relay_domains);

}  // namespace sendconn::relay
