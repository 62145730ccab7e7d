// The two forms of a log line.
#pragma once

#include <chrono>
#include <initializer_list>
#include <string>
#include <string_view>

#include "relay/log/log.hpp"

namespace sendconn::relay {

std::string_view name_of(Level level);
/// "2026-11-22T15:02:50.123Z info accepted id=0123 from="a b"" and a newline.
std::string format_text(std::chrono::system_clock::time_point time, Level level, std::string_view event,
                        std::initializer_list<Log::Field> fields);
/// One JSON object and a newline.
std::string format_json(std::chrono::system_clock::time_point time, Level level, std::string_view event,
                        std::initializer_list<Log::Field> fields);

}  // namespace sendconn::relay
