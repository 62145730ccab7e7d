// Reads sendconn.toml: text → document → the key table fills a Config → the checks that look at several keys at once.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

#include <sendconn/address.hpp>

#include "relay/config/config.hpp"
#include "relay/config/domain_pattern.hpp"
#include "relay/config/keys.hpp"
#include "relay/config/socket_address.hpp"
#include "relay/config/value.hpp"

namespace sendconn::relay {
namespace {

using config::Document;
using config::Entry;
using config::Key;
using config::Section;

constexpr std::size_t max_file_octets = 1'048'576;    // our own bound; a real file has a few KB
constexpr std::size_t max_socket_path_octets = 107;   // sun_path of unix(7), without its NUL
constexpr std::size_t max_provider_octets = 63 - 11;  // "_<provider>-challenge" is one DNS label
constexpr std::uint64_t min_line_octets = 998;        // RFC 5321 section 4.5.3.1.6, without CRLF
constexpr std::size_t max_field_name_octets = 60;     // our own: the name and its reason stand on one line

/// Where the file says something, for errors: "relay.toml:12: ".
class Place {
 public:
  Place(const std::string& path, const Document& document) : path_(path), document_(document) {}

  [[nodiscard]] std::string line(std::size_t number) const { return path_ + ":" + std::to_string(number) + ": "; }

  /// Of a key of a section that occurs once; of the file if the key is not in it.
  [[nodiscard]] std::string key(std::string_view section, std::string_view name) const {
    for (const Section& one : document_.sections) {
      if (one.name != section) continue;
      for (const Entry& entry : one.entries) {
        if (entry.key == name) return line(entry.value.line) + "[" + std::string(section) + "] " + entry.key + " ";
      }
    }
    return path_ + ": [" + std::string(section) + "] " + std::string(name) + " ";
  }

  /// Of the n-th [[name]].
  [[nodiscard]] std::string repeated(std::string_view name, std::size_t n) const {
    for (const Section& one : document_.sections) {
      if (one.name == name && n-- == 0) return line(one.line) + "[[" + one.name + "]] ";
    }
    return path_ + ": ";
  }

