// Names as the DNS has them: octets between dots, bounded (RFC 1035 section 3.1), compared without regard to case
// (RFC 4343). Wider than sendconn::Domain, because a macro of SPF may form any name.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sendconn::dns {

constexpr std::size_t max_name_octets = 253;  // RFC 1035 section 3.1: 255 on the wire, less the first length and root
constexpr std::size_t max_label_octets = 63;  // RFC 1035 section 3.1

/// Without one trailing dot; the root is the empty name.
constexpr std::string_view without_root_dot(std::string_view name) noexcept {
  if (!name.empty() && name.back() == '.') name.remove_suffix(1);
  return name;
}

/// No empty or overlong label, not too long in all. The root is a name.
bool is_name(std::string_view name) noexcept;

/// The name above: "example.com" of "www.example.com", the root of "com". `name` is not the root.
std::string_view parent(std::string_view name) noexcept;

/// What a map keys on: lower case, no trailing dot.
std::string canonical(std::string_view name);

}  // namespace sendconn::dns
