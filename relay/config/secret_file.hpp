// A file that holds one secret, such as a passphrase or a smarthost's password.
#pragma once

#include <string>

#include <sendconn/result.hpp>

namespace sendconn::relay {

/// The file's first line without its line end. Errors (Errc::io, Errc::invalid_argument): cannot be read, empty, longer
/// than a secret is, or readable by everybody. The text never holds any of the content.
Result<std::string> read_secret_file(const std::string& path);

}  // namespace sendconn::relay