 private:
  const std::string& path_;
  const Document& document_;
};

std::string header(const Section& section) {
  return section.repeated ? "[[" + section.name + "]]" : "[" + section.name + "]";
}

template <class S>
std::vector<std::string_view> names_of(const std::vector<Key<S>>& keys) {
  std::vector<std::string_view> names;
  names.reserve(keys.size());
  for (const auto& key : keys) names.push_back(key.name);
  return names;
}

/// Every section with the names of its keys.
std::vector<std::pair<std::string, std::vector<std::string_view>>> all_names() {
  std::vector<std::pair<std::string, std::vector<std::string_view>>> all;
  for (const auto& table : config::tables())
    all.emplace_back("[" + std::string(table.name) + "]", names_of(table.keys));
  all.emplace_back("[[listener]]", names_of(config::listener_keys()));
  all.emplace_back("[[route]]", names_of(config::route_keys()));
  return all;
}

/// What an unknown key may have meant: the same name in another section, or a near one in this.
std::string suggestion(std::string_view key, const std::vector<std::string_view>& here) {
  for (const auto& [section, names] : all_names()) {
    if (std::find(names.begin(), names.end(), key) != names.end()) return "; it belongs under " + section;
  }
  if (const auto near = config::nearest(key, here); !near.empty()) return "; did you mean " + std::string(near) + "?";
  std::string list;
  for (const auto name : here) list += (list.empty() ? "" : ", ") + std::string(name);
  return "; the keys are " + list;
}

template <class S>
Result<void> fill(S& target, const std::vector<Key<S>>& keys, const Section& section, const Place& place,
                  const std::string& folder) {
  for (const Entry& entry : section.entries) {
    const std::string where = place.line(entry.value.line) + header(section) + " " + entry.key + " ";
    const auto find = [&keys](std::string_view wanted) {
      return std::find_if(keys.begin(), keys.end(), [&](const auto& one) { return one.name == wanted; });
    };
    const auto key = find(entry.key);
    if (const auto outer = find(std::string_view(entry.key).substr(0, entry.key.find('.')));
        key == keys.end() && outer != keys.end()) {
      const config::Value table{config::Value::Other{"a table"}, entry.value.line};
      return Error{Errc::invalid_argument, place.line(entry.value.line) + header(section) + " " +
                                               std::string(outer->name) + " " +
                                               outer->set(target, table, folder).error().text + ", got a table"};
    }
    if (key == keys.end()) {
      return Error{Errc::invalid_argument, where + "is not a known key" + suggestion(entry.key, names_of(keys))};
    }
    if (auto set = key->set(target, entry.value, folder); !set) {
      std::string text = where + set.error().text;
      if (!std::holds_alternative<std::vector<config::Value>>(entry.value.data)) {
        text += ", got " + entry.value.shown();
      }
      return Error{Errc::invalid_argument, text};
    }
  }
  return {};
}

Result<void> unknown_section(const Section& section, const Place& place) {
  const std::string where = place.line(section.line);
  if (section.name.empty()) {
    const Entry& first = section.entries.front();
    return Error{Errc::invalid_argument,
                 place.line(first.value.line) + first.key + " stands outside any section" + suggestion(first.key, {})};
  }
  std::vector<std::string_view> known{"listener", "route"};
  for (const auto& table : config::tables()) known.push_back(table.name);
  if (std::find(known.begin(), known.end(), section.name) != known.end()) {
    const bool once = section.name != "listener" && section.name != "route";
    return Error{Errc::invalid_argument, where + header(section) + " must be written " +
                                             (once ? "[" + section.name + "]" : "[[" + section.name + "]]") +
                                             (once ? ": it occurs once" : ": there may be several")};
  }
  const auto near = config::nearest(section.name, known);
  std::string list;
  for (const auto name : known) list += (list.empty() ? "" : ", ") + std::string(name);
  return Error{Errc::invalid_argument,
               where + header(section) + " is not a known section; " +
                   (near.empty() ? "the sections are " + list : "did you mean [" + std::string(near) + "]?")};
}

Result<void> fill_all(Config& config, const Document& document, const Place& place, const std::string& folder) {
  for (const Section& section : document.sections) {
    const auto& tables = config::tables();
    const auto table = std::find_if(tables.begin(), tables.end(),
                                    [&](const auto& one) { return one.name == section.name && !section.repeated; });
    Result<void> filled;
    if (table != tables.end()) {
      filled = fill(config, table->keys, section, place, folder);
    } else if (section.name == "listener" && section.repeated) {
      ListenerConfig listener;
      filled = fill(listener, config::listener_keys(), section, place, folder);
      // Passwords in clear only where the file asks for them in so many words.
      const bool stated = std::any_of(section.entries.begin(), section.entries.end(),
                                      [](const Entry& entry) { return entry.key == "auth"; });
      if ((listener.tls == ListenerConfig::Tls::none || listener.receives()) && !stated) listener.auth = false;
      config.listeners.push_back(std::move(listener));
    } else if (section.name == "route" && section.repeated) {
      RouteConfig route;
      filled = fill(route, config::route_keys(), section, place, folder);
      config.routes.push_back(std::move(route));
    } else {
      filled = unknown_section(section, place);
    }
    if (!filled) return filled;
  }
  return {};
}

Error wrong(std::string text) { return {Errc::invalid_argument, std::move(text)}; }

Result<void> check_listeners(Config& config, const Place& place) {
  if (config.listeners.empty()) {
    config.listeners.push_back({"0.0.0.0:587", ListenerConfig::Tls::starttls, true, {}});
    config.listeners.push_back({"0.0.0.0:465", ListenerConfig::Tls::implicit, true, {}});
  }
  std::set<std::string> taken;
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    ListenerConfig& listener = config.listeners[i];
    const std::string where = place.repeated("listener", i);
    if (listener.address.empty()) return wrong(where + "needs an address such as \"0.0.0.0:587\"");
    const auto address = SocketAddress::parse(listener.address);
    if (!address) return wrong(where + "address " + address.error().text);
    if (listener.tls == ListenerConfig::Tls::none && !address->address.is_loopback()) {
      return wrong(where + "address " + listener.address +
                   " is not loopback, so tls must be \"starttls\" or \"implicit\": mail and passwords would cross the "
                   "network in clear");
    }
    if (address->port != 0 && !taken.insert(address->format()).second) {
      return wrong(where + "address " + listener.address + " is taken by an earlier [[listener]]");
    }
    if (listener.name.empty()) listener.name = listener.address;
  }
  return {};
}

/// Patterns as they are compared.
Result<void> check_domain_patterns(std::vector<std::string>& patterns, std::string_view key, const std::string& where) {
  for (std::string& pattern : patterns) {
    auto parsed = parse_domain_pattern(pattern);
    if (!parsed) {
      return wrong(where + std::string(key) +
                   " must be domains such as \"example.org\", \".example.org\" (all below it) or \"*\", got " +
                   config::quoted(pattern) + " (" + parsed.error().text + ")");
    }
    pattern = std::move(*parsed);
  }
  return {};
}

bool is_loopback_host(const std::string& host) {
  const auto address = IpAddress::parse(host);
  return address ? address->is_loopback() : host == "localhost";
}

Result<void> check_routes(Config& config, const Place& place) {
  for (std::size_t i = 0; i < config.routes.size(); ++i) {
    RouteConfig& route = config.routes[i];
    const SmarthostConfig& smarthost = route.smarthost;
    const std::string where = place.repeated("route", i);
    if (route.domains.empty()) return wrong(where + "needs domains, at least one, or [\"*\"] for all");
    if (auto checked = check_domain_patterns(route.domains, "domains", where); !checked) return checked;
    if (smarthost.host.empty()) return wrong(where + "needs a host: the name or address of the smarthost");
    if (!IpAddress::parse(smarthost.host)) {
      if (auto name = Domain::parse(smarthost.host); !name) {
        return wrong(where + "host must be a host name or an address, got " + config::quoted(smarthost.host) + " (" +
                     name.error().text + ")");
      }
    }
    if (smarthost.user.empty() != smarthost.password_file.empty()) {
      return wrong(where +
                   (smarthost.user.empty() ? "has a password_file but no user" : "has a user but no password_file"));
    }
    if (!smarthost.user.empty() && smarthost.tls == smtp::TlsMode::off && !is_loopback_host(smarthost.host)) {
      return wrong(where + "tls = \"off\" would send the password in clear to " + smarthost.host +
                   "; use \"required\" or \"implicit\"");
    }
  }
  return {};
}

/// A listener that receives from the Internet: for whom, and that somebody takes the mail.
Result<void> check_received(Config& config, const Place& place) {
  for (std::size_t i = 0; i < config.listeners.size(); ++i) {
    ListenerConfig& listener = config.listeners[i];
    const std::string where = place.repeated("listener", i);
    if (auto checked = check_domain_patterns(listener.relay_domains, "relay_domains", where); !checked) return checked;
    if (listener.receives() && listener.auth) {
      return wrong(where +
                   "has relay_domains and auth = true: a listener either receives from the Internet, without a "
                   "login, or serves connectors; use two");
    }
    for (const std::string& pattern : listener.relay_domains) {
      if (pattern == "*") return wrong(where + "relay_domains must not be \"*\": it would relay for everybody");
      const bool routed = std::any_of(config.routes.begin(), config.routes.end(), [&](const RouteConfig& route) {
        return std::any_of(route.domains.begin(), route.domains.end(),
                           [&](const std::string& outer) { return covers_pattern(outer, pattern); });
      });
      if (!routed) {
        return wrong(where + "relay_domains has " + config::quoted(pattern) +
                     ", but no [[route]] says which server takes its mail: one must have it in its domains");
      }
    }
  }
  return {};
}

Result<void> check_checks(Config& config, const Place& place) {
  if (config.authserv_id.empty()) config.authserv_id = config.hostname;
  auto id = Domain::parse(config.authserv_id);
  if (!id) {
    return wrong(place.key("checks", "authserv_id") + "must be a domain name such as \"mail.example.org\", got " +
                 config::quoted(config.authserv_id) + " (" + id.error().text + ")");
  }
  config.authserv_id = id->text();
  // Fields of this name are removed from what comes in, so it must be none that a message has of its own.
  const std::string& field = config.quarantine_field;
  const auto fits = [](char c) { return c > ' ' && c <= '~' && c != ':'; };  // RFC 5322 section 3.6.8
  if (field.size() < 3 || field.size() > max_field_name_octets || field.substr(0, 2) != "X-" ||
      !std::all_of(field.begin(), field.end(), fits)) {
    return wrong(place.key("checks", "quarantine_field") +
                 "must be the name of a header field that begins with \"X-\", "
                 "such as \"X-Quarantine\", got " +
                 config::quoted(field));
  }
  return {};
}

Result<void> check_relay(Config& config, const Place& place) {
  if (config.hostname.empty()) {
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) name[0] = '\0';
    config.hostname = name.data();
  }
  auto hostname = Domain::parse(config.hostname);
  if (!hostname) {
    return wrong(place.key("relay", "hostname") + "must be a domain name such as \"mail.example.org\", got " +
                 config::quoted(config.hostname) + " (" + hostname.error().text + ")");
  }
  config.hostname = hostname->text();
  for (std::string& name : config.own_names) {
    auto domain = Domain::parse(name);
    if (!domain) {
      return wrong(place.key("delivery", "own_names") + "must be domain names, got " + config::quoted(name) + " (" +
                   domain.error().text + ")");
    }
    name = domain->text();
  }
  const auto fits_label = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  if (config.provider.empty() || config.provider.size() > max_provider_octets ||
      !std::all_of(config.provider.begin(), config.provider.end(), fits_label) || config.provider.front() == '-') {
    return wrong(place.key("relay", "provider") + "must be 1 to " + std::to_string(max_provider_octets) +
                 " lower-case letters, digits and hyphens, as it becomes part of a DNS label, got " +
                 config::quoted(config.provider));
  }
  if (config.state_folder.empty()) return wrong(place.key("relay", "state_folder") + "must not be empty");
  if (config.admin_socket.empty()) config.admin_socket = config.state_folder + "/admin.sock";
  if (config.admin_socket.size() > max_socket_path_octets) {
    return wrong(place.key("relay", "admin_socket") + "has " + std::to_string(config.admin_socket.size()) +
                 " octets, but a Unix socket's path has at most " + std::to_string(max_socket_path_octets) +
                 "; set it to a shorter one");
  }
  return {};
}

