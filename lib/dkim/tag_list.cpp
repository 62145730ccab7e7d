#include "lib/dkim/tag_list.hpp"

#include <algorithm>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"

namespace sendconn::dkim {
namespace {

constexpr std::size_t usual_tags = 16;

Error fault(const std::string& what, std::size_t position) {
  return {Errc::syntax, what + " (RFC 6376 section 3.2)", position};
}

constexpr bool is_name_octet(char c) noexcept { return ascii::is_alnum(c) || c == '_'; }
constexpr bool may_stand_in_value(char c) noexcept {
  return c != ';' && (ascii::is_vchar(c) || ascii::is_fws(c) || ascii::is_8bit(c));
}

Result<Tag> take_tag(Cursor& cursor) {
  Tag tag;
  cursor.take_while(ascii::is_fws);
  tag.name_position = cursor.position();
  tag.name = cursor.take_while(is_name_octet);
  if (tag.name.empty() || !ascii::is_alpha(tag.name.front()))
    return fault("a tag's name is required, a letter first, found " + ascii::quote(cursor.rest(), 20),
                 tag.name_position);
  cursor.take_while(ascii::is_fws);
  if (!cursor.take('='))
    return fault("\"=\" is required behind the tag's name " + ascii::quote(tag.name, 40), cursor.position());
  const std::size_t start = cursor.position();
  tag.spaced = cursor.take_while(may_stand_in_value);
  tag.value = ascii::trim(tag.spaced);
  tag.position = tag.value.empty() ? start : start + static_cast<std::size_t>(tag.value.data() - tag.spaced.data());
  if (!cursor.at_end() && cursor.peek() != ';')
    return fault("a control character " + ascii::quote(cursor.rest().substr(0, 1)) + " in the value of " +
                     ascii::quote(tag.name, 40),
                 cursor.position());
  return tag;
}

}  // namespace

Result<TagList> TagList::parse(std::string_view text) {
  TagList list;
  list.tags_.reserve(usual_tags);
  Cursor cursor(text);
  do {
    if (list.tags_.size() == max_tags)
      return Error{Errc::limit_exceeded, "more than " + std::to_string(max_tags) + " tags", cursor.position()};
    Result<Tag> tag = take_tag(cursor);
    if (!tag) return std::move(tag).error();
    if (list.find(tag->name) != nullptr)
      return fault("the tag " + ascii::quote(tag->name, 40) + " stands there twice, so that none counts",
                   tag->name_position);
    list.tags_.push_back(*tag);
    // One ";" may end the list, and white space behind it does no harm.
  } while (cursor.take(';') && !ascii::trim(cursor.rest()).empty());
  return list;
}

const Tag* TagList::find(std::string_view name) const noexcept {
  const auto found = std::find_if(tags_.begin(), tags_.end(), [name](const Tag& tag) { return tag.name == name; });
  return found == tags_.end() ? nullptr : &*found;
}

std::vector<std::string_view> split_colons(std::string_view value) {
  std::vector<std::string_view> parts;
  parts.reserve(1 + static_cast<std::size_t>(std::count(value.begin(), value.end(), ':')));
  Cursor cursor(value);
  do parts.push_back(ascii::trim(cursor.take_until(':')));
  while (cursor.take(':'));
  return parts;
}

bool is_hyphenated_word(std::string_view text) noexcept {
  return !text.empty() && ascii::is_alpha(text.front()) && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return ascii::is_alnum(c) || c == '-'; });
}

Result<std::string> decode_quoted_printable(std::string_view text) {
  const auto upper_hex = [](char c) { return ascii::is_digit(c) || (c >= 'A' && c <= 'F') ? ascii::hex_value(c) : -1; };
  std::string out;
  out.reserve(text.size());
  for (Cursor cursor(text); !cursor.at_end();) {
    if (!cursor.take_while(ascii::is_fws).empty()) continue;
    if (!cursor.take('=')) {
      out.push_back(cursor.peek());
      cursor.skip();
      continue;
    }
    const int high = upper_hex(cursor.peek());
    const int low = upper_hex(cursor.peek(1));
    if (high < 0 || low < 0)
      return Error{Errc::syntax, "\"=\" without two digits of 0-9 and A-F (RFC 6376 section 2.11)", cursor.position()};
    out.push_back(static_cast<char>(high << 4 | low));
    cursor.skip(2);
  }
  return out;
}

}  // namespace sendconn::dkim
