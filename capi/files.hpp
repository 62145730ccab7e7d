// Reads a file as a caller names it.
#pragma once

#include <string>

namespace sendconn::capi {

/// All of it, without a buffer that would keep a copy of a secret. Throws a Failure: SENDCONN_ERR_NOT_FOUND,
/// SENDCONN_ERR_IO, SENDCONN_ERR_LIMIT_EXCEEDED above `max_octets`.
void read_file(const char* path, std::size_t max_octets, std::string& octets);

}  // namespace sendconn::capi
