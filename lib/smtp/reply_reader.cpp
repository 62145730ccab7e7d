#include "lib/smtp/reply_reader.hpp"

#include <utility>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::smtp {

/// One line; false if it is none of this reply. Codes are 200 to 599: nothing in SMTP uses 1yz (RFC 5321
/// section 4.2.1).
bool ReplyReader::take_line(std::string_view line, bool& last) {
  Cursor in(line);
  const std::string_view digits = in.take_while(ascii::is_digit);
  if (digits.size() != 3) return false;
  const auto code = *ascii::to_number<std::uint16_t>(digits);
  if (code < 200 || code > 599 || (begun_ && code != reply_.code)) return false;
  last = !in.take('-');
  if (last && !in.take(' ') && !in.at_end()) return false;

  std::string_view text = in.rest();
  const std::string_view word = text.substr(0, text.find(' '));
  if (word.size() > 1 && word[1] == '.') {
    const Result<EnhancedCode> enhanced = EnhancedCode::parse(word);
    if (enhanced && enhanced->klass == code / 100) {
      if (!begun_) reply_.enhanced = *enhanced;
      text.remove_prefix(word.size() < text.size() ? word.size() + 1 : word.size());
    }
  }
  if (begun_) reply_.text += '\n';
  ascii::append_harmless(reply_.text, text);
  reply_.code = code;
  begun_ = true;
  return true;
}

ReplyReader::Taken ReplyReader::take(std::string_view input, std::size_t limit) {
  std::size_t used = 0;
  while (used < input.size()) {
    const LineReader::Taken line = lines_.take(input.substr(used), limit - octets_);
    used += line.used;
    if (line.status == LineReader::Status::too_long) return {used, Status::too_long};
    if (line.status == LineReader::Status::partial) continue;
    octets_ += line.line.size() + 2;
    if (octets_ > limit) octets_ = limit;  // LF alone was counted as two
    bool last = false;
    const bool good = take_line(line.line, last);
    if (!good) malformed_ = line.line;
    lines_.release();
    if (!good) return {used, Status::malformed};
    if (last) return {used, Status::complete};
  }
  return {used, Status::partial};
}

Reply ReplyReader::release() {
  octets_ = 0;
  begun_ = false;
  return std::exchange(reply_, Reply{});
}

}  // namespace sendconn::smtp
