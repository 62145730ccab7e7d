// The admin socket: requests and answers over a real Unix socket, with clients that stall, flood and lie.
#include "relay/admin/server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <nlohmann/json.hpp>

#include "relay/admin/line_socket.hpp"
#include "relay/admin/protocol.hpp"

namespace sendconn::relay {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::chrono::seconds deadline{20};

/// A queue of two messages, one of which is on its way.
class FakeQueue : public QueueAdmin {
 public:
  FakeQueue() {
    for (const QueueId id : {QueueId{1}, QueueId{2}}) {
      QueuedMessage message;
      message.id = id;
      message.account = id == 1 ? "acme" : "other";
      message.connector = "shop";
      message.reverse_path = id == 1 ? "a@example.org" : "";
      message.content_octets = 1000;
      message.recipients = {{0, "b@example.net", 2, UnixTime{std::chrono::seconds(60)}, "451 4.7.1 later \x1b[31m"}};
      messages_.push_back(message);
    }
  }
  Result<QueueList> list(const QueueFilter& filter, std::size_t limit) override {
    QueueList found;
    for (const QueuedMessage& one : messages_) {
      if (matches(filter, one) && found.matched++ < limit) found.messages.push_back(one);
    }
    return found;
  }
  Result<QueuedMessage> show(QueueId id) override {
    for (const QueuedMessage& one : messages_) {
      if (one.id == id) return one;
    }
    return Error{Errc::not_found, "no such message"};
  }
  Result<std::uint64_t> retry(std::optional<QueueId> id) override { return std::uint64_t{id ? 1U : 2U}; }
  Result<void> remove(QueueId id) override {
    if (id == 2) return Error{Errc::conflict, "it is being delivered this moment"};
    return {};
  }
  RelayStatus status() override {
    return {"mail.example.org", UnixTime{}, {"127.0.0.1:2587 starttls"}, {{"connections", 7}}};
  }

 private:
  std::vector<QueuedMessage> messages_;
};

class Admin : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "sendconn-admin-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    config_.hostname = "mail.example.org";
    config_.admin_socket = root_ + "/admin.sock";
    config_.zone_file = root_ + "/zone";
    std::ofstream(config_.zone_file) << "example.net. IN MX 10 mx.example.net.\n";
    store_.emplace(std::move(*ControlStore::open({root_ + "/state", {}, "sendconn"})));
    start();
  }
  void TearDown() override {
    server_.reset();
    store_.reset();
    std::filesystem::remove_all(root_);
  }
  void start() {
    auto server = AdminServer::start(config_, *store_, queue_, [this](std::shared_ptr<const Directory> directory) {
      const std::lock_guard lock(mutex_);
      published_ = std::move(directory);
      ++changes_;
    });
    ASSERT_TRUE(server.ok()) << server.error().text;
    server_ = std::move(*server);
  }
  admin::Descriptor connect() {
    auto socket = admin::connect_to(config_.admin_socket);
    EXPECT_TRUE(socket.ok()) << socket.error().text;
    return std::move(*socket);
  }
  static json ask_line(const admin::Descriptor& socket, const std::string& line) {
    EXPECT_TRUE(admin::write_line(socket, line, deadline).ok());
    auto answer = admin::read_line(socket, 1'000'000, deadline);
    EXPECT_TRUE(answer.ok()) << answer.error().text;
    return json::parse(answer ? *answer : "null");
  }
  json ask(const std::string& command, const json& arguments = json::object()) {
    return ask_line(connect(), json{{"command", command}, {"arguments", arguments}}.dump());
  }
  std::shared_ptr<const Directory> published() {
    const std::lock_guard lock(mutex_);
    return published_;
  }

  std::string root_;
  Config config_;
  std::optional<ControlStore> store_;
  FakeQueue queue_;
  std::mutex mutex_;
  std::shared_ptr<const Directory> published_;
  std::atomic<int> changes_ = 0;
  std::unique_ptr<AdminServer> server_;
};

