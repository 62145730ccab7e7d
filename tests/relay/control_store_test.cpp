// The control store: what is kept, who may have what, how it refuses, and the Directory it hands out.
#include "relay/control/store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

namespace sendconn::relay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr UnixTime t0{std::chrono::seconds(1'795'000'000)};

Domain domain(std::string_view text) { return *Domain::parse(text); }
dkim::Selector selector(std::string_view text) { return *dkim::Selector::parse(text); }
IpNetwork network(std::string_view text) { return *IpNetwork::parse(text); }
limit::Rate rate(std::string_view text) { return *limit::Rate::parse(text); }
NewLogin login(const std::string& user, std::string_view password) {
  return {user, *sasl::ScramVerifier::from_password(password, "0123456789abcdef")};
}

ownership::Outcome outcome(ownership::Verdict verdict) { return {verdict, "somewhere", "what was found"}; }

class ControlStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "sendconn-control-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    options_.folder = root_ + "/state";
    open();
  }
  void TearDown() override {
    store_.reset();
    std::filesystem::remove_all(root_);
  }

  void open() {
    auto store = ControlStore::open(options_);
    ASSERT_TRUE(store.ok()) << store.error().text;
    store_.emplace(std::move(*store));
  }
  void reopen() {
    store_.reset();
    open();
  }
  /// Closes the store and tells why it does not open again.
  Error refusal() {
    store_.reset();
    auto store = ControlStore::open(options_);
    if (!store) return store.error();
    store_.emplace(std::move(*store));
    return {Errc::invalid_argument, "it opened"};
  }

  void account_with_connector(const std::string& account, const std::string& connector) {
    ASSERT_TRUE(store_->add_account(account, t0).ok());
    const auto added = store_->add_connector({{account, connector}, {}, {}, {}}, t0);
    ASSERT_TRUE(added.ok()) << added.error().text;
  }
  DomainRecord verify(const std::string& account, const std::string& name) {
    auto record = store_->record_check(account, domain(name), outcome(ownership::Verdict::verified), t0);
    EXPECT_TRUE(record.ok()) << record.error().text;
    return *record;
  }
  std::shared_ptr<const Directory> snapshot() {
    auto directory = store_->snapshot();
    EXPECT_TRUE(directory.ok()) << directory.error().text;
    return *directory;
  }
  std::string database() const { return options_.folder + "/control.db"; }
  std::string raw() const {
    std::ifstream file(database(), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string root_;
  ControlOptions options_;
  std::optional<ControlStore> store_;
};

// ── Files ────────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ControlStoreTest, AFolderThatOthersMayWriteToIsRefused) {
  store_.reset();
  ASSERT_EQ(::chmod(options_.folder.c_str(), 0777), 0);
  const auto refused = ControlStore::open(options_);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text.find("chmod 700"), std::string::npos) << refused.error().text;
  ASSERT_EQ(::chmod(options_.folder.c_str(), 0750), 0);
  EXPECT_TRUE(ControlStore::open(options_).ok());
}

