// Mailer against a scripted server: what becomes of each recipient, whatever the server or the network does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>

#include "tests/mailer/scripted_server.hpp"

namespace sendconn {
namespace {

using test::envelope;
using test::Peer;
using test::Script;
using test::ScriptedServer;
using test::small_message;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

MailReport send(const ScriptedServer& server, const MailerOptions& options, const smtp::Envelope& to,
                std::string_view message = small_message, const MailerCallbacks& callbacks = {}) {
  static_cast<void>(server);
  auto mailer = Mailer::create(options);
  EXPECT_TRUE(mailer.ok()) << (mailer ? "" : mailer.error().text);
  auto report = mailer->send_octets(message, to, callbacks);
  EXPECT_TRUE(report.ok()) << (report ? "" : report.error().text);
  return *report;
}

/// "accepted 250 2.0.0 kept" for each recipient.
std::vector<std::string> fates(const MailReport& report) {
  const char* const names[] = {"accepted ", "temporary ", "permanent "};
  std::vector<std::string> out;
  for (const RecipientReport& one : report.recipients) {
    const std::string reply = one.reply.code == 0 ? "- " + one.reply.text : one.reply.summary();
    out.push_back(names[static_cast<int>(one.fate)] + reply);
  }
  return out;
}

TEST(Mailer, HandsOverAMessage) {
  std::string taken;
  ScriptedServer server({[&](Peer& peer) {
    peer.greet();
    taken = peer.take_message();
    peer.take_quit();
  }});
  std::vector<std::string> trace;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> progress;
  MailerCallbacks callbacks;
  callbacks.on_trace = [&](std::string_view line) { trace.emplace_back(line); };
  callbacks.on_progress = [&](std::uint64_t sent, std::uint64_t total) { progress.emplace_back(sent, total); };
  const MailReport report = send(server, server.options(), envelope(2), small_message, callbacks);
  EXPECT_TRUE(report.all_accepted());
  EXPECT_EQ(report.failed_at, MailStage::none);
  EXPECT_EQ(report.tls, "");
  EXPECT_EQ(report.reply.summary(), "250 2.0.0 kept");
  EXPECT_THAT(fates(report), ElementsAre("accepted 250 2.0.0 kept", "accepted 250 2.0.0 kept"));
  EXPECT_EQ(taken, small_message);
  EXPECT_THAT(trace, ElementsAre("connected to 127.0.0.1 port " + std::to_string(server.port()), "the server is ready",
                                 "<b@example.net>: 250 2.1.5 recipient", "<c@example.net>: 250 2.1.5 recipient",
                                 "message: 250 2.0.0 kept"));
  EXPECT_EQ(progress.back(), std::pair(std::uint64_t{small_message.size()}, std::uint64_t{small_message.size()}));
}

TEST(Mailer, TellsEachRecipientsFate) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet();
    for (const char* reply : {"250 2.1.0 ok", "250 2.1.5 ok", "550 5.1.1 nobody", "450 4.2.2 full", "354 go"}) {
      peer.hear();
      peer.say(reply);
    }
    peer.hear_message();
    peer.say("250 2.0.0 kept");
    peer.take_quit();
  }});
  const MailReport report = send(server, server.options(), envelope(3));
  EXPECT_THAT(fates(report),
              ElementsAre("accepted 250 2.0.0 kept", "permanent 550 5.1.1 nobody", "temporary 450 4.2.2 full"));
  EXPECT_FALSE(report.all_accepted());
  EXPECT_EQ(report.failed_at, MailStage::none) << "the session itself went well";
}

