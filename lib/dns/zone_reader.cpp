// Entries and tokens of a master file (RFC 1035 section 5.1).
#include "lib/dns/zone_reader.hpp"

#include "lib/base/ascii.hpp"

namespace sendconn::dns {
namespace {

constexpr bool ends_word(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' || c == ')' || c == '"';
}

}  // namespace

Error zone_error(std::size_t line, std::size_t position, std::string_view text) {
  return {Errc::syntax, "line " + std::to_string(line) + ": " + std::string(text), position};
}

Error zone_error(const ZoneToken& token, std::string_view text) { return zone_error(token.line, token.position, text); }

void ZoneReader::end_line() {
  cursor_.skip();
  ++line_;
}

Result<ZoneToken> ZoneReader::quoted() {
  const std::size_t opened = cursor_.position();
  cursor_.skip();
  const std::size_t start = cursor_.position();
  while (!cursor_.at_end() && cursor_.peek() != '"' && cursor_.peek() != '\n')
    cursor_.skip(cursor_.peek() == '\\' && cursor_.peek(1) != '\n' ? 2 : 1);
  const ZoneToken token{cursor_.since(start), true, line_, opened};
  if (!cursor_.take('"')) return zone_error(token, "a quoted string does not end on its line");
  return token;
}

Result<ZoneToken> ZoneReader::word() {
  const std::size_t start = cursor_.position();
  while (!cursor_.at_end() && !ends_word(cursor_.peek())) {
    if (ascii::is_control(cursor_.peek())) return zone_error(line_, cursor_.position(), "a control character");
    if (ascii::is_8bit(cursor_.peek()))
      return zone_error(
          line_, cursor_.position(),
          "an octet above 0x7f outside quotes; names are written as A-labels, strings in straight quotes");
    const bool escapes = cursor_.peek() == '\\' && !ascii::is_control(cursor_.peek(1));
    cursor_.skip(escapes ? 2 : 1);
  }
  return ZoneToken{cursor_.since(start), false, line_, start};
}

Result<ZoneEntry> ZoneReader::next() {
  ZoneEntry entry;
  bool at_line_start = true;
  bool grouped = false;
  std::size_t opened_line = 0;
  std::size_t opened_position = 0;
  while (!cursor_.at_end()) {
    const char c = cursor_.peek();
    if (c == ' ' || c == '\t' || c == '\r') {
      if (at_line_start && entry.tokens.empty()) entry.owner_omitted = true;
      cursor_.skip();
    } else if (c == '\n') {
      end_line();
      if (grouped) continue;
      if (!entry.tokens.empty()) return entry;
      entry.owner_omitted = false;
      at_line_start = true;
      continue;
    } else if (c == ';') {
      cursor_.take_until('\n');
    } else if (c == '(') {
      if (grouped) return zone_error(line_, cursor_.position(), "a parenthesis inside parentheses");
      grouped = true;
      opened_line = line_;
      opened_position = cursor_.position();
      cursor_.skip();
    } else if (c == ')') {
      if (!grouped) return zone_error(line_, cursor_.position(), "a closing parenthesis that none opened");
      grouped = false;
      cursor_.skip();
    } else {
      auto token = c == '"' ? quoted() : word();
      if (!token) return token.error();
      if (entry.tokens.size() == max_tokens)
        return Error{
            Errc::limit_exceeded,
            "line " + std::to_string(line_) + ": more than " + std::to_string(max_tokens) + " words in an entry",
            token->position};
      entry.tokens.push_back(*token);
    }
    at_line_start = false;
  }
  if (grouped) return zone_error(opened_line, opened_position, "a parenthesis that is never closed");
  return entry;
}

Result<std::string> unescape(const ZoneToken& token) {
  std::string out;
  Cursor cursor(token.raw);
  while (!cursor.at_end()) {
    out += cursor.take_until('\\');
    if (!cursor.take('\\')) break;
    if (cursor.at_end()) return zone_error(token, "a backslash with nothing behind it");
    if (!ascii::is_digit(cursor.peek())) {
      out.push_back(cursor.peek());
      cursor.skip();
      continue;
    }
    const std::string_view digits = cursor.rest().substr(0, 3);
    const auto octet = ascii::to_number<std::uint8_t>(digits);
    if (digits.size() != 3 || !octet)
      return zone_error(token, "\"\\" + std::string(digits) +
                                   "\" is not an octet: three decimal digits from 000 to 255 (RFC 1035 section 5.1)");
    out.push_back(static_cast<char>(*octet));
    cursor.skip(3);
  }
  return out;
}

}  // namespace sendconn::dns
