// Mailbox addresses of the envelope (RFC 5321 section 4.1.2, RFC 6531 section 3.3).
#include <sendconn/address.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/utf8.hpp"
#include "lib/mail/lexer.hpp"

namespace sendconn {
namespace {

Error refuse(std::string_view text, std::string_view why, std::size_t position) {
  return {Errc::syntax, "address " + ascii::quote(text) + ": " + std::string(why), position};
}

/// Takes one character beyond ASCII: well-formed and no control character.
bool take_utf8(Cursor& cursor) noexcept {
  const auto point = utf8::decode(cursor.rest());
  if (!point || point->value < 0x80 || utf8::is_control(point->value)) return false;
  cursor.skip(point->octets);
  return true;
}

bool take_atom(Cursor& cursor) noexcept {
  const std::size_t start = cursor.position();
  while (!cursor.at_end() && (!cursor.take_while(mail::is_atext).empty() || take_utf8(cursor))) {
  }
  return cursor.position() > start;
}

/// Takes a dot-string; false where an atom is missing.
bool take_dot_string(Cursor& cursor) noexcept {
  do {
    if (!take_atom(cursor)) return false;
  } while (cursor.take('.'));
  return true;
}

/// Takes a quoted string, its quotes included; false at what may not stand in it, or without a closing quote.
bool take_quoted_string(Cursor& cursor) noexcept {
  cursor.skip();
  while (!cursor.at_end()) {
    if (cursor.take('"')) return true;
    if (cursor.peek() == '\\') {
      const char escaped = cursor.peek(1);
      if (!ascii::is_vchar(escaped) && escaped != ' ') return false;
      cursor.skip(2);
    } else if (ascii::is_vchar(cursor.peek()) || cursor.peek() == ' ') {
      cursor.skip();
    } else if (!take_utf8(cursor)) {
      return false;
    }
  }
  return false;
}

}  // namespace

Result<Address> Address::parse(std::string_view text) {
  constexpr std::size_t max_octets = max_path_octets - 2;
  if (text.empty()) return Error{Errc::syntax, "address: it is empty; local@domain is required", 0};
  Cursor cursor(text);
  const bool quoted = cursor.peek() == '"';
  if (!(quoted ? take_quoted_string(cursor) : take_dot_string(cursor)))
    return refuse(text,
                  quoted ? "the quoted local part has no end or holds a character that needs another form (RFC 5321 "
                           "section 4.1.2)"
                         : "the local part needs atoms separated by single dots, or double quotes around it (RFC 5321 "
                           "section 4.1.2)",
                  cursor.position());
  const std::string_view local = cursor.since(0);
  if (local.size() > max_local_octets)
    return refuse(text,
                  "the local part has " + std::to_string(local.size()) +
                      " octets; at most 64 are allowed (RFC 5321 section 4.5.3.1.1)",
                  0);
  if (!cursor.take('@'))
    return refuse(text, "@ and a domain are required behind the local part (RFC 5321 section 4.1.2)",
                  cursor.position());
  const std::size_t at = cursor.position();
  if (cursor.peek() == '[')
    return refuse(text, "an address literal has no owner who could give rights; a domain name is required", at);
  if (text.back() == '.')
    return refuse(text, "a dot behind the domain; write it without (RFC 5321 section 4.1.2)", text.size() - 1);
  auto domain = Domain::parse(cursor.rest());
  if (!domain) {
    Error error = std::move(domain).error();
    if (error.position != Error::no_position) error.position += at;
    return error;
  }
  if (local.size() + 1 + domain->text().size() > max_octets)
    return refuse(text, "it has more than 254 octets (RFC 5321 section 4.5.3.1.3)", 0);
  return Address(std::string(local), *std::move(domain));
}

bool Address::needs_smtputf8() const noexcept { return ascii::has_8bit(local_); }

}  // namespace sendconn
