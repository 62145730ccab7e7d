// The command line's way in: one request from standard input, one answer on standard output.
#pragma once

#include "relay/config/config.hpp"

namespace sendconn::relay {

/// `sendconn-relay --admin-once`: reads one request (a line of JSON as in server.hpp) from standard input and writes
/// the answer to standard output. If a relay runs, it is asked through its socket; if none does, the files are opened
/// here, under the lock that keeps a relay from starting meanwhile. Returns the program's exit code: 0 if an answer was
/// written, be it a refusal; 1 if even that failed.
int run_admin_once(const Config& config);

}  // namespace sendconn::relay
