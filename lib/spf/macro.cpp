// Macro strings: their grammar (RFC 7208 section 7.1) and their expansion (section 7.3).
#include "lib/spf/macro.hpp"

#include <algorithm>
#include <charconv>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::spf {
namespace {

constexpr std::string_view delimiters = ".-+,/_=";
// More parts than a name can have, so that larger numbers mean the same (RFC 7208 section 7.3 wants at least 127).
constexpr std::size_t max_parts = 1024;
// A name's last 253 octets are all that counts (RFC 7208 section 7.3); what stands before the last kept ones is dropped
// now and then, so that a hostile macro string costs its own length and no more.
constexpr std::size_t max_name_work = 4096;
constexpr std::size_t kept_of_name = 512;

constexpr bool is_delimiter(char c) noexcept { return delimiters.find(c) != std::string_view::npos; }

/// A macro between "%{" and "}".
struct Macro {
  char letter = 0;  ///< lower case
  bool escape = false;
  bool transformed = false;  ///< anything behind the letter
  bool reverse = false;
  std::size_t parts = max_parts;
  std::string_view splitters;
};

Fault fault(std::size_t start, const Cursor& cursor, std::string_view token, const char* what) {
  const std::size_t end = std::max(cursor.position(), start + 1);
  return {start, end - start, ascii::quote(token) + " " + what};
}

/// Reads what follows "%{"; `start` is the position of the percent sign.
std::optional<Fault> read_macro(Cursor& cursor, std::size_t start, MacroPlace place, Macro& macro) {
  const char letter = cursor.peek();
  macro.letter = ascii::lower(letter);
  macro.escape = letter != macro.letter;
  constexpr std::string_view letters = "slodiphcrtv";
  if (cursor.at_end() || letters.find(macro.letter) == std::string_view::npos) {
    cursor.skip();
    return fault(start, cursor, cursor.since(start),
                 "is no macro: its letter must be one of s l o d i p v h, in an explanation c r t too "
                 "(RFC 7208 section 7.2)");
  }
  cursor.skip();
  if (place == MacroPlace::domain_spec && (macro.letter == 'c' || macro.letter == 'r' || macro.letter == 't')) {
    cursor.take('}');
    return fault(start, cursor, cursor.since(start), "is allowed in an explanation alone (RFC 7208 section 7.2)");
  }
  const std::size_t transformers = cursor.position();
  const std::string_view digits = cursor.take_while(ascii::is_digit);
  if (!digits.empty()) {
    if (std::all_of(digits.begin(), digits.end(), [](char c) { return c == '0'; }))
      return fault(start, cursor, cursor.since(start),
                   "keeps no part: the number must not be 0 (RFC 7208 section 7.3)");
    macro.parts = std::min(ascii::to_number<std::size_t>(digits).value_or(max_parts), max_parts);
  }
  macro.reverse = cursor.take('r') || cursor.take('R');
  macro.splitters = cursor.take_while(is_delimiter);
  macro.transformed = cursor.position() != transformers;
  if (!cursor.take('}')) {
    cursor.skip();
    return fault(start, cursor, cursor.since(start),
                 "does not go on as a macro: a number, r, delimiters out of . - + , / _ = and } must follow in this "
                 "order (RFC 7208 section 7.1)");
  }
  return std::nullopt;
}

/// The parts of `value` that the macro asks for, joined with dots (RFC 7208 section 7.3).
void append_parts(std::string_view value, const Macro& macro, std::string& out) {
  const std::string_view splitters = macro.splitters.empty() ? std::string_view(".") : macro.splitters;
  const auto splits = [&](char c) { return splitters.find(c) != std::string_view::npos; };
  std::size_t left = macro.parts;
  if (!macro.reverse) {
    std::size_t start = value.size();
    while (start > 0 && !(splits(value[start - 1]) && --left == 0)) --start;
    for (const char c : value.substr(start)) out.push_back(splits(c) ? '.' : c);
    return;
  }
  // Reversed, the right-hand parts are the first ones: they go out from the last of them to the first.
  std::size_t end = 0;
  while (end < value.size() && !(splits(value[end]) && --left == 0)) ++end;
  for (;;) {
    std::size_t start = end;
    while (start > 0 && !splits(value[start - 1])) --start;
    out.append(value.substr(start, end - start));
    if (start == 0) return;
    out.push_back('.');
    end = start - 1;
  }
}

/// RFC 3986 section 2.3: what is not unreserved is escaped.
void escape_from(std::size_t start, std::string& out) {
  const auto unreserved = [](char c) { return ascii::is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~'; };
  const std::string plain = out.substr(start);
  out.resize(start);
  for (const char c : plain) {
    if (unreserved(c)) {
      out.push_back(c);
      continue;
    }
    constexpr std::string_view digits = "0123456789ABCDEF";
    const auto octet = static_cast<unsigned char>(c);
    out.push_back('%');
    out.push_back(digits[octet >> 4U]);
    out.push_back(digits[octet & 15U]);
  }
}

void append_macro(const Macro& macro, const MacroValues& values, std::string& out) {
  const std::size_t start = out.size();
  const auto append = [&](std::string_view value) {
    if (macro.transformed) {
      append_parts(value, macro, out);
    } else {
      out.append(value);
    }
  };
  switch (macro.letter) {
    case 's':
      append(values.sender);
      break;
    case 'l':
      append(values.local);
      break;
    case 'o':
      append(values.sender_domain);
      break;
    case 'd':
      append(values.domain);
      break;
    case 'i':
      append(DottedAddress(values.client).text());
      break;
    case 'p':
      append(values.ptr_name);
      break;
    case 'v':
      append(reverse_zone(values.client));
      break;
    case 'h':
      append(values.helo);
      break;
    case 'c':
      append(values.client.format());
      break;
    case 'r':
      append(values.receiver);
      break;
    default:  // 't', the last letter there is
      append(std::to_string(values.now.time_since_epoch().count()));
  }
  if (macro.escape) escape_from(start, out);
}

/// Calls `on_progress` behind each piece; false ends the expansion.
template <class OnProgress>
void expand(std::string_view text, const MacroValues& values, std::string& out, OnProgress on_progress) {
  Cursor cursor(text);
  while (!cursor.at_end()) {
    out.append(cursor.take_until('%'));
    if (cursor.take('%')) {
      const char kind = cursor.peek();
      cursor.skip();
      if (kind == '{') {
        Macro macro;
        if (read_macro(cursor, 0, MacroPlace::explanation, macro)) return;  // never: the string was checked
        append_macro(macro, values, out);
      } else if (kind == '-') {
        out.append("%20");
      } else {
        out.push_back(kind == '_' ? ' ' : '%');
      }
    }
    if (!on_progress()) return;
  }
}

constexpr bool is_top_label(std::string_view label) noexcept {
  if (label.empty() || !ascii::is_alnum(label.front()) || !ascii::is_alnum(label.back())) return false;
  bool digits_alone = true;
  for (const char c : label) {
    if (!ascii::is_alnum(c) && c != '-') return false;
    digits_alone = digits_alone && ascii::is_digit(c);
  }
  return !digits_alone;
}

}  // namespace

DottedAddress::DottedAddress(const IpAddress& address) {
  const std::string_view raw = address.octets();
  char* at = octets;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto octet = static_cast<unsigned char>(raw[i]);
    if (i != 0) *at++ = '.';
    if (address.is_v4()) {
      at = std::to_chars(at, octets + sizeof octets, octet).ptr;
      continue;
    }
    constexpr std::string_view digits = "0123456789ABCDEF";
    *at++ = digits[octet >> 4U];
    *at++ = '.';
    *at++ = digits[octet & 15U];
  }
  size = static_cast<std::size_t>(at - octets);
}

