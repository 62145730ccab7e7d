// What the program's exit code says; docs/cli.md has the same table.
#pragma once

namespace sendconn::tools {

enum ExitCode : int {
  exit_ok = 0,
  exit_failed = 1,     ///< refused, contradicts what exists, or the system failed
  exit_usage = 2,      ///< the command line, or a value on it, is not what is required
  exit_not_found = 3,  ///< what was asked for does not exist
  exit_temporary = 4,  ///< the same command may succeed later: DNS did not answer, a server deferred, the relay is busy
};

}  // namespace sendconn::tools
