#include "lib/mime/text.hpp"

#include <sendconn/mime.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/utf8.hpp"
#include "lib/mail/lexer.hpp"

namespace sendconn::mime {
namespace {

Error not_utf8(std::string_view what, std::size_t position) {
  return {Errc::syntax, std::string(what) + " is not UTF-8 at octet " + std::to_string(position) + " (RFC 3629)",
          position};
}

bool take_dot_atom(Cursor& cursor) noexcept {
  do {
    if (cursor.take_while(mail::is_atext).empty()) return false;
  } while (cursor.take('.'));
  return true;
}

}  // namespace

Result<void> check_line(std::string_view what, std::string_view text, Tabs tabs) {
  for (std::size_t at = 0; at < text.size();) {
    const auto point = utf8::decode(text.substr(at));
    if (!point) return not_utf8(what, at);
    const bool allowed_tab = point->value == '\t' && tabs == Tabs::allow;
    if (utf8::is_control(point->value) && !allowed_tab) {
      return Error{Errc::syntax,
                   std::string(what) + " holds a control character at octet " + std::to_string(at) + " (" +
                       ascii::quote(text.substr(at, point->octets)) + "); it must be one line (RFC 5322 section 2.2)",
                   at};
    }
    at += point->octets;
  }
  return {};
}

Result<void> check_text(std::string_view what, std::string_view text) {
  if (const auto fault = utf8::find_fault(text)) return not_utf8(what, *fault);
  if (const std::size_t at = text.find('\0'); at != std::string_view::npos) {
    return Error{
        Errc::syntax,
        std::string(what) + " holds NUL at octet " + std::to_string(at) + ", which no text may (RFC 5322 section 3.5)",
        at};
  }
  return {};
}

Result<void> check_id(std::string_view what, std::string_view id) {
  Cursor cursor(id);
  if (id.size() <= max_id_octets && take_dot_atom(cursor) && cursor.take('@') && take_dot_atom(cursor) &&
      cursor.at_end()) {
    return {};
  }
  return Error{Errc::invalid_argument,
               std::string(what) + " " + ascii::quote(id) +
                   " is not left@right, each of atoms with dots between, at most " + std::to_string(max_id_octets) +
                   " octets (RFC 5322 section 3.6.4)",
               cursor.position()};
}

std::string to_crlf(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 32);
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    out.append(text.substr(0, end));
    if (end == std::string_view::npos) break;
    out += "\r\n";
    const bool pair = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (pair ? 2 : 1));
  }
  return out;
}

}  // namespace sendconn::mime