TEST_F(ControlStoreTest, FolderAndDatabaseAreForTheOwnerAlone) {
  struct stat status {};
  ASSERT_EQ(::stat(options_.folder.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat(database().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(ControlStoreTest, ASecondProcessIsLockedOutUntilTheFirstIsGone) {
  const auto second = ControlStore::open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_THAT(second.error().text, HasSubstr("held by another sendconn-relay"));
  store_.reset();
  EXPECT_TRUE(ControlStore::open(options_).ok());
}

TEST_F(ControlStoreTest, WhoHasPatienceGetsTheLockOnceItIsFree) {
  options_.patience = std::chrono::seconds(30);
  std::thread holder([this] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // the wait is what is tested
    store_.reset();
  });
  const auto second = ControlStore::open(options_);
  holder.join();
  EXPECT_TRUE(second.ok()) << second.error().text;
}

TEST_F(ControlStoreTest, RefusesADatabaseThatOthersMayOpen) {
  ASSERT_EQ(::chmod(database().c_str(), 0644), 0);
  EXPECT_THAT(refusal().text, HasSubstr("chmod 600"));
}

TEST_F(ControlStoreTest, RefusesAFileThatIsNoDatabase) {
  store_.reset();
  std::ofstream(database(), std::ios::binary | std::ios::trunc) << std::string(8192, 'x');
  EXPECT_THAT(refusal().text, HasSubstr("damaged or no SQLite database"));
}

TEST_F(ControlStoreTest, RefusesADatabaseWithDamagedPages) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(store_->add_account("account" + std::to_string(i), t0).ok());
  store_.reset();
  std::fstream file(database(), std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(4096);
  file << std::string(8192, '\xff');
  file.close();
  const Error error = refusal();
  EXPECT_EQ(error.code, Errc::io);
  EXPECT_THAT(error.text, HasSubstr("damaged"));
  EXPECT_THAT(error.text, Not(HasSubstr("\n")));
}

TEST_F(ControlStoreTest, ARateThatCannotBeReadIsNotNoLimit) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  NewConnector connector;
  connector.name = {"acme", "office"};
  connector.rates.message = limit::Rate::parse("100/min").value();
  ASSERT_TRUE(store_->add_connector(connector, t0).ok());
  store_.reset();
  ASSERT_TRUE(Database::open(database())->execute("UPDATE connector SET message_rate = 'many'").ok());
  store_ = std::move(ControlStore::open(options_)).value();
  const auto snapshot = store_->snapshot();
  ASSERT_FALSE(snapshot.ok());
  EXPECT_THAT(snapshot.error().text, HasSubstr("connector acme/office has a rate in the database"));
}

TEST_F(ControlStoreTest, RefusesTheFormOfANewerVersion) {
  store_.reset();
  ASSERT_TRUE(Database::open(database())->execute("PRAGMA user_version = 99").ok());
  const Error error = refusal();
  EXPECT_EQ(error.code, Errc::unsupported);
  EXPECT_THAT(error.text, HasSubstr("form 99 of a newer sendconn"));
}

TEST_F(ControlStoreTest, RefusesTheDatabaseOfAnotherProgram) {
  store_.reset();
  ASSERT_TRUE(Database::open(database())->execute("PRAGMA application_id = 7").ok());
  EXPECT_THAT(refusal().text, HasSubstr("no control database of sendconn"));
}

TEST_F(ControlStoreTest, RefusesAnUnfinishedOrForeignSchemaWithoutTouchingIt) {
  store_.reset();
  std::filesystem::remove(database());
  ASSERT_TRUE(Database::open(database())->execute("CREATE TABLE mine (a)").ok());
  ::chmod(database().c_str(), 0600);
  EXPECT_THAT(refusal().text, HasSubstr("no control database of sendconn"));
}

// ── Accounts and connectors ──────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ControlStoreTest, AccountsAreKeptAcrossOpenings) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  EXPECT_EQ(store_->add_account("acme", t0).error().code, Errc::conflict);
  reopen();
  const auto accounts = store_->accounts();
  ASSERT_TRUE(accounts.ok());
  ASSERT_EQ(accounts->size(), 1U);
  EXPECT_EQ(accounts->front().name, "acme");
  EXPECT_EQ(accounts->front().created, t0);
  EXPECT_EQ(store_->account("none").error().code, Errc::not_found);
}

TEST_F(ControlStoreTest, RefusesNamesThatWouldConfuseLogsAndBuckets) {
  for (const std::string& name :
       {std::string(), std::string("Acme"), std::string("a/b"), std::string("-a"), std::string("a b"),
        std::string("a\nb"), std::string(64, 'a'), std::string("\xc3\xa4")}) {
    const auto added = store_->add_account(name, t0);
    ASSERT_FALSE(added.ok()) << name;
    EXPECT_EQ(added.error().code, Errc::invalid_argument);
  }
  EXPECT_FALSE(ConnectorName::parse("acme").ok());
  EXPECT_FALSE(ConnectorName::parse("acme/").ok());
  EXPECT_FALSE(ConnectorName::parse("acme/a/b").ok());
}

TEST_F(ControlStoreTest, AConnectorKeepsRatesNetworksAndVerifiersButNoPassword) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  const NewConnector wanted{{"acme", "shop"},
                            {rate("100/min, burst 20"), rate("1000/h"), rate("5/s")},
                            {network("192.0.2.0/24"), network("2001:db8::/64")},
                            login("shop@acme", "correct horse battery")};
  ASSERT_TRUE(store_->add_connector(wanted, t0).ok());
  reopen();
  const auto found = store_->connector({"acme", "shop"});
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->rates.message, wanted.rates.message);
  EXPECT_EQ(found->rates.recipient, wanted.rates.recipient);
  EXPECT_EQ(found->rates.null_sender, wanted.rates.null_sender);
  EXPECT_THAT(found->users, ElementsAre("shop@acme"));
  EXPECT_EQ(found->networks.size(), 2U);
  EXPECT_THAT(raw(), Not(HasSubstr("correct horse")));
  const auto directory = snapshot();
  const Login* kept = directory->find_login("shop@acme");
  ASSERT_NE(kept, nullptr);
  EXPECT_TRUE(kept->verifier.check_password("correct horse battery"));
  EXPECT_FALSE(kept->verifier.check_password("correct horse"));
  EXPECT_EQ(kept->connector->key, "acme/shop");
  EXPECT_EQ(directory->find_login("shop"), nullptr);
}

