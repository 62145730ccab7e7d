#include "lib/mime/field_writer.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/base64.hpp"
#include "lib/base/utf8.hpp"
#include "lib/mail/lexer.hpp"
#include "lib/mime/transfer_encoding.hpp"

namespace sendconn::mime {
namespace {

constexpr std::string_view encoded_start = "=?";
constexpr std::string_view b_prefix = "=?utf-8?b?";
constexpr std::string_view q_prefix = "=?utf-8?q?";
constexpr std::string_view encoded_end = "?=";
constexpr std::size_t frame_octets = b_prefix.size() + encoded_end.size();
constexpr std::size_t max_encoded_word = 75;  // RFC 2047 section 2
constexpr std::size_t max_character = 4;      // RFC 3629 section 3
/// A word that would have to begin further right than this begins on a new line: room for one character in full.
constexpr std::size_t least_room = frame_octets + 3 * max_character;
/// Longer white space than people type is kept by encoding it.
constexpr std::size_t max_plain_white = 30;

/// What stands for itself in a word of encoding "Q" anywhere, a phrase included (RFC 2047 section 5, rule 3).
constexpr bool is_q_literal(char c) noexcept {
  return ascii::is_alnum(c) || c == '!' || c == '*' || c == '+' || c == '-' || c == '/';
}

std::size_t q_octets(std::string_view text) noexcept {
  std::size_t octets = 0;
  for (const char c : text) octets += is_q_literal(c) || c == ' ' ? 1 : 3;
  return octets;
}

void append_q(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (is_q_literal(c)) {
      out += c;
    } else if (c == ' ') {
      out += '_';
    } else {
      append_escape(out, '=', c);
    }
  }
}

/// The longest beginning of `text` in whole characters that takes at most `room` octets when encoded; may be empty.
std::string_view take_characters(std::string_view text, bool use_b, std::size_t room) noexcept {
  std::size_t taken = 0;
  std::size_t used = 0;
  while (taken < text.size()) {
    const std::size_t octets =
        std::max<std::size_t>(utf8::decode(text.substr(taken)).value_or(utf8::CodePoint{}).octets, 1);
    used = use_b ? base64::encoded_octets(taken + octets) : used + q_octets(text.substr(taken, octets));
    if (used > room) break;
    taken += octets;
  }
  return text.substr(0, taken);
}

/// White space that does not survive as it is: at the ends, tabs, and long runs.
bool has_odd_white_space(std::string_view text) noexcept {
  if (text.empty()) return false;
  std::size_t run = 0;
  for (const char c : text) {
    if (c == '\t') return true;
    run = c == ' ' ? run + 1 : 0;
    if (run > max_plain_white) return true;
  }
  return text.front() == ' ' || text.back() == ' ';
}

/// Atoms with single spaces between them: a phrase without quotes (RFC 5322 section 3.2.5).
bool is_atoms(std::string_view name, bool utf8) noexcept {
  bool space = true;  // none at the start
  for (const char c : name) {
    if (c == ' ' ? space : !(mail::is_atext(c) || (utf8 && ascii::is_8bit(c)))) return false;
    space = c == ' ';
  }
  return !space;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

}  // namespace

FieldWriter::FieldWriter(std::string& out, std::string_view name, bool utf8)
    : out_(out), column_(name.size() + 1), utf8_(utf8) {
  out_.append(name).append(":");
}

void FieldWriter::fold() {
  out_ += "\r\n";
  column_ = 0;
  line_has_word_ = false;
}

void FieldWriter::put(std::string_view white, std::string_view word) {
  // The first word stays beside the field's name: some readers take a line with a name alone for an empty field.
  if (!at_first_word() && column_ + white.size() + word.size() > encoded_line_octets) fold();
  out_.append(white).append(word);
  column_ += white.size() + word.size();
  line_has_word_ = true;
}

bool FieldWriter::needs_encoding(std::string_view word, LongWords long_words) const {
  const std::size_t room = encoded_line_octets - 1 - (at_first_word() ? column_ : 0);
  return word.size() > (long_words == LongWords::keep ? max_kept_word : room) || (!utf8_ && ascii::has_8bit(word)) ||
         word.find(encoded_start) != std::string_view::npos;  // it would be taken for an encoded word
}

void FieldWriter::text(std::string_view text, LongWords long_words) {
  if (has_odd_white_space(text)) return encoded(" ", text);
  std::string_view white = " ";
  while (!text.empty()) {
    // A word, or a run of words that all need encoding with the white space between them.
    std::size_t end = std::min(text.find(' '), text.size());
    const bool encode = needs_encoding(text.substr(0, end), long_words);
    std::size_t next = std::min(text.find_first_not_of(' ', end), text.size());
    while (encode && next < text.size()) {
      const std::size_t next_end = std::min(text.find(' ', next), text.size());
      if (!needs_encoding(text.substr(next, next_end - next), long_words)) break;
      end = next_end;
      next = std::min(text.find_first_not_of(' ', end), text.size());
    }
    if (encode) {
      encoded(white, text.substr(0, end));
    } else {
      put(white, text.substr(0, end));
    }
    white = text.substr(end, next - end);
    text.remove_prefix(next);
  }
}

void FieldWriter::encoded(std::string_view white, std::string_view text) {
  const bool use_b = base64::encoded_octets(text.size()) < q_octets(text);
  while (!text.empty()) {
    if (column_ + white.size() + least_room > encoded_line_octets) fold();
    const std::size_t room =
        std::min(max_encoded_word, encoded_line_octets - std::min(column_ + white.size(), encoded_line_octets)) -
        frame_octets;
    const std::string_view piece = take_characters(text, use_b, room);
    out_.append(white).append(use_b ? b_prefix : q_prefix);
    const std::size_t start = out_.size();
    if (use_b) {
      out_ += base64::encode(piece);
    } else {
      append_q(out_, piece);
    }
    column_ += white.size() + frame_octets + out_.size() - start;
    out_ += encoded_end;
    line_has_word_ = true;
    text.remove_prefix(piece.size());
    white = " ";
  }
}

void FieldWriter::phrase(std::string_view name) {
  const bool plain = (utf8_ || !ascii::has_8bit(name)) && name.find(encoded_start) == std::string_view::npos;
  if (plain && is_atoms(name, utf8_)) return text(name, LongWords::encode);
  if (plain) {
    const std::string string = quoted(name);
    if (string.size() + (at_first_word() ? column_ : 0) < encoded_line_octets) return word(string);
  }
  encoded(" ", name);
}

void FieldWriter::mailbox(const Mailbox& mailbox, std::string_view behind) {
  if (mailbox.name.empty()) return word(mailbox.address.format().append(behind));
  phrase(mailbox.name);
  word("<" + mailbox.address.format() + ">" + std::string(behind));
}

}  // namespace sendconn::mime