TEST_F(Admin, TheSocketIsForTheOwnerAlone) {
  struct stat status {};
  ASSERT_EQ(::stat(config_.admin_socket.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(Admin, AChangeIsPublishedBeforeItIsAnswered) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  const json added = ask("connector add", {{"connector", "acme/shop"}, {"password", "a long password"}});
  ASSERT_TRUE(added["ok"]) << added;
  ASSERT_NE(published(), nullptr);
  ASSERT_NE(published()->find_login("shop@acme"), nullptr);
  EXPECT_EQ(changes_, 2);
  EXPECT_FALSE(added["result"].contains("password")) << "a password that was given is not told back";
  ASSERT_TRUE(ask("connector list")["ok"]);
  EXPECT_EQ(changes_, 2) << "a question changes nothing";
}

TEST_F(Admin, AGeneratedPasswordIsToldOnceAndWorks) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  const json added = ask("connector add", {{"connector", "acme/shop"}});
  const std::string password = added["result"]["password"];
  EXPECT_GE(password.size(), 20U);
  EXPECT_TRUE(published()->find_login("shop@acme")->verifier.check_password(password));
  EXPECT_THAT(ask("connector show", {{"connector", "acme/shop"}}).dump(), Not(HasSubstr(password)));
}

TEST_F(Admin, AConnectorByNetworkGetsNoLoginUnlessOneIsAskedFor) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  const json added = ask("connector add", {{"connector", "acme/lan"}, {"networks", {"192.0.2.0/24"}}});
  ASSERT_TRUE(added["ok"]) << added;
  EXPECT_TRUE(added["result"]["users"].empty());
  EXPECT_FALSE(added["result"].contains("password"));
}

TEST_F(Admin, VerifiesADomainAgainstTheConfiguredZone) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  const json added = ask("domain add", {{"domain", "example.org"}, {"account", "acme"}});
  ASSERT_TRUE(added["ok"]) << added;
  json verified = ask("domain verify", {{"domain", "example.org"}});
  ASSERT_TRUE(verified["ok"]) << verified;
  EXPECT_EQ(verified["result"]["state"], "pending");
  EXPECT_EQ(verified["result"]["verdict"], "missing");

  std::ofstream(config_.zone_file, std::ios::app)
      << added["result"]["records"][1]["zone_line"].get<std::string>() << "\n";
  verified = ask("domain verify", {{"domain", "example.org"}});
  EXPECT_EQ(verified["result"]["state"], "active") << verified;

  std::ofstream(config_.zone_file, std::ios::trunc)
      << "$FAIL example.org ANY servfail\n$FAIL _sendconn-challenge.example.org ANY timeout\n";
  verified = ask("domain verify", {{"domain", "example.org"}});
  EXPECT_EQ(verified["result"]["state"], "active") << "silence is not absence: " << verified;

  std::ofstream(config_.zone_file, std::ios::trunc) << "example.org. IN TXT \"v=spf1 -all\"\n";
  verified = ask("domain verify", {{"domain", "example.org"}});
  EXPECT_EQ(verified["result"]["state"], "revoked") << verified;
}

struct BadRequest {
  const char* what;
  const char* line;
  const char* code;
  const char* says;
};
void PrintTo(const BadRequest& request, std::ostream* out) { *out << request.what; }
class RefusedRequest : public Admin, public ::testing::WithParamInterface<BadRequest> {};

TEST_P(RefusedRequest, IsAnsweredInWordsAndTheServerGoesOn) {
  const auto socket = connect();
  const json answer = ask_line(socket, GetParam().line);
  EXPECT_FALSE(answer["ok"]);
  EXPECT_EQ(answer["error"]["code"], GetParam().code) << answer;
  EXPECT_THAT(answer["error"]["text"].get<std::string>(), HasSubstr(GetParam().says));
  EXPECT_TRUE(ask_line(socket, R"({"command": "account list"})")["ok"]) << "the same client may go on";
}

