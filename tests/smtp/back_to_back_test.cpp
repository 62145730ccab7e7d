// Both sessions wired to each other: what the one says the other understands, however the octets are cut on the way.
#include <gtest/gtest.h>

#include "tests/smtp/drive.hpp"

namespace sendconn::smtp::test {
namespace {

/// Everything both sides want to say is carried over, `piece` octets at a time, until nothing moves any more.
void converse(ServerDriver& server, ClientDriver& client, std::size_t piece) {
  server.take_events();
  client.take_events();
  std::size_t server_sent = 0;
  std::size_t client_sent = 0;
  while (true) {
    server.take_output();
    client.take_output();
    const std::size_t before = server_sent + client_sent;
    if (server_sent < server.record.output.size() && !client.record.closed) {
      const std::string octets = server.record.output.substr(server_sent, piece);
      server_sent += octets.size();
      client.feed(octets);
    }
    if (client_sent < client.record.output.size() && !server.record.closed) {
      const std::string octets = client.record.output.substr(client_sent, piece);
      client_sent += octets.size();
      server.feed(octets);
    }
    if (server_sent + client_sent == before) return;
  }
}

struct Case {
  const char* name;
  TlsMode tls;
  std::uint8_t mechanisms;  // 0: no login
  bool trusted;
};

class BackToBackTest : public testing::TestWithParam<Case> {};

TEST_P(BackToBackTest, TwoMessagesOnOneConnection) {
  const Case& c = GetParam();
  const std::string message = "From: a@example.org\r\nSubject: dots\r\n\r\n.\r\n..\r\n.leading\r\nend\r\n";
  for (const std::size_t piece :
       {std::size_t{1}, std::size_t{2}, std::size_t{3}, std::size_t{7}, std::size_t{100'000}}) {
    ServerOptions options;
    options.hostname = "mx.example";
    options.offer_starttls = true;
    ServerDriver server(options);
    if (c.trusted) server.session.trust_client();
    if (c.tls == TlsMode::implicit) server.session.set_tls();

    ClientOptions client_options;
    client_options.hello_name = "client.example";
    client_options.tls = c.tls;
    client_options.nonce = client_nonce;
    if (c.mechanisms != 0) {
      client_options.credentials = Credentials{std::string(user), std::string(password), c.mechanisms, false};
    }
    ClientDriver client(client_options);
    int left = 2;
    const auto begin = [&] {
      if (left-- == 0) return client.session.quit(start);
      ASSERT_TRUE(client.session.begin(envelope({"b@example.net", "denied@example.net", "c@example.net"}), start));
    };
    client.act = [&](const ClientEvent& event) {
      if (std::holds_alternative<StartTls>(event)) client.session.tls_started(start);
      if (std::holds_alternative<Ready>(event) || std::holds_alternative<MessageDone>(event)) begin();
      if (std::holds_alternative<SendContent>(event)) {
        for (std::size_t at = 0; at < message.size(); at += piece) {
          client.session.content(std::string_view(message).substr(at, piece), start);
        }
        client.session.end_content(start);
      }
    };
    converse(server, client, piece);

    std::vector<std::string> expected;
    if (c.tls == TlsMode::required || c.tls == TlsMode::opportunistic) expected.emplace_back("StartTls");
    expected.emplace_back("Ready");
    for (int i = 0; i < 2; ++i) {
      expected.insert(expected.end(),
                      {"RecipientReply 0 250 2.1.5 recipient", "RecipientReply 1 550 5.1.1 recipient denied",
                       "RecipientReply 2 250 2.1.5 recipient", "SendContent", "MessageDone 250 2.0.0 queued"});
    }
    expected.emplace_back("Closed orderly 221 2.0.0 Goodbye");
    EXPECT_EQ(client.record.events, expected) << c.name << " piece " << piece << server.record;
    EXPECT_EQ(server.record.content, message + message) << c.name << " piece " << piece;
    EXPECT_EQ(server.session.tls(), c.tls != TlsMode::off);
    EXPECT_EQ(server.session.authenticated(), c.mechanisms != 0);
    EXPECT_TRUE(server.record.closed);
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, BackToBackTest,
                         testing::Values(Case{"trusted", TlsMode::off, 0, true},
                                         Case{"starttls_scram", TlsMode::required, 7, false},
                                         Case{"starttls_plain", TlsMode::opportunistic, 3, false},
                                         Case{"implicit_login", TlsMode::implicit, 2, false},
                                         Case{"implicit_plain", TlsMode::implicit, 1, false}),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace sendconn::smtp::test
