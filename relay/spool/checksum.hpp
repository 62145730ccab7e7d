// A 64-bit checksum for what stands on the disk, at memory speed on any processor.
//
// It finds torn writes, stale blocks and flipped bits; it is no signature. Four lanes take 8 octets each in turn, each
// step can be undone, so that any change within one lane's octets alone changes the result for certain, and any other
// with all but a chance of 2^-64. Different seeds give unrelated sums.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sendconn::relay {

std::uint64_t checksum(std::string_view octets, std::uint64_t seed) noexcept;

/// Fixed-width little-endian numbers, for what is found by its place.
void put_fixed32(std::string& out, std::uint32_t value);
void put_fixed64(std::string& out, std::uint64_t value);
/// The number at `at`, which must lie within `octets`.
std::uint32_t get_fixed32(std::string_view octets, std::size_t at) noexcept;
std::uint64_t get_fixed64(std::string_view octets, std::size_t at) noexcept;
/// Overwrites the 8 octets at `at`.
void set_fixed64(std::string& out, std::size_t at, std::uint64_t value) noexcept;

}  // namespace sendconn::relay
