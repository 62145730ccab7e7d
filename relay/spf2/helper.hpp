// The process in which libspf2 runs: "sendconn-relay --spf-helper MODULE", started by SpfHelper. It takes frames from
// its standard input, a socket, answers there, and ends with it. It asks no DNS and opens no file but the module.
#pragma once

#include <string>

namespace sendconn::relay::spf2 {

/// The exit code. libspf2 may end the process before that; this is what it is for.
int run_helper(const std::string& module);

}  // namespace sendconn::relay::spf2
