// Reply: what a server says, and the one form in which a refusal goes from where it is decided all the way to the wire.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn {

/// An enhanced status code (RFC 3463): 5.7.1. All zero: none.
struct EnhancedCode {
  std::uint16_t klass = 0;  ///< 2, 4 or 5
  std::uint16_t subject = 0;
  std::uint16_t detail = 0;

  [[nodiscard]] bool empty() const noexcept { return klass == 0; }
  [[nodiscard]] std::string format() const;
  /// Class 2, 4 or 5, then subject and detail of 1 to 3 digits each, and nothing behind (RFC 3463 section 2).
  /// Errc::syntax with the position otherwise.
  static Result<EnhancedCode> parse(std::string_view text);
  friend bool operator==(const EnhancedCode&, const EnhancedCode&) = default;
};

/// A reply of SMTP: code, enhanced code, text. Several lines of text are separated by '\n'.
struct Reply {
  static constexpr std::size_t max_line_octets = 512;  ///< RFC 5321 section 4.5.3.1.5: with the code and CRLF

  std::uint16_t code = 0;  ///< 200 to 599; 0 where a report has no reply of the server to show
  EnhancedCode enhanced;
  std::string text;

  [[nodiscard]] bool positive() const noexcept { return code >= 200 && code < 400; }
  [[nodiscard]] bool temporary() const noexcept { return code >= 400 && code < 500; }
  [[nodiscard]] bool permanent() const noexcept { return code >= 500; }
  /// The lines as they go on the wire, each with code, enhanced code (if `with_enhanced`, and if its class is that of
  /// the code: RFC 2034 section 4) and CRLF. Control characters in the text become spaces, so that no text can forge a
  /// line; long text is folded into lines of at most 512 octets, at spaces where there are some, and never inside a
  /// UTF-8 character.
  [[nodiscard]] std::string format(bool with_enhanced = true) const;
  /// format() behind what `out` holds already.
  void append_to(std::string& out, bool with_enhanced = true) const;
  /// "550 5.7.1 text" on one line (line ends become spaces): for logs, delivery reports and people.
  [[nodiscard]] std::string summary() const;
  friend bool operator==(const Reply&, const Reply&) = default;
};

}  // namespace sendconn

#pragma GCC visibility pop
