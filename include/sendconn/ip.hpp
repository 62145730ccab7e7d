// IP addresses and networks as values: parsed, formatted, compared and classified without any system header.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include <sendconn/result.hpp>

#pragma GCC visibility push(default)

namespace sendconn {

/// An IPv4 or IPv6 address. Always valid; thread-compatible.
class IpAddress {
 public:
  enum class Family : std::uint8_t { v4, v6 };

  /// 0.0.0.0
  IpAddress() = default;

  /// "192.0.2.1" (four decimal parts, no leading zeros) or "2001:db8::1" (RFC 4291 section 2.2, the embedded-IPv4 form
  /// included; no zone identifier, no brackets). Errc::syntax otherwise.
  static Result<IpAddress> parse(std::string_view text);
  static IpAddress v4(std::array<std::uint8_t, 4> octets) noexcept { return IpAddress(octets); }
  static IpAddress v6(std::array<std::uint8_t, 16> octets);

  [[nodiscard]] Family family() const noexcept { return family_; }
  [[nodiscard]] bool is_v4() const noexcept { return family_ == Family::v4; }
  /// The address in network order; 4 or 16 octets.
  [[nodiscard]] std::string_view octets() const noexcept {
    return {reinterpret_cast<const char*>(octets_.data()), is_v4() ? 4U : 16U};
  }
  /// Canonical text; IPv6 by RFC 5952 (lower case, longest run of zeros shortened, ::ffff:192.0.2.1 for mapped ones).
  [[nodiscard]] std::string format() const;
  /// The IPv4 address inside an IPv4-mapped IPv6 address (::ffff:0:0/96), else the address itself.
  [[nodiscard]] IpAddress unmapped() const;

  [[nodiscard]] bool is_loopback() const;  ///< 127.0.0.0/8, ::1, and mapped
  [[nodiscard]] bool is_unspecified() const;
  /// Not reachable over the public Internet: private, loopback, link-local, unique-local, shared (100.64.0.0/10),
  /// multicast, broadcast, documentation, reserved and unspecified addresses, all of IPv6 outside 2000::/3, and IPv6
  /// forms that carry such an IPv4 address (mapped, 6to4, NAT64 64:ff9b::/96). Source: the IANA special-purpose
  /// registries (RFC 6890).
  [[nodiscard]] bool is_special() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  explicit IpAddress(std::array<std::uint8_t, 4> octets) noexcept
      : octets_{octets[0], octets[1], octets[2], octets[3]} {}

  Family family_ = Family::v4;
  std::array<std::uint8_t, 16> octets_{};
};

/// An address with a prefix length. Always valid; bits behind the prefix are zero.
class IpNetwork {
 public:
  /// "192.0.2.0/24", "2001:db8::/32", or a single address. Bits set behind the prefix are refused.
  static Result<IpNetwork> parse(std::string_view text);
  /// Errc::invalid_argument if `prefix` exceeds 32 or 128. Bits behind the prefix are cleared.
  static Result<IpNetwork> of(const IpAddress& address, unsigned prefix);

  [[nodiscard]] const IpAddress& address() const noexcept { return address_; }
  [[nodiscard]] unsigned prefix() const noexcept { return prefix_; }
  /// Families must match; map IPv4-mapped addresses with IpAddress::unmapped() first.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] std::string format() const;

  friend auto operator<=>(const IpNetwork&, const IpNetwork&) = default;

 private:
  IpNetwork(const IpAddress& address, unsigned prefix) : address_(address), prefix_(prefix) {}
  IpAddress address_;
  unsigned prefix_ = 0;
};

}  // namespace sendconn

#pragma GCC visibility pop
