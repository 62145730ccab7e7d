// Reply and EnhancedCode: parsing and formatting (RFC 5321 section 4.2, RFC 2034 section 4, RFC 3463 section 2).
#include <sendconn/reply.hpp>

#include <charconv>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn {
namespace {

/// The next octet belongs to the same UTF-8 character, so the text must not be cut in front of it.
constexpr bool continues_character(char c) noexcept { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

/// Four numbers of up to 5 digits, two dots, two spaces: "550 5.7.1 ".
constexpr std::size_t max_prefix_octets = 24;

char* put_number(char* at, std::uint16_t number) noexcept {
  return std::to_chars(at, at + 5, number).ptr;  // 65535 is the largest
}

char* put_code(char* at, const EnhancedCode& code) noexcept {
  at = put_number(at, code.klass);
  *at++ = '.';
  at = put_number(at, code.subject);
  *at++ = '.';
  return put_number(at, code.detail);
}

/// How much of `text` fits a line that has room for `room` octets: cut at a space if there is one in the second half,
/// and never inside a character.
std::size_t fold_at(std::string_view text, std::size_t room) noexcept {
  if (text.size() <= room) return text.size();
  const std::size_t space = text.rfind(' ', room);
  if (space != std::string_view::npos && space > room / 2) return space;
  std::size_t cut = room;
  while (cut > room - 3 && continues_character(text[cut])) --cut;
  return cut;
}

}  // namespace

std::string EnhancedCode::format() const {
  char octets[max_prefix_octets];
  return {octets, put_code(octets, *this)};
}

Result<EnhancedCode> EnhancedCode::parse(std::string_view text) {
  Cursor in(text);
  const auto fail = [&](std::string_view what) {
    return Error{Errc::syntax,
                 "not an enhanced status code: " + std::string(what) +
                     ", required is class.subject.detail such as 5.7.1 (RFC 3463 section 2)",
                 in.position()};
  };
  EnhancedCode code;
  const char klass = in.peek();
  if (klass != '2' && klass != '4' && klass != '5') return fail("the class is not 2, 4 or 5");
  code.klass = static_cast<std::uint16_t>(klass - '0');
  in.skip();
  for (std::uint16_t* part : {&code.subject, &code.detail}) {
    if (!in.take('.')) return fail("a dot is missing");
    const std::string_view digits = in.take_while(ascii::is_digit);
    if (digits.empty() || digits.size() > 3) return fail("subject and detail have 1 to 3 digits");
    *part = *ascii::to_number<std::uint16_t>(digits);
  }
  if (!in.at_end()) return fail("something follows the detail");
  return code;
}

void Reply::append_to(std::string& out, bool with_enhanced) const {
  char prefix[max_prefix_octets];  // its fourth octet becomes '-' on every line but the last
  char* end_of_prefix = put_number(prefix, code);
  *end_of_prefix++ = ' ';
  if (with_enhanced && !enhanced.empty() && enhanced.klass == code / 100) {
    end_of_prefix = put_code(end_of_prefix, enhanced);
    *end_of_prefix++ = ' ';
  }
  const auto prefix_size = static_cast<std::size_t>(end_of_prefix - prefix);
  const std::size_t room = max_line_octets - prefix_size - 2;
  std::string_view rest = text;
  bool more = true;
  while (more) {
    const std::size_t end = rest.find('\n');
    std::string_view line = rest.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    more = end != std::string_view::npos;
    rest.remove_prefix(more ? end + 1 : rest.size());
    do {
      const std::size_t cut = fold_at(line, room);
      const std::string_view piece = line.substr(0, cut);
      line.remove_prefix(cut);
      if (!line.empty() && line.front() == ' ') line.remove_prefix(1);
      const std::size_t start = out.size();
      out.append(prefix, prefix_size);
      if (more || !line.empty()) out[start + 3] = '-';
      ascii::append_harmless(out, piece);
      out += "\r\n";
    } while (!line.empty());
  }
}

std::string Reply::format(bool with_enhanced) const {
  std::string out;
  append_to(out, with_enhanced);
  return out;
}

std::string Reply::summary() const {
  char prefix[max_prefix_octets];
  char* end = put_number(prefix, code);
  if (!enhanced.empty()) {
    *end++ = ' ';
    end = put_code(end, enhanced);
  }
  std::string out(prefix, end);
  if (!text.empty()) {
    out += ' ';
    ascii::append_harmless(out, text);
  }
  return out;
}

}  // namespace sendconn
