// IP addresses and networks (RFC 4291, RFC 5952, RFC 6890).
#include <sendconn/ip.hpp>

#include <algorithm>
#include <cstring>
#include <optional>

#include "lib/base/ascii.hpp"
#include "lib/base/cursor.hpp"
#include "lib/base/ipv4.hpp"

namespace sendconn {
namespace {

Error bad_address(std::string_view text) {
  return {Errc::syntax, ascii::quote(text) + " is not an IPv4 or IPv6 address (RFC 4291 section 2.2)", 0};
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::uint32_t number = 0;
  if (text.empty() || read_ipv4(text, number) != text.size()) return std::nullopt;
  return octets_of(number);
}

std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::array<std::uint8_t, 16> octets{};
  std::size_t filled = 0;
  std::optional<std::size_t> gap;
  Cursor cursor(text);
  if (cursor.peek() == ':') {
    if (cursor.peek(1) != ':') return std::nullopt;
    cursor.skip(2);
    gap = 0;
  }
  while (!cursor.at_end()) {
    if (filled >= octets.size()) return std::nullopt;
    if (const auto v4 = parse_v4(cursor.rest())) {
      if (filled > 12) return std::nullopt;
      std::copy(v4->begin(), v4->end(), octets.begin() + static_cast<std::ptrdiff_t>(filled));
      filled += 4;
      cursor.skip(cursor.rest().size());
      break;
    }
    const std::string_view digits = cursor.take_while(ascii::is_hex);
    if (digits.empty() || digits.size() > 4) return std::nullopt;
    unsigned group = 0;
    for (const char c : digits) group = group << 4U | static_cast<unsigned>(ascii::hex_value(c));
    octets[filled++] = static_cast<std::uint8_t>(group >> 8U);
    octets[filled++] = static_cast<std::uint8_t>(group);
    if (cursor.at_end()) break;
    if (!cursor.take(':')) return std::nullopt;
    if (cursor.take(':')) {
      if (gap) return std::nullopt;
      gap = filled;
    } else if (cursor.at_end()) {
      return std::nullopt;
    }
  }
  if (!gap) return filled == octets.size() ? std::optional(octets) : std::nullopt;
  if (filled > 14) return std::nullopt;      // "::" stands for at least one group of zeros
  const std::size_t behind = filled - *gap;  // octets that belong to the end
  std::memmove(octets.data() + octets.size() - behind, octets.data() + *gap, behind);
  std::memset(octets.data() + *gap, 0, octets.size() - filled);
  return octets;
}

std::string format_v6(std::string_view octets) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i)
    groups[i] = static_cast<unsigned>(static_cast<unsigned char>(octets[2 * i])) << 8U |
                static_cast<unsigned char>(octets[2 * i + 1]);
  std::size_t best = 8;
  std::size_t best_length = 1;  // a single zero group is not shortened (RFC 5952 section 4.2.2)
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t length = 0;
    while (i + length < 8 && groups[i + length] == 0) ++length;
    if (length > best_length) {
      best = i;
      best_length = length;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    std::array<char, 4> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), groups[i], 16).ptr;
    out.append(digits.data(), end);
  }
  return out;
}

// A block of the tables below: its first octets, and how many bits of them count.
struct Block {
  std::array<std::uint8_t, 12> octets;
  unsigned prefix;
};

bool within(std::string_view address, const Block& block) {
  const std::size_t whole = block.prefix / 8;
  const unsigned rest = block.prefix % 8;
  const auto octet = [&](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(address[i])); };
  for (std::size_t i = 0; i < whole; ++i)
    if (octet(i) != block.octets[i]) return false;
  return rest == 0 || (octet(whole) ^ block.octets[whole]) >> (8 - rest) == 0;
}

// What the IANA IPv4 special-purpose registry (RFC 6890) calls not globally reachable, the retired 6to4 anycast prefix
// (RFC 7526), multicast (RFC 5771) and the former class E.
constexpr Block special_v4[] = {
    {{0}, 8},
    {{10}, 8},
    {{100, 64}, 10},
    {{127}, 8},
    {{169, 254}, 16},
    {{172, 16}, 12},
    {{192, 0, 0}, 24},
    {{192, 0, 2}, 24},
    {{192, 88, 99}, 24},
    {{192, 168}, 16},
    {{198, 18}, 15},
    {{198, 51, 100}, 24},
    {{203, 0, 113}, 24},
    {{224}, 4},
    {{240}, 4},
};

