// Public keys out of strangers' records: what is taken, what is refused and where, and what verifies.
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <sendconn/crypto.hpp>

#include "lib/crypto/openssl.hpp"

namespace sendconn::crypto {
namespace {

const PrivateKey& key_of(KeyType type) {
  static const auto rsa = PrivateKey::generate(KeyType::rsa, 1024).value();
  static const auto ed25519 = PrivateKey::generate(KeyType::ed25519).value();
  return type == KeyType::rsa ? rsa : ed25519;
}
/// Of the size that RsaPower serves.
const PrivateKey& rsa_2048() {
  static const auto key = PrivateKey::generate(KeyType::rsa, 2048).value();
  return key;
}

constexpr std::size_t info_octets = 22;  // in front of the RSAPublicKey of 1024 bits in its SubjectPublicKeyInfo

TEST(PublicKey, verifies_what_its_private_half_signed_and_nothing_else) {
  const Sha256 digest = sha256("a message");
  for (const PrivateKey& secret : {key_of(KeyType::rsa), rsa_2048(), key_of(KeyType::ed25519)}) {
    const PublicKey key = PublicKey::from_octets(secret.type(), secret.public_octets()).value();
    EXPECT_EQ(key.type(), secret.type());
    EXPECT_EQ(key.bits(), secret.bits());
    const std::string signature = secret.sign_digest(digest).value();
    EXPECT_TRUE(key.verifies(digest, signature));
    EXPECT_FALSE(key.verifies(sha256("another message"), signature));
    EXPECT_FALSE(key.verifies(digest, ""));
    EXPECT_FALSE(key.verifies(digest, signature.substr(1)));
    EXPECT_FALSE(key.verifies(digest, signature + "x"));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      EXPECT_FALSE(key.verifies(digest, changed)) << i;
    }
  }
}

/// What the key makes of any 256 octets, so that a test can put anything in front of a digest.
std::string signed_as_it_stands(const PrivateKey& key, const std::string& message) {
  const std::string pem = key.to_pem().value();
  const std::unique_ptr<BIO, Deleter<BIO_free>> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Key secret(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  const KeyContext context(EVP_PKEY_CTX_new(secret.get(), nullptr));
  std::string signature(message.size(), '\0');
  std::size_t size = signature.size();
  EXPECT_EQ(EVP_PKEY_sign_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_NO_PADDING), 1);
  EXPECT_EQ(EVP_PKEY_sign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                          reinterpret_cast<const unsigned char*>(message.data()), message.size()),
            1);
  return signature;
}

// RFC 8017 section 9.2. A verifier that reads the padding instead of comparing it takes one or the other of these.
TEST(PublicKey, of_RSA_wants_every_octet_of_the_padding_as_it_must_be) {
  const Sha256 digest = sha256("a message");
  const std::string octets(view(digest));
  const std::string info("\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20", 19);
  const std::string no_null("\x30\x2f\x30\x0b\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x04\x20", 17);
  const std::string front("\x00\x01", 2);
  const std::string zero(1, '\0');
  const auto ones = [](std::size_t count) { return std::string(count, '\xff'); };
  const PublicKey key = PublicKey::from_octets(KeyType::rsa, rsa_2048().public_octets()).value();
  const auto takes = [&](const std::string& message) {
    EXPECT_EQ(message.size(), 256U);
    return key.verifies(digest, signed_as_it_stands(rsa_2048(), message));
  };
  const std::string good = front + ones(202) + zero + info + octets;
  EXPECT_TRUE(takes(good));
  EXPECT_FALSE(takes(front + ones(8) + zero + info + octets + std::string(194, 'x'))) << "Bleichenbacher's, of 2006";
  EXPECT_FALSE(takes(std::string("\x00\x02", 2) + ones(202) + zero + info + octets));
  EXPECT_FALSE(takes(front + ones(204) + zero + no_null + octets));
  EXPECT_FALSE(takes(front + ones(221) + zero + octets));
  EXPECT_FALSE(takes(std::string(224, '\0') + octets));
  for (std::size_t i = 1; i < good.size(); ++i) {  // the first octet must be zero, or the number is too large to sign
    std::string changed = good;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_FALSE(takes(changed)) << i;
  }
}

