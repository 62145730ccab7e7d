// Which domains a configuration means by "example.org" (itself), ".example.org" (all below it) and "*" (all).
#pragma once

#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::relay {

/// The pattern as patterns are compared: lower case, A-labels. Errc::syntax if it is none.
Result<std::string> parse_domain_pattern(std::string_view text);
/// `domain` is a Domain::text().
bool matches_domain(std::string_view pattern, std::string_view domain) noexcept;
/// Every domain that `inner` means, `outer` means too.
bool covers_pattern(std::string_view outer, std::string_view inner) noexcept;

}  // namespace sendconn::relay