Result<void> check_rest(const Config& config, const Place& place) {
  if (config.certificate_file.empty() != config.key_file.empty()) {
    return config.key_file.empty()
               ? wrong(place.key("tls", "certificate_file") + "needs key_file beside it: the certificate's private key")
               : wrong(place.key("tls", "key_file") + "needs certificate_file beside it: the key's certificate");
  }
  if (!config.zone_file.empty() && !config.dns_servers.empty()) {
    return wrong(place.key("dns", "zone_file") +
                 "and servers exclude each other: answers come from a file or a network");
  }
  for (const std::string& server : config.dns_servers) {
    constexpr std::uint16_t dns_port = 53;
    if (auto address = SocketAddress::parse(server, dns_port); !address) {
      return wrong(place.key("dns", "servers") +
                   "must be addresses such as \"192.0.2.1\", \"192.0.2.1:5353\" or \"[2001:db8::1]:53\", got " +
                   config::quoted(server));
    }
  }
  if (config.max_line_octets != 0 && config.max_line_octets < min_line_octets) {
    return wrong(place.key("limits", "max_line_octets") + "must be 0 (no bound) or at least " +
                 std::to_string(min_line_octets) + " (RFC 5321 section 4.5.3.1.6), got " +
                 std::to_string(config.max_line_octets));
  }
  if (config.retry.waits.empty()) {
    return wrong(place.key("delivery", "retry_waits") + "must hold at least one duration");
  }
  return {};
}

