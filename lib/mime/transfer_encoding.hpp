// Content-Transfer-Encoding (RFC 2045 section 6): which one a text needs, and the encodings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sendconn::mime {

enum class Encoding : std::uint8_t { seven_bit, eight_bit, quoted_printable, base64 };
std::string_view format(Encoding encoding) noexcept;  ///< "quoted-printable"

/// Lines of a body that pass unchanged everywhere have at most so many octets (RFC 5322 section 2.1.1).
inline constexpr std::size_t preferred_line_octets = 78;
/// Of an encoded line (RFC 2045 sections 6.7 and 6.8), and of our header lines (RFC 2047 section 2).
inline constexpr std::size_t encoded_line_octets = 76;

/// For text with CRLF line ends. Identity if no server on the way has a reason to touch the text: short lines, no white
/// space at their ends, none that begins with "From ", no control character, and ASCII unless `eight_bit`, where lines
/// may also be as long as a line may. Else the shorter encoding.
Encoding choose_encoding(std::string_view text, bool eight_bit) noexcept;

/// At most how many octets the text will have.
std::size_t encoded_octets(Encoding encoding, std::string_view text) noexcept;

/// `mark` and two hexadecimal digits: "=3D" in quoted-printable and in encoded words, "%3D" in parameters.
void append_escape(std::string& out, char mark, char octet);

/// Text with CRLF line ends. A last CRLF stays.
void append_quoted_printable(std::string& out, std::string_view text);
/// Lines of 76, each with CRLF, the last one too.
void append_base64_lines(std::string& out, std::string_view octets);
void append_encoded(std::string& out, Encoding encoding, std::string_view text);

}  // namespace sendconn::mime
