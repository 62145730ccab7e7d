// Published keys, and the cache that keeps them decoded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include <sendconn/dkim_verify.hpp>

#include "tests/dkim/drive.hpp"

namespace sendconn::dkim {
namespace {

using testing::HasSubstr;

const std::shared_ptr<const crypto::PrivateKey>& rsa_key() {
  static const auto key =
      std::make_shared<const crypto::PrivateKey>(crypto::PrivateKey::generate(crypto::KeyType::rsa).value());
  return key;
}

constexpr std::string_view text = "From: joe@example.org\r\nSubject: x\r\n\r\nHi.\r\n";
constexpr const char* key_name = "sel._domainkey.example.org";

std::string signed_message() {
  SignerOptions options;
  options.now = UnixTime(std::chrono::seconds(1'752'267'637));
  auto signer =
      std::move(Signer::create({{Domain::parse("example.org").value(), Selector::parse("sel").value(), rsa_key(), {}}},
                               std::move(options)))
          .value();
  EXPECT_TRUE(signer.update(text).ok());
  return signer.finish().value() + std::string(text);
}

Reason reason_with(const std::shared_ptr<KeyCache>& keys, const std::string& message, const std::string& record) {
  VerifyOptions options;
  options.now = UnixTime(std::chrono::seconds(1'752'267'700));
  options.keys = keys;
  return drive({message}, {{key_name, {{record}, dns::Status::no_error}}}, options)->results.at(0).reason;
}

TEST(PublishedKey, decodes_the_key_by_its_type) {
  const PublishedKey rsa(format_key_record(*rsa_key()));
  ASSERT_TRUE(rsa.record().ok());
  ASSERT_TRUE(rsa.key().ok());
  EXPECT_EQ(rsa.key()->bits(), 2048U);
  EXPECT_EQ(&rsa.key(), &rsa.key()) << "decoded once";
  const auto ed25519 = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  EXPECT_EQ(PublishedKey(format_key_record(ed25519)).key()->type(), crypto::KeyType::ed25519);
}

TEST(PublishedKey, says_why_there_is_no_key) {
  EXPECT_THAT(PublishedKey("v=DKIM1; p=").key().error().text, HasSubstr("RSA public key"));
  EXPECT_THAT(PublishedKey("v=DKIM1; k=x\xc3").key().error().text, HasSubstr("k="));
  const PublishedKey other("v=DKIM1; k=dsa; p=AAAA");
  ASSERT_TRUE(other.record().ok());
  EXPECT_EQ(other.key().error().code, Errc::unsupported);
  EXPECT_THAT(other.key().error().text, HasSubstr("k=\"dsa\""));
}

TEST(KeyCache, keeps_what_is_asked_for_and_forgets_the_rest) {
  KeyCache cache(8);
  const std::string record = format_key_record(*rsa_key());
  const auto first = cache.parse(record);
  for (int i = 0; i < 1000; ++i) {
    cache.parse("v=DKIM1; p=; n=" + std::to_string(i));
    EXPECT_EQ(cache.parse(record), first) << "asked for all the time";
    EXPECT_LE(cache.size(), 10U);
  }
  std::string large = "v=DKIM1; p=; n=";
  large.resize(KeyCache::max_kept_octets, 'y');
  EXPECT_EQ(cache.parse(large), cache.parse(large));
  large += 'y';
  EXPECT_NE(cache.parse(large), cache.parse(large)) << "too large to be kept";
}

TEST(KeyCache, never_outlives_what_the_dns_says) {
  const auto keys = std::make_shared<KeyCache>();
  const std::string message = signed_message();
  const std::string record = format_key_record(*rsa_key());
  EXPECT_EQ(reason_with(keys, message, record), Reason::verified);
  EXPECT_EQ(reason_with(keys, message, record), Reason::verified);
  EXPECT_EQ(reason_with(keys, message, "v=DKIM1; p="), Reason::key_revoked);
  EXPECT_EQ(reason_with(keys, message, record.substr(0, record.size() - 8)), Reason::key_unusable);
  EXPECT_EQ(reason_with(keys, message, "v=DKIM1; p=!"), Reason::key_syntax);
  EXPECT_EQ(reason_with(keys, message, record), Reason::verified);
}

TEST(KeyCache, a_bad_signature_leaves_the_key_as_good_as_it_was) {
  const auto keys = std::make_shared<KeyCache>();
  const std::string message = signed_message();
  std::string changed = message;
  changed.replace(changed.find("Subject: x"), 10, "Subject: y");
  const std::string record = format_key_record(*rsa_key());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(reason_with(keys, changed, record), Reason::signature_differs);
    EXPECT_EQ(reason_with(keys, message, record), Reason::verified);
  }
}

TEST(KeyCache, serves_threads_at_once) {
  const auto keys = std::make_shared<KeyCache>(4);
  const std::string message = signed_message();
  const std::string record = format_key_record(*rsa_key());
  std::atomic<int> verified = 0;
  std::vector<std::thread> threads;
  constexpr int thread_count = 8;
  constexpr int rounds = 50;
  for (int thread = 0; thread < thread_count; ++thread)
    threads.emplace_back([&, thread] {
      for (int i = 0; i < rounds; ++i) {
        keys->parse("v=DKIM1; p=; n=" + std::to_string(thread * rounds + i));  // so that generations change
        if (reason_with(keys, message, record) == Reason::verified) ++verified;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(verified, thread_count * rounds);
}

}  // namespace
}  // namespace sendconn::dkim
