// The configuration file: what is read, what is refused and in which words, and that the example file is true.
#include "relay/config/config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sendconn/dmarc.hpp>
#include <sendconn/spf.hpp>

#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "relay/config/domain_pattern.hpp"
#include "relay/config/keys.hpp"
#include "relay/config/secret_file.hpp"
#include "relay/config/socket_address.hpp"

namespace sendconn::relay {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* name = "[relay]\nhostname = \"mail.example.org\"\n";

Result<Config> parse(const std::string& text) { return parse_config(text, "etc/relay.toml"); }

struct BadFile {
  const char* what;
  const char* text;
  const char* place;  ///< how the error begins
  const char* says;   ///< and what it says
};

void PrintTo(const BadFile& file, std::ostream* out) { *out << file.what; }

class RefusedFile : public ::testing::TestWithParam<BadFile> {};

TEST_P(RefusedFile, NamesPlaceAndRemedy) {
  const auto config = parse(GetParam().text);
  ASSERT_FALSE(config.ok()) << GetParam().text;
  EXPECT_THAT(config.error().text, StartsWith(GetParam().place));
  EXPECT_THAT(config.error().text, HasSubstr(GetParam().says));
  EXPECT_EQ(config.error().text.find('\n'), std::string::npos) << "one sentence";
}

const BadFile bad_files[] = {
    {"not TOML", "[relay]\nhostname = mail\n", "etc/relay.toml:2:", "not TOML"},
    {"key twice", "[relay]\nloops = 1\nloops = 2\n", "etc/relay.toml:3:", "not TOML"},
    {"slip in a key", "[limits]\n\nmax_recipient = 10\n", "etc/relay.toml:3: [limits] max_recipient ",
     "is not a known key; did you mean max_recipients?"},
    {"neighbours swapped", "[relay]\nhsotname = \"a.example\"\n", "etc/relay.toml:2: ", "did you mean hostname?"},
    {"key of another section", "[limits]\nhostname = \"a.example\"\n",
     "etc/relay.toml:2: ", "it belongs under [relay]"},
    {"key of a listener", "[relay]\naddress = \"0.0.0.0:25\"\n", "etc/relay.toml:2: ", "it belongs under [[listener]]"},
    {"nothing like it", "[dkim]\nzzzzzzzzzzzzzzzz = 1\n",
     "etc/relay.toml:2: ", "the keys are passphrase_file, require_signature"},
    {"key outside sections", "hostname = \"a.example\"\n", "etc/relay.toml:1: hostname ",
     "stands outside any section; it belongs under [relay]"},
    {"slip in a section", "[relay]\n[limit]\n", "etc/relay.toml:2: [limit] ", "did you mean [limits]?"},
    {"unknown section", "[metrics_of_things]\n", "etc/relay.toml:1: ", "the sections are "},
    {"single listener brackets", "[listener]\naddress = \"0.0.0.0:25\"\n",
     "etc/relay.toml:1: ", "must be written [[listener]]"},
    {"double brackets", "[[relay]]\n", "etc/relay.toml:1: ", "must be written [relay]"},
    {"text for a number", "[relay]\nloops = \"two\"\n", "etc/relay.toml:2: [relay] loops ",
     "must be an integer from 0 to 256, got \"two\""},
    {"float for a number", "[relay]\nloops = 1.5\n", "etc/relay.toml:2: ", "got a float"},
    {"number for a text", "[relay]\nhostname = 5\n", "etc/relay.toml:2: ", "must be a domain name in quotes, got 5"},
    {"text for a boolean", "[spool]\nsync = \"yes\"\n", "etc/relay.toml:2: ", "must be true or false, got \"yes\""},
    {"table for a value", "[dns]\nservers = {a = 1}\n",
     "etc/relay.toml:2: ", "must be an array of addresses, got a table"},
    {"below the range", "[delivery]\nmx_port = 0\n", "etc/relay.toml:2: ", "from 1 to 65535, got 0"},
    {"above the range", "[delivery]\nmx_port = 65536\n", "etc/relay.toml:2: ", "from 1 to 65535, got 65536"},
    {"negative", "[limits]\nmax_recipients = -1\n", "etc/relay.toml:2: ", "from 1 to 1000000, got -1"},
    {"size without unit", "[limits]\nmax_message_octets = \"50 M\"\n",
     "etc/relay.toml:2: ", "must be a number of octets, or a size such as"},
    {"size too large for 64 bits", "[limits]\nmax_message_octets = \"99999999999 GiB\"\n",
     "etc/relay.toml:2: ", "must be a number of octets"},
    {"size out of range", "[limits]\nmax_message_octets = 10\n",
     "etc/relay.toml:2: ", "must be from 1 KiB to 10 GiB, got 10"},
    {"duration without unit", "[relay]\ndrain_timeout = \"30\"\n", "etc/relay.toml:2: ", "must be a duration such as"},
    {"duration as a number", "[relay]\ndrain_timeout = 30\n", "etc/relay.toml:2: ", "must be a duration such as"},
    {"duration out of range", "[limits]\ncommand_timeout = \"2h\"\n", "etc/relay.toml:2: ", "must be from 1s to 1h"},
    {"part of a second", "[limits]\ncommand_timeout = \"1500ms\"\n", "etc/relay.toml:2: ", "whole number of seconds"},
    {"rate", "[limits]\nauth_failure_rate = \"many\"\n",
     "etc/relay.toml:2: ", "must be a rate such as \"100/min, burst 20\""},
    {"choice", "[limits]\nbare_newlines = \"keep\"\n",
     "etc/relay.toml:2: ", "must be \"refuse\" or \"normalize\", got \"keep\""},
    {"implicit TLS to an MX", "[delivery]\nmx_tls = \"implicit\"\n", "etc/relay.toml:2: ", "must be \"off\""},
    {"network", "[delivery]\nallowed_special = [\"127.0.0.1/8\"]\n", "etc/relay.toml:2: ", "must be a network such as"},
    {"item of a list", "[delivery]\nretry_waits = [\"5m\", 7]\n", "etc/relay.toml:2: ", "got 7 in it"},
    {"no waits", "[relay]\nhostname = \"a.example\"\n[delivery]\nretry_waits = []\n",
     "etc/relay.toml:4: ", "at least one duration"},
    {"hostname", "[relay]\nhostname = \"mail_ex ample\"\n", "etc/relay.toml:2: [relay] hostname ",
     "must be a domain name"},
    {"provider", "[relay]\nhostname = \"a.example\"\nprovider = \"My Company\"\n",
     "etc/relay.toml:3: [relay] provider ", "lower-case letters, digits and hyphens"},
    {"socket path too long",
     "[relay]\nhostname = \"a.example\"\nadmin_socket = "
     "\"/"
     "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss\"\n",
     "etc/relay.toml:3: ", "at most 107"},
    {"certificate alone", "[relay]\nhostname = \"a.example\"\n[tls]\ncertificate_file = \"a.pem\"\n",
     "etc/relay.toml:4: [tls] certificate_file ", "needs key_file"},
    {"key alone", "[relay]\nhostname = \"a.example\"\n[tls]\nkey_file = \"a.pem\"\n",
     "etc/relay.toml:4: [tls] key_file ", "needs certificate_file"},
    {"zone file and servers",
     "[relay]\nhostname = \"a.example\"\n[dns]\nservers = [\"192.0.2.1\"]\nzone_file = \"z\"\n",
     "etc/relay.toml:5: [dns] zone_file ", "exclude each other"},
    {"DNS server by name", "[relay]\nhostname = \"a.example\"\n[dns]\nservers = [\"dns.example\"]\n",
     "etc/relay.toml:4: [dns] servers ", "got \"dns.example\""},
    {"short lines", "[relay]\nhostname = \"a.example\"\n[limits]\nmax_line_octets = 500\n",
     "etc/relay.toml:4: ", "RFC 5321 section 4.5.3.1.6"},
    {"listener without address", "[relay]\nhostname = \"a.example\"\n[[listener]]\ntls = \"none\"\n",
     "etc/relay.toml:3: [[listener]] ", "needs an address"},
    {"listener without port", "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0\"\n",
     "etc/relay.toml:3: ", "no address and port"},
    {"plaintext on the network",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\ntls = \"none\"\n",
     "etc/relay.toml:3: ", "is not loopback"},
    {"same address twice",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\n[[listener]]\naddress = "
     "\"0.0.0.0:25\"\n",
     "etc/relay.toml:5: ", "taken by an earlier [[listener]]"},
    {"received mail without a route",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_domains = [\"b.example\"]\n"
     "[[route]]\ndomains = [\".b.example\", \"c.example\"]\nhost = \"d.example\"\n",
     "etc/relay.toml:3: [[listener]] ", "has \"b.example\", but no [[route]] says which server takes its mail"},
    {"received mail below a domain without a route",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_domains = [\".b.example\"]\n"
     "[[route]]\ndomains = [\"b.example\", \".x.b.example\"]\nhost = \"d.example\"\n",
     "etc/relay.toml:3: [[listener]] ", "has \".b.example\", but no [[route]]"},
    {"an open relay",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_domains = [\"*\"]\n"
     "[[route]]\ndomains = [\"*\"]\nhost = \"d.example\"\n",
     "etc/relay.toml:3: [[listener]] ", "it would relay for everybody"},
    {"received mail with a login",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_domains = [\"b.example\"]\n"
     "auth = true\n[[route]]\ndomains = [\"*\"]\nhost = \"d.example\"\n",
     "etc/relay.toml:3: [[listener]] ", "has relay_domains and auth = true"},
    {"relay domain of no form",
     "[relay]\nhostname = \"a.example\"\n[[listener]]\naddress = \"0.0.0.0:25\"\nrelay_domains = [\"b..example\"]\n",
     "etc/relay.toml:3: [[listener]] ", "relay_domains must be domains such as"},
    {"rejected pass", "[[listener]]\naddress = \"0.0.0.0:25\"\nspf.pass = \"reject\"\n",
     "etc/relay.toml:3: ", "[[listener]] spf.pass must be \"record\" or \"tag\", got \"reject\""},
    {"rejected temperror", "[[listener]]\naddress = \"0.0.0.0:25\"\n[listener.dkim]\ntemperror = \"reject\"\n",
     "etc/relay.toml:4: ", "[[listener]] dkim.temperror must be \"record\" or \"tag\" or \"quarantine\" or \"defer\""},
    {"policy of somebody without one", "[[listener]]\naddress = \"0.0.0.0:25\"\nspf.fail = \"policy\"\n",
     "etc/relay.toml:3: ", "[[listener]] spf.fail must be"},
    {"unknown verdict", "[[listener]]\naddress = \"0.0.0.0:25\"\n[listener.spf]\nsofftail = \"tag\"\n",
     "etc/relay.toml:4: ", "did you mean spf.softfail?"},
    {"quarantine in a field that messages have",
     "[relay]\nhostname = \"a.example\"\n[checks]\nquarantine_field = \"Subject\"\n",
     "etc/relay.toml:4: [checks] quarantine_field ", "begins with \"X-\""},
    {"authserv-id of no form", "[relay]\nhostname = \"a.example\"\n[checks]\nauthserv_id = \"a b\"\n",
     "etc/relay.toml:4: [checks] authserv_id ", "must be a domain name"},
    {"route without domains", "[relay]\nhostname = \"a.example\"\n[[route]]\nhost = \"b.example\"\n",
     "etc/relay.toml:3: [[route]] ", "needs domains"},
    {"route without host", "[relay]\nhostname = \"a.example\"\n[[route]]\ndomains = [\"*\"]\n",
     "etc/relay.toml:3: ", "needs a host"},
    {"route with a bad pattern",
     "[relay]\nhostname = \"a.example\"\n[[route]]\ndomains = [\"*.example\"]\nhost = \"b.example\"\n",
     "etc/relay.toml:3: ", "got \"*.example\""},
    {"user without password",
     "[relay]\nhostname = \"a.example\"\n[[route]]\ndomains = [\"*\"]\nhost = \"b.example\"\nuser = \"u\"\n",
     "etc/relay.toml:3: ", "has a user but no password_file"},
    {"password in clear",
     "[relay]\nhostname = \"a.example\"\n[[route]]\ndomains = [\"*\"]\nhost = \"b.example\"\nuser = \"u\"\n"
     "password_file = \"p\"\ntls = \"off\"\n",
     "etc/relay.toml:3: ", "would send the password in clear"},
};

INSTANTIATE_TEST_SUITE_P(Config, RefusedFile, ::testing::ValuesIn(bad_files));

TEST(Config, EmptyFileGivesDefaultsThatListenOnTheSubmissionPorts) {
  const auto config = parse(name);
  ASSERT_TRUE(config.ok()) << config.error().text;
  ASSERT_EQ(config->listeners.size(), 2U);
  EXPECT_EQ(config->listeners[0].address, "0.0.0.0:587");
  EXPECT_EQ(config->listeners[0].tls, ListenerConfig::Tls::starttls);
  EXPECT_EQ(config->listeners[1].address, "0.0.0.0:465");
  EXPECT_EQ(config->listeners[1].tls, ListenerConfig::Tls::implicit);
  EXPECT_EQ(config->admin_socket, "/var/lib/sendconn/admin.sock");
  EXPECT_TRUE(config->spool_sync);
}

TEST(Config, ReadsEveryKindOfValue) {
  const auto config = parse(std::string(name) + R"(
loops = 3
state_folder = "state"
drain_timeout = "1m30s"
[limits]
max_message_octets = "50 MB"
max_header_octets = 65536
auth_failure_rate = "10/min, burst 20"
failed_login_delay = "1500ms"
bare_newlines = "normalize"
[dns]
servers = ["127.0.0.1:5353", "[::1]:53"]
timeout = "250ms"
[delivery]
retry_waits = ["1s", "2m"]
allowed_special = ["127.0.0.0/8", "::1"]
own_names = ["MX.Example.ORG"]
mx_tls = "required"
[[route]]
domains = ["example.net", ".example.net"]
host = "smart.example.net"
port = 465
tls = "implicit"
user = "u"
password_file = "/run/secret"
)");
  ASSERT_TRUE(config.ok()) << config.error().text;
  EXPECT_EQ(config->loops, 3U);
  EXPECT_EQ(config->state_folder, "etc/state");
  EXPECT_EQ(config->admin_socket, "etc/state/admin.sock");
  EXPECT_EQ(config->drain_timeout, std::chrono::seconds(90));
  EXPECT_EQ(config->max_message_octets, 50'000'000U);
  EXPECT_EQ(config->max_header_octets, 65'536U);
  ASSERT_TRUE(config->auth_failure_rate.has_value());
  EXPECT_EQ(config->auth_failure_rate->burst, 20U);
  EXPECT_EQ(config->failed_login_delay, std::chrono::milliseconds(1500));
  EXPECT_EQ(config->bare_newlines, smtp::BareNewlines::normalize);
  EXPECT_THAT(config->dns_servers, ::testing::ElementsAre("127.0.0.1:5353", "[::1]:53"));
  EXPECT_EQ(config->dns_timeout, std::chrono::milliseconds(250));
  EXPECT_THAT(config->retry.waits, ::testing::ElementsAre(std::chrono::seconds(1), std::chrono::seconds(120)));
  ASSERT_EQ(config->allowed_special.size(), 2U);
  EXPECT_THAT(config->own_names, ::testing::ElementsAre("mx.example.org"));
  EXPECT_EQ(config->mx_tls, smtp::TlsMode::required);
  ASSERT_EQ(config->routes.size(), 1U);
  EXPECT_EQ(config->routes[0].smarthost.port, 465);
  EXPECT_EQ(config->routes[0].smarthost.password_file, "/run/secret");
}

TEST(Config, PlaintextListenerOffersNoPasswordsUnlessTheFileSaysSo) {
  const auto silent = parse(std::string(name) + "[[listener]]\naddress = \"127.0.0.1:25\"\ntls = \"none\"\n");
  ASSERT_TRUE(silent.ok()) << silent.error().text;
  EXPECT_FALSE(silent->listeners[0].auth);
  const auto stated = parse(std::string(name) + "[[listener]]\naddress = \"[::1]:25\"\ntls = \"none\"\nauth = true\n");
  ASSERT_TRUE(stated.ok()) << stated.error().text;
  EXPECT_TRUE(stated->listeners[0].auth);
}

TEST(Config, FreePortsMayBeAskedForTwice) {
  const std::string listener = "[[listener]]\naddress = \"127.0.0.1:0\"\n";
  const auto config = parse(std::string(name) + listener + listener);
  ASSERT_TRUE(config.ok()) << config.error().text;
  EXPECT_EQ(config->listeners.size(), 2U);
}

TEST(Config, PrintedConfigurationReadsBackAsItself) {
  const auto config = parse(std::string(name) +
                            "[limits]\nmax_message_octets = \"1 GB\"\n[[listener]]\naddress = \"127.0.0.1:25\"\n"
                            "tls = \"none\"\n[[route]]\ndomains = [\"*\"]\nhost = \"b\\u002eexample\"\n");
  ASSERT_TRUE(config.ok()) << config.error().text;
  const std::string printed = format_config(*config);
  const auto again = parse_config(printed, "/relay.toml");
  ASSERT_TRUE(again.ok()) << again.error().text << "\n" << printed;
  EXPECT_EQ(format_config(*again), printed);
  EXPECT_EQ(again->max_message_octets, 1'000'000'000U);
}

TEST(Config, MissingFileSaysSo) {
  const auto config = load_config("/nonexistent/relay.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(config.error().text,
              HasSubstr("cannot read the configuration file /nonexistent/relay.toml: No such file"));
}

TEST(Config, AListenerThatReceivesHasItsDomainsAndActions) {
  const auto config = parse(std::string(name) + R"(
[[listener]]
address = "0.0.0.0:25"
relay_domains = ["Example.ORG", ".example.org", "mail.example.net"]
check = true
dmarc = { fail = "quarantine", temperror = "defer" }
dkim.foreign = "record"
[listener.spf]
fail = "reject"
[[route]]
domains = ["Example.org", ".example.org"]
host = "127.0.0.1"
[[route]]
domains = ["*"]
host = "127.0.0.2"
)");
  ASSERT_TRUE(config.ok()) << config.error().text;
  const ListenerConfig& listener = config->listeners.front();
  EXPECT_TRUE(listener.receives());
  EXPECT_FALSE(listener.auth);
  EXPECT_TRUE(listener.check);
  EXPECT_THAT(listener.relay_domains, ::testing::ElementsAre("example.org", ".example.org", "mail.example.net"));
  EXPECT_THAT(config->routes.front().domains, ::testing::ElementsAre("example.org", ".example.org"));
  EXPECT_EQ(listener.actions.spf[static_cast<std::size_t>(spf::Verdict::fail)], CheckAction::reject);
  EXPECT_EQ(listener.actions.spf[static_cast<std::size_t>(spf::Verdict::softfail)], CheckAction::tag);
  EXPECT_EQ(listener.actions.dkim[static_cast<std::size_t>(DkimFinding::foreign)], CheckAction::record);
  EXPECT_EQ(listener.actions.dmarc[static_cast<std::size_t>(dmarc::Verdict::fail)], CheckAction::quarantine);
  EXPECT_EQ(listener.actions.dmarc[static_cast<std::size_t>(dmarc::Verdict::temporary_error)], CheckAction::reject);
  EXPECT_EQ(config->authserv_id, config->hostname);
  const std::string printed = format_config(*config);
  const auto again = parse_config(printed, "etc/relay.toml");
  ASSERT_TRUE(again.ok()) << again.error().text;
  EXPECT_EQ(format_config(*again), printed);
}

TEST(DomainPattern, MeansItselfAllBelowOrAll) {
  EXPECT_TRUE(matches_domain("a.example", "a.example"));
  EXPECT_FALSE(matches_domain("a.example", "b.a.example"));
  EXPECT_TRUE(matches_domain(".a.example", "b.a.example"));
  EXPECT_FALSE(matches_domain(".a.example", "a.example"));
  EXPECT_FALSE(matches_domain(".a.example", "ba.example"));
  EXPECT_TRUE(matches_domain("*", "a.example"));
  EXPECT_TRUE(covers_pattern(".example", ".a.example"));
  EXPECT_TRUE(covers_pattern(".example", "a.example"));
  EXPECT_FALSE(covers_pattern(".a.example", ".example"));
  EXPECT_FALSE(covers_pattern("a.example", ".a.example"));
  EXPECT_FALSE(covers_pattern("a.example", "*"));
}

// ── The example file ─────────────────────────────────────────────────────────────────────────────────────────────────

std::string read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// "[section] key" → value, for every key that the example shows, in a comment or not; the first of each.
std::map<std::string, std::string> shown_in(const std::string& example) {
  std::map<std::string, std::string> shown;
  std::istringstream lines(example);
  std::string section;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.front() == '#') line.erase(0, 1);
    if (!line.empty() && line.front() == '[') {
      section = line;
    } else if (const auto equals = line.find(" = "); equals != std::string::npos && line.front() != ' ') {
      shown.emplace(section + " " + line.substr(0, equals), line.substr(equals + 3));
    }
  }
  return shown;
}

class Example : public ::testing::Test {
 protected:
  const std::string path_ = std::string(SENDCONN_SOURCE_DIR) + "/packaging/sendconn.toml.example";
  const std::string text_ = read(path_);
};

TEST_F(Example, IsAcceptedAsItStandsAndGivesTheDefaults) {
  const auto config = parse_config(text_, "/etc/sendconn/sendconn.toml");
  ASSERT_TRUE(config.ok()) << config.error().text;
  const auto empty = parse_config("", "/etc/sendconn/sendconn.toml");
  ASSERT_TRUE(empty.ok()) << empty.error().text;
  EXPECT_EQ(format_config(*config), format_config(*empty));
}

TEST_F(Example, ShowsEveryKeyWithItsDefaultAndNoOther) {
  std::map<std::string, std::string> wanted;
  const Config defaults;
  for (const auto& table : config::tables()) {
    for (const auto& key : table.keys) {
      wanted.emplace("[" + std::string(table.name) + "] " + std::string(key.name), key.format(defaults));
    }
  }
  for (const auto& key : config::listener_keys()) {
    wanted.emplace("[[listener]] " + std::string(key.name),
                   key.name == "address" ? "\"0.0.0.0:587\"" : key.format(ListenerConfig{}));
  }
  for (const auto& key : config::route_keys()) {
    wanted.emplace("[[route]] " + std::string(key.name), key.format(RouteConfig{}));
  }
  EXPECT_EQ(shown_in(text_), wanted);
}

// ── Smaller parts ────────────────────────────────────────────────────────────────────────────────────────────────────

TEST(SocketAddress, ReadsAddressesWithPortsAndRefusesTheRest) {
  for (const char* good : {"0.0.0.0:587", "[::]:465", "[2001:db8::1]:0", "127.0.0.1:65535"}) {
    const auto address = SocketAddress::parse(good);
    ASSERT_TRUE(address.ok()) << good;
    EXPECT_EQ(address->format(), good);
  }
  for (const char* bad : {"", ":25", "localhost:25", "::1:25", "[::1]", "[::1]25", "[127.0.0.1]:25", "127.0.0.1:65536",
                          "127.0.0.1:-1", "127.0.0.1:2 5", "127.0.0.1", "[::1:25"}) {
    EXPECT_FALSE(SocketAddress::parse(bad).ok()) << bad;
  }
  EXPECT_EQ(SocketAddress::parse("::1", 53)->format(), "[::1]:53");
  EXPECT_EQ(SocketAddress::parse("[::1]", 53)->format(), "[::1]:53");
}

TEST(Units, SizesAndDurationsReadBackAsWritten) {
  for (const char* text : {"0", "999", "1 kB", "1500", "50 MB", "50 MiB", "1 GiB", "3 TiB"}) {
    const auto size = config::parse_size(text);
    ASSERT_TRUE(size.ok()) << text;
    EXPECT_EQ(config::format_size(*size), text);
  }
  for (const char* text : {"0s", "1ms", "1m30s", "2h", "5d", "1d2h3m4s5ms"}) {
    const auto duration = config::parse_duration(text);
    ASSERT_TRUE(duration.ok()) << text;
    EXPECT_EQ(config::format_duration(*duration), text);
  }
  for (const char* text : {"", "m", "5", "5 weeks", "-5s", "5s5", "99999999999999999999s", "999999999999d"}) {
    EXPECT_FALSE(config::parse_duration(text).ok()) << text;
  }
}

class SecretFile : public ::testing::Test {
 protected:
  void TearDown() override { ::unlink(path_.c_str()); }
  void write(const std::string& text, mode_t mode) {
    std::ofstream(path_, std::ios::binary) << text;
    ::chmod(path_.c_str(), mode);
  }
  const std::string path_ = ::testing::TempDir() + "secret-" + std::to_string(::getpid());
};

TEST_F(SecretFile, GivesTheFirstLine) {
  for (const char* text : {"open sesame", "open sesame\n", "open sesame\r\n", "open sesame\nsecond\n"}) {
    write(text, 0600);
    const auto secret = read_secret_file(path_);
    ASSERT_TRUE(secret.ok()) << secret.error().text;
    EXPECT_EQ(*secret, "open sesame");
  }
}

TEST_F(SecretFile, RefusesWhatEverybodyMayReadOrIsNoneWithoutShowingIt) {
  write("open sesame\n", 0644);
  auto secret = read_secret_file(path_);
  ASSERT_FALSE(secret.ok());
  EXPECT_THAT(secret.error().text, HasSubstr("chmod 600"));
  EXPECT_THAT(secret.error().text, ::testing::Not(HasSubstr("sesame")));
  write("\nsecond\n", 0600);
  EXPECT_THAT(read_secret_file(path_).error().text, HasSubstr("first line"));
  write(std::string(5000, 'x'), 0600);
  EXPECT_THAT(read_secret_file(path_).error().text, HasSubstr("more than 4096"));
}

}  // namespace
}  // namespace sendconn::relay