// Global unicast addresses come from here alone (IANA IPv6 address space registry); the rest of IPv6 is loopback,
// local, multicast or unassigned. Inside it the special-purpose registry takes protocol assignments and documentation.
constexpr Block global_v6 = {{0x20}, 3};
constexpr Block special_v6[] = {{{0x20, 0x01, 0x00}, 23}, {{0x20, 0x01, 0x0d, 0xb8}, 32}, {{0x3f, 0xff, 0x00}, 20}};

constexpr Block mapped_v4 = {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 96};    // RFC 4291 section 2.5.5.2
constexpr Block nat64 = {{0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0}, 96};  // RFC 6052 section 2.1
constexpr Block six_to_four = {{0x20, 0x02}, 16};                                // RFC 3056 section 2

IpAddress embedded_v4(const IpAddress& address, std::size_t offset) {
  std::array<std::uint8_t, 4> v4{};
  std::memcpy(v4.data(), address.octets().data() + offset, v4.size());
  return IpAddress::v4(v4);
}

}  // namespace

Result<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.find(':') == std::string_view::npos) {
    if (const auto octets = parse_v4(text)) return v4(*octets);
  } else if (const auto octets = parse_v6(text)) {
    return v6(*octets);
  }
  return bad_address(text);
}

IpAddress IpAddress::v6(std::array<std::uint8_t, 16> octets) {
  IpAddress address;
  address.family_ = Family::v6;
  address.octets_ = octets;
  return address;
}

std::string IpAddress::format() const {
  // The embedded address of a mapped one is shown as what it is (RFC 5952 section 5).
  if (!is_v4()) return within(octets(), mapped_v4) ? "::ffff:" + unmapped().format() : format_v6(octets());
  std::string out;
  for (std::size_t i = 0; i < 4; ++i) out += (i == 0 ? "" : ".") + std::to_string(octets_[i]);
  return out;
}

IpAddress IpAddress::unmapped() const {
  return !is_v4() && within(octets(), mapped_v4) ? embedded_v4(*this, 12) : *this;
}

bool IpAddress::is_loopback() const {
  const IpAddress address = unmapped();
  if (address.is_v4()) return address.octets_[0] == 127;
  constexpr std::array<std::uint8_t, 16> loopback_v6 = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return address.octets_ == loopback_v6;
}

bool IpAddress::is_unspecified() const {
  return std::all_of(octets_.begin(), octets_.end(), [](std::uint8_t octet) { return octet == 0; });
}

bool IpAddress::is_special() const {
  const IpAddress address = unmapped();
  const auto listed = [&](const Block& block) { return within(address.octets(), block); };
  if (address.is_v4()) return std::any_of(std::begin(special_v4), std::end(special_v4), listed);
  if (listed(six_to_four)) return embedded_v4(address, 2).is_special();
  if (listed(nat64)) return embedded_v4(address, 12).is_special();
  return !listed(global_v6) || std::any_of(std::begin(special_v6), std::end(special_v6), listed);
}

Result<IpNetwork> IpNetwork::of(const IpAddress& address, unsigned prefix) {
  const std::string_view octets = address.octets();
  if (prefix > octets.size() * 8)
    return Error{Errc::invalid_argument,
                 "a prefix length of " + std::to_string(prefix) + " exceeds " + std::to_string(octets.size() * 8)};
  std::array<std::uint8_t, 16> masked{};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const unsigned bits = prefix > 8 * i ? std::min(8U, prefix - 8U * static_cast<unsigned>(i)) : 0U;
    masked[i] = static_cast<std::uint8_t>(static_cast<unsigned char>(octets[i]) & (0xff00U >> bits));
  }
  if (!address.is_v4()) return IpNetwork(IpAddress::v6(masked), prefix);
  return IpNetwork(IpAddress::v4({masked[0], masked[1], masked[2], masked[3]}), prefix);
}

Result<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return address.error();
  unsigned prefix = static_cast<unsigned>(address->octets().size()) * 8;
  if (slash != std::string_view::npos) {
    const std::string_view digits = text.substr(slash + 1);
    const auto number = ascii::to_number<unsigned>(digits);
    if (!number || (digits.size() > 1 && digits.front() == '0'))
      return Error{Errc::syntax, ascii::quote(digits) + " is not a prefix length: a number without leading zeros",
                   slash + 1};
    prefix = *number;
  }
  auto network = of(*address, prefix);
  if (network && network->address() != *address)
    return Error{Errc::syntax, ascii::quote(text) + " has bits set behind the prefix; write " + network->format(), 0};
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  return address.family() == address_.family() && (*of(address, prefix_)).address() == address_;
}

std::string IpNetwork::format() const { return address_.format() + "/" + std::to_string(prefix_); }

}  // namespace sendconn
