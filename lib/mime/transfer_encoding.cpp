#include "lib/mime/transfer_encoding.hpp"

#include <algorithm>

#include <sendconn/mime.hpp>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"

namespace sendconn::mime {
namespace {

constexpr std::size_t octets_per_base64_line = encoded_line_octets / 4 * 3;

/// What the choice of an encoding depends on.
struct Survey {
  std::size_t longest_line = 0;
  std::size_t escapes = 0;  ///< octets that quoted-printable writes as three
  bool eight_bit = false;
  bool fragile = false;  ///< something on the way is known to change it
};

constexpr bool is_literal(char c) noexcept { return ascii::is_vchar(c) && c != '='; }

void survey_line(std::string_view line, Survey& seen) noexcept {
  seen.longest_line = std::max(seen.longest_line, line.size());
  for (const char c : line) {
    if (is_literal(c) || c == ' ') continue;
    const bool plain = c == '=' || c == '\t';
    if (c != '\t') ++seen.escapes;
    if (ascii::is_8bit(c)) {
      seen.eight_bit = true;
    } else if (!plain) {
      seen.fragile = true;
    }
  }
  if (line.starts_with("From ") || (!line.empty() && ascii::is_wsp(line.back()))) {
    seen.fragile = true;
    ++seen.escapes;
  }
}

Survey survey(std::string_view text) noexcept {
  Survey seen;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\r\n"), text.size());
    survey_line(text.substr(0, end), seen);
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return seen;
}

/// At most: every line of quoted-printable holds at least 73 octets before its "=" and CRLF, and a dot at its start
/// costs two more.
std::size_t quoted_printable_octets(std::size_t size, const Survey& seen) noexcept {
  const std::size_t all = size + 2 * seen.escapes;
  return all + (all / (encoded_line_octets - 3) + 1) * 5;
}

std::size_t base64_octets(std::size_t size) noexcept {
  const std::size_t digits = (size + 2) / 3 * 4;
  return digits + (digits + encoded_line_octets - 1) / encoded_line_octets * 2;
}

}  // namespace

std::string_view format(Encoding encoding) noexcept {
  switch (encoding) {
    case Encoding::seven_bit:
      return "7bit";
    case Encoding::eight_bit:
      return "8bit";
    case Encoding::quoted_printable:
      return "quoted-printable";
    case Encoding::base64:
      break;
  }
  return "base64";
}

Encoding choose_encoding(std::string_view text, bool eight_bit) noexcept {
  const Survey seen = survey(text);
  if (!seen.fragile && !seen.eight_bit && seen.longest_line <= preferred_line_octets) return Encoding::seven_bit;
  if (!seen.fragile && seen.eight_bit && eight_bit && seen.longest_line <= max_line_octets) return Encoding::eight_bit;
  return quoted_printable_octets(text.size(), seen) <= base64_octets(text.size()) ? Encoding::quoted_printable
                                                                                  : Encoding::base64;
}

std::size_t encoded_octets(Encoding encoding, std::string_view text) noexcept {
  switch (encoding) {
    case Encoding::seven_bit:
    case Encoding::eight_bit:
      return text.size();
    case Encoding::quoted_printable:
      // Every dot may come to stand at the start of a line.
      return quoted_printable_octets(text.size(), survey(text)) +
             2 * static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    case Encoding::base64:
      break;
  }
  return base64_octets(text.size());
}

void append_escape(std::string& out, char mark, char octet) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto value = static_cast<unsigned char>(octet);
  out += mark;
  out += digits[value >> 4U];
  out += digits[value & 15U];
}

void append_quoted_printable(std::string& out, std::string_view text) {
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\r') {  // CRLF, as there is no other
      out += "\r\n";
      column = 0;
      ++i;
      continue;
    }
    const bool last = i + 1 == text.size() || text[i + 1] == '\r';
    const bool plain = is_literal(c) || (ascii::is_wsp(c) && !last);
    // At the start of a line a dot means something to SMTP, and "From " to mailbox files.
    const auto is_touchy = [&] { return column == 0 && (c == '.' || text.substr(i).starts_with("From ")); };
    const std::size_t room = last ? encoded_line_octets : encoded_line_octets - 1;
    if (column + (plain && !is_touchy() ? 1 : 3) > room) {
      out += "=\r\n";
      column = 0;
    }
    if (plain && !is_touchy()) {
      out += c;
      column += 1;
    } else {
      append_escape(out, '=', c);
      column += 3;
    }
  }
}

void append_base64_lines(std::string& out, std::string_view octets) {
  std::size_t at = out.size();
  out.resize(at + base64_octets(octets.size()));
  while (!octets.empty()) {
    const std::string_view line = octets.substr(0, octets_per_base64_line);
    at += base64::encode_to(out.data() + at, line);
    out[at++] = '\r';
    out[at++] = '\n';
    octets.remove_prefix(line.size());
  }
}

void append_encoded(std::string& out, Encoding encoding, std::string_view text) {
  switch (encoding) {
    case Encoding::seven_bit:
    case Encoding::eight_bit:
      out += text;
      return;
    case Encoding::quoted_printable:
      return append_quoted_printable(out, text);
    case Encoding::base64:
      return append_base64_lines(out, text);
  }
}

}  // namespace sendconn::mime
