// Words: eight octets of a text at once, for the loops that every name and every term goes through. `each` times an
// octet is that octet in every place; `high` has the top bit of every place, into which sums of seven bits carry.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sendconn::words {

constexpr std::size_t octets = 8;
constexpr std::uint64_t each = 0x0101010101010101;
constexpr std::uint64_t high = 0x80 * each;

inline std::uint64_t load(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, octets);
  return word;
}

inline void store(char* at, std::uint64_t word) noexcept { std::memcpy(at, &word, octets); }

/// As a number that is the smaller the earlier the text comes in the order of its octets.
constexpr std::uint64_t in_order(std::uint64_t word) noexcept {
  return std::endian::native == std::endian::big ? word : __builtin_bswap64(word);
}

/// The top bit of each octet that is `c`.
constexpr std::uint64_t equal(std::uint64_t word, char c) noexcept {
  const std::uint64_t difference = word ^ static_cast<unsigned char>(c) * each;
  return ~(((difference & ~high) + ~high) | difference) & high;
}

/// ascii::lower() of each octet.
constexpr std::uint64_t lower(std::uint64_t word) noexcept {
  const std::uint64_t low = word & ~high;
  const std::uint64_t from_a = low + (0x80 - 'A') * each;
  const std::uint64_t above_z = low + (0x7f - 'Z') * each;
  const std::uint64_t upper = (from_a ^ above_z) & ~word & high;
  return word | upper >> 2U;
}

}  // namespace sendconn::words
