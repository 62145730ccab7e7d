// Reads IPv4 addresses out of longer texts: SPF records consist of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sendconn {

/// The address that `text` begins with, as a number, and how many octets it takes there: 0 if there is none. Four
/// decimal parts without leading zeros, as long as digits go on.
std::size_t read_ipv4(std::string_view text, std::uint32_t& number) noexcept;

/// In network order.
constexpr std::array<std::uint8_t, 4> octets_of(std::uint32_t number) noexcept {
  return {static_cast<std::uint8_t>(number >> 24U), static_cast<std::uint8_t>(number >> 16U),
          static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
}

}  // namespace sendconn
