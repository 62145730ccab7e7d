// Time on the command line: seconds since 1970, or what people read.
#pragma once

#include <string>
#include <string_view>

#include <sendconn/result.hpp>
#include <sendconn/time.hpp>

namespace sendconn::tools {

/// "2026-11-22T15:02:50Z"; years beyond 9999 as seconds.
std::string format_time(UnixTime time);
/// The form above, or seconds since 1970 of at most 12 digits; empty: the clock's time. Errc::invalid_argument.
Result<UnixTime> parse_time(std::string_view text);

}  // namespace sendconn::tools