TEST_F(ControlStoreTest, AUserOrNetworkBelongsToOneConnectorOfAll) {
  account_with_connector("acme", "shop");
  account_with_connector("other", "mail");
  ASSERT_TRUE(store_->set_login({"acme", "shop"}, login("office", "a long password"), t0).ok());
  const auto taken = store_->set_login({"other", "mail"}, login("office", "another password"), t0);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, Errc::conflict);
  EXPECT_THAT(taken.error().text, HasSubstr("belongs to connector 'acme/shop'"));
  ASSERT_TRUE(store_->add_connector({{"acme", "lan"}, {}, {network("192.0.2.0/24")}, {}}, t0).ok());
  const auto twice = store_->add_connector({{"other", "lan"}, {}, {network("192.0.2.0/24")}, {}}, t0);
  EXPECT_EQ(twice.error().code, Errc::conflict);
  EXPECT_EQ(store_->connector({"other", "lan"}).error().code, Errc::not_found) << "nothing of it was kept";
}

TEST_F(ControlStoreTest, AFailedAdditionLeavesNothingBehind) {
  account_with_connector("acme", "shop");
  ASSERT_TRUE(store_->set_login({"acme", "shop"}, login("office", "a long password"), t0).ok());
  EXPECT_FALSE(
      store_->add_connector({{"acme", "two"}, {}, {network("192.0.2.0/24")}, login("office", "a long password")}, t0)
          .ok());
  EXPECT_EQ(store_->connector({"acme", "two"}).error().code, Errc::not_found);
  EXPECT_EQ(snapshot()->find_network(*IpAddress::parse("192.0.2.1")), nullptr);
}

TEST_F(ControlStoreTest, RefusesNetworksThatWouldOpenTheRelay) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  for (const char* wide : {"0.0.0.0/0", "0.0.0.0/7", "::/0", "2000::/3", "::ffff:192.0.2.0/120"}) {
    const auto added = store_->add_connector({{"acme", "lan"}, {}, {network(wide)}, {}}, t0);
    ASSERT_FALSE(added.ok()) << wide;
    EXPECT_EQ(added.error().code, Errc::invalid_argument) << wide;
  }
}

TEST_F(ControlStoreTest, TheLongestClientNetworkWinsAndMappedAddressesCount) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  ASSERT_TRUE(store_->add_connector({{"acme", "wide"}, {}, {network("10.0.0.0/8")}, {}}, t0).ok());
  ASSERT_TRUE(store_->add_connector({{"acme", "host"}, {}, {network("10.1.2.3/32")}, {}}, t0).ok());
  ASSERT_TRUE(store_->add_connector({{"acme", "narrow"}, {}, {network("10.1.0.0/16")}, {}}, t0).ok());
  const auto directory = snapshot();
  const auto name_of = [&](const char* client) {
    const auto connector = directory->find_network(*IpAddress::parse(client));
    return connector ? connector->name : std::string("none");
  };
  EXPECT_EQ(name_of("10.1.2.3"), "host");
  EXPECT_EQ(name_of("10.1.2.4"), "narrow");
  EXPECT_EQ(name_of("10.2.0.1"), "wide");
  EXPECT_EQ(name_of("::ffff:10.1.2.3"), "host");
  EXPECT_EQ(name_of("11.0.0.1"), "none");
}

// ── Domains ──────────────────────────────────────────────────────────────────────────────────────────────────────────

