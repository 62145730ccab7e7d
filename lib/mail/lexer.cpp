#include "lib/mail/lexer.hpp"

#include <string>

namespace sendconn::mail {
namespace {

Error fault(const Cursor& cursor, std::string_view what) {
  return {Errc::syntax, std::string(what), cursor.position()};
}

Error control_character(const Cursor& cursor) {
  return fault(cursor, "control character " + ascii::quote(cursor.rest().substr(0, 1)) +
                           " in a structured field; only folds may break it (RFC 5322 section 3.2.2)");
}

/// A fold: CRLF with white space behind it (RFC 5322 section 2.2.3).
bool take_fold(Cursor& cursor) noexcept {
  if (cursor.peek() != '\r' || cursor.peek(1) != '\n' || !ascii::is_wsp(cursor.peek(2))) return false;
  cursor.skip(3);
  return true;
}

/// White space, printable ASCII and UTF-8: what may stand in a comment or a quoted string, delimiters aside.
constexpr bool is_text(char c) noexcept { return ascii::is_vchar(c) || ascii::is_wsp(c) || ascii::is_8bit(c); }

Result<void> take_escape(Cursor& cursor) {
  if (!is_text(cursor.peek(1))) {
    cursor.skip();
    return fault(cursor, "a backslash with no printable character behind it (RFC 5322 section 3.2.1)");
  }
  cursor.skip(2);
  return {};
}

Result<void> skip_comment(Cursor& cursor) {
  const std::size_t start = cursor.position();
  std::size_t depth = 0;
  do {
    if (cursor.at_end())
      return Error{Errc::syntax, "a comment without a closing parenthesis (RFC 5322 section 3.2.2)", start};
    if (cursor.take('(')) {
      if (++depth > max_comment_depth)
        return Error{Errc::limit_exceeded,
                     "comments nested deeper than " + std::to_string(max_comment_depth) + " levels", start};
    } else if (cursor.take(')')) {
      --depth;
    } else if (cursor.peek() == '\\') {
      if (auto escape = take_escape(cursor); !escape) return escape;
    } else if (is_text(cursor.peek())) {
      cursor.take_while([](char c) { return is_text(c) && c != '(' && c != ')' && c != '\\'; });
    } else if (!take_fold(cursor)) {
      return control_character(cursor);
    }
  } while (depth > 0);
  return {};
}

}  // namespace

Result<void> skip_cfws(Cursor& cursor) {
  while (!cursor.at_end()) {
    if (cursor.peek() == '(') {
      if (auto comment = skip_comment(cursor); !comment) return comment;
    } else if (ascii::is_wsp(cursor.peek())) {
      cursor.skip();
    } else if (!take_fold(cursor)) {
      return cursor.peek() < 0x20 && !ascii::is_8bit(cursor.peek()) ? control_character(cursor) : Result<void>();
    }
  }
  return {};
}

Result<std::string_view> take_quoted_string(Cursor& cursor) {
  const std::size_t start = cursor.position();
  if (!cursor.take('"')) return std::string_view();
  while (!cursor.at_end()) {
    if (cursor.take('"')) return cursor.since(start);
    if (cursor.peek() == '\\') {
      if (auto escape = take_escape(cursor); !escape) return escape.error();
    } else if (is_text(cursor.peek())) {
      cursor.take_while([](char c) { return is_text(c) && c != '"' && c != '\\'; });
    } else if (!take_fold(cursor)) {
      return control_character(cursor);
    }
  }
  return Error{Errc::syntax, "a quoted string without a closing quote (RFC 5322 section 3.2.4)", start};
}

}  // namespace sendconn::mail
