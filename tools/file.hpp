// Files as a whole.
#pragma once

#include <string>

#include <sendconn/result.hpp>

namespace sendconn::tools {

/// The octets of a file; "-": of standard input. Errc::io, "cannot read <what> <path>": also for a folder.
Result<std::string> read_file(const std::string& path, const std::string& what);

}  // namespace sendconn::tools