std::optional<Fault> check_macros(std::string_view text, MacroPlace place, MacroUse& use) {
  Cursor cursor(text);
  while (!cursor.at_end()) {
    const std::size_t start = cursor.position();
    const char c = cursor.peek();
    cursor.skip();
    if (!ascii::is_vchar(c) && !(c == ' ' && place == MacroPlace::explanation)) {
      cursor.take_while([](char other) { return !ascii::is_vchar(other) && other != ' '; });
      return fault(start, cursor, cursor.since(start), "must be visible ASCII characters (RFC 7208 section 7.1)");
    }
    if (c != '%') continue;
    use.has_macros = true;
    if (cursor.take('%') || cursor.take('_') || cursor.take('-')) continue;
    if (!cursor.take('{')) {
      cursor.skip();
      return fault(start, cursor, cursor.since(start),
                   "is no macro: {, %, _ or - must follow a percent sign (RFC 7208 section 7.3)");
    }
    Macro macro;
    if (auto found = read_macro(cursor, start, place, macro)) return found;
    use.asks_ptr = use.asks_ptr || macro.letter == 'p';
  }
  return std::nullopt;
}

std::optional<Fault> check_domain_spec(std::string_view text, MacroUse& use) {
  if (text.empty()) return Fault{0, 0, "a domain must stand here (RFC 7208 section 7.1)"};
  if (auto found = check_macros(text, MacroPlace::domain_spec, use)) return found;
  // The string is well-formed, so the last macro's end can be found from behind without reading it again: only "%%",
  // "%_" and "%-" must be told from the same characters behind another percent sign.
  Cursor cursor(text);
  std::size_t literal = 0;  // where the part behind the last macro begins
  while (!cursor.at_end()) {
    cursor.take_until('%');
    if (cursor.at_end()) break;
    cursor.skip();
    if (cursor.take('{')) cursor.take_until('}');
    cursor.skip();
    literal = cursor.position();
  }
  if (literal == text.size()) return std::nullopt;
  std::string_view end = text.substr(literal);
  if (end.back() == '.') end.remove_suffix(1);
  const std::size_t dot = end.rfind('.');
  const std::string_view label = dot == std::string_view::npos ? end : end.substr(dot + 1);
  if (dot != std::string_view::npos && is_top_label(label)) return std::nullopt;
  const std::size_t position = dot == std::string_view::npos ? literal : literal + dot + 1;
  const char* what = dot == std::string_view::npos
                         ? "is no complete domain: two labels with a dot between them, or a macro at the end, are "
                           "required (RFC 7208 section 7.1)"
                         : "is no top-level domain: letters, digits and hyphens, a letter among them (RFC 7208 section "
                           "7.1)";
  return Fault{position, std::max<std::size_t>(text.size() - position, 1), ascii::quote(label) + " " + what};
}

void expand_name(std::string_view text, const MacroValues& values, std::string& out) {
  expand(text, values, out, [&out] {
    if (out.size() > max_name_work) out.erase(0, out.size() - kept_of_name);
    return true;
  });
}

void expand_text(std::string_view text, const MacroValues& values, std::size_t enough, std::string& out) {
  expand(text, values, out, [&] { return out.size() < enough; });
  if (out.size() > enough) out.resize(enough);
}

}  // namespace sendconn::spf
