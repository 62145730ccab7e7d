// Secrets on their way in: from a file, or typed without being shown. Never from the command line's words, which every
// user of the machine can see.
#pragma once

#include <string>

#include <sendconn/result.hpp>

namespace sendconn::tools {

/// The first line of the file ("-": of standard input), without its line end. Errc::io, Errc::invalid_argument (empty).
Result<std::string> read_secret(const std::string& path);
/// Asks on the terminal, once or (for a new secret) twice. Errc::invalid_argument: no terminal, or they differ.
Result<std::string> prompt_secret(const std::string& question, bool twice);
bool has_terminal();

}  // namespace sendconn::tools
