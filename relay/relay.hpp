// Relay: the program's parts put together in the order in which they depend on each other, and taken down again.
#pragma once

#include <memory>

#include <sendconn/result.hpp>

#include "relay/config/config.hpp"

namespace sendconn::relay {

/// Runs the relay until SIGTERM or SIGINT; returns the program's exit code, or one clear sentence why it could not
/// start.
///
/// SIGTERM drains: nobody new is let in, messages under way end, deliveries under way end, the spool is closed; after
/// `drain_timeout`, or at a second signal, it stops at once. Neither loses anything: what was answered 250 is in the
/// spool. SIGHUP reads the certificates and opens the log file anew.
/// Call it once, from the main thread, before any other thread exists: it blocks these signals for all threads.
Result<int> run(const Config& config);

/// Reads every file that the configuration names, as run() would: certificates, keys, passwords, the zone file. One
/// clear sentence about the first that it could not use. Makes and changes nothing.
Result<void> check_files(const Config& config);

}  // namespace sendconn::relay
