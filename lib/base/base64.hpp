// Base64 with the standard alphabet and padding (RFC 4648 section 4).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::base64 {

std::string encode(std::string_view octets);

constexpr std::size_t encoded_octets(std::size_t octets) noexcept { return (octets + 2) / 3 * 4; }
/// Writes the encoded_octets(octets.size()) characters to `out`, which has room for them, and returns their number.
std::size_t encode_to(char* out, std::string_view octets) noexcept;

/// Strict: padding required, nothing but the alphabet, unused bits zero. Errc::syntax with the position otherwise.
Result<std::string> decode(std::string_view text);

/// As decode(), with space, tab, CR and LF skipped wherever they stand: the form of DKIM's b=, bh= and p=
/// (RFC 6376 section 2.10). Missing padding is an error here too.
Result<std::string> decode_folded(std::string_view text);

}  // namespace sendconn::base64