// Of the first failures, too, for which OpenSSL's form of the key has to be made.
TEST(PublicKey, verifies_in_many_threads_at_once) {
  const Sha256 digest = sha256("a message");
  const Sha256 another = sha256("another message");
  const std::string signature = rsa_2048().sign_digest(digest).value();
  const PublicKey key = PublicKey::from_octets(KeyType::rsa, rsa_2048().public_octets()).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&digest, &another, &signature, copy = key] {
      for (int round = 0; round < 20; ++round) {
        EXPECT_FALSE(copy.verifies(another, signature));
        EXPECT_TRUE(copy.verifies(digest, signature));
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(PublicKey, is_all_OpenSSLs_where_the_user_wants_validated_cryptography) {
  using Management = std::unique_ptr<EVP_KEYMGMT, Deleter<EVP_KEYMGMT_free>>;
  const std::string octets = rsa_2048().public_octets();
  const ErrorScope errors;
  if (Management(EVP_KEYMGMT_fetch(nullptr, "RSA", "fips=yes")) != nullptr)
    GTEST_SKIP() << "OpenSSL has a validated provider, with which keys are taken as ever";
  ASSERT_EQ(EVP_default_properties_enable_fips(nullptr, 1), 1);
  const bool taken = PublicKey::from_octets(KeyType::rsa, octets).ok();
  ASSERT_EQ(EVP_default_properties_enable_fips(nullptr, 0), 1);
  EXPECT_FALSE(taken) << "nobody validated ours";
  EXPECT_TRUE(PublicKey::from_octets(KeyType::rsa, octets).ok());
}

TEST(PublicKey, blames_no_signature_and_no_want_of_memory_for_what_the_host_left_in_OpenSSLs_queue) {
  const Sha256 digest = sha256("a message");
  for (const KeyType type : {KeyType::rsa, KeyType::ed25519}) {
    const PublicKey key = PublicKey::from_octets(type, key_of(type).public_octets()).value();
    const std::string signature = key_of(type).sign_digest(digest).value();
    ERR_raise(ERR_LIB_EVP, ERR_R_MALLOC_FAILURE);
    const unsigned long left = ERR_peek_last_error();
    EXPECT_TRUE(key.verifies(digest, signature));
    EXPECT_FALSE(key.verifies(sha256("another message"), signature));
    EXPECT_FALSE(PublicKey::from_octets(type, "no key").ok());
    EXPECT_FALSE(PrivateKey::from_pem("no key").ok());
    EXPECT_EQ(ERR_get_error(), left);
    EXPECT_EQ(ERR_get_error(), 0U) << "nothing of ours stays";
  }
}

TEST(PublicKey, of_RSA_is_taken_bare_too) {
  const std::string info = key_of(KeyType::rsa).public_octets();
  const PublicKey key = PublicKey::from_octets(KeyType::rsa, info.substr(info_octets)).value();
  const Sha256 digest = sha256("x");
  EXPECT_TRUE(key.verifies(digest, key_of(KeyType::rsa).sign_digest(digest).value()));
}

TEST(PublicKey, is_refused_when_it_is_cut_or_followed_by_anything) {
  for (const std::size_t skipped : {std::size_t{0}, info_octets}) {
    const std::string whole = key_of(KeyType::rsa).public_octets().substr(skipped);
    for (std::size_t size = 0; size < whole.size(); ++size)
      EXPECT_FALSE(PublicKey::from_octets(KeyType::rsa, whole.substr(0, size)).ok()) << size;
    EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, whole + '\0').error().code, Errc::syntax);
  }
  for (const std::size_t octets : {0U, 31U, 33U})
    EXPECT_EQ(PublicKey::from_octets(KeyType::ed25519, std::string(octets, 'x')).error().code, Errc::syntax);
}

