// Selectors: labels of letters, digits and inner hyphens (RFC 6376 section 3.1 takes sub-domain from RFC 5321
// section 4.1.2). An underscore, fine in a DNS name, is not fine here.
#include <sendconn/dkim.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::size_t max_label_octets = 63;  // RFC 1035 section 2.3.4

Error refused(std::string_view text, const char* why, std::size_t position) {
  constexpr std::size_t shown = 80;
  return {Errc::syntax, "selector " + ascii::quote(text, shown) + ": " + why + " (RFC 6376 section 3.1)", position};
}

}  // namespace

Result<Selector> Selector::parse(std::string_view text) {
  Cursor cursor(text);
  do {
    const std::size_t start = cursor.position();
    const std::string_view label = cursor.take_while([](char c) { return ascii::is_alnum(c) || c == '-'; });
    if (label.empty())
      return refused(text, "a label of letters, digits and hyphens is required here", cursor.position());
    if (label.size() > max_label_octets) return refused(text, "a label has at most 63 octets", start);
    if (label.front() == '-' || label.back() == '-')
      return refused(text, "a label begins and ends with a letter or digit", start);
  } while (cursor.take('.'));
  if (!cursor.at_end()) return refused(text, "only letters, digits, hyphens and dots are allowed", cursor.position());
  if (text.size() > Domain::max_octets) return refused(text, "a DNS name has at most 253 octets", Domain::max_octets);
  return Selector(ascii::to_lower(text));
}

}  // namespace sendconn::dkim
