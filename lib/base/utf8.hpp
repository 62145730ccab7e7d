// UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sendconn::utf8 {

/// A code point and the octets it takes.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t octets = 0;
};

/// The code point that `text` begins with; nothing if it is empty or does not begin with a well-formed sequence.
std::optional<CodePoint> decode(std::string_view text) noexcept;

/// The offset of the first octet that begins no well-formed sequence; nothing if all of `text` is UTF-8.
std::optional<std::size_t> find_fault(std::string_view text) noexcept;

/// U+0000 to U+001F and U+007F to U+009F: characters that steer a terminal and have no place in a name.
constexpr bool is_control(std::uint32_t code_point) noexcept {
  return code_point < 0x20 || (code_point >= 0x7f && code_point <= 0x9f);
}

}  // namespace sendconn::utf8
