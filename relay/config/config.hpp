// The relay's configuration: sendconn.toml as a value. Every key stands in packaging/sendconn.toml.example with its
// default and meaning; unknown keys, wrong types and values out of range are refused with line and suggestion.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <sendconn/ip.hpp>
#include <sendconn/limit.hpp>
#include <sendconn/result.hpp>
#include <sendconn/route.hpp>
#include <sendconn/smtp.hpp>

namespace sendconn::relay {

struct ListenerConfig {
  enum class Tls : std::uint8_t { none, starttls, implicit };
  std::string address;  ///< "0.0.0.0:587", "[::]:465"; port 0 picks a free one (printed in the log)
  Tls tls = Tls::starttls;
  bool auth = true;  ///< offer AUTH; clients of a connector's network need none either way
  std::string name;  ///< in logs; default: the address
};

struct SmarthostConfig {
  std::string host;  ///< name or address
  std::uint16_t port = 587;
  smtp::TlsMode tls = smtp::TlsMode::required;
  bool verify = true;  ///< the certificate must be good for `host`
  std::string authorities_file;
  std::string user;  ///< empty: no AUTH
  std::string password_file;
};

/// How mail for certain domains leaves; the first match wins, the last resort is MX.
struct RouteConfig {
  std::vector<std::string> domains;  ///< recipient domains; "*" matches all, ".example" all below
  SmarthostConfig smarthost;
};

struct Config {
  // [relay]
  std::string hostname;  ///< default: the system's name; must be a valid domain
  std::string state_folder = "/var/lib/sendconn";
  std::string admin_socket;           ///< default: <state_folder>/admin.sock
  std::string provider = "sendconn";  ///< in ownership records
  unsigned loops = 0;                 ///< event loops; 0: one for each core
  std::chrono::seconds drain_timeout{30};

  std::vector<ListenerConfig> listeners;  // [[listener]]

  // [tls]
  std::string certificate_file;  ///< both empty: a self-signed one is made in the state folder
  std::string key_file;

  // [dkim]
  std::string passphrase_file;    ///< encrypts keys at rest
  bool require_signature = true;  ///< refuse mail of a domain without a key

  // [limits]
  std::uint64_t max_message_octets = 52'428'800;
  std::uint64_t max_memory_message_octets = 262'144;  ///< larger messages stream to a file
  std::size_t max_recipients = 100;
  std::size_t max_header_octets = 262'144;
  std::size_t max_line_octets = 0;
  std::size_t max_received = 100;  ///< hop limit; RFC 5321 section 6.3: at least 100
  std::size_t max_connections = 20'000;
  std::size_t max_connections_per_client = 1'000;
  std::size_t max_auth_failures = 3;
  std::size_t max_errors = 20;
  /// Failed logins of each client address (of an IPv6 network of 64 bits). Our own figure: a person who mistypes never
  /// meets it, and a guesser gets 30,000 tries a day from an address instead of millions.
  std::optional<limit::Rate> auth_failure_rate = limit::Rate{20, std::chrono::seconds(60), 60};
  smtp::BareNewlines bare_newlines = smtp::BareNewlines::refuse;
  std::chrono::seconds command_timeout{300};
  std::chrono::seconds data_timeout{180};

  // [spool]
  bool spool_sync = true;
  std::uint64_t spool_max_octets = 0;
  std::uint64_t spool_min_free_octets = 64ULL * 1024 * 1024;

  // [dns]
  std::vector<std::string> dns_servers;  ///< empty: the system's
  std::string zone_file;                 ///< answers from a file instead of the network
  std::chrono::milliseconds dns_timeout{5000};
  int dns_tries = 2;

  // [delivery]
  std::vector<RouteConfig> routes;  // [[route]]
  std::uint16_t mx_port = 25;
  smtp::TlsMode mx_tls = smtp::TlsMode::opportunistic;
  std::size_t max_connections_per_destination = 20;
  std::size_t max_deliveries_per_connection = 1'024;
  std::chrono::seconds connect_timeout{30};
  std::chrono::seconds idle_timeout{5};  ///< a connection is kept so long for the next message
  route::RetrySchedule retry;
  std::vector<IpNetwork> allowed_special;              ///< special addresses that MX delivery may connect to
  std::vector<std::string> own_names;                  ///< besides hostname
  std::uint64_t memory_octets = 256ULL * 1024 * 1024;  ///< accepted messages kept in memory for their delivery

  // [log]
  bool log_json = false;
  std::string log_level = "info";
  std::string log_file;  ///< empty: standard error
};

/// Reads and checks the file: defaults filled in (hostname, admin_socket, listeners 0.0.0.0:587 and 0.0.0.0:465 if
/// there are none), relative paths put behind the file's folder. A listener with Tls::none is loopback's, and offers
/// AUTH only if the file says auth = true. Errors name file, line, key, what is wrong and, for an unknown key, the
/// nearest known one.
Result<Config> load_config(const std::string& path);
/// The same for a text; `path` stands in errors and gives the folder.
Result<Config> parse_config(const std::string& text, const std::string& path);
/// The whole configuration as TOML, defaults included: what --check-config prints. It holds no secret.
std::string format_config(const Config& config);

}  // namespace sendconn::relay