Result<std::string> read_file(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return Error{Errc::io, path + " is a folder; name the configuration file in it"};
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return Error{Errc::io, "cannot read the configuration file " + path + ": " +
                               std::strerror(errno)};  // NOLINT(concurrency-mt-unsafe)
  }
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (file.bad()) return Error{Errc::io, "cannot read the configuration file " + path};
  if (text.size() > max_file_octets) {
    return Error{Errc::limit_exceeded, path + " has " + std::to_string(text.size()) +
                                           " octets; a configuration file has at most " +
                                           std::to_string(max_file_octets)};
  }
  return text;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "" : path.substr(0, slash);
}

template <class S>
void print(std::ostringstream& out, const std::vector<Key<S>>& keys, const S& source) {
  for (const auto& key : keys) out << key.name << " = " << key.format(source) << "\n";
}

}  // namespace

Result<Config> parse_config(const std::string& text, const std::string& path) {
  auto document = config::parse_document(text, path);
  if (!document) return std::move(document).error();
  const Place place(path, *document);
  Config config;
  if (auto filled = fill_all(config, *document, place, folder_of(path)); !filled) return std::move(filled).error();
  for (auto* check : {&check_relay, &check_listeners, &check_routes, &check_received, &check_checks}) {
    if (auto checked = (*check)(config, place); !checked) return std::move(checked).error();
  }
  if (auto checked = check_rest(config, place); !checked) return std::move(checked).error();
  return config;
}

Result<Config> load_config(const std::string& path) {
  auto text = read_file(path);
  if (!text) return std::move(text).error();
  return parse_config(*text, path);
}

std::string format_config(const Config& config) {
  std::ostringstream out;
  for (const auto& table : config::tables()) {
    out << (out.tellp() == 0 ? "" : "\n") << "[" << table.name << "]\n";
    print(out, table.keys, config);
  }
  for (const auto& listener : config.listeners) {
    out << "\n[[listener]]\n";
    print(out, config::listener_keys(), listener);
  }
  for (const auto& route : config.routes) {
    out << "\n[[route]]\n";
    print(out, config::route_keys(), route);
  }
  return out.str();
}

}  // namespace sendconn::relay
