#include "relay/config/keys.hpp"

#include <sendconn/dmarc.hpp>
#include <sendconn/spf.hpp>

#include <limits>
#include <utility>

namespace sendconn::relay::config {
namespace {

template <class M>
using Parsed = std::function<Result<M>(const Value&, const std::string& folder)>;

/// How a kind of value is read and written.
template <class M>
struct Kind {
  Parsed<M> parse;
  std::function<std::string(const M&)> format;
};

Error must(std::string what) { return {Errc::invalid_argument, "must be " + std::move(what)}; }
Error out_of(const std::string& low, const std::string& high) { return must("from " + low + " to " + high); }

Result<std::string> string_of(const Value& value, std::string_view what) {
  if (const auto* text = std::get_if<std::string>(&value.data)) return *text;
  return must(std::string(what));
}

template <class Number>
Kind<Number> number(std::uint64_t low, std::uint64_t high) {
  return {[=](const Value& value, const std::string&) -> Result<Number> {
            const auto* integer = std::get_if<std::int64_t>(&value.data);
            const std::string range = "an integer from " + std::to_string(low) + " to " + std::to_string(high);
            if (integer == nullptr || *integer < 0) return must(range);
            const auto found = static_cast<std::uint64_t>(*integer);
            if (found < low || found > high) return must(range);
            return static_cast<Number>(found);
          },
          [](const Number& found) { return std::to_string(found); }};
}

Kind<std::uint64_t> size(std::uint64_t low, std::uint64_t high) {
  return {[=](const Value& value, const std::string&) -> Result<std::uint64_t> {
            std::uint64_t octets = 0;
            if (const auto* integer = std::get_if<std::int64_t>(&value.data)) {
              if (*integer < 0) return out_of(format_size(low), format_size(high));
              octets = static_cast<std::uint64_t>(*integer);
            } else {
              const auto* text = std::get_if<std::string>(&value.data);
              auto parsed = parse_size(text != nullptr ? *text : "");
              if (!parsed) return std::move(parsed).error();
              octets = *parsed;
            }
            if (octets < low || octets > high) return out_of(format_size(low), format_size(high));
            return octets;
          },
          [](const std::uint64_t& octets) {
            const std::string text = format_size(octets);
            return text.find(' ') == std::string::npos ? text : config::quoted(text);
          }};
}

template <class D>
Result<D> duration_of(const Value& value, std::chrono::milliseconds low, std::chrono::milliseconds high) {
  const auto* text = std::get_if<std::string>(&value.data);
  auto parsed = parse_duration(text != nullptr ? *text : "");
  if (!parsed) return std::move(parsed).error();
  const auto found = std::chrono::duration_cast<D>(*parsed);
  if (found != *parsed) return must("a whole number of seconds");
  if (*parsed < low || *parsed > high) return out_of(format_duration(low), format_duration(high));
  return found;
}

template <class D>
Kind<D> duration(std::chrono::milliseconds low, std::chrono::milliseconds high) {
  return {[=](const Value& value, const std::string&) { return duration_of<D>(value, low, high); },
          [](const D& found) { return config::quoted(format_duration(found)); }};
}

Kind<bool> boolean() {
  return {[](const Value& value, const std::string&) -> Result<bool> {
            if (const auto* found = std::get_if<bool>(&value.data)) return *found;
            return must("true or false");
          },
          [](const bool& found) -> std::string { return found ? "true" : "false"; }};
}

Kind<std::string> text(std::string_view what) {
  return {[what](const Value& value, const std::string&) { return string_of(value, what); }, quoted};
}

/// A path; a relative one starts at the folder of the configuration file.
Kind<std::string> path() {
  return {[](const Value& value, const std::string& folder) -> Result<std::string> {
            auto found = string_of(value, "a path in quotes");
            if (!found || found->empty() || found->front() == '/') return found;
            return folder + "/" + *found;
          },
          quoted};
}

template <class E>
using Names = std::vector<std::pair<std::string_view, E>>;

template <class E>
Kind<E> choice(Names<E> names) {
  return {[names](const Value& value, const std::string&) -> Result<E> {
            const auto* found = std::get_if<std::string>(&value.data);
            std::string all;
            for (const auto& [name, meaning] : names) {
              if (found != nullptr && *found == name) return meaning;
              all += (all.empty() ? "\"" : " or \"") + std::string(name) + "\"";
            }
            return must(all);
          },
          [names](const E& wanted) -> std::string {
            for (const auto& [name, meaning] : names) {
              if (meaning == wanted) return config::quoted(name);
            }
            return "\"\"";
          }};
}

template <class Item>
Kind<std::vector<Item>> list(const std::string& what, const Kind<Item>& item) {
  return {[=](const Value& value, const std::string& folder) -> Result<std::vector<Item>> {
            const auto* values = std::get_if<std::vector<Value>>(&value.data);
            if (values == nullptr) return must("an array of " + what);
            std::vector<Item> items;
            for (const Value& one : *values) {
              auto parsed = item.parse(one, folder);
              if (!parsed) return Error{parsed.error().code, parsed.error().text + ", got " + one.shown() + " in it"};
              items.push_back(std::move(*parsed));
            }
            return items;
          },
          [=](const std::vector<Item>& items) {
            std::string text;
            for (const Item& one : items) text += (text.empty() ? "" : ", ") + item.format(one);
            return "[" + text + "]";
          }};
}

Kind<IpNetwork> network() {
  return {[](const Value& value, const std::string&) -> Result<IpNetwork> {
            auto found = string_of(value, "a network in quotes such as \"127.0.0.0/8\"");
            if (!found) return std::move(found).error();
            auto parsed = IpNetwork::parse(*found);
            if (!parsed) return must("a network such as \"127.0.0.0/8\" or \"::1\" (" + parsed.error().text + ")");
            return parsed;
          },
          [](const IpNetwork& found) { return config::quoted(found.format()); }};
}

Kind<std::optional<limit::Rate>> rate() {
  return {[](const Value& value, const std::string&) -> Result<std::optional<limit::Rate>> {
            auto found = string_of(value, "a rate in quotes such as \"100/min, burst 20\"");
            if (!found) return std::move(found).error();
            if (found->empty()) return std::optional<limit::Rate>();
            auto parsed = limit::Rate::parse(*found);
            if (!parsed) {
              return must("a rate such as \"100/min, burst 20\", or empty for none (" + parsed.error().text + ")");
            }
            return std::optional<limit::Rate>(*parsed);
          },
          [](const std::optional<limit::Rate>& found) { return config::quoted(found ? found->format() : ""); }};
}

/// A key that fills what `where` finds in an S.
template <class S, class M, class Where>
Key<S> key_at(std::string_view name, Where where, Kind<M> kind) {
  return {name,
          [=](S& target, const Value& value, const std::string& folder) -> Result<void> {
            auto parsed = kind.parse(value, folder);
            if (!parsed) return std::move(parsed).error();
            where(target) = std::move(*parsed);
            return {};
          },
          [=](const S& source) { return kind.format(where(source)); }};
}

template <class S, class M>
Key<S> key(std::string_view name, M S::*member, Kind<M> kind) {
  return key_at<S, M>(
      name, [member](auto& owner) -> auto& { return owner.*member; }, std::move(kind));
}

template <class M>
Key<Config> retry_key(std::string_view name, M route::RetrySchedule::*member, Kind<M> kind) {
  return key_at<Config, M>(
      name, [member](auto& config) -> auto& { return config.retry.*member; }, std::move(kind));
}

template <class M>
Key<RouteConfig> smarthost_key(std::string_view name, M SmarthostConfig::*member, Kind<M> kind) {
  return key_at<RouteConfig, M>(
      name, [member](auto& route) -> auto& { return route.smarthost.*member; }, std::move(kind));
}

Kind<smtp::TlsMode> tls_mode() {
  return choice<smtp::TlsMode>({{"off", smtp::TlsMode::off},
                                {"opportunistic", smtp::TlsMode::opportunistic},
                                {"required", smtp::TlsMode::required},
                                {"implicit", smtp::TlsMode::implicit}});
}

/// What `kind` of verdict may lead to: nobody refuses a pass, and what may pass later is put off, not refused.
enum class Finding : std::uint8_t { good, bad, temporary, policy };

Kind<CheckAction> action(Finding finding) {
  Names<CheckAction> names{{"record", CheckAction::record}, {"tag", CheckAction::tag}};
  if (finding != Finding::good) {
    names.emplace_back("quarantine", CheckAction::quarantine);
    names.emplace_back(finding == Finding::temporary ? "defer" : "reject", CheckAction::reject);
  }
  if (finding == Finding::policy) names.emplace_back("policy", CheckAction::policy);
  return choice<CheckAction>(std::move(names));
}

template <class Verdict, std::size_t count>
Key<ListenerConfig> action_key(std::string_view name, std::array<CheckAction, count> CheckActions::*of, Verdict verdict,
                               Finding finding) {
  return key_at<ListenerConfig, CheckAction>(
      name, [=](auto& listener) -> auto& { return (listener.actions.*of)[static_cast<std::size_t>(verdict)]; },
      action(finding));
}

// Bounds. The sources stand beside the members of Config; what has none is our own bound against a slip of the
// keyboard.
constexpr std::uint64_t many = 1'000'000;
constexpr std::uint64_t kib = 1ULL << 10U;
constexpr std::uint64_t gib = 1ULL << 30U;
constexpr std::uint64_t tib = 1ULL << 40U;

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

}  // namespace

const std::vector<Table>& tables() {
  static const std::vector<Table> all = {
      {"relay",
       {key("hostname", &Config::hostname, text("a domain name in quotes")),
        key("state_folder", &Config::state_folder, path()), key("admin_socket", &Config::admin_socket, path()),
        key("provider", &Config::provider, text("a name in quotes")),
        key("loops", &Config::loops, number<unsigned>(0, 256)),
        key("drain_timeout", &Config::drain_timeout, duration<seconds>(seconds(0), hours(1)))}},
      {"tls", {key("certificate_file", &Config::certificate_file, path()), key("key_file", &Config::key_file, path())}},
      {"dkim",
       {key("passphrase_file", &Config::passphrase_file, path()),
        key("require_signature", &Config::require_signature, boolean())}},
      {"limits",
       {key("max_message_octets", &Config::max_message_octets, size(kib, 10 * gib)),
        key("max_memory_message_octets", &Config::max_memory_message_octets, size(0, gib)),
        key("max_recipients", &Config::max_recipients, number<std::size_t>(1, many)),
        key("max_header_octets", &Config::max_header_octets, size(kib, gib)),
        key("max_line_octets", &Config::max_line_octets, size(0, gib)),
        key("max_received", &Config::max_received, number<std::size_t>(1, 1000)),
        key("max_connections", &Config::max_connections, number<std::size_t>(1, many)),
        key("max_connections_per_client", &Config::max_connections_per_client, number<std::size_t>(1, many)),
        key("max_auth_failures", &Config::max_auth_failures, number<std::size_t>(1, 100)),
        key("max_errors", &Config::max_errors, number<std::size_t>(1, 1000)),
        key("failed_login_delay", &Config::failed_login_delay, duration<milliseconds>(milliseconds(0), seconds(60))),
        key("auth_failure_rate", &Config::auth_failure_rate, rate()),
        key("received_message_rate", &Config::received_message_rate, rate()),
        key("bare_newlines", &Config::bare_newlines,
            choice<smtp::BareNewlines>(
                {{"refuse", smtp::BareNewlines::refuse}, {"normalize", smtp::BareNewlines::normalize}})),
        key("command_timeout", &Config::command_timeout, duration<seconds>(seconds(1), hours(1))),
        key("data_timeout", &Config::data_timeout, duration<seconds>(seconds(1), hours(1)))}},
      {"spool",
       {key("sync", &Config::spool_sync, boolean()), key("max_octets", &Config::spool_max_octets, size(0, 1024 * tib)),
        key("min_free_octets", &Config::spool_min_free_octets, size(0, 1024 * tib))}},
      {"dns",
       {key("servers", &Config::dns_servers, list<std::string>("addresses", text("an address in quotes"))),
        key("zone_file", &Config::zone_file, path()),
        key("timeout", &Config::dns_timeout, duration<milliseconds>(milliseconds(1), minutes(1))),
        key("tries", &Config::dns_tries, number<int>(1, 10))}},
      {"checks",
       {key("authserv_id", &Config::authserv_id, text("a domain name in quotes")),
        key("deadline", &Config::check_deadline, duration<milliseconds>(milliseconds(100), minutes(5))),
        key("quarantine_field", &Config::quarantine_field, text("the name of a header field in quotes")),
        key("spf_engine", &Config::spf_engine,
            choice<Config::SpfEngine>(
                {{"sendconn", Config::SpfEngine::sendconn}, {"libspf2", Config::SpfEngine::libspf2}})),
        key("spf_module", &Config::spf_module, text("a path in quotes"))}},
      {"delivery",
       {key("mx_port", &Config::mx_port, number<std::uint16_t>(1, 65535)),
        key("mx_tls", &Config::mx_tls,
            choice<smtp::TlsMode>({{"off", smtp::TlsMode::off},
                                   {"opportunistic", smtp::TlsMode::opportunistic},
                                   {"required", smtp::TlsMode::required}})),
        key("max_connections_per_destination", &Config::max_connections_per_destination,
            number<std::size_t>(1, 10'000)),
        key("max_deliveries_per_connection", &Config::max_deliveries_per_connection, number<std::size_t>(1, many)),
        key("connect_timeout", &Config::connect_timeout, duration<seconds>(seconds(1), minutes(10))),
        key("idle_timeout", &Config::idle_timeout, duration<seconds>(seconds(0), minutes(10))),
        retry_key("retry_waits", &route::RetrySchedule::waits,
                  list<seconds>("durations", duration<seconds>(seconds(1), hours(7 * 24)))),
        retry_key("retry_max_age", &route::RetrySchedule::max_age, duration<seconds>(seconds(1), hours(30 * 24))),
        retry_key("retry_jitter_percent", &route::RetrySchedule::jitter_percent, number<unsigned>(0, 50)),
        key("allowed_special", &Config::allowed_special, list<IpNetwork>("networks", network())),
        key("own_names", &Config::own_names, list<std::string>("names", text("a domain name in quotes"))),
        key("memory_octets", &Config::memory_octets, size(0, tib))}},
      {"log",
       {key("json", &Config::log_json, boolean()),
        key("level", &Config::log_level,
            choice<std::string>({{"debug", "debug"}, {"info", "info"}, {"warning", "warn"}, {"error", "error"}})),
        key("file", &Config::log_file, path())}},
  };
  return all;
}

const std::vector<Key<ListenerConfig>>& listener_keys() {
  using Tls = ListenerConfig::Tls;
  static const std::vector<Key<ListenerConfig>> all = {
      key("address", &ListenerConfig::address, text("an address and port in quotes such as \"0.0.0.0:587\"")),
      key("tls", &ListenerConfig::tls,
          choice<Tls>({{"starttls", Tls::starttls}, {"implicit", Tls::implicit}, {"none", Tls::none}})),
      key("auth", &ListenerConfig::auth, boolean()),
      key("name", &ListenerConfig::name, text("a name in quotes")),
      key("relay_domains", &ListenerConfig::relay_domains, list<std::string>("domains", text("a domain in quotes"))),
      key("check", &ListenerConfig::check, boolean()),
      action_key("spf.pass", &CheckActions::spf, spf::Verdict::pass, Finding::good),
      action_key("spf.fail", &CheckActions::spf, spf::Verdict::fail, Finding::bad),
      action_key("spf.softfail", &CheckActions::spf, spf::Verdict::softfail, Finding::bad),
      action_key("spf.neutral", &CheckActions::spf, spf::Verdict::neutral, Finding::bad),
      action_key("spf.none", &CheckActions::spf, spf::Verdict::none, Finding::bad),
      action_key("spf.permerror", &CheckActions::spf, spf::Verdict::permerror, Finding::bad),
      action_key("spf.temperror", &CheckActions::spf, spf::Verdict::temperror, Finding::temporary),
      action_key("dkim.pass", &CheckActions::dkim, DkimFinding::pass, Finding::good),
      action_key("dkim.foreign", &CheckActions::dkim, DkimFinding::foreign, Finding::bad),
      action_key("dkim.none", &CheckActions::dkim, DkimFinding::none, Finding::bad),
      action_key("dkim.fail", &CheckActions::dkim, DkimFinding::fail, Finding::bad),
      action_key("dkim.policy", &CheckActions::dkim, DkimFinding::policy, Finding::bad),
      action_key("dkim.neutral", &CheckActions::dkim, DkimFinding::neutral, Finding::bad),
      action_key("dkim.permerror", &CheckActions::dkim, DkimFinding::permerror, Finding::bad),
      action_key("dkim.temperror", &CheckActions::dkim, DkimFinding::temperror, Finding::temporary),
      action_key("dmarc.pass", &CheckActions::dmarc, dmarc::Verdict::pass, Finding::good),
      action_key("dmarc.fail", &CheckActions::dmarc, dmarc::Verdict::fail, Finding::policy),
      action_key("dmarc.none", &CheckActions::dmarc, dmarc::Verdict::none, Finding::bad),
      action_key("dmarc.permerror", &CheckActions::dmarc, dmarc::Verdict::permanent_error, Finding::bad),
      action_key("dmarc.temperror", &CheckActions::dmarc, dmarc::Verdict::temporary_error, Finding::temporary),
  };
  return all;
}

const std::vector<Key<RouteConfig>>& route_keys() {
  static const std::vector<Key<RouteConfig>> all = {
      key("domains", &RouteConfig::domains, list<std::string>("domains", text("a domain in quotes"))),
      smarthost_key("host", &SmarthostConfig::host, text("a host name or address in quotes")),
      smarthost_key("port", &SmarthostConfig::port, number<std::uint16_t>(1, 65535)),
      smarthost_key("tls", &SmarthostConfig::tls, tls_mode()),
      smarthost_key("verify", &SmarthostConfig::verify, boolean()),
      smarthost_key("authorities_file", &SmarthostConfig::authorities_file, path()),
      smarthost_key("user", &SmarthostConfig::user, text("a user name in quotes")),
      smarthost_key("password_file", &SmarthostConfig::password_file, path()),
  };
  return all;
}

}  // namespace sendconn::relay::config
