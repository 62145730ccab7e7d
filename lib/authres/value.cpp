#include "lib/authres/value.hpp"

#include <algorithm>
#include <optional>

#include <sendconn/address.hpp>
#include <sendconn/authres.hpp>

#include "lib/base/utf8.hpp"
#include "lib/mail/lexer.hpp"

namespace sendconn::authres {
namespace {

/// What an unquoted value may hold besides token octets, as fields in the wild do: "header.i=@example.com",
/// "policy.iprev=2001:db8::1", "header.b=ab/c+d=".
constexpr bool is_value_octet(char c) noexcept {
  return (ascii::is_vchar(c) || ascii::is_8bit(c)) && c != ';' && c != '(' && c != ')' && c != '"';
}

/// The text of a quoted string or a comment, its delimiters gone: escapes resolved, folds opened.
std::string unescape(std::string_view inner) {
  std::string out;
  out.reserve(inner.size());
  for (Cursor cursor(inner); !cursor.at_end(); cursor.skip()) {
    if (cursor.peek() == '\r' || cursor.peek() == '\n') continue;
    if (cursor.peek() == '\\') cursor.skip();
    if (!cursor.at_end()) out += cursor.peek();
  }
  return out;
}

/// The comments in a run of white space and comments that was taken whole.
void append_comments(std::string_view run, std::string& comment) {
  for (Cursor cursor(run); !cursor.at_end();) {
    if (!cursor.take('(')) {
      cursor.skip();
      continue;
    }
    const std::size_t start = cursor.position();
    for (std::size_t depth = 1; depth > 0 && !cursor.at_end(); cursor.skip()) {
      if (cursor.peek() == '\\') {
        cursor.skip();
      } else if (cursor.peek() == '(') {
        ++depth;
      } else if (cursor.peek() == ')') {
        --depth;
      }
    }
    std::string_view inner = cursor.since(start);
    inner.remove_suffix(1);
    const std::string unescaped = unescape(inner);
    const std::string_view text = ascii::trim(unescaped);
    if (text.empty()) continue;
    if (!comment.empty()) comment += ' ';
    comment += text;
  }
}

/// "local@domain" or "@domain" as it may stand unquoted; nothing if `value` is neither. The text of a message without
/// SMTPUTF8 has the domain's A-labels.
std::optional<std::string> format_address(std::string_view value, bool utf8) {
  const std::size_t at = value.rfind('@');
  if (at == std::string_view::npos) {
    if (!ascii::has_8bit(value) || value.find('.') == std::string_view::npos) return std::nullopt;
    const auto domain = Domain::parse(value);
    if (!domain) return std::nullopt;
    return utf8 ? std::string(value) : domain->text();
  }
  const auto domain = Domain::parse(value.substr(at + 1));
  if (!domain) return std::nullopt;
  const std::string_view local = value.substr(0, at);
  // The domain stands for itself here: its own was checked above, and any valid one makes the local part valid or not.
  if (!local.empty() &&
      (local.find_first_of("\r\n") != std::string_view::npos ||
       !Address::parse(std::string(local) + "@" + domain->text()) || (!utf8 && ascii::has_8bit(local))))
    return std::nullopt;
  return std::string(local) + "@" +
         (ascii::has_8bit(value) && !utf8 ? domain->text() : std::string(value.substr(at + 1)));
}

std::string quote(std::string_view value, bool utf8) {
  std::string out = "\"";
  for (const char c : printable(value, utf8)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool is_token(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_token_octet);
}

}  // namespace

bool is_keyword(std::string_view text) noexcept {
  return !text.empty() && std::all_of(text.begin(), text.end(), is_keyword_octet);
}

Result<void> skip_cfws(Cursor& cursor, std::string* comment) {
  const std::size_t start = cursor.position();
  auto skipped = mail::skip_cfws(cursor);
  if (skipped.ok() && comment) append_comments(cursor.since(start), *comment);
  return skipped;
}

Result<std::string> take_id(Cursor& cursor) {
  const std::size_t start = cursor.position();
  if (cursor.peek() == '"') {
    const auto quoted = mail::take_quoted_string(cursor);
    if (!quoted) return quoted.error();
    return unescape(quoted->substr(1, quoted->size() - 2));
  }
  const std::string_view token = cursor.take_while(is_token_octet);
  if (token.empty())
    return Error{Errc::syntax,
                 "Authentication-Results: " + ascii::quote(cursor.rest(), 20) +
                     " where a token or a quoted string is required (RFC 8601 section 2.2)",
                 start};
  return std::string(token);
}

Result<std::string> take_value(Cursor& cursor) {
  const std::size_t start = cursor.position();
  if (cursor.peek() == '"') {
    const auto quoted = mail::take_quoted_string(cursor);
    if (!quoted) return quoted.error();
    if (cursor.peek() != '@') return unescape(quoted->substr(1, quoted->size() - 2));
  }
  cursor.take_while(is_value_octet);
  std::string value(cursor.since(start));
  // A local part in quotes may be folded; nobody needs the line ends.
  value.erase(std::remove_if(value.begin(), value.end(), [](char c) { return c == '\r' || c == '\n'; }), value.end());
  return value;
}

Result<unsigned> take_version(Cursor& cursor) {
  constexpr std::size_t max_digits = 9;
  const std::size_t start = cursor.position();
  const std::string_view digits = cursor.take_while(ascii::is_digit);
  const auto version = digits.size() <= max_digits ? ascii::to_number<unsigned>(digits) : std::nullopt;
  if (!version)
    return Error{Errc::syntax,
                 "Authentication-Results: version " + ascii::quote(digits, 20) +
                     "; one to nine digits are required (RFC 8601 section 2.2)",
                 start};
  return *version;
}

std::string comparable(std::string_view id) {
  if (const auto domain = Domain::parse(id)) return domain->text();
  if (!id.empty() && id.back() == '.') id.remove_suffix(1);
  return ascii::to_lower(id);
}

Result<Opening> take_opening(Cursor& cursor) {
  Opening opening;
  if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
  auto id = take_id(cursor);
  if (!id) return id.error();
  opening.id = *std::move(id);
  if (opening.id.empty())
    return Error{Errc::syntax, "Authentication-Results: an empty id (RFC 8601 section 2.5)", cursor.position()};
  if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
  if (ascii::is_digit(cursor.peek())) {
    const auto version = take_version(cursor);
    if (!version) return version.error();
    opening.version = *version;
    if (auto skipped = skip_cfws(cursor); !skipped) return skipped.error();
  }
  if (!cursor.at_end() && cursor.peek() != ';')
    return Error{Errc::syntax,
                 "Authentication-Results: " + ascii::quote(cursor.rest(), 20) +
                     " behind the id; a version or a semicolon is required (RFC 8601 section 2.2)",
                 cursor.position()};
  return opening;
}

std::string printable(std::string_view text, bool utf8) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const auto point = utf8::decode(text);
    const bool shown = point && !utf8::is_control(point->value) && (utf8 || point->value < 0x80);
    const std::size_t octets = point ? point->octets : 1;
    if (shown) {
      out += text.substr(0, octets);
    } else {
      out += text.front() == '\t' ? ' ' : '?';
    }
    text.remove_prefix(octets);
  }
  return out;
}

std::string format_word(std::string_view value, bool utf8) {
  return is_token(value) && !ascii::has_8bit(value) ? std::string(value) : quote(value, utf8);
}

std::string format_value(std::string_view value, bool utf8) {
  if (is_token(value) && !ascii::has_8bit(value)) return std::string(value);
  if (auto address = format_address(value, utf8)) return *std::move(address);
  return quote(value, utf8);
}

std::string format_comment(std::string_view text, bool utf8) {
  std::string out = "(";
  for (const char c : printable(text, utf8)) {
    if (c == '(' || c == ')' || c == '\\') out += '\\';
    out += c;
  }
  return out + ')';
}

}  // namespace sendconn::authres
