#include "relay/control/records.hpp"

#include <algorithm>

namespace sendconn::relay {

Result<void> check_name(std::string_view what, std::string_view name) {
  constexpr std::size_t max_octets = 63;  // as a DNS label; it stands in logs, buckets and user names
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto fits = [&](char c) { return is_alnum(c) || c == '.' || c == '-' || c == '_'; };
  if (!name.empty() && name.size() <= max_octets && is_alnum(name.front()) &&
      std::all_of(name.begin(), name.end(), fits)) {
    return {};
  }
  return Error{Errc::invalid_argument,
               "'" + std::string(name.substr(0, max_octets)) + "' is no name for " + std::string(what) +
                   ": 1 to 63 lower-case letters, digits, '.', '-' and '_' are required, the first a letter or digit"};
}

Result<ConnectorName> ConnectorName::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) {
    return Error{
        Errc::invalid_argument,
        "'" + std::string(text) + "' names no connector: \"account/connector\" is required, such as acme/shop"};
  }
  ConnectorName name{std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))};
  if (auto checked = check_name("an account", name.account); !checked) return std::move(checked).error();
  if (auto checked = check_name("a connector", name.connector); !checked) return std::move(checked).error();
  return name;
}

std::string_view format(DomainState state) {
  switch (state) {
    case DomainState::pending:
      return "pending";
    case DomainState::active:
      return "active";
    case DomainState::revoked:
      return "revoked";
  }
  return "";
}

}  // namespace sendconn::relay
