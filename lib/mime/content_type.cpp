#include "lib/mime/content_type.hpp"

#include <sendconn/mime.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::mime {
namespace {

/// RFC 2045 section 5.1: visible ASCII without the tspecials.
constexpr bool is_token_char(char c) noexcept {
  return ascii::is_vchar(c) && std::string_view("()<>@,;:\\\"/[]?=").find(c) == std::string_view::npos;
}

bool take_value(Cursor& cursor) noexcept {
  if (!cursor.take('"')) return !cursor.take_while(is_token_char).empty();
  while (!cursor.at_end() && !cursor.take('"')) {
    const char c = cursor.peek(cursor.peek() == '\\' ? 1 : 0);
    if (!ascii::is_vchar(c) && c != ' ') return false;
    cursor.skip(cursor.peek() == '\\' ? 2 : 1);
    if (cursor.at_end()) return false;
  }
  return true;
}

}  // namespace

Result<ContentType> parse_content_type(std::string_view text) {
  Cursor cursor(text);
  const auto refuse = [&](std::string_view why) {
    return Error{Errc::invalid_argument,
                 "the content type " + ascii::quote(text) + " " + std::string(why) +
                     "; required is type/subtype; name=value (RFC 2045 section 5.1)",
                 cursor.position()};
  };
  if (text.size() > max_content_type_octets) {
    return refuse("has more than " + std::to_string(max_content_type_octets) + " octets");
  }
  ContentType out;
  if (cursor.take_while(is_token_char).empty() || !cursor.take('/') || cursor.take_while(is_token_char).empty()) {
    return refuse("has no type and subtype");
  }
  out.type = ascii::to_lower(cursor.since(0));
  if (out.type.starts_with("multipart/")) return refuse("has several parts, an attachment has one");
  while (!cursor.at_end()) {
    cursor.take_while(ascii::is_wsp);
    if (!cursor.take(';')) return refuse("goes on without a semicolon");
    cursor.take_while(ascii::is_wsp);
    const std::size_t start = cursor.position();
    const std::string_view name = cursor.take_while(is_token_char);
    if (name.empty() || !cursor.take('=') || !take_value(cursor))
      return refuse("has a parameter that is not name=value");
    if (ascii::equal(name, "name") || ascii::starts_with(name, "name*")) {
      return refuse("has a name, which the attachment's file_name is for");
    }
    out.parameters.emplace_back(cursor.since(start));
  }
  return out;
}

}  // namespace sendconn::mime
