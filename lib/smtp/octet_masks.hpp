// Where the octets that matter to a message's framing stand, for 64 octets at a time: one bit an octet, the lowest
// first. Framing then is arithmetic on bits ("an LF behind a CR" is lf & cr << 1), and costs the same for any line
// length.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sendconn::smtp {

struct OctetMasks {
  static constexpr std::size_t block = 64;

  std::uint64_t cr = 0;
  std::uint64_t lf = 0;
  std::uint64_t dot = 0;
  std::uint64_t nul = 0;
  std::uint64_t high = 0;  ///< above 0x7f

  friend bool operator==(const OctetMasks&, const OctetMasks&) = default;
};

/// Reads 64 octets. The fastest form that the build's target has.
OctetMasks find_octets(const char* octets) noexcept;
/// The same for any target, eight octets at a time.
OctetMasks find_octets_portably(const char* octets) noexcept;

}  // namespace sendconn::smtp
