// The server session's STARTTLS and AUTH: what an attacker puts behind the one, and every end of the other.
#include <gtest/gtest.h>

#include "lib/base/base64.hpp"
#include "tests/smtp/drive.hpp"
#include "tests/smtp/server_scene.hpp"

namespace sendconn::smtp::test {
namespace {

using namespace std::string_literals;

// ── Hostile input 5: STARTTLS ──────────────────────────────────────────────────────────────────────────────────────

TEST(StartTlsTest, CommandsBehindItInTheClearAreDropped) {
  const ServerOptions with = options();
  const std::string input =
      "EHLO c.example\r\nSTARTTLS\r\nEHLO evil.example\r\n" + plain_login + "MAIL FROM:<evil@example.org>\r\n";
  for (std::size_t cut = 0; cut < input.size(); ++cut) {
    ServerDriver driver(with);
    enter(driver, Scene::clear);
    driver.feed(input, {cut});
    driver.feed("NOOP\r\n");
    ASSERT_EQ(driver.record.events, (std::vector<std::string>{"Hello extended c.example", "StartTls"})) << cut;
    ASSERT_TRUE(driver.record.output.ends_with("220 2.0.0 Go ahead with TLS\r\n250 2.0.0 OK\r\n")) << driver.record;
    ASSERT_TRUE(driver.session.hello_name().empty());
  }
}

TEST(StartTlsTest, TheTransitionTakesTheRestOfTheSegment) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  const std::string input = "STARTTLS\r\nNOOP\r\n";
  EXPECT_EQ(driver.session.feed(input, start), input.size());
  EXPECT_TRUE(std::holds_alternative<StartTls>(driver.session.next_event()));
  EXPECT_TRUE(std::holds_alternative<Paused>(driver.session.next_event()));
  EXPECT_EQ(driver.session.feed("NOOP\r\n", start), 0U) << "until the handshake is done, nothing is read";
}

TEST(StartTlsTest, EverythingSaidBeforeIsForgotten) {
  ServerOptions with = options();
  with.require_tls = false;
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  driver.feed("EHLO c.example\r\n" + plain_login);
  EXPECT_TRUE(driver.session.authenticated());
  driver.feed("STARTTLS\r\n");
  EXPECT_TRUE(driver.session.tls());
  EXPECT_FALSE(driver.session.authenticated());
  EXPECT_FALSE(driver.session.extended());
  driver.record = Record{};
  driver.feed("MAIL FROM:<a@example.org>\r\nAUTH PLAIN\r\n");
  EXPECT_EQ(driver.record.output, "530 5.7.0 Authentication required, say AUTH first\r\n503 5.5.1 Say EHLO first\r\n");
}

TEST(StartTlsTest, AFailedHandshakeCannotGoOnInTheClear) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  driver.session.feed("STARTTLS\r\n", start);
  driver.session.next_event();
  driver.session.consumed_output(100);
  driver.session.feed("EHLO c.example\r\n" + plain_login, start);
  driver.session.input_closed();
  EXPECT_TRUE(std::holds_alternative<Closed>(driver.session.next_event()));
  EXPECT_TRUE(driver.session.output().empty());
}

TEST(StartTlsTest, NotOfferedIsNotImplemented) {
  ServerOptions with = options();
  with.offer_starttls = false;
  ServerDriver driver(with);
  enter(driver, Scene::clear);
  driver.feed("STARTTLS\r\n");
  EXPECT_TRUE(driver.record.output.starts_with("502 5.5.1 "));
}

// ── Hostile input 8: AUTH ──────────────────────────────────────────────────────────────────────────────────────────

