// The relay's configuration: sendconn.toml as a value. Every key stands in packaging/sendconn.toml.example with its
// default and meaning; unknown keys, wrong types and values out of range are refused with line and suggestion.
#pragma once

#include <array>
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

/// What follows from a finding about where a message comes from; weakest first.
enum class CheckAction : std::uint8_t {
  record,      ///< it stands in the log
  tag,         ///< and in the message: Authentication-Results, and Received-SPF for SPF
  quarantine,  ///< and in the field Config::quarantine_field, for the next server to sort by
  reject,      ///< refused; for a temperror, to be tried again: "defer" in the file
  policy,      ///< for a fail of DMARC: what the owner of the author's domain asks for
};

/// What DKIM says of a whole message, whose signatures may differ.
enum class DkimFinding : std::uint8_t {
  pass,       ///< a signature of the author's domain, or of one above it
  foreign,    ///< a signature of another domain, and none of the author's
  none,       ///< no signature
  fail,       ///< none passed, as the next ones; this one if nothing else is known of the first of them
  policy,     ///< refused by a rule of dkim::VerifyPolicy
  neutral,    ///< the field cannot be processed
  temperror,  ///< the DNS did not say
  permerror,  ///< there is no key for it
};

/// An action for each verdict.
struct CheckActions {
  static constexpr std::size_t spf_verdicts = 7;    ///< of spf::Verdict
  static constexpr std::size_t dkim_findings = 8;   ///< of DkimFinding
  static constexpr std::size_t dmarc_verdicts = 5;  ///< of dmarc::Verdict
  using enum CheckAction;
  std::array<CheckAction, spf_verdicts> spf{tag, tag, tag, tag, tag, tag, tag};
  std::array<CheckAction, dkim_findings> dkim{tag, tag, tag, tag, tag, tag, tag, tag};
  std::array<CheckAction, dmarc_verdicts> dmarc{tag, tag, policy, tag, tag};
};

struct ListenerConfig {
  enum class Tls : std::uint8_t { none, starttls, implicit };
  std::string address;  ///< "0.0.0.0:587", "[::]:465"; port 0 picks a free one (printed in the log)
  Tls tls = Tls::starttls;
  bool auth = true;  ///< offer AUTH; clients of a connector's network need none either way
  std::string name;  ///< in logs; default: the address
  /// Recipient domains, each with a route: the listener receives from the Internet, for them alone and without a login.
  /// "example.org", ".example.org" (all below it). Empty: it serves connectors.
  std::vector<std::string> relay_domains;
  bool check = false;    ///< SPF, DKIM and DMARC of each message
  CheckActions actions;  ///< of `check`
  [[nodiscard]] bool receives() const noexcept { return !relay_domains.empty(); }
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
  /// Before the reply to a failed login. As Postfix (smtpd_error_sleep_time); a guesser's connection is good for one
  /// try a second.
  std::chrono::milliseconds failed_login_delay{1000};
  /// Failed logins of each client address (of an IPv6 network of 64 bits). Our own figure: a person who mistypes never
  /// meets it, and a guesser gets 30,000 tries a day from an address instead of millions.
  std::optional<limit::Rate> auth_failure_rate = limit::Rate{20, std::chrono::seconds(60), 60};
  /// Messages of each client address (of an IPv6 network of 64 bits) to listeners that receive. Our own figure: five a
  /// second keep a large sender busy, and a flood from one address is no heavier than that.
  std::optional<limit::Rate> received_message_rate = limit::Rate{300, std::chrono::seconds(60), 600};
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

  // [checks]: of listeners with `check`
  std::string authserv_id;  ///< in Authentication-Results; default: hostname. Nobody else may write it (RFC 8601)
  /// How long the reply to a message may wait for the DNS. RFC 7208 section 4.6.4 asks for at least 20 seconds; a
  /// client waits for ten minutes (RFC 5321 section 4.5.3.2.6).
  std::chrono::milliseconds check_deadline{20'000};
  std::string quarantine_field = "X-Quarantine";
  enum class SpfEngine : std::uint8_t { sendconn, libspf2 };
  SpfEngine spf_engine = SpfEngine::sendconn;
  std::string spf_module = "libsendconn-spf2.so";  ///< of libspf2; a bare name is looked for where the system does

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
/// AUTH only if the file says auth = true; one with relay_domains offers none. Errors name file, line, key, what is
/// wrong and, for an unknown key, the nearest known one.
Result<Config> load_config(const std::string& path);
/// The same for a text; `path` stands in errors and gives the folder.
Result<Config> parse_config(const std::string& text, const std::string& path);
/// The whole configuration as TOML, defaults included: what --check-config prints. It holds no secret.
std::string format_config(const Config& config);

}  // namespace sendconn::relay
