// What a server's answer to EHLO means (RFC 5321 section 4.1.1.1 and the extensions' own RFCs).
#pragma once

#include <string_view>

#include <sendconn/smtp.hpp>

namespace sendconn::smtp {

/// `text`: of the reply, its lines separated by '\n'; the first names the server. Keywords that mean nothing to us are
/// passed over, and so is a SIZE that is no number. The old form "AUTH=" is read too.
Capabilities parse_capabilities(std::string_view text);

}  // namespace sendconn::smtp
