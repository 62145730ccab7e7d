// ASCII alone: case, classes, trimming and numbers. The locale has no say in a protocol.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sendconn::ascii {

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }
constexpr char upper(char c) noexcept { return c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c; }
constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
constexpr bool is_alpha(char c) noexcept { return lower(c) >= 'a' && lower(c) <= 'z'; }
constexpr bool is_alnum(char c) noexcept { return is_digit(c) || is_alpha(c); }
constexpr bool is_hex(char c) noexcept { return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f'); }
constexpr bool is_wsp(char c) noexcept { return c == ' ' || c == '\t'; }
/// Space, tab, CR or LF: what may stand inside folding white space.
constexpr bool is_fws(char c) noexcept { return is_wsp(c) || c == '\r' || c == '\n'; }
/// A visible character, 0x21 to 0x7e.
constexpr bool is_vchar(char c) noexcept { return c > 0x20 && c < 0x7f; }
/// Below 0x20, or 0x7f.
constexpr bool is_control(char c) noexcept { return (c >= 0 && c < ' ') || c == 0x7f; }
constexpr bool is_8bit(char c) noexcept { return (static_cast<unsigned char>(c) & 0x80U) != 0; }

/// The value of a hexadecimal digit, or -1.
constexpr int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

/// Equal, upper and lower case of A to Z taken as the same.
bool equal(std::string_view a, std::string_view b) noexcept;
bool starts_with(std::string_view text, std::string_view prefix) noexcept;
std::string to_lower(std::string_view text);
/// The same into a string whose memory is used again.
void assign_lower(std::string& out, std::string_view text);

/// Appends the text with a space for every control character: for what ends up in a line of a protocol, or in front of
/// people, whose terminals obey some of them.
void append_harmless(std::string& out, std::string_view text);

/// Without leading and trailing space, tab, CR and LF.
std::string_view trim(std::string_view text) noexcept;

/// Any octet above 0x7f.
bool has_8bit(std::string_view text) noexcept;
/// Visible characters and spaces alone.
bool is_printable(std::string_view text) noexcept;
/// How many visible characters the text begins with.
std::size_t count_vchars(std::string_view text) noexcept;

/// Lower-case hexadecimal, two digits an octet.
std::string to_hex(std::string_view octets);

/// Foreign text for an error or a log: in double quotes, what is not printable ASCII as \xNN, so that it can forge
/// neither a line nor a reply; cut with "..." behind `max_octets` octets of input.
std::string quote(std::string_view text, std::size_t max_octets = 80);

/// A decimal number without sign, spaces or anything behind it; nothing if it does not fit.
template <class T>
std::optional<T> to_number(std::string_view text) noexcept {
  T value{};
  const char* end = text.data() + text.size();
  if (text.empty() || !is_digit(text.front())) return std::nullopt;
  const auto [stop, fault] = std::from_chars(text.data(), end, value);
  if (fault != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace sendconn::ascii
