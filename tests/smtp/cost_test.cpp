// What a session costs: memory while it is idle, and allocations while a message passes through.
#include <gtest/gtest.h>

#include "lib/base/base64.hpp"
#include "tests/heap/heap.hpp"
#include "tests/smtp/drive.hpp"

namespace sendconn::smtp::test {
namespace {

using namespace std::string_literals;

ServerOptions options() {
  ServerOptions out;
  out.hostname = "mx.example";
  return out;
}

/// Answers every decision with yes, with replies made beforehand.
void run(ServerSession& session, std::string_view input, std::uint64_t& content) {
  static const Reply greet{220, {}, "mx.example"};
  static const Reply yes{250, {2, 0, 0}, "OK"};
  static const Reply in{235, {2, 7, 0}, "OK"};
  static const Reply go{354, {}, "go"};
  while (true) {
    const ServerEvent event = session.next_event();
    if (std::holds_alternative<NeedInput>(event)) {
      if (input.empty()) return;
      input.remove_prefix(session.feed(input, start));
    } else if (std::holds_alternative<Greeting>(event)) {
      session.reply(greet, start);
    } else if (std::holds_alternative<Login>(event)) {
      session.reply(in, start);
    } else if (std::holds_alternative<DataStart>(event)) {
      session.reply(go, start);
    } else if (const auto* octets = std::get_if<Content>(&event)) {
      content += octets->octets.size();
    } else if (std::holds_alternative<Closed>(event)) {
      return;
    } else if (std::holds_alternative<ScramLogin>(event)) {
      session.reply_verifier(verifier(), server_nonce, start);
    } else if (!std::holds_alternative<Hello>(event) && !std::holds_alternative<LoginDone>(event)) {
      session.reply(yes, start);
    }
  }
}

TEST(CostTest, AnIdleSessionTakesLessThanAKilobyte) {
  const ServerOptions with = options();
  const std::string login = "AUTH PLAIN " + base64::encode("\0user\0pencil"s) + "\r\n";
  const std::string message = "MAIL FROM:<somebody@example.org>\r\nRCPT TO:<somebody.else@example.net>\r\nDATA\r\n" +
                              std::string(5000, 'x') + "\r\n.\r\n";
  std::uint64_t content = 0;
  verifier();  // made once, and kept by the test
  const auto measure = [&](const std::vector<std::string>& flights) {
    const long before = sendconn::test::heap_octets();
    ServerSession session(with, start);
    session.set_tls();
    for (const std::string& flight : flights) {
      run(session, flight, content);
      session.consumed_output(session.output().size());
    }
    return sendconn::test::heap_octets() - before;
  };
  const long greeted = measure({""});
  const long ready = measure({"EHLO a-client-with-a-name.example.org\r\n", login});
  const long after_message = measure({"EHLO a-client-with-a-name.example.org\r\n", login, message});
  const long after_cut_line =
      measure({"EHLO a-client-with-a-name.example.org\r\n", "NOOP " + std::string(1500, 'x'), "\r\n"});
  const long after_scram = measure(
      {"EHLO c.example\r\n", "AUTH SCRAM-SHA-256 biwsbj11c2VyLHI9ck9wck5HZndFYmVSV2diTkVrcU8=\r\n",
       "Yz1iaXdzLHI9ck9wck5HZndFYmVSV2diTkVrcU8laHZZRHBXVWEyUmFUQ0FmdXhGSWxqKWhObEYkazAscD1kSHpiWmFwV0lrNGpVaE4rVXRlOX"
       "l0YWc5empmTUhnc3FtbWl6N0FuZFZRPQ==\r\n",
       "\r\n"});
  RecordProperty("idle_octets", static_cast<int>(after_message));
  std::cout << "octets: greeted " << greeted << ", logged in " << ready << ", after a message " << after_message
            << ", after a line in pieces " << after_cut_line << ", after SCRAM " << after_scram << "\n";
  EXPECT_LT(after_scram, 1024);
  EXPECT_LT(greeted, 1024);
  EXPECT_LT(ready, 1024);
  EXPECT_LT(after_message, 1024);
  EXPECT_LT(after_cut_line, 1024);
}

TEST(CostTest, ContentIsPassedOnWithoutAllocating) {
  const ServerOptions with = options();
  ServerSession session(with, start);
  session.trust_client();
  std::uint64_t content = 0;
  run(session, "EHLO c.example\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n", content);
  std::string piece;
  for (int i = 0; i < 1000; ++i) piece += std::string(static_cast<std::size_t>(i % 80), 'x') + "\r\n..\r\n";
  const long before = sendconn::test::heap_allocations();
  for (int i = 0; i < 10; ++i) run(session, piece, content);
  EXPECT_EQ(sendconn::test::heap_allocations(), before);
  EXPECT_EQ(content, (piece.size() - 1000) * 10);
}

TEST(CostTest, AMessageOnAnOpenConnectionAllocatesNothingForShortAddresses) {
  const ServerOptions with = options();
  ServerSession session(with, start);
  session.trust_client();
  const std::string message = "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\nSubject: x\r\n\r\n" +
                              std::string(4000, 'x') + "\r\n.\r\n";
  std::uint64_t content = 0;
  run(session, "EHLO c.example\r\n" + message, content);
  session.consumed_output(session.output().size());
  const long before = sendconn::test::heap_allocations();
  run(session, message, content);
  const long allocations = sendconn::test::heap_allocations() - before;
  std::cout << "allocations for a message: " << allocations << "\n";
  EXPECT_LE(allocations, 4) << "what Address::parse needs, and nothing else";
}

}  // namespace
}  // namespace sendconn::smtp::test
