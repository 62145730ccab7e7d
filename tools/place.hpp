// Where in a record something is wrong: the record, and below it a line of marks, as compilers do.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/output.hpp"

namespace sendconn::tools {

/// Two lines: the record, or 100 octets of a longer one around the place, and marks under `octets` of it.
void show_place(const Output& out, std::string_view record, std::size_t position, std::size_t octets, Style style);

/// "error [code]: text", then the place. `severity` is "error", "warning" or anything else, which is a remark.
void show_finding(const Output& out, std::string_view record, std::string_view severity, std::string_view code,
                  std::string_view text, std::size_t position, std::size_t octets);

/// Control characters replaced octet by octet, so that positions stay what they are. JSON replaces what is no UTF-8.
std::string one_line(std::string_view text);

}  // namespace sendconn::tools
