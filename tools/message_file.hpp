// A message from a file, as SMTP and DKIM want it.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::tools {

/// The file's octets ("-": standard input) with every line end made CRLF. Errc::io.
Result<std::string> read_message(const std::string& path);
/// The same for a message whose octets were signed: a file whose first line ends in CRLF came as SMTP had it, and stays
/// as it is, a lone CR or LF in it too.
Result<std::string> read_received_message(const std::string& path);
/// Octets as JSON text can carry them: each octet is the code point of its number, in UTF-8.
std::string to_code_points(std::string_view octets);

}  // namespace sendconn::tools