TEST(Mailer, TellsWhyASessionFailed) {
  struct Case {
    std::string what;
    Script script;
    MailStage stage;
    bool may_have_arrived;
    std::string fate;
  };
  const Case table[] = {
      {"no greeting", [](Peer& peer) { peer.say("554 5.7.1 not you"); }, MailStage::greeting, false,
       "permanent 554 5.7.1 not you"},
      {"not SMTP", [](Peer& peer) { peer.say("SSH-2.0"); }, MailStage::greeting, false, "temporary - not a reply"},
      {"closed at once", [](Peer&) {}, MailStage::greeting, false,
       "temporary - connection lost, no reply to the connection"},
      {"closed in the middle",
       [](Peer& peer) {
         peer.greet();
         peer.hear();
       },
       MailStage::message, false, "temporary - connection lost, no reply to MAIL"},
      {"busy",
       [](Peer& peer) {
         peer.greet();
         peer.hear();
         peer.say("421 4.3.2 later");
       },
       MailStage::message, false, "temporary 421 4.3.2 later"},
      {"lost behind the dot",
       [](Peer& peer) {
         peer.greet();
         for (const char* reply : {"250 ok", "250 ok", "354 go"}) {
           peer.hear();
           peer.say(reply);
         }
         peer.hear_message();
       },
       MailStage::message, true, "temporary - connection lost, no reply to the message"},
  };
  for (const Case& one : table) {
    ScriptedServer server({one.script});
    const MailReport report = send(server, server.options(), envelope());
    EXPECT_EQ(report.failed_at, one.stage) << one.what;
    EXPECT_EQ(report.may_have_arrived, one.may_have_arrived) << one.what;
    EXPECT_THAT(fates(report).front(), HasSubstr(one.fate)) << one.what;
  }
}

TEST(Mailer, TellsWhatTheServerLacks) {
  ScriptedServer server({[](Peer& peer) {
                           peer.greet("PIPELINING");
                           peer.take_quit();
                         },
                         [](Peer& peer) {
                           peer.greet("8BITMIME\nSIZE 10");
                           peer.take_quit();
                         },
                         [](Peer& peer) {
                           peer.greet("8BITMIME");
                           peer.take_quit();
                         }});
  EXPECT_THAT(fates(send(server, server.options(), envelope(), "From: a@b.example\r\n\r\n\xc3\xbc\r\n")),
              ElementsAre(HasSubstr("permanent - the server does not offer 8BITMIME")));
  EXPECT_THAT(fates(send(server, server.options(), envelope())), ElementsAre(HasSubstr("permanent - the message has")));
  smtp::Envelope abroad = envelope();
  abroad.recipients = {test::address("jörg@example.net")};
  EXPECT_THAT(fates(send(server, server.options(), abroad)),
              ElementsAre(HasSubstr("permanent - the server does not offer SMTPUTF8")));
}

TEST(Mailer, FindsOutWhatTheMessageNeeds) {
  std::vector<std::string> said;
  const Script script = [&](Peer& peer) {
    peer.greet();
    said.push_back(peer.hear());
    peer.say("550 5.7.1 no");
    while (!peer.hear().starts_with("DATA")) peer.say("503 no");
    peer.say("503 no");
    peer.take_quit();
  };
  ScriptedServer server({script, script, script});
  send(server, server.options(), envelope());
  send(server, server.options(), envelope(), "Subject: x\r\n\r\n\xc3\xbc\r\n");
  send(server, server.options(), envelope(), "Subject: \xc3\xbc\r\n\r\nx\r\n");
  EXPECT_THAT(said, ElementsAre("MAIL FROM:<a@example.org>", "MAIL FROM:<a@example.org> BODY=8BITMIME",
                                "MAIL FROM:<a@example.org> BODY=8BITMIME SMTPUTF8"));
}

TEST(Mailer, HearsARefusalWhileItSends) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet();
    for (const char* reply : {"250 ok", "250 ok", "354 go"}) {
      peer.hear();
      peer.say(reply);
    }
    peer.hear_octets(100'000);
    peer.say("552 5.3.4 enough");
    peer.wait_for_end();
  }});
  std::string message = "From: a@example.org\r\n\r\n";
  for (int i = 0; i < 400'000; ++i) message += "twenty octets a line\r\n";
  const MailReport report = send(server, server.options(), envelope(), message);
  EXPECT_THAT(fates(report), ElementsAre("permanent 552 5.3.4 enough"));
  EXPECT_FALSE(report.may_have_arrived);
}