TEST(AuthTest, Outcomes) {
  const auto b64 = [](const std::string& octets) { return base64::encode(octets); };
  const struct {
    std::string input;
    std::string event;  // "" : none
    std::string reply;  // the start of the last one
    bool in;
  } cases[] = {
      {"AUTH PLAIN " + b64("\0user\0pencil"s), "Login user/pencil PLAIN", "235 2.7.0", true},
      {"auth plain " + b64("user\0user\0pencil"s), "Login user/pencil PLAIN", "235 2.7.0", true},
      {"AUTH PLAIN|" + b64("\0user\0pencil"s), "Login user/pencil PLAIN", "235 2.7.0", true},
      {"AUTH PLAIN " + b64("\0user\0wrong"s), "Login user/wrong PLAIN", "535 5.7.8", false},
      {"AUTH PLAIN " + b64("admin\0user\0pencil"s), "", "535 5.7.8", false},
      {"AUTH PLAIN " + b64("\0\0pencil"s), "", "535 5.7.8", false},
      {"AUTH PLAIN " + b64("\0user\0"s), "", "535 5.7.8", false},
      {"AUTH PLAIN " + b64("\0user"s), "", "501 5.5.2", false},
      {"AUTH PLAIN " + b64("\0user\0pencil\0x"s), "", "501 5.5.2", false},
      {"AUTH PLAIN =", "", "501 5.5.2", false},
      {"AUTH PLAIN ====", "", "501 5.5.2", false},
      {"AUTH PLAIN AHVzZXIAcGVuY2ls extra", "", "501 5.5.2", false},
      {"AUTH PLAIN *", "", "501 5.0.0", false},
      {"AUTH PLAIN|*", "", "501 5.0.0", false},
      {"AUTH PLAIN|not base64!", "", "501 5.5.2", false},
      {"AUTH PLAIN|" + std::string(20'000, 'A'), "", "500 5.5.6", false},
      {"AUTH LOGIN|" + b64("user") + "|" + b64("pencil"), "Login user/pencil LOGIN", "235 2.7.0", true},
      {"AUTH LOGIN " + b64("user") + "|" + b64("pencil"), "Login user/pencil LOGIN", "235 2.7.0", true},
      {"AUTH LOGIN|" + b64("user") + "|" + b64("wrong"), "Login user/wrong LOGIN", "535 5.7.8", false},
      {"AUTH LOGIN||" + b64("pencil"), "", "535 5.7.8", false},
      {"AUTH LOGIN|*", "", "501 5.0.0", false},
      {"AUTH LOGIN|" + b64("user") + "|*", "", "501 5.0.0", false},
      {"AUTH LOGIN =|" + b64("pencil"), "", "535 5.7.8", false},
      {"AUTH CRAM-MD5", "", "504 5.5.4", false},
      {"AUTH SCRAM-SHA-1", "", "504 5.5.4", false},
      {"AUTH SCRAM-SHA-256-PLUS", "", "504 5.5.4", false},
      {"AUTH", "", "501 5.5.4", false},
      {"AUTH SCRAM-SHA-256|*", "", "501 5.0.0", false},
      {"AUTH SCRAM-SHA-256 " + b64("n,,n=user"), "", "501 5.5.2", false},
      {"AUTH SCRAM-SHA-256 " + b64("p=tls-unique,,n=user,r=abcdefghijklmnopqrst"), "", "535 5.7.8", false},
      {"AUTH SCRAM-SHA-256 " + b64("n,a=admin,n=user,r=abcdefghijklmnopqrst"), "", "535 5.7.8", false},
  };
  const ServerOptions with = options();
  for (const auto& [input, event, reply, in] : cases) {
    const std::string octets = lines(input);
    Record whole;
    for (std::size_t cut = 0; cut < std::min<std::size_t>(octets.size(), 100); ++cut) {
      ServerDriver driver(with);
      enter(driver, Scene::encrypted);
      driver.feed("EHLO c.example\r\n");
      driver.record = Record{};
      driver.feed(octets, {cut});
      if (cut == 0) {
        whole = driver.record;
        EXPECT_EQ(driver.record.events.empty() ? "" : driver.record.events[0], event) << input << driver.record;
        EXPECT_TRUE(last_reply(driver.record.output).starts_with(reply)) << input << driver.record;
        EXPECT_EQ(driver.session.authenticated(), in) << input;
      }
      ASSERT_EQ(driver.record, whole) << input << " cut at " << cut;
      driver.feed("NOOP\r\n");
      ASSERT_TRUE(driver.record.output.ends_with("250 2.0.0 OK\r\n")) << "commands are read again: " << input;
    }
  }
}

TEST(AuthTest, AnythingBehindTheServersProofIsNoScram) {
  const ServerOptions with = options();
  for (const char* last : {"", "=", "eA==", "*", "!"}) {
    ServerDriver driver(with);
    enter(driver, Scene::encrypted);
    driver.feed(
        "EHLO c.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n"
        "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOX"
        "l0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n" +
        std::string(last) + "\r\n");
    const bool good = *last == '\0' || *last == '=';
    EXPECT_EQ(driver.session.authenticated(), good) << last;
    EXPECT_EQ(driver.record.events.back(), good ? "LoginDone user ok" : "LoginDone user failed") << last;
    EXPECT_TRUE(last_reply(driver.record.output).starts_with(good ? "235 " : "501 ")) << last;
  }
}

// The sanitizer looks at the view of the user, which the end of the session must not take along.
TEST(AuthTest, TheUserOfAFailedExchangeOutlivesTheSessionThatItEnds) {
  ServerOptions with = options();
  with.max_errors = 1;
  for (const char* last : {"*", "!", "eA=="}) {
    ServerDriver driver(with);
    enter(driver, Scene::encrypted);
    driver.feed("EHLO c.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n" +
                std::string(last) + "\r\n");
    ASSERT_GE(driver.record.events.size(), 2U) << driver.record;
    EXPECT_EQ(driver.record.events[driver.record.events.size() - 2], "LoginDone user failed") << driver.record;
    EXPECT_TRUE(driver.record.closed) << last;
  }
}

TEST(AuthTest, TheFirstLineOfAMegabyteIsRefusedAndSkipped) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::encrypted);
  driver.feed("EHLO c.example\r\nAUTH PLAIN " + std::string(1'000'000, 'A') + "\r\nAUTH PLAIN\r\n" +
              std::string(1'000'000, 'A') + "\r\nNOOP\r\n");
  EXPECT_TRUE(driver.record.output.ends_with(
      "500 5.5.2 Command line too long, at most 2048 octets are taken\r\n334 \r\n"
      "500 5.5.6 Authentication line too long, at most 12288 octets are taken\r\n250 2.0.0 OK\r\n"))
      << driver.record.output;
}