const BadRequest bad_requests[] = {
    {"no JSON", "hello", "syntax", "must be a JSON object"},
    {"an array", "[1]", "syntax", "must be a JSON object"},
    {"no command", "{}", "syntax", "member \"command\""},
    {"a command that is no text", R"({"command": 5})", "syntax", "member \"command\""},
    {"an unknown command", R"({"command": "account burn"})", "unsupported", "no command 'account burn'"},
    {"arguments that are no object", R"({"command": "account list", "arguments": [1]})", "invalid_argument",
     "JSON object"},
    {"an unknown argument", R"({"command": "account list", "arguments": {"acount": "x"}})", "invalid_argument",
     "no argument 'acount'"},
    {"a missing argument", R"({"command": "account add"})", "invalid_argument", "'account' must be a text"},
    {"an argument of a wrong type", R"({"command": "account add", "arguments": {"account": 5}})", "invalid_argument",
     "must be a text"},
    {"a list with a number", R"({"command": "connector add", "arguments": {"connector": "a/b", "networks": [5]}})",
     "invalid_argument", "array of texts"},
    {"a negative number", R"({"command": "queue list", "arguments": {"limit": -1}})", "invalid_argument",
     "not negative"},
    {"not UTF-8", "{\"command\": \"account add\", \"arguments\": {\"account\": \"\xff\"}}", "syntax", "JSON object"},
    {"a short password", R"({"command": "connector passwd", "arguments": {"connector": "a/b", "password": "short"}})",
     "not_found", "no connector 'a/b'"},
    {"no such message", R"({"command": "queue show", "arguments": {"id": "0000000000000"}})", "not_found",
     "no such message"},
    {"retry of what", R"({"command": "queue retry"})", "invalid_argument", "either an id or --all"},
    {"a key below 1024 bits",
     R"({"command": "dkim keygen", "arguments": {"domain": "a.example", "selector": "s", "bits": 512}})", "not_found",
     "no domain a.example"},
    {"a domain with a bad label", R"({"command": "domain show", "arguments": {"domain": "a..example"}})",
     "invalid_argument", "'a..example' is no domain"},
};
INSTANTIATE_TEST_SUITE_P(Requests, RefusedRequest, ::testing::ValuesIn(bad_requests));

TEST_F(Admin, ShortPasswordsAndWeakKeysAreRefused) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  EXPECT_THAT(ask("connector add", {{"connector", "acme/shop"}, {"password", "short"}}).dump(),
              HasSubstr("at least 8"));
  ASSERT_TRUE(ask("domain add", {{"domain", "example.org"}, {"account", "acme"}})["ok"]);
  EXPECT_THAT(ask("dkim keygen", {{"domain", "example.org"}, {"selector", "s"}, {"bits", 512}}).dump(),
              HasSubstr("1024 to 4096 bits"));
  EXPECT_THAT(ask("dkim keygen", {{"domain", "example.org"}, {"selector", "s"}, {"pem", "no key"}}).dump(),
              HasSubstr("\"ok\":false"));
}

TEST_F(Admin, SignsWithAKeyThatNeverLeaves) {
  ASSERT_TRUE(ask("account add", {{"account", "acme"}})["ok"]);
  ASSERT_TRUE(ask("domain add", {{"domain", "example.org"}, {"account", "acme"}})["ok"]);
  const json made = ask("dkim keygen", {{"domain", "example.org"}, {"selector", "e1"}, {"type", "ed25519"}});
  ASSERT_TRUE(made["ok"]) << made;
  EXPECT_THAT(made.dump(), Not(HasSubstr("PRIVATE")));
  EXPECT_THAT(made["result"]["zone_line"].get<std::string>(), HasSubstr("k=ed25519"));
  const json signed_fields =
      ask("dkim sign",
          {{"domain", "example.org"}, {"selector", "e1"}, {"message", "From: a@example.org\r\n\r\n\u00e4\u00ff\r\n"}});
  ASSERT_TRUE(signed_fields["ok"]) << signed_fields;
  EXPECT_THAT(signed_fields["result"]["fields"].get<std::string>(), HasSubstr("d=example.org; s=e1;"));
}