TEST(Mailer, WaitsForNobodyForever) {
  const Script silent = [](Peer& peer) { peer.wait_for_end(); };
  ScriptedServer server({silent, silent});
  MailerOptions options = server.options();
  options.command_timeout = std::chrono::seconds(1);
  MailReport report = send(server, options, envelope());
  EXPECT_EQ(report.failed_at, MailStage::greeting);
  EXPECT_THAT(fates(report), ElementsAre("temporary - timeout, no reply to the connection"));
  options = server.options();
  options.send_timeout = std::chrono::seconds(1);
  report = send(server, options, envelope());
  EXPECT_THAT(fates(report), ElementsAre("temporary - the time for this message is over (send_timeout)"));
}

TEST(Mailer, CanBeCancelled) {
  ScriptedServer server({[](Peer& peer) { peer.wait_for_end(); },
                         [](Peer& peer) {
                           peer.greet();
                           for (const char* reply : {"250 ok", "250 ok", "354 go"}) {
                             peer.hear();
                             peer.say(reply);
                           }
                           peer.wait_for_end();
                         }});
  int asked = 0;
  MailerCallbacks callbacks;
  callbacks.is_cancelled = [&asked] { return ++asked > 3; };
  MailReport report = send(server, server.options(), envelope(), small_message, callbacks);
  EXPECT_EQ(report.failed_at, MailStage::cancelled);
  EXPECT_THAT(fates(report), ElementsAre("temporary - cancelled"));
  EXPECT_FALSE(report.may_have_arrived);
  // Behind the final dot nobody knows.
  std::atomic<bool> sent = false;
  callbacks.on_trace = [&sent](std::string_view line) { sent = sent || line.starts_with("<b@"); };
  callbacks.is_cancelled = [&sent, waits = 0]() mutable { return sent && ++waits > 20; };
  report = send(server, server.options(), envelope(), small_message, callbacks);
  EXPECT_EQ(report.failed_at, MailStage::cancelled);
  EXPECT_TRUE(report.may_have_arrived);
}

TEST(Mailer, LetsExceptionsOfCallbacksThrough) {
  ScriptedServer server({[](Peer& peer) {
                           peer.greet();
                           peer.wait_for_end();
                         },
                         [](Peer& peer) {
                           peer.greet();
                           peer.take_message();
                           peer.take_quit();
                         }});
  MailerOptions options = server.options();
  options.keep_open = std::chrono::seconds(60);
  auto mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  MailerCallbacks callbacks;
  callbacks.on_trace = [](std::string_view line) {
    if (line == "the server is ready") throw std::runtime_error("not today");
  };
  EXPECT_THROW(static_cast<void>(mailer->send_octets(small_message, envelope(), callbacks)), std::runtime_error);
  EXPECT_FALSE(mailer->is_open());
  auto report = mailer->send_octets(small_message, envelope());
  EXPECT_TRUE(report.ok() && report->all_accepted());
}

TEST(Mailer, ShowsNoPasswordThatAServerRepeats) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet("AUTH PLAIN");
    peer.say("500 5.5.1 what is '" + peer.hear() + "', or swordfish?");
    peer.wait_for_end();
  }});
  MailerOptions options = server.options();
  options.login = MailerLogin{"ada", "swordfish"};
  options.login->without_tls = true;
  std::string trace;
  MailerCallbacks callbacks;
  callbacks.on_trace = [&](std::string_view line) { trace += line; };
  const MailReport report = send(server, options, envelope(), small_message, callbacks);
  EXPECT_EQ(report.failed_at, MailStage::login);
  EXPECT_THAT(fates(report), ElementsAre("permanent 500 5.5.1 what is 'AUTH PLAIN [hidden]', or [hidden]?"));
  EXPECT_THAT(trace, Not(HasSubstr("swordfish")));
}

