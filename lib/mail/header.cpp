// Header sections (RFC 5322 section 2.2). On the way of every message: it scans with memchr and allocates once.
#include <sendconn/message.hpp>

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::mail {
namespace {

// What an ordinary message carries, so that its fields need one allocation.
constexpr std::size_t usual_fields = 32;

/// ftext of RFC 5322 section 3.6.8: printable, no colon.
constexpr bool is_name_octet(char c) noexcept { return ascii::is_vchar(c) && c != ':'; }

Error fault(std::string_view what, std::size_t position) {
  return {Errc::syntax, "header: " + std::string(what), position};
}

/// The offset behind the CRLF that ends the line at `start`, or why there is none.
Result<std::size_t> find_line_end(std::string_view text, std::size_t start) {
  const std::size_t cr = text.find('\r', start);
  const std::size_t lf = text.find('\n', start);
  if (lf == std::string_view::npos && cr == std::string_view::npos)
    return fault("the last line has no CRLF; each line ends in one (RFC 5322 section 2.1)", text.size());
  if (lf < cr) return fault("a bare LF; lines end in CRLF (RFC 5322 section 2.1)", lf);
  if (lf != cr + 1) return fault("a bare CR; lines end in CRLF (RFC 5322 section 2.1)", cr);
  return lf + 1;
}

Result<Field> parse_field(std::string_view text, std::size_t start, std::size_t end) {
  Cursor cursor(text.substr(start, end - start));
  const std::string_view name = cursor.take_while(is_name_octet);
  cursor.take_while(ascii::is_wsp);  // obsolete white space before the colon (RFC 5322 section 4.5)
  if (name.empty() || !cursor.take(':'))
    return fault("line " + ascii::quote(cursor.since(0).empty() ? cursor.rest().substr(0, 40) : cursor.since(0), 40) +
                     " is no field; a name of printable characters and a colon are required (RFC 5322 section 2.2)",
                 start + cursor.position());
  std::string_view value = cursor.rest();
  value.remove_suffix(2);
  return Field{name, value, text.substr(start, end - start)};
}

}  // namespace

Result<Header> Header::parse(std::string_view text, const HeaderLimits& limits) {
  if (text.size() > limits.max_octets)
    return Error{Errc::limit_exceeded,
                 "header: " + std::to_string(text.size()) + " octets; at most " + std::to_string(limits.max_octets) +
                     " are allowed",
                 limits.max_octets};
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos)
    return fault("NUL has no place in a message (RFC 5322 section 2.2)", nul);
  if (!text.empty() && ascii::is_wsp(text.front()))
    return fault("white space at the beginning; a field's name is required (RFC 5322 section 2.2)", 0);
  Header header;
  header.fields_.reserve(usual_fields);
  for (std::size_t start = 0; start < text.size();) {
    std::size_t end = start;
    do {
      const auto line_end = find_line_end(text, end);
      if (!line_end) return line_end.error();
      end = *line_end;
    } while (end < text.size() && ascii::is_wsp(text[end]));
    if (header.fields_.size() == limits.max_fields)
      return Error{Errc::limit_exceeded, "header: more than " + std::to_string(limits.max_fields) + " fields", start};
    auto field = parse_field(text, start, end);
    if (!field) return field.error();
    header.fields_.push_back(*field);
    start = end;
  }
  return header;
}

std::size_t Header::count(std::string_view name) const noexcept {
  return static_cast<std::size_t>(std::count_if(fields_.begin(), fields_.end(),
                                                [&](const Field& field) { return ascii::equal(field.name, name); }));
}

const Field* Header::find(std::string_view name) const noexcept {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [&](const Field& field) { return ascii::equal(field.name, name); });
  return found == fields_.end() ? nullptr : &*found;
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  // Whatever else a value holds, no CR or LF gets out of here: nobody can build a second field from it.
  for (Cursor cursor(ascii::trim(value)); !cursor.at_end(); cursor.skip())
    out += cursor.take_while([](char c) { return c != '\r' && c != '\n'; });
  return out;
}

}  // namespace sendconn::mail