TEST(PublicKey, survives_every_damaged_octet) {
  const std::string whole = key_of(KeyType::rsa).public_octets();
  const Sha256 digest = sha256("x");
  const std::string signature = key_of(KeyType::rsa).sign_digest(digest).value();
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const unsigned flip : {1U, 0x80U, 0xffU}) {
      std::string changed = whole;
      changed[i] = static_cast<char>(static_cast<unsigned char>(changed[i]) ^ flip);
      const Result<PublicKey> key = PublicKey::from_octets(KeyType::rsa, changed);
      EXPECT_FALSE(key && key->verifies(digest, signature)) << i;
    }
}

std::string der(char tag, const std::string& content) {
  std::string out(1, tag);
  if (content.size() >= 0x100) {
    out += "\x82";
    out += static_cast<char>(content.size() >> 8U);
  } else if (content.size() >= 0x80) {
    out += "\x81";
  }
  return out + static_cast<char>(content.size()) + content;
}
std::string rsa_of(const std::string& modulus, const std::string& exponent) {
  return der(0x30, der(0x02, modulus) + der(0x02, exponent));
}

TEST(PublicKey, has_bounds_on_modulus_and_exponent) {
  const std::string e("\x01\x00\x01", 3);
  const auto modulus = [](std::size_t octets) {
    std::string number(octets + 1, '\0');
    number[1] = '\x80';
    number.back() = '\x01';
    return number;
  };
  EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, rsa_of(modulus(1024), e))->bits(), 8192U);
  EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, rsa_of(modulus(1025), e)).error().code, Errc::unsupported);
  EXPECT_TRUE(PublicKey::from_octets(KeyType::rsa, rsa_of(modulus(128), "\x7f" + std::string(7, '\x01'))).ok());
  EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, rsa_of(modulus(128), "\x01" + std::string(8, '\x01'))).error().code,
            Errc::unsupported);
}

TEST(PublicKey, is_refused_unless_its_numbers_are_positive_and_short) {
  const std::string n = "\x7f" + std::string(127, '\x01');
  const std::string e("\x01\x00\x01", 3);
  EXPECT_TRUE(PublicKey::from_octets(KeyType::rsa, rsa_of(n, e)).ok());
  for (const std::string& bad :
       {std::string(), std::string("\x80\x01"), std::string("\x00\x01", 2), std::string(1, '\0')}) {
    EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, rsa_of(bad, e)).error().code, Errc::syntax);
    EXPECT_EQ(PublicKey::from_octets(KeyType::rsa, rsa_of(n, bad)).error().code, Errc::syntax);
  }
  const std::string oid = der(0x06, "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01");
  const std::string none("\x05\x00", 2);
  const auto info = [&](const std::string& algorithm) {
    return PublicKey::from_octets(KeyType::rsa,
                                  der(0x30, der(0x30, algorithm) + der(0x03, std::string(1, '\0') + rsa_of(n, e))));
  };
  EXPECT_TRUE(info(oid + none).ok());
  EXPECT_TRUE(info(oid).ok());
  EXPECT_EQ(info(oid + none + none).error().code, Errc::syntax);
  EXPECT_EQ(info("").error().code, Errc::syntax);
  EXPECT_EQ(info(der(0x06, "\x2a\x86\x48\xce\x3d\x02\x01")).error().code, Errc::unsupported) << "an elliptic curve";
}

TEST(HashStream, gives_the_digests_that_FIPS_180_prints) {
  const auto hex = [](const Digest& digest) {
    std::string out;
    for (const char c : view(digest)) {
      constexpr std::string_view digits = "0123456789abcdef";
      out += digits[static_cast<unsigned char>(c) >> 4U];
      out += digits[static_cast<unsigned char>(c) & 0x0fU];
    }
    return out;
  };
  HashStream sha1(HashAlgorithm::sha1);
  sha1.update("a");
  sha1.update("bc");
  EXPECT_EQ(hex(sha1.finish()), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(hex(sha1.finish()), "da39a3ee5e6b4b0d3255bfef95601890afd80709") << "it starts anew";
  HashStream sha2(HashAlgorithm::sha256);
  sha2.update("abc");
  EXPECT_EQ(sha2.finish(), Digest(sha256("abc")));
}

}  // namespace
}  // namespace sendconn::crypto
