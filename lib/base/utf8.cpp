#include "lib/base/utf8.hpp"

namespace sendconn::utf8 {
namespace {

constexpr bool is_tail(unsigned octet) noexcept { return (octet & 0xc0U) == 0x80U; }

// What a first octet promises: the number of octets, the value bits it carries itself, and the least code point that
// needs so many octets (RFC 3629 section 3; anything smaller would be overlong).
struct Lead {
  std::size_t octets;
  std::uint32_t bits;
  std::uint32_t least;
};

constexpr Lead lead(unsigned octet) noexcept {
  if (octet < 0x80) return {1, octet, 0};
  if ((octet & 0xe0U) == 0xc0U) return {2, octet & 0x1fU, 0x80};
  if ((octet & 0xf0U) == 0xe0U) return {3, octet & 0x0fU, 0x800};
  if ((octet & 0xf8U) == 0xf0U) return {4, octet & 0x07U, 0x10000};
  return {0, 0, 0};
}

}  // namespace

std::optional<CodePoint> decode(std::string_view text) noexcept {
  if (text.empty()) return std::nullopt;
  const auto octet = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(text[i])); };
  const Lead first = lead(octet(0));
  if (first.octets == 0 || first.octets > text.size()) return std::nullopt;
  std::uint32_t value = first.bits;
  for (std::size_t i = 1; i < first.octets; ++i) {
    if (!is_tail(octet(i))) return std::nullopt;
    value = value << 6U | (octet(i) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < first.least || surrogate || value > 0x10ffff) return std::nullopt;
  return CodePoint{value, first.octets};
}

std::optional<std::size_t> find_fault(std::string_view text) noexcept {
  for (std::size_t position = 0; position < text.size();) {
    const auto point = decode(text.substr(position));
    if (!point) return position;
    position += point->octets;
  }
  return std::nullopt;
}

}  // namespace sendconn::utf8