TEST(Mailer, GivesThePasswordToNobodyWithoutTlsUnlessTold) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet("AUTH PLAIN LOGIN");
    peer.wait_for_end();
  }});
  MailerOptions options = server.options();
  options.login = MailerLogin{"ada", "swordfish"};
  const MailReport report = send(server, options, envelope());
  EXPECT_EQ(report.failed_at, MailStage::login);
  EXPECT_THAT(fates(report).front(), HasSubstr("permanent - the server offers no login mechanism"));
}

TEST(Mailer, RefusesWhatItCouldNotSendSafely) {
  ScriptedServer server({});
  auto mailer = Mailer::create(server.options());
  ASSERT_TRUE(mailer.ok());
  const std::pair<std::string, std::string> table[] = {
      {"A: b\r\n\r\na\nb\r\n", "an LF by itself at octet 9"},
      {"A: b\r\n\r\na\rb\r\n", "a CR by itself at octet 9"},
      {"A: b\r\n\r\na\r\r\n", "a CR by itself at octet 9"},
      {"A: b\r\n\r\na\n.\r\nMAIL FROM:<x@y.example>\r\n", "an LF by itself at octet 9"},
      {"A: b\r\n\r\na\r", "a CR by itself at octet 9"},
      {std::string("A: b\r\n\r\n\0\r\n", 11), "NUL at octet 8"},
  };
  for (const auto& [message, says] : table) {
    const auto report = mailer->send_octets(message, envelope());
    ASSERT_FALSE(report.ok());
    EXPECT_EQ(report.error().code, Errc::syntax);
    EXPECT_THAT(report.error().text, HasSubstr(says));
  }
  EXPECT_EQ(mailer->send_octets(small_message, {}).error().code, Errc::invalid_argument);
  EXPECT_EQ(mailer
                ->send_octets(small_message,
                              [] {
                                smtp::Envelope many;
                                many.recipients.assign(1'001, test::address("b@example.net"));
                                return many;
                              }())
                .error()
                .code,
            Errc::limit_exceeded);
}

TEST(Mailer, ComposesSignsAndAddressesAMessage) {
  std::string taken;
  std::vector<std::string> said;
  ScriptedServer server({[&](Peer& peer) {
    peer.greet();
    for (const char* reply : {"250 ok", "250 ok", "250 ok", "354 go"}) {
      said.push_back(peer.hear());
      peer.say(reply);
    }
    taken = peer.hear_message();
    peer.say("250 2.0.0 kept");
    peer.take_quit();
  }});
  MailerOptions options = server.options();
  auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519);
  ASSERT_TRUE(key.ok());
  options.signatures.push_back({*Domain::parse("example.org"),
                                *dkim::Selector::parse("s1"),
                                std::make_shared<const crypto::PrivateKey>(*key),
                                {}});
  auto mailer = Mailer::create(options);
  ASSERT_TRUE(mailer.ok());
  mime::Message message;
  message.from = {{"Ada", test::address("ada@example.org")}};
  message.to = {{"", test::address("bob@example.net")}};
  message.bcc = {{"", test::address("eve@example.com")}};
  message.text = "Hi\n";
  auto report = mailer->send(message);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_TRUE(report->all_accepted());
  EXPECT_THAT(said, ElementsAre(HasSubstr("MAIL FROM:<ada@example.org>"), "RCPT TO:<bob@example.net>",
                                "RCPT TO:<eve@example.com>", "DATA"));
  EXPECT_THAT(taken, HasSubstr("DKIM-Signature: v=1; a=ed25519-sha256;"));
  EXPECT_THAT(taken, HasSubstr("Message-ID: <" + report->message_id + ">"));
  EXPECT_THAT(taken, Not(HasSubstr("eve")));
}

TEST(Mailer, CallsItselfByItsAddressIfItHasNoBetterName) {
  std::string said;
  ScriptedServer server({[&](Peer& peer) {
    peer.say("220 hi");
    said = peer.hear();
    peer.say("421 bye");
  }});
  MailerOptions options = server.options();
  options.hello_name.clear();
  send(server, options, envelope());
  EXPECT_TRUE(said == "EHLO [127.0.0.1]" || said.find('.') != std::string::npos) << said;
}

}  // namespace
}  // namespace sendconn
