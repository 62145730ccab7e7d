// A message on its way in: what is refused, what is added and removed, what is signed and stored.
#include "relay/submission/intake.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/relay/spool_fixture.hpp"

namespace sendconn::relay {
namespace {

constexpr std::string_view plain =
    "From: Alice <alice@example.com>\r\nTo: bob@example.net\r\nSubject: hello\r\n"
    "Date: Sun, 22 Nov 2026 15:02:50 +0000\r\nMessage-ID: <1@example.com>\r\n\r\nThe body.\r\n";

class IntakeTest : public ::testing::Test {
 protected:
  IntakeTest() {
    auto connector = std::make_shared<Connector>();
    connector->account = "acme";
    connector->name = "web";
    connector->key = "acme/web";
    connector->domains["example.com"] = {policy::Right::granted, {}};
    connector->domains["pending.example"] = {policy::Right::pending, "publish the record"};
    connector_ = connector;
    auto directory = std::make_shared<Directory>();
    static const auto key =
        std::make_shared<const crypto::PrivateKey>(*crypto::PrivateKey::generate(crypto::KeyType::ed25519));
    directory->keys["acme/example.com"].push_back({*dkim::Selector::parse("s1"), key});
    directory_ = directory;
    spool_ = std::move(*open_spool({folder_.path("spool"), true, 0, 0}));
    facts_.id = spool_->next_id();
    facts_.now = UnixTime(std::chrono::seconds(1'790'000'000));
    facts_.hostname = "relay.example";
    facts_.client = "192.0.2.7";
    facts_.hello = "client.example";
    facts_.protocol = "ESMTPSA";
  }

  /// Feeds the message in pieces of `piece` octets.
  std::optional<Reply> feed(std::string_view message, std::size_t piece = 1'000'000) {
    Intake intake(facts_, limits_, connector_, directory_, *spool_);
    for (std::size_t at = 0; at < message.size(); at += piece) intake.content(message.substr(at, piece));
    auto refusal = intake.end();
    if (!refusal) taken_ = intake.take();
    return refusal;
  }

  [[nodiscard]] std::string stored() const { return testing::read_all(*taken_.content); }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Spool> spool_;
  std::shared_ptr<const Connector> connector_;
  std::shared_ptr<const Directory> directory_;
  IntakeFacts facts_;
  IntakeLimits limits_;
  TakenMessage taken_;
};

TEST_F(IntakeTest, a_complete_message_is_stored_as_it_came) {
  ASSERT_FALSE(feed(plain));
  EXPECT_EQ(stored(), plain);
  EXPECT_EQ(taken_.message_id, "<1@example.com>");
}

TEST_F(IntakeTest, the_result_is_the_same_however_the_input_is_cut) {
  for (std::size_t piece = 1; piece <= plain.size(); ++piece) {
    ASSERT_FALSE(feed(plain, piece)) << piece;
    ASSERT_EQ(stored(), plain) << piece;
  }
}

TEST_F(IntakeTest, received_names_client_protocol_and_queue_id) {
  ASSERT_FALSE(feed(plain));
  EXPECT_NE(taken_.prefix.find("\r\nReceived: from client.example ([192.0.2.7])\r\n"), std::string::npos);
  EXPECT_NE(taken_.prefix.find("by relay.example with ESMTPSA id " + format_queue_id(facts_.id)), std::string::npos);
}

TEST_F(IntakeTest, missing_date_and_message_id_are_added_and_signed) {
  ASSERT_FALSE(feed("From: alice@example.com\r\n\r\nhi\r\n"));
  EXPECT_NE(taken_.prefix.find("\r\nDate: "), std::string::npos);
  EXPECT_NE(taken_.prefix.find("\r\nMessage-ID: <" + format_queue_id(facts_.id) + "@relay.example>\r\n"),
            std::string::npos);
  EXPECT_EQ(taken_.prefix.find("DKIM-Signature: "), 0U);
  EXPECT_NE(taken_.prefix.find("d=example.com"), std::string::npos);
}

TEST_F(IntakeTest, bcc_is_dropped_and_only_bcc) {
  ASSERT_FALSE(
      feed("Bcc: secret@example.net\r\nFrom: alice@example.com\r\nX: a@example.net,\r\n\tb@example.net\r\n"
           "Subject: x\r\nResent-Bcc: c@example.net\r\n\r\nBcc: stays in the body\r\n"));
  EXPECT_EQ(stored(),
            "From: alice@example.com\r\nX: a@example.net,\r\n\tb@example.net\r\nSubject: x\r\n\r\nBcc: stays in the "
            "body\r\n");
}

TEST_F(IntakeTest, a_message_above_the_memory_bound_goes_to_a_file_unchanged) {
  limits_.max_memory_octets = 1'000;
  std::string message(plain);
  while (message.size() < 300'000) message += "0123456789012345678901234567890123456789\r\n";
  ASSERT_FALSE(feed(message, 777));
  EXPECT_EQ(stored(), message);
}

TEST_F(IntakeTest, refusals) {
  struct Case {
    const char* name;
    std::string message;
    std::uint16_t code;
    std::string enhanced;
    const char* says;
  };
  const std::vector<Case> cases = {
      {"no From", "Subject: x\r\n\r\nhi\r\n", 550, "5.6.0", "From"},
      {"empty message", "", 550, "5.6.0", "From"},
      {"two From fields", "From: alice@example.com\r\nFrom: alice@example.com\r\n\r\nhi\r\n", 550, "5.6.0", "From"},
      {"a foreign From", "From: eve@evil.example\r\n\r\nhi\r\n", 550, "5.7.1", "evil.example"},
      {"one of two mailboxes is foreign", "From: alice@example.com, eve@evil.example\r\n\r\nhi\r\n", 550, "5.7.1",
       "evil.example"},
      {"a subdomain stands on its own", "From: a@sub.example.com\r\n\r\nhi\r\n", 550, "5.7.1", "sub.example.com"},
      {"a pending domain says what to publish", "From: a@pending.example\r\n\r\nhi\r\n", 550, "5.7.1",
       "publish the record"},
      {"a foreign Sender", "From: alice@example.com\r\nSender: eve@evil.example\r\n\r\nhi\r\n", 550, "5.7.1",
       "evil.example"},
      {"not a header", "this is no field\r\n\r\nhi\r\n", 550, "5.6.0", ""},
      {"too many hops",
       [] {
         std::string text = "From: alice@example.com\r\n";
         for (int i = 0; i < 101; ++i) text += "Received: from a by b; Sun, 22 Nov 2026 15:02:50 +0000\r\n";
         return text + "\r\nhi\r\n";
       }(),
       554, "5.4.6", ""},
      {"an internationalized author without SMTPUTF8", "From: \xc3\xa9@example.com\r\n\r\nhi\r\n", 550, "5.6.7",
       "SMTPUTF8"},
      {"a header section without end", "From: alice@example.com\r\nX: " + std::string(400'000, 'x') + "\r\n\r\n", 552,
       "5.3.4", "max_header_octets"},
  };
  for (const Case& c : cases) {
    const auto refusal = feed(c.message);
    ASSERT_TRUE(refusal) << c.name;
    EXPECT_EQ(refusal->code, c.code) << c.name << ": " << refusal->summary();
    EXPECT_EQ(refusal->enhanced.format(), c.enhanced) << c.name << ": " << refusal->summary();
    EXPECT_NE(refusal->text.find(c.says), std::string::npos) << c.name << ": " << refusal->summary();
  }
}

TEST_F(IntakeTest, a_message_for_which_there_is_no_room_is_not_written_to_its_end) {
  spool_.reset();
  spool_ = std::move(*open_spool({folder_.path("spool"), true, 100'000, 0}));
  limits_.max_memory_octets = 1'000;
  Intake intake(facts_, limits_, connector_, directory_, *spool_);
  intake.content(plain);
  const std::string piece(200'000, 'x');  // more than the spool may hold
  for (int i = 0; i < 3; ++i) {
    intake.content(piece);
    intake.content("\r\n");
  }
  const auto large = std::filesystem::directory_iterator(folder_.path("spool") + "/large");
  // The spool may remove the file while we look: then nothing of it is there, either.
  EXPECT_TRUE(std::all_of(begin(large), end(large), [](const auto& file) {
    std::error_code gone;
    const auto size = file.file_size(gone);
    return gone || size == 0;
  }));
  const auto refusal = intake.end();
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->summary().substr(0, 9), "452 4.3.1");
}

TEST_F(IntakeTest, what_ends_while_the_message_comes_counts) {
  auto later = std::make_shared<Connector>(*connector_);
  later->domains["example.com"] = {policy::Right::revoked, "publish the record again"};
  for (const bool header_first : {true, false}) {
    Intake intake(facts_, limits_, connector_, directory_, *spool_);
    const std::string_view message = header_first ? plain : "From: alice@example.com\r\n";  // without an empty line
    intake.content(message);
    auto refusal = intake.decide_again(later, directory_);
    EXPECT_EQ(refusal.has_value(), header_first);
    if (!refusal) refusal = intake.end();
    ASSERT_TRUE(refusal);
    EXPECT_EQ(refusal->summary().substr(0, 9), "550 5.7.1");
    EXPECT_NE(refusal->text.find("publish the record again"), std::string::npos);
  }
}

TEST_F(IntakeTest, a_domain_without_a_key_is_refused_unless_configured) {
  auto directory = std::make_shared<Directory>();
  directory_ = directory;
  const auto refusal = feed(plain);
  ASSERT_TRUE(refusal);
  EXPECT_EQ(refusal->summary().substr(0, 10), "550 5.7.20");
  limits_.require_signature = false;
  ASSERT_FALSE(feed(plain));
  EXPECT_EQ(taken_.prefix.find("DKIM-Signature"), std::string::npos);
}

TEST_F(IntakeTest, what_was_received_stays_as_it_came) {
  connector_ = nullptr;
  for (const std::string& odd :
       {std::string(plain), std::string("Subject: no author\r\nBcc: x@example.net\r\n\r\nhi\r\n"),
        std::string("From: a@b.example\r\nFrom: c@d.example\r\n\r\nhi\r\n")}) {
    ASSERT_FALSE(feed(odd)) << odd;
    EXPECT_EQ(stored(), odd);
    EXPECT_EQ(taken_.prefix, format_received(facts_));
  }
}

TEST_F(IntakeTest, fields_in_our_name_are_dropped_from_every_message) {
  limits_.authserv_id = "relay.example";
  limits_.quarantine_field = "X-Quarantine";
  const std::string forged =
      "Authentication-Results: relay.example; spf=pass\r\nAUTHENTICATION-RESULTS:\r\n (a)\r\n Relay.Example. 1;\r\n"
      " none\r\nx-quarantine : no\r\nAuthentication-Results: ;\r\n";
  const std::string foreign = "Authentication-Results: other.example; spf=pass\r\nX-Quarantined: no\r\n";
  for (const bool received : {false, true}) {
    if (received) connector_ = nullptr;
    for (std::size_t piece : {std::size_t{1}, std::size_t{1'000'000}}) {
      ASSERT_FALSE(feed(forged + foreign + std::string(plain), piece));
      EXPECT_EQ(stored(), foreign + std::string(plain));
    }
  }
  limits_.quarantine_field = {};
  ASSERT_FALSE(feed("X-Quarantine: mine\r\n" + std::string(plain)));
  EXPECT_EQ(stored(), "X-Quarantine: mine\r\n" + std::string(plain));
}

}  // namespace
}  // namespace sendconn::relay
