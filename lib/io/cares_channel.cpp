#include "lib/io/cares_channel.hpp"

#include <algorithm>
#include <cstdint>
#include <new>

#include <sendconn/ip.hpp>

#include "lib/base/ascii.hpp"

namespace sendconn::io {
namespace {

constexpr std::size_t max_servers = 16;  // our own bound

/// One server as c-ares reads it: "192.0.2.1:53", "[2001:db8::1]:53".
Result<std::string> parse_server(const std::string& text) {
  const auto bad = [&] {
    return Error{Errc::invalid_argument,
                 ascii::quote(text) + " is not a server: an address, or address:port with an IPv6 address in brackets"};
  };
  std::string_view host = text;
  std::string_view port = "53";
  if (!host.empty() && host.front() == '[') {
    const std::size_t close = host.find(']');
    if (close == std::string_view::npos) return bad();
    const std::string_view rest = host.substr(close + 1);
    if (!rest.empty() && rest.front() != ':') return bad();
    if (!rest.empty()) port = rest.substr(1);
    host = host.substr(1, close - 1);
    if (host.find(':') == std::string_view::npos) return bad();
  } else if (std::count(host.begin(), host.end(), ':') == 1) {
    const std::size_t colon = host.find(':');
    port = host.substr(colon + 1);
    host = host.substr(0, colon);
  }
  const auto address = IpAddress::parse(host);
  const auto number = ascii::to_number<std::uint16_t>(port);
  if (!address || !number || *number == 0) return bad();
  const std::string canonical = address->is_v4() ? address->format() : "[" + address->format() + "]";
  return canonical + ":" + std::to_string(*number);
}

Result<std::string> parse_servers(const std::vector<std::string>& servers) {
  if (servers.size() > max_servers)
    return Error{Errc::invalid_argument, std::to_string(servers.size()) + " DNS servers; at most 16 are used"};
  std::string all;
  for (const std::string& text : servers) {
    auto server = parse_server(text);
    if (!server) return server;
    all += (all.empty() ? "" : ",") + *server;
  }
  return all;
}

}  // namespace

Error cares_error(std::string_view what, int status) {
  if (status == ARES_ENOMEM) throw std::bad_alloc();
  return {Errc::io, std::string(what) + ": " + ares_strerror(status)};
}

Result<ares_channel> open_channel(ares_options& options, int mask, const std::vector<std::string>& servers) {
  static const int library = ares_library_init(ARES_LIB_INIT_ALL);
  if (library != ARES_SUCCESS) return cares_error("c-ares cannot start", library);
  auto list = parse_servers(servers);
  if (!list) return list.error();
  ares_channel channel = nullptr;
  if (const int status = ares_init_options(&channel, &options, mask); status != ARES_SUCCESS) {
    return cares_error("c-ares cannot start", status);
  }
  if (list->empty()) return channel;
  if (const int status = ares_set_servers_ports_csv(channel, list->c_str()); status != ARES_SUCCESS) {
    ares_destroy(channel);
    return cares_error("c-ares refuses the servers " + *list, status);
  }
  return channel;
}

}  // namespace sendconn::io
