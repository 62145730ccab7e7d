#include "relay/spool/checksum.hpp"

#include <bit>
#include <cstring>

namespace sendconn::relay {
namespace {

// Odd numbers without pattern: the fractions of the square roots of 2, 3, 5 and 7.
constexpr std::uint64_t k2 = 0x6a09e667f3bcc909;
constexpr std::uint64_t k3 = 0xbb67ae8584caa73b;
constexpr std::uint64_t k5 = 0x3c6ef372fe94f82b;
constexpr std::uint64_t k7 = 0xa54ff53a5f1d36f1;
constexpr std::size_t stripe = 32;

std::uint64_t from_little_endian(std::uint64_t value) noexcept {
  if constexpr (std::endian::native == std::endian::big) return __builtin_bswap64(value);
  return value;
}

std::uint64_t word(const char* at) noexcept {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return from_little_endian(value);
}

std::uint64_t step(std::uint64_t lane, std::uint64_t value) noexcept { return std::rotl(lane + value * k3, 29) * k2; }

std::uint64_t spread(std::uint64_t value) noexcept {
  value = (value ^ (value >> 32)) * k5;
  value = (value ^ (value >> 29)) * k7;
  return value ^ (value >> 32);
}

}  // namespace

std::uint64_t checksum(std::string_view octets, std::uint64_t seed) noexcept {
  std::uint64_t a = seed + k2;
  std::uint64_t b = seed + k3;
  std::uint64_t c = seed + k5;
  std::uint64_t d = seed + k7;
  const char* at = octets.data();
  std::size_t left = octets.size();
  for (; left >= stripe; left -= stripe, at += stripe) {
    a = step(a, word(at));
    b = step(b, word(at + 8));
    c = step(c, word(at + 16));
    d = step(d, word(at + 24));
  }
  std::uint64_t sum = seed ^ (octets.size() * k7);
  for (const std::uint64_t lane : {a, b, c, d}) sum = step(sum, spread(lane));
  for (; left >= 8; left -= 8, at += 8) sum = step(sum, word(at));
  if (left > 0) {
    char rest[8] = {};
    std::memcpy(rest, at, left);
    sum = step(sum, word(rest));
  }
  return spread(sum);
}

void put_fixed32(std::string& out, std::uint32_t value) {
  for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(value >> shift));
}

void put_fixed64(std::string& out, std::uint64_t value) {
  out.resize(out.size() + 8);
  set_fixed64(out, out.size() - 8, value);
}

std::uint32_t get_fixed32(std::string_view octets, std::size_t at) noexcept {
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | static_cast<unsigned char>(octets[at + i]);
  return value;
}

std::uint64_t get_fixed64(std::string_view octets, std::size_t at) noexcept { return word(octets.data() + at); }

void set_fixed64(std::string& out, std::size_t at, std::uint64_t value) noexcept {
  value = from_little_endian(value);
  std::memcpy(out.data() + at, &value, sizeof value);
}

}  // namespace sendconn::relay
