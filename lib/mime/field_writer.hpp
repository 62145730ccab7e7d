// Writes one header field: words with white space between them, folded where a line would become too long (RFC 5322
// section 2.2.3), encoded words where a word cannot stand as it is (RFC 2047).
//
// Whoever reads an unstructured field gets exactly the text back: white space between two encoded words vanishes when
// they are decoded (RFC 2047 section 6.2), so neighbours that both need encoding are encoded as one text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/mime.hpp>

namespace sendconn::mime {

/// Appends to `out` while it lives. What it is given was checked by check_line(). Thread-compatible.
class FieldWriter {
 public:
  /// `utf8`: octets above 0x7f stand as they are (RFC 6532).
  FieldWriter(std::string& out, std::string_view name, bool utf8);

  /// What cannot be cut, behind a space or on a new line.
  void word(std::string_view word) { put(" ", word); }
  /// Unstructured text (RFC 5322 section 2.2.1). Words that are too long for a line are encoded, or, since a URL in a
  /// field with a grammar must not be, kept as they are up to max_kept_word octets.
  enum class LongWords : std::uint8_t { encode, keep };
  static constexpr std::size_t max_kept_word = 900;  ///< our own bound: fits a line of 998 beside any name
  void text(std::string_view text, LongWords long_words);
  /// Display name and address; `behind` follows at once: a comma, or nothing.
  void mailbox(const Mailbox& mailbox, std::string_view behind);
  void end() { out_ += "\r\n"; }

 private:
  void put(std::string_view white, std::string_view word);
  void fold();
  /// Nothing stands on the field's first line yet but its name.
  [[nodiscard]] bool at_first_word() const noexcept { return !line_has_word_ && column_ > 0; }
  void phrase(std::string_view name);
  void encoded(std::string_view white, std::string_view text);
  [[nodiscard]] bool needs_encoding(std::string_view word, LongWords long_words) const;

  std::string& out_;
  std::size_t column_;
  bool utf8_;
  bool line_has_word_ = false;
};

}  // namespace sendconn::mime