TEST_F(ControlStoreTest, ADomainIsPendingUntilItsOwnTokenProvesIt) {
  account_with_connector("acme", "shop");
  const auto added = store_->add_domain("acme", domain("example.org"), {"shop"}, t0);
  ASSERT_TRUE(added.ok()) << added.error().text;
  EXPECT_EQ(added->state, DomainState::pending);
  EXPECT_EQ(added->token.text().size(), 40U);
  auto right = snapshot()->find_login("none");
  EXPECT_EQ(right, nullptr);

  ASSERT_TRUE(store_->set_login({"acme", "shop"}, login("u", "a long password"), t0).ok());
  const auto pending = snapshot()->find_login("u")->connector->right(domain("example.org"));
  EXPECT_EQ(pending.right, policy::Right::pending);
  EXPECT_THAT(pending.remedy, HasSubstr("_sendconn-challenge.example.org \"token=" + added->token.text() + "\""));
  EXPECT_THAT(pending.remedy, HasSubstr("example.org \"sendconn-verification=" + added->token.text() + "\""));

  verify("acme", "example.org");
  const auto granted = snapshot()->find_login("u")->connector;
  EXPECT_EQ(granted->right(domain("example.org")).right, policy::Right::granted);
  EXPECT_EQ(granted->right(domain("sub.example.org")).right, policy::Right::unknown_domain) << "each stands on its own";
  EXPECT_THAT(granted->right(domain("sub.example.org")).remedy, HasSubstr("Add sub.example.org to account acme"));
}

TEST_F(ControlStoreTest, AnActiveDomainReachesOnlyTheConnectorsItIsGrantedTo) {
  account_with_connector("acme", "shop");
  ASSERT_TRUE(store_->add_connector({{"acme", "exchange"}, {}, {network("192.0.2.1")}, {}}, t0).ok());
  ASSERT_TRUE(store_->add_domain("acme", domain("example.org"), {"shop"}, t0).ok());
  verify("acme", "example.org");
  const auto exchange = [&] {
    return snapshot()->find_network(*IpAddress::parse("192.0.2.1"))->right(domain("example.org"));
  };
  EXPECT_EQ(exchange().right, policy::Right::not_granted);
  EXPECT_THAT(exchange().remedy, HasSubstr("granted to connector acme/exchange"));
  ASSERT_TRUE(store_->grant({}, domain("example.org"), "exchange").ok());
  ASSERT_TRUE(store_->grant({}, domain("example.org"), "exchange").ok()) << "twice is as good as once";
  EXPECT_EQ(exchange().right, policy::Right::granted);
  ASSERT_TRUE(store_->withdraw({}, domain("example.org"), "exchange").ok());
  EXPECT_EQ(exchange().right, policy::Right::not_granted);
  EXPECT_EQ(store_->withdraw({}, domain("example.org"), "exchange").error().code, Errc::not_found);
}

TEST_F(ControlStoreTest, AGrantNeverReachesAnotherAccountsConnector) {
  account_with_connector("acme", "shop");
  account_with_connector("other", "mail");
  ASSERT_TRUE(store_->add_domain("acme", domain("example.org"), {}, t0).ok());
  EXPECT_EQ(store_->grant("acme", domain("example.org"), "mail").error().code, Errc::not_found);
  EXPECT_FALSE(store_->add_domain("acme", domain("two.example"), {"shop", "mail"}, t0).ok());
  EXPECT_EQ(store_->domain("acme", domain("two.example")).error().code, Errc::not_found) << "nothing of it was kept";
}

struct Transition {
  const char* what;
  ownership::Verdict first;
  ownership::Verdict second;
  DomainState after;
};
void PrintTo(const Transition& transition, std::ostream* out) { *out << transition.what; }
class DomainTransition : public ControlStoreTest, public ::testing::WithParamInterface<Transition> {};

using ownership::Verdict;
const Transition transitions[] = {
    {"stays pending without the record", Verdict::missing, Verdict::mismatch, DomainState::pending},
    {"stays pending when the DNS is silent", Verdict::temporary_failure, Verdict::temporary_failure,
     DomainState::pending},
    {"becomes active", Verdict::missing, Verdict::verified, DomainState::active},
    {"stays active", Verdict::verified, Verdict::verified, DomainState::active},
    {"silence is not absence", Verdict::verified, Verdict::temporary_failure, DomainState::active},
    {"is revoked when the record is gone", Verdict::verified, Verdict::missing, DomainState::revoked},
    {"is revoked when the record is another's", Verdict::verified, Verdict::mismatch, DomainState::revoked},
};

