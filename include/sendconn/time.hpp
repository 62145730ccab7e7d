// The two kinds of time that the machines take as arguments. Nothing in lib/ outside lib/io reads a clock.
#pragma once

#include <chrono>

#pragma GCC visibility push(default)

namespace sendconn {

/// A monotonic instant: deadlines, token buckets, waits. Never written to disk.
using Instant = std::chrono::steady_clock::time_point;

/// A length of time between two Instants.
using Duration = std::chrono::steady_clock::duration;

/// Seconds since 1970-01-01 UTC, leap seconds not counted: what stands in messages, signatures and the spool.
using UnixTime = std::chrono::sys_seconds;

}  // namespace sendconn

#pragma GCC visibility pop
