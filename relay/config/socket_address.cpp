#include "relay/config/socket_address.hpp"

#include <charconv>

namespace sendconn::relay {
namespace {

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [stop, fault] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || fault != std::errc{} || stop != text.data() + text.size()) {
    return Error{Errc::syntax, "'" + std::string(text) + "' is no port: a number from 0 to 65535 is required"};
  }
  return port;
}

}  // namespace

Result<SocketAddress> SocketAddress::parse(std::string_view text, std::optional<std::uint16_t> default_port) {
  const Error form{
      Errc::syntax,
      "'" + std::string(text) + "' is no address and port: \"192.0.2.1:587\" or \"[2001:db8::1]:587\" is required"};
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (!text.empty() && text.front() == '[') {
    const std::size_t bracket = text.find(']');
    if (bracket == std::string_view::npos) return form;
    host = text.substr(1, bracket - 1);
    if (host.find(':') == std::string_view::npos) return form;
    const std::string_view rest = text.substr(bracket + 1);
    if (!rest.empty() && rest.front() != ':') return form;
    has_port = !rest.empty();
    if (has_port) port = rest.substr(1);
  } else if (const std::size_t colon = text.find(':');
             colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  auto address = IpAddress::parse(host);
  if (!address || (!has_port && !default_port)) return form;
  if (!has_port) return SocketAddress{*address, *default_port};
  auto number = parse_port(port);
  if (!number) return std::move(number).error();
  return SocketAddress{*address, *number};
}

std::string SocketAddress::format() const {
  const std::string host = address.is_v4() ? address.format() : "[" + address.format() + "]";
  return host + ":" + std::to_string(port);
}

}  // namespace sendconn::relay