TEST_P(DomainTransition, FollowsTheVerdicts) {
  account_with_connector("acme", "shop");
  ASSERT_TRUE(store_->add_domain("acme", domain("example.org"), {"shop"}, t0).ok());
  ASSERT_TRUE(store_->record_check({}, domain("example.org"), outcome(GetParam().first), t0).ok());
  const UnixTime t1 = t0 + std::chrono::hours(1);
  const auto record = store_->record_check({}, domain("example.org"), outcome(GetParam().second), t1);
  ASSERT_TRUE(record.ok()) << record.error().text;
  EXPECT_EQ(record->state, GetParam().after);
  EXPECT_EQ(record->checked, t1);
  EXPECT_EQ(record->last_outcome, "what was found");
  EXPECT_EQ(record->revoked.has_value(), GetParam().after == DomainState::revoked);
}
INSTANTIATE_TEST_SUITE_P(Domains, DomainTransition, ::testing::ValuesIn(transitions));

TEST_F(ControlStoreTest, ARevokedDomainComesBackWithItsRecord) {
  account_with_connector("acme", "shop");
  ASSERT_TRUE(store_->add_domain("acme", domain("example.org"), {"shop"}, t0).ok());
  verify("acme", "example.org");
  ASSERT_TRUE(store_->record_check({}, domain("example.org"), outcome(Verdict::missing), t0).ok());
  ASSERT_TRUE(store_->set_login({"acme", "shop"}, login("u", "a long password"), t0).ok());
  EXPECT_EQ(snapshot()->find_login("u")->connector->right(domain("example.org")).right, policy::Right::revoked);
  EXPECT_EQ(verify("acme", "example.org").revoked, std::nullopt);
  EXPECT_EQ(snapshot()->find_login("u")->connector->right(domain("example.org")).right, policy::Right::granted);
}

TEST_F(ControlStoreTest, TwoAccountsMayClaimADomainButNeverShareIt) {
  account_with_connector("acme", "shop");
  account_with_connector("other", "mail");
  const auto first = store_->add_domain("acme", domain("example.org"), {"shop"}, t0);
  const auto second = store_->add_domain("other", domain("example.org"), {"mail"}, t0);
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  EXPECT_NE(first->token, second->token) << "a token belongs to one account and one domain";
  EXPECT_EQ(store_->domain({}, domain("example.org")).error().code, Errc::conflict) << "which of the two?";

  verify("acme", "example.org");
  const auto refused = store_->record_check("other", domain("example.org"), outcome(Verdict::verified), t0);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_THAT(refused.error().text, HasSubstr("active for account 'acme'"));
  EXPECT_EQ(store_->domain("other", domain("example.org"))->state, DomainState::pending);

  // The domain changed hands: the first account's record is gone, then the second's proof counts, and the first's
  // rights do not come back by it.
  ASSERT_TRUE(store_->record_check("acme", domain("example.org"), outcome(Verdict::missing), t0).ok());
  EXPECT_EQ(verify("other", "example.org").state, DomainState::active);
  EXPECT_EQ(store_->domain("acme", domain("example.org"))->state, DomainState::revoked);
  EXPECT_EQ(store_->record_check("acme", domain("example.org"), outcome(Verdict::verified), t0).error().code,
            Errc::conflict);
}

TEST_F(ControlStoreTest, ARemovedDomainStartsAnewWithAnotherToken) {
  account_with_connector("acme", "shop");
  const auto before = store_->add_domain("acme", domain("example.org"), {"shop"}, t0);
  verify("acme", "example.org");
  ASSERT_TRUE(store_->remove_domain({}, domain("example.org")).ok());
  const auto after = store_->add_domain("acme", domain("example.org"), {}, t0);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->state, DomainState::pending);
  EXPECT_NE(after->token, before->token);
  EXPECT_THAT(after->connectors, IsEmpty());
}

TEST_F(ControlStoreTest, RefusesTopLevelNames) {
  ASSERT_TRUE(store_->add_account("acme", t0).ok());
  EXPECT_EQ(store_->add_domain("acme", domain("org"), {}, t0).error().code, Errc::invalid_argument);
}

// ── Keys ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

class ControlKeys : public ControlStoreTest {
 protected:
  void SetUp() override {
    ControlStoreTest::SetUp();
    ASSERT_TRUE(store_->add_account("acme", t0).ok());
    ASSERT_TRUE(store_->add_domain("acme", domain("example.org"), {}, t0).ok());
  }
  void add_key(std::string_view name, crypto::KeyType type = crypto::KeyType::ed25519) {
    const auto key = crypto::PrivateKey::generate(type);
    ASSERT_TRUE(key.ok());
    const auto added = store_->add_key({}, domain("example.org"), selector(name), *key, t0);
    ASSERT_TRUE(added.ok()) << added.error().text;
  }
};