TEST(AuthTest, TooManyFailuresCloseTheSession) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::encrypted);
  const std::string wrong = "AUTH PLAIN " + base64::encode("\0user\0wrong"s) + "\r\n";
  driver.feed("EHLO c.example\r\n" + wrong + wrong + wrong + plain_login);
  EXPECT_TRUE(driver.record.closed);
  EXPECT_TRUE(driver.record.output.ends_with(
      "535 5.7.8 not in\r\n535 5.7.8 not in\r\n535 5.7.8 not in\r\n421 4.7.0 Too many failed logins, closing\r\n"));
}

TEST(AuthTest, ATemporaryFailureIsNoFailedLogin) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::encrypted);
  driver.feed("EHLO c.example\r\n");
  driver.decide = [&](const ServerEvent& event) {
    if (!std::holds_alternative<Login>(event)) return false;
    driver.session.reply(Reply{454, {4, 7, 0}, "try later"}, start);
    return true;
  };
  for (int i = 0; i < 5; ++i) driver.feed(plain_login);
  EXPECT_FALSE(driver.record.closed);
  EXPECT_FALSE(driver.session.authenticated());
}

TEST(AuthTest, AVerifierDecisionIsNeverAnsweredYesWithoutAProof) {
  const ServerOptions with = options();
  ServerDriver driver(with);
  enter(driver, Scene::encrypted);
  driver.decide = [&](const ServerEvent& event) {
    if (!std::holds_alternative<ScramLogin>(event)) return false;
    driver.session.reply(Reply{235, {2, 7, 0}, "in"}, start);
    return true;
  };
  driver.feed("EHLO c.example\r\nAUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n");
  EXPECT_FALSE(driver.session.authenticated());
  EXPECT_TRUE(driver.record.output.ends_with("535 5.7.8 Authentication credentials invalid\r\n"));
}

TEST(AuthTest, ATrustedClientNeedsNoLogin) {
  const ServerOptions with = options();
  for (const bool without_tls : {true, false}) {
    ServerDriver driver(with);
    driver.session.trust_client(without_tls);
    driver.feed("EHLO c.example\r\n");
    driver.record = Record{};
    driver.feed("MAIL FROM:<a@example.org>\r\n");
    EXPECT_EQ(driver.record.output,
              without_tls ? "250 2.1.0 sender\r\n" : "530 5.7.0 Encryption required, say STARTTLS first\r\n");
  }
}

}  // namespace
}  // namespace sendconn::smtp::test
