#include "lib/smtp/capabilities.hpp"

#include <limits>

#include "lib/base/cursor.hpp"

namespace sendconn::smtp {
namespace {

void take_mechanisms(Cursor& in, Capabilities& out) {
  while (!in.at_end()) {
    in.take_while([](char c) { return ascii::is_wsp(c) || c == '='; });
    const auto mechanism = sasl::parse_mechanism(in.take_while([](char c) { return !ascii::is_wsp(c); }));
    if (mechanism) out.mechanisms = static_cast<std::uint8_t>(out.mechanisms | static_cast<unsigned>(*mechanism));
  }
}

void take_keyword_line(std::string_view line, Capabilities& out) {
  Cursor in(line);
  const std::string_view keyword = in.take_while([](char c) { return ascii::is_alnum(c) || c == '-'; });
  if (ascii::equal(keyword, "AUTH")) return take_mechanisms(in, out);
  if (!in.at_end() && !ascii::is_wsp(in.peek())) return;
  const std::string_view parameter = ascii::trim(in.rest());
  if (ascii::equal(keyword, "PIPELINING")) out.pipelining = true;
  if (ascii::equal(keyword, "8BITMIME")) out.eight_bit_mime = true;
  if (ascii::equal(keyword, "SMTPUTF8")) out.smtputf8 = true;
  if (ascii::equal(keyword, "STARTTLS")) out.starttls = true;
  if (ascii::equal(keyword, "ENHANCEDSTATUSCODES")) out.enhanced_codes = true;
  if (ascii::equal(keyword, "SIZE")) {
    out.size = true;
    out.max_octets = ascii::to_number<std::uint64_t>(parameter).value_or(0);
  }
}

}  // namespace

Capabilities parse_capabilities(std::string_view text) {
  Capabilities out;
  out.extended = true;
  Cursor in(text);
  in.take_until('\n');
  while (in.take('\n')) take_keyword_line(in.take_until('\n'), out);
  return out;
}

}  // namespace sendconn::smtp