TEST_F(ControlKeys, AreFoundByAccountAndDomainInTheOrderTheyWereMade) {
  add_key("s1", crypto::KeyType::rsa);
  add_key("e1");
  reopen();
  const auto directory = snapshot();
  const auto& keys = directory->find_keys("acme", domain("example.org"));
  ASSERT_EQ(keys.size(), 2U);
  EXPECT_EQ(keys[0].selector.text(), "s1");
  EXPECT_EQ(keys[0].key->bits(), 2048U);
  EXPECT_EQ(keys[1].selector.text(), "e1");
  EXPECT_THAT(directory->find_keys("other", domain("example.org")), IsEmpty());
  EXPECT_THAT(directory->find_keys("acme", domain("sub.example.org")), IsEmpty());
}

TEST_F(ControlKeys, AreDecodedOnceForAllSnapshots) {
  add_key("s1");
  const auto first = snapshot();
  ASSERT_TRUE(store_->add_account("later", t0).ok());
  const auto second = snapshot();
  EXPECT_EQ(first->find_keys("acme", domain("example.org")).at(0).key,
            second->find_keys("acme", domain("example.org")).at(0).key);
}

TEST_F(ControlKeys, ARemovedKeyIsGoneFromTheNextSnapshotAndStaysInTheOld) {
  add_key("s1");
  const auto before = snapshot();
  ASSERT_TRUE(store_->remove_key({}, domain("example.org"), selector("s1")).ok());
  EXPECT_EQ(store_->remove_key({}, domain("example.org"), selector("s1")).error().code, Errc::not_found);
  EXPECT_THAT(snapshot()->find_keys("acme", domain("example.org")), IsEmpty());
  EXPECT_EQ(before->find_keys("acme", domain("example.org")).size(), 1U);
}

TEST_F(ControlKeys, ASelectorIsNeverTakenTwice) {
  add_key("s1");
  const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519);
  const auto again = store_->add_key({}, domain("example.org"), selector("s1"), *key, t0);
  EXPECT_EQ(again.error().code, Errc::conflict);
  EXPECT_EQ(store_->add_key({}, domain("none.example"), selector("s1"), *key, t0).error().code, Errc::not_found);
}

TEST_F(ControlKeys, WithAPassphraseNoPrivateKeyStandsInClear) {
  store_.reset();
  options_.passphrase = "a passphrase of some length";
  open();
  add_key("s1");
  EXPECT_THAT(raw(), HasSubstr("BEGIN ENCRYPTED PRIVATE KEY"));
  EXPECT_THAT(raw(), Not(HasSubstr("BEGIN PRIVATE KEY")));
  reopen();
  EXPECT_EQ(snapshot()->find_keys("acme", domain("example.org")).size(), 1U);

  for (const char* wrong : {"", "another passphrase"}) {
    store_.reset();
    options_.passphrase = wrong;
    open();
    const auto refused = store_->snapshot();
    ASSERT_FALSE(refused.ok()) << wrong;
    EXPECT_THAT(refused.error().text, HasSubstr("the DKIM key s1._domainkey.example.org cannot be decoded"));
    EXPECT_THAT(refused.error().text, HasSubstr("passphrase"));
    EXPECT_THAT(refused.error().text, Not(HasSubstr("some length")));
  }
}

TEST_F(ControlKeys, RemovingTheAccountTakesEverythingWithIt) {
  add_key("s1");
  ASSERT_TRUE(
      store_->add_connector({{"acme", "lan"}, {}, {network("192.0.2.0/24")}, login("u", "a long password")}, t0).ok());
  const std::string pem = raw();
  ASSERT_THAT(pem, HasSubstr("BEGIN PRIVATE KEY"));
  ASSERT_TRUE(store_->remove_account("acme").ok());
  const auto directory = snapshot();
  EXPECT_THAT(directory->logins, IsEmpty());
  EXPECT_THAT(directory->networks, IsEmpty());
  EXPECT_THAT(directory->keys, IsEmpty());
  EXPECT_THAT(raw(), Not(HasSubstr("BEGIN PRIVATE KEY"))) << "what is deleted is overwritten";
}

}  // namespace
}  // namespace sendconn::relay
