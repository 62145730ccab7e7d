#include "relay/submission/recipients.hpp"

#include <algorithm>

#include "relay/config/domain_pattern.hpp"

namespace sendconn::relay {

std::optional<Reply> decide_recipient(const Address& recipient, const std::vector<std::string>& relay_domains) {
  const std::string& domain = recipient.domain().text();
  if (std::none_of(relay_domains.begin(), relay_domains.end(),
                   [&domain](const std::string& pattern) { return matches_domain(pattern, domain); }))
    return Reply{550, {5, 7, 1}, "mail for " + domain + " is not relayed here without a login"};
  if (recipient.local().find_first_of("@%!") != std::string::npos)
    return Reply{550, {5, 7, 1}, "a local part with \"@\", \"%\" or \"!\" names a route of its own and is not relayed"};
  return std::nullopt;
}

}  // namespace sendconn::relay
