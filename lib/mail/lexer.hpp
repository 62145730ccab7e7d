// The tokens of structured header fields (RFC 5322 section 3.2): white space with folds, nested comments, atoms and
// quoted strings. A token is taken whole or not at all; a fault is an Error with its position.
#pragma once

#include <string_view>

#include <sendconn/result.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::mail {

/// Comments may nest without end in the grammar (RFC 5322 section 3.2.2). Our own bound; people need one or two levels.
inline constexpr std::size_t max_comment_depth = 16;

/// atext of RFC 5322 section 3.2.3.
constexpr bool is_atext(char c) noexcept {
  return ascii::is_alnum(c) || std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

/// atext, or an octet of UTF-8 (RFC 6532 section 3.2). Whether the octets are well-formed is for Address to say.
constexpr bool is_utf8_atext(char c) noexcept { return is_atext(c) || ascii::is_8bit(c); }

/// Skips white space, folds and comments, obsolete forms included (RFC 5322 section 3.2.2, CFWS).
Result<void> skip_cfws(Cursor& cursor);

/// Takes a quoted string, its quotes included. Empty if none begins here.
Result<std::string_view> take_quoted_string(Cursor& cursor);

/// Takes an atom; may be empty.
inline std::string_view take_atom(Cursor& cursor) noexcept { return cursor.take_while(is_utf8_atext); }

}  // namespace sendconn::mail
