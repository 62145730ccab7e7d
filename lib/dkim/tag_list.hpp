// Reads a tag list, the syntax of DKIM-Signature fields and key records (RFC 6376 section 3.2), and the forms of value
// that its tags have.
//
// Text outside ASCII is let through, as section 3.2 advises and RFC 8616 section 5 needs; whoever knows a tag decides
// whether it may stand in its value.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <sendconn/result.hpp>

namespace sendconn::dkim {

/// One "name=value". Views into the text that was parsed.
struct Tag {
  std::string_view name;
  std::string_view value;   ///< without white space around it
  std::string_view spaced;  ///< everything from behind "=" up to the next ";" or the end
  std::size_t name_position = 0;
  std::size_t position = 0;  ///< of `value`
};

class TagList {
 public:
  /// Our own bound; a signature has a dozen.
  static constexpr std::size_t max_tags = 100;

  /// Errc::syntax with the position: no tag, a tag without name or "=", a control character; a name that comes twice
  /// makes the whole list void. Errc::limit_exceeded above max_tags.
  static Result<TagList> parse(std::string_view text);

  [[nodiscard]] const std::vector<Tag>& tags() const noexcept { return tags_; }
  /// Names are case-sensitive. Null if it is not there.
  [[nodiscard]] const Tag* find(std::string_view name) const noexcept;

 private:
  std::vector<Tag> tags_;
};

/// The parts of a value between colons, white space around each taken off; at least one, possibly empty.
std::vector<std::string_view> split_colons(std::string_view value);

/// RFC 6376 section 2.10: words with inner hyphens.
bool is_hyphenated_word(std::string_view text) noexcept;

/// dkim-quoted-printable (RFC 6376 section 2.11; octets above 0x7f by RFC 8616), white space dropped. Errc::syntax for
/// a
/// "=" without two upper-case hexadecimal digits, with the position.
Result<std::string> decode_quoted_printable(std::string_view text);

}  // namespace sendconn::dkim
