// OpenSSL without memory: what is no signature's fault is said of none, and afterwards everything serves again.
#include <cstddef>
#include <cstdlib>
#include <new>
#include <string>
#include <utility>

#include <gtest/gtest.h>
#include <openssl/crypto.h>

#include <sendconn/crypto.hpp>

#include "lib/crypto/one_shot.hpp"

namespace sendconn::crypto {
namespace {

constexpr long never = -1;
thread_local long until_failure = never;  // so many of this thread's allocations succeed, and one fails

bool fails_now() noexcept { return until_failure >= 0 && until_failure-- == 0; }

void* take(std::size_t octets, const char* /*file*/, int /*line*/) noexcept {
  return fails_now() ? nullptr : std::malloc(octets);
}
void* take_again(void* memory, std::size_t octets, const char* /*file*/, int /*line*/) noexcept {
  return fails_now() ? nullptr : std::realloc(memory, octets);
}
void give_back(void* memory, const char* /*file*/, int /*line*/) noexcept { std::free(memory); }

// Before main(), because OpenSSL takes it only while it has allocated nothing.
const bool is_ours = CRYPTO_set_mem_functions(take, take_again, give_back) == 1;

/// Calls `attempt` with one failing allocation after the other until there is none left to fail; the count of them.
template <class Attempt>
long with_each_allocation_failing(Attempt attempt) {
  constexpr long more_than_any_takes = 1000;
  for (long at = 0; at < more_than_any_takes; ++at) {
    until_failure = at;
    attempt();
    const bool failed = until_failure == never;
    until_failure = never;
    if (!failed) return at;
  }
  ADD_FAILURE() << "it never ends";
  return more_than_any_takes;
}

class Memory : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_ours) GTEST_SKIP() << "OpenSSL has allocated before";
  }
};

TEST_F(Memory, of_a_context_to_copy_is_there_or_missed_loudly) {
  const PrivateKey secret = PrivateKey::generate(KeyType::ed25519).value();
  const Sha256 digest = sha256("a message");
  const std::string signature = secret.sign_digest(digest).value();
  const std::string octets = secret.public_octets();
  const auto* const key_octets = reinterpret_cast<const unsigned char*>(octets.data());
  const Key key(EVP_PKEY_new_raw_public_key_ex(nullptr, "ED25519", nullptr, key_octets, octets.size()));
  ASSERT_NE(key, nullptr);
  const auto verifies = [&](EVP_MD_CTX& context) {
    return EVP_DigestVerify(&context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                            digest.data(), digest.size()) == 1;
  };
  const long failures = with_each_allocation_failing([&] {
    const ErrorScope errors;
    OneShot context;
    const long failing = std::exchange(until_failure, never);
    ASSERT_TRUE(context.prepare_verifying(*key));
    until_failure = failing;
    EVP_MD_CTX* made = nullptr;
    try {
      made = &context.fresh();
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(until_failure, never);
    }
    const long left = std::exchange(until_failure, never);
    EXPECT_TRUE(made == nullptr || verifies(*made));
    EXPECT_TRUE(verifies(context.fresh()));
    EXPECT_TRUE(verifies(context.fresh()));
    until_failure = left;
  });
  EXPECT_GT(failures, 0);
}

TEST_F(Memory, that_OpenSSLs_form_of_a_key_lacked_is_no_loss_for_long) {
  const PrivateKey secret = PrivateKey::generate(KeyType::rsa, 2048).value();
  const std::string octets = secret.public_octets();
  const Sha256 digest = sha256("a message");
  const Sha256 another = sha256("another message");
  const std::string signature = secret.sign_digest(digest).value();
  const long failures = with_each_allocation_failing([&] {
    const long failing = std::exchange(until_failure, never);
    const PublicKey key = PublicKey::from_octets(KeyType::rsa, octets).value();
    until_failure = failing;
    try {
      EXPECT_FALSE(key.verifies(another, signature));
    } catch (const std::bad_alloc&) {
      EXPECT_EQ(until_failure, never);
    }
    const long left = std::exchange(until_failure, never);
    EXPECT_FALSE(key.verifies(another, signature));
    EXPECT_TRUE(key.verifies(digest, signature));
    until_failure = left;
  });
  EXPECT_GT(failures, 0);
}

}  // namespace
}  // namespace sendconn::crypto
