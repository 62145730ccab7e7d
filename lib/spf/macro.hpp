// Macro strings of SPF (RFC 7208 section 7): checked once when the record is parsed, expanded without a second check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <sendconn/ip.hpp>
#include <sendconn/spf_record.hpp>
#include <sendconn/time.hpp>

namespace sendconn::spf {

/// Where a macro string stands decides which letters it may use (RFC 7208 section 7.2).
enum class MacroPlace : std::uint8_t {
  domain_spec,  ///< s l o d i p v h
  modifier,     ///< all letters: what a modifier means that nobody knows yet, nobody can say
  explanation,  ///< all letters, and spaces
};

/// What a macro string asks of its surroundings.
struct MacroUse {
  bool has_macros = false;
  bool asks_ptr = false;
};

/// The first fault, its position counted from the beginning of `text`; nothing if it is well-formed.
std::optional<Fault> check_macros(std::string_view text, MacroPlace place, MacroUse& use);

/// The same for a domain-spec, whose end must be a macro or a dot and a top label (RFC 7208 section 7.1).
std::optional<Fault> check_domain_spec(std::string_view text, MacroUse& use);

/// What the letters stand for. Views that outlive the expansion.
struct MacroValues {
  std::string_view sender;         ///< s
  std::string_view local;          ///< l
  std::string_view sender_domain;  ///< o
  std::string_view domain;         ///< d
  std::string_view ptr_name;       ///< p
  std::string_view helo;           ///< h
  std::string_view receiver;       ///< r
  IpAddress client;                ///< i, v, c
  UnixTime now{};                  ///< t
};

/// Appends the expansion of a checked macro string. Once `out` holds `enough` octets no more is needed of its beginning
/// (for a name) or of its end (for an explanation), and the work stops growing.
void expand_name(std::string_view text, const MacroValues& values, std::string& out);
void expand_text(std::string_view text, const MacroValues& values, std::size_t enough, std::string& out);

/// The address as %{i} has it: "192.0.2.1", or 32 nibbles between dots, in upper case as RFC 7208's test suite has
/// them.
struct DottedAddress {
  explicit DottedAddress(const IpAddress& address);
  [[nodiscard]] std::string_view text() const noexcept { return {octets, size}; }
  char octets[64];
  std::size_t size = 0;
};

/// Below which the PTR records of an address stand: "in-addr" or "ip6".
inline std::string_view reverse_zone(const IpAddress& address) noexcept {
  return address.is_v4() ? std::string_view("in-addr") : std::string_view("ip6");
}

}  // namespace sendconn::spf