TEST_F(Admin, ListsAndFiltersTheQueue) {
  EXPECT_EQ(ask("queue list")["result"]["matched"], 2);
  EXPECT_EQ(ask("queue list", {{"limit", 1}})["result"]["messages"].size(), 1U);
  EXPECT_EQ(ask("queue list", {{"account", "acme"}})["result"]["messages"][0]["sender"], "a@example.org");
  EXPECT_EQ(ask("queue list", {{"sender", "<>"}})["result"]["matched"], 1);
  EXPECT_EQ(ask("queue list", {{"recipient", "@example.net"}})["result"]["matched"], 2);
  EXPECT_EQ(ask("queue list", {{"recipient", "@ample.net"}})["result"]["matched"], 0);
  EXPECT_EQ(ask("queue retry", {{"all", true}})["result"]["recipients"], 2);
  EXPECT_EQ(ask("queue remove", {{"id", format_queue_id(2)}})["error"]["code"], "conflict");
  EXPECT_EQ(ask("relay status")["result"]["figures"]["connections"], 7);
}

TEST_F(Admin, AsksTheDnsAsConfigured) {
  const json found = ask("dig", {{"name", "example.net"}, {"type", "MX"}});
  EXPECT_EQ(found["result"]["records"], json::array({"10 mx.example.net."})) << found;
  EXPECT_EQ(ask("dig", {{"name", "none.example"}, {"type", "A"}})["result"]["status"], "no such name");
  EXPECT_EQ(ask("dig", {{"name", "a.example"}, {"type", "ANY"}})["error"]["code"], "invalid_argument");
}

TEST_F(Admin, AnEndlessLineIsCutOff) {
  const auto socket = connect();
  const std::string piece(1'000'000, 'x');
  std::size_t sent = 0;
  while (sent <= 4 * admin::max_request_octets) {
    const ssize_t count = ::send(socket.get(), piece.data(), piece.size(), MSG_NOSIGNAL);
    if (count < 0) break;
    sent += static_cast<std::size_t>(count);
  }
  EXPECT_LT(sent, 4 * admin::max_request_octets);
  EXPECT_TRUE(ask("account list")["ok"]);
}

TEST_F(Admin, AClientThatHangsUpInTheMiddleOfALineHarmsNobody) {
  {
    const auto socket = connect();
    ASSERT_GT(::send(socket.get(), "{\"command\"", 10, MSG_NOSIGNAL), 0);
  }
  EXPECT_TRUE(ask("account list")["ok"]);
}

TEST_F(Admin, AStalledClientDoesNotHoldUpTheEnd) {
  const auto socket = connect();
  ASSERT_TRUE(ask_line(socket, R"({"command": "account list"})")["ok"]) << "it is this client's turn";
  const auto before = std::chrono::steady_clock::now();
  server_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  EXPECT_FALSE(std::filesystem::exists(config_.admin_socket));
}

TEST_F(Admin, ASocketLeftBehindIsReplacedButNothingElseIs) {
  server_.reset();
  { const auto left = admin::listen_at(config_.admin_socket); }
  ASSERT_TRUE(std::filesystem::exists(config_.admin_socket));
  start();
  EXPECT_TRUE(ask("account list")["ok"]);
  server_.reset();
  std::ofstream(config_.admin_socket) << "precious";
  const auto refused = AdminServer::start(config_, *store_, queue_, {});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().text, HasSubstr("something else has that name"));
  EXPECT_TRUE(std::filesystem::exists(config_.admin_socket));
}

TEST(CodePoints, CarryEveryOctet) {
  std::string octets;
  std::string text;
  for (unsigned i = 0; i < 256; ++i) {
    octets += static_cast<char>(i);
    if (i < 0x80) {
      text += static_cast<char>(i);
    } else {
      text += {static_cast<char>(0xc0U | (i >> 6U)), static_cast<char>(0x80U | (i & 0x3fU))};
    }
  }
  const auto back = admin::from_code_points(text);
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(*back, octets);
  for (const char* bad : {"\xc4\x80", "\xe2\x82\xac", "\xc3", "\xff"}) EXPECT_FALSE(admin::from_code_points(bad).ok());
}

}  // namespace
}  // namespace sendconn::relay
