#include "relay/config/domain_pattern.hpp"

#include <sendconn/address.hpp>

namespace sendconn::relay {
namespace {

constexpr std::string_view all = "*";

bool is_subtree(std::string_view pattern) noexcept { return !pattern.empty() && pattern.front() == '.'; }

}  // namespace

Result<std::string> parse_domain_pattern(std::string_view text) {
  if (text == all) return std::string(text);
  const bool subtree = is_subtree(text);
  auto domain = Domain::parse(text.substr(subtree ? 1 : 0));
  if (!domain) return domain.error();
  return (subtree ? "." : "") + domain->text();
}

bool matches_domain(std::string_view pattern, std::string_view domain) noexcept {
  if (pattern == all || pattern == domain) return true;
  return is_subtree(pattern) && domain.size() > pattern.size() && domain.ends_with(pattern);
}

bool covers_pattern(std::string_view outer, std::string_view inner) noexcept {
  if (outer == all || outer == inner) return true;
  return is_subtree(outer) && inner.size() > outer.size() && inner.ends_with(outer);
}

}  // namespace sendconn::relay
