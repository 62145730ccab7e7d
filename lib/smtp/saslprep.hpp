// SASLprep (RFC 4013): how a password or a user name is prepared before it is hashed or compared.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>

namespace sendconn::sasl {

/// ASCII is answered here: it stays as it is, and control characters are refused (RFC 4013 section 2.3). Other text
/// goes through libidn's profile if the build has libidn (mapping, NFKC, prohibited output, bidirectional check, and no
/// code points unassigned in Unicode 3.2: a stored string, section 2.5); without it, UTF-8 is passed on unchanged,
/// which is right for every client that sends composed characters. Errc::invalid_argument otherwise; the text never
/// holds the secret.
Result<std::string> saslprep(std::string_view text);

}  // namespace sendconn::sasl
