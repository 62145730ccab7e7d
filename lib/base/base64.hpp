// Base64 with the standard alphabet and padding (RFC 4648 section 4).
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::base64 {

std::string encode(std::string_view octets);

/// Strict: padding required, nothing but the alphabet, unused bits zero. Errc::syntax with the position otherwise.
Result<std::string> decode(std::string_view text);

/// As decode(), with space, tab, CR and LF skipped wherever they stand: the form of DKIM's b=, bh= and p=
/// (RFC 6376 section 2.10). Missing padding is an error here too.
Result<std::string> decode_folded(std::string_view text);

}  // namespace sendconn::base64
