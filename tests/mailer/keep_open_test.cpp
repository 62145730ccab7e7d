// A connection that is kept open for the next message, and what ends it.
#include <chrono>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/mailer/scripted_server.hpp"

namespace sendconn {
namespace {

using test::envelope;
using test::Peer;
using test::Script;
using test::ScriptedServer;
using test::small_message;

class KeepOpen : public ::testing::Test {
 protected:
  Mailer make(const ScriptedServer& server, std::chrono::seconds keep_open = std::chrono::seconds(60)) {
    MailerOptions options = server.options();
    options.keep_open = keep_open;
    options.max_messages = 3;
    auto mailer = Mailer::create(options);
    EXPECT_TRUE(mailer.ok());
    return *std::move(mailer);
  }

  static bool accepted(Mailer& mailer) {
    auto report = mailer.send_octets(small_message, envelope());
    return report.ok() && report->all_accepted();
  }
};

TEST_F(KeepOpen, CarriesSeveralMessagesOverOneConnection) {
  ScriptedServer server({[](Peer& peer) {
                           peer.greet();
                           for (int i = 0; i < 3; ++i) peer.take_message();
                           peer.take_quit();
                         },
                         [](Peer& peer) {
                           peer.greet();
                           peer.take_message();
                           peer.take_quit();
                         }});
  Mailer mailer = make(server);
  EXPECT_FALSE(mailer.is_open());
  EXPECT_TRUE(accepted(mailer));
  EXPECT_TRUE(mailer.is_open());
  EXPECT_TRUE(accepted(mailer) && accepted(mailer));
  EXPECT_FALSE(mailer.is_open()) << "max_messages is 3";
  EXPECT_TRUE(accepted(mailer));
  mailer.close();
  EXPECT_FALSE(mailer.is_open());
  mailer.close();
}

TEST_F(KeepOpen, IsLeftInOrderWhenItStoodIdleTooLong) {
  const Script one_message = [](Peer& peer) {
    peer.greet();
    peer.take_message();
    peer.take_quit();
  };
  ScriptedServer server({one_message, one_message});
  Mailer mailer = make(server, std::chrono::seconds(1));
  EXPECT_TRUE(accepted(mailer));
  std::this_thread::sleep_for(std::chrono::milliseconds(1100));
  EXPECT_TRUE(mailer.is_open()) << "nothing watches over it";
  EXPECT_TRUE(accepted(mailer));
  mailer.close();
}

TEST_F(KeepOpen, ConnectsAnewWhenTheServerHasLeft) {
  const std::vector<Script> goodbyes = {
      [](Peer&) {},                                    // closed while idle
      [](Peer& peer) { peer.say("421 4.4.2 idle"); },  // with a word
      [](Peer& peer) { peer.hear(); },                 // closed as it is used again
      [](Peer& peer) {
        peer.hear();
        peer.say("421 bye");
      }  // the same with a word
  };
  for (const Script& goodbye : goodbyes) {
    ScriptedServer server({[&](Peer& peer) {
                             peer.greet();
                             peer.take_message();
                             goodbye(peer);
                           },
                           [](Peer& peer) {
                             peer.greet();
                             peer.take_message();
                             peer.take_quit();
                           }});
    Mailer mailer = make(server);
    EXPECT_TRUE(accepted(mailer));
    EXPECT_TRUE(accepted(mailer));
    mailer.close();
  }
}

TEST_F(KeepOpen, TriesNotAgainWhatTheServerMayHave) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet();
    peer.take_message();
    peer.hear();
    for (const char* reply : {"250 ok", "250 ok", "354 go"}) peer.say(reply);
    peer.hear_message();
  }});
  Mailer mailer = make(server);
  EXPECT_TRUE(accepted(mailer));
  auto report = mailer.send_octets(small_message, envelope());
  ASSERT_TRUE(report.ok());
  EXPECT_TRUE(report->may_have_arrived);
  EXPECT_FALSE(mailer.is_open());
}

TEST_F(KeepOpen, IsUsableBehindARefusedMessage) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet();
    for (const char* reply : {"250 ok", "550 5.1.1 nobody", "554 no valid recipients"}) {
      peer.hear();
      peer.say(reply);
    }
    EXPECT_EQ(peer.hear(), "RSET");
    peer.say("250 ok");
    peer.take_message();
    peer.take_quit();
  }});
  Mailer mailer = make(server);
  EXPECT_FALSE(accepted(mailer));
  EXPECT_TRUE(mailer.is_open());
  EXPECT_TRUE(accepted(mailer));
  mailer.close();
}

TEST_F(KeepOpen, IsOffUnlessAskedFor) {
  ScriptedServer server({[](Peer& peer) {
    peer.greet();
    peer.take_message();
    peer.take_quit();
  }});
  Mailer mailer = make(server, std::chrono::seconds(0));
  EXPECT_TRUE(accepted(mailer));
  EXPECT_FALSE(mailer.is_open());
}

TEST_F(KeepOpen, SaysQuitWhenTheMailerGoes) {
  std::string last;
  ScriptedServer server({[&](Peer& peer) {
    peer.greet();
    peer.take_message();
    last = peer.hear();
  }});
  {
    Mailer mailer = make(server);
    EXPECT_TRUE(accepted(mailer));
    Mailer moved = std::move(mailer);
    EXPECT_TRUE(moved.is_open());
  }
  // The script ends with the line it waits for; its server is joined at the end of the test.
  server.wait();
  EXPECT_EQ(last, "QUIT");
}

}  // namespace
}  // namespace sendconn
