// The relay's stores as the configuration has them: one place for the relay and for the command line without it.
#pragma once

#include <chrono>

#include "relay/config/config.hpp"
#include "relay/control/store.hpp"
#include "relay/spool/spool.hpp"

namespace sendconn::relay {

/// Reads the passphrase file and opens the control store, waiting for its lock as long as `patience`. Errors as
/// read_secret_file() and ControlStore::open().
Result<ControlStore> open_control_store(const Config& config, std::chrono::milliseconds patience);

SpoolOptions spool_options(const Config& config);

}  // namespace sendconn::relay
