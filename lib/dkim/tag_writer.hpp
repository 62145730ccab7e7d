// Writes a tag list (RFC 6376 section 3.2) as a header field, folded.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sendconn::dkim {

/// dkim-quoted-printable (RFC 6376 section 2.11); '|' is encoded too, as z= requires. Octets above 0x7f are encoded, so
/// that the field stays ASCII.
std::string encode_quoted_printable(std::string_view octets);

/// Tags in the order of the calls. Lines are folded with CRLF and a space so that none is longer than `max_columns`,
/// unless a single name or domain is (RFC 5322 section 2.1.1). Thread-compatible.
class TagWriter {
 public:
  static constexpr std::size_t max_columns = 78;

  explicit TagWriter(std::string_view field_name);

  /// A value that cannot be folded.
  void tag(std::string_view name, std::string_view value);
  /// Field names with colons between them (h=), in lower case, folded behind a colon.
  void names(std::string_view name, const std::vector<std::string_view>& items);
  /// "Name:quoted-printable" copies with bars between them (z=), folded behind a bar, long values anywhere.
  void copies(std::string_view name, const std::vector<std::string>& items);
  /// "b=" without a value: the text up to here is what is signed (RFC 6376 section 3.5).
  void begin_last(std::string_view name);
  /// The value of the last tag, folded wherever the line is full; ends the field with CRLF.
  void finish_last(std::string_view base64);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  std::string take() noexcept { return std::move(text_); }

 private:
  /// White space in front of something `width` columns wide: a space, or a fold if it would not fit behind one.
  void separate(std::size_t width);
  void fold();
  void write(std::string_view piece);
  void write_cut(std::string_view quoted_printable);
  [[nodiscard]] std::size_t room() const noexcept { return column_ < max_columns ? max_columns - column_ : 0; }

  std::string text_;
  std::size_t column_ = 0;
};

}  // namespace sendconn::dkim
