// The words that Authentication-Results is made of (RFC 8601 section 2.2): keywords, tokens of MIME (RFC 2045
// section 5.1), quoted strings, and comments; taken from a cursor, and written so that nothing gets out of them.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::authres {

/// A token's octet: visible, none of the tspecials of RFC 2045 section 5.1. UTF-8 counts as visible (RFC 6532).
constexpr bool is_token_octet(char c) noexcept {
  return (ascii::is_vchar(c) || ascii::is_8bit(c)) &&
         std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

/// Keyword of RFC 5321 section 4.1.2, and the underscore, which registered names of large providers have.
constexpr bool is_keyword_octet(char c) noexcept { return ascii::is_alnum(c) || c == '-' || c == '_'; }
bool is_keyword(std::string_view text) noexcept;

/// White space, folds and comments. What the comments say is appended to `comment` if that is not null, one space
/// between two.
Result<void> skip_cfws(Cursor& cursor, std::string* comment = nullptr);

/// A token or a quoted string, decoded: an id (strict, for anything else could be taken for another id).
Result<std::string> take_id(Cursor& cursor);

/// What stands behind "=": a quoted string, decoded; an address with its local part in quotes, as written; else visible
/// octets up to white space, a parenthesis, a quote or a semicolon. May be empty.
Result<std::string> take_value(Cursor& cursor);

/// One to nine digits.
Result<unsigned> take_version(Cursor& cursor);

/// Two ids are the same if these are: Domain's text if it is a domain, else lower case without a dot at the end.
std::string comparable(std::string_view id);

/// The id and the version that a field's value begins with; the cursor stands at a semicolon or at the end.
struct Opening {
  std::string id;
  unsigned version = 1;
};
Result<Opening> take_opening(Cursor& cursor);

/// As it can stand on a line: control characters and, unless `utf8`, octets above 0x7f as "?"; also what is no UTF-8.
std::string printable(std::string_view text, bool utf8);

/// A value as it is written: bare if it is a token or an address, else quoted (RFC 8601 section 2.2, pvalue).
std::string format_value(std::string_view value, bool utf8);
/// As format_value, but never as an address: for ids and reasons.
std::string format_word(std::string_view value, bool utf8);
/// A comment in its parentheses.
std::string format_comment(std::string_view text, bool utf8);

}  // namespace sendconn::authres
