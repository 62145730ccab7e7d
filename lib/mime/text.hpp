// What text may hold before it becomes part of a message: well-formed UTF-8, and nothing that steers a terminal or
// begins another header field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::mime {

/// One line of a header: UTF-8 without control characters, tabs aside if they are allowed. `what` begins the error's
/// text: "the subject".
enum class Tabs : std::uint8_t { refuse, allow };
Result<void> check_line(std::string_view what, std::string_view text, Tabs tabs);

/// A body: UTF-8 without NUL.
Result<void> check_text(std::string_view what, std::string_view text);

/// "left@right", each side atoms with single dots between (RFC 5322 section 3.6.4), at most max_id_octets.
Result<void> check_id(std::string_view what, std::string_view id);

}  // namespace sendconn::mime
