// Loading, writing and using private keys. Signatures are checked by OpenSSL through the public key alone.
#include <sendconn/crypto.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "lib/base/base64.hpp"
#include "lib/crypto/openssl.hpp"

namespace sendconn::crypto {
namespace {

constexpr std::string_view passphrase = "open-sesame";

std::string fixture(const std::string& name) {
  std::ifstream file(std::string(SENDCONN_TEST_KEYS) + "/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string fixture_line(const std::string& name) {
  const std::string text = fixture(name);
  return text.substr(0, text.find('\n'));
}

bool openssl_verifies(const PrivateKey& key, const Sha256& digest, const std::string& signature) {
  const ErrorScope errors;
  const std::string octets = key.public_octets();
  const auto* data = reinterpret_cast<const unsigned char*>(octets.data());
  const auto* sig = reinterpret_cast<const unsigned char*>(signature.data());
  if (key.type() == KeyType::ed25519) {
    const Key pub(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, data, octets.size()));
    const DigestContext context(EVP_MD_CTX_new());
    return pub && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, pub.get()) == 1 &&
           EVP_DigestVerify(context.get(), sig, signature.size(), digest.data(), digest.size()) == 1;
  }
  const Key pub(d2i_PUBKEY(nullptr, &data, static_cast<long>(octets.size())));
  const KeyContext context(EVP_PKEY_CTX_new(pub.get(), nullptr));
  return pub && EVP_PKEY_verify_init(context.get()) == 1 &&
         EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
         EVP_PKEY_CTX_set_signature_md(context.get(), EVP_sha256()) == 1 &&
         EVP_PKEY_verify(context.get(), sig, signature.size(), digest.data(), digest.size()) == 1;
}

struct Loading {
  const char* file;
  const char* passphrase;
  KeyType type;
  unsigned bits;
};

void PrintTo(const Loading& loading, std::ostream* out) { *out << loading.file; }

class LoadsKey : public testing::TestWithParam<Loading> {};

TEST_P(LoadsKey, and_signs_what_its_public_half_verifies) {
  const Loading& given = GetParam();
  const Result<PrivateKey> key = PrivateKey::from_pem(fixture(given.file), given.passphrase);
  ASSERT_TRUE(key.ok()) << key.error().text;
  EXPECT_EQ(key->type(), given.type);
  EXPECT_EQ(key->bits(), given.bits);
  const Sha256 digest = sha256("to be signed");
  const Result<std::string> signature = key->sign_digest(digest);
  ASSERT_TRUE(signature.ok()) << signature.error().text;
  EXPECT_EQ(signature->size(), given.type == KeyType::rsa ? given.bits / 8 : 64);
  EXPECT_TRUE(openssl_verifies(*key, digest, *signature));
  EXPECT_FALSE(openssl_verifies(*key, sha256("something else"), *signature));
  EXPECT_EQ(*key->sign_digest(digest), *signature) << "both schemes are deterministic, and contexts are used again";
}

INSTANTIATE_TEST_SUITE_P(Forms, LoadsKey,
                         testing::Values(Loading{"rsa2048-pkcs1.pem", "", KeyType::rsa, 2048},
                                         Loading{"rsa2048-pkcs8.pem", "", KeyType::rsa, 2048},
                                         Loading{"rsa2048-pkcs8.pem", "not needed", KeyType::rsa, 2048},
                                         Loading{"rsa2048-encrypted.pem", "open-sesame", KeyType::rsa, 2048},
                                         Loading{"rsa1024.pem", "", KeyType::rsa, 1024},
                                         Loading{"rsa4096.pem", "", KeyType::rsa, 4096},
                                         Loading{"ed25519.pem", "", KeyType::ed25519, 256},
                                         Loading{"ed25519-encrypted.pem", "open-sesame", KeyType::ed25519, 256}));

TEST(PrivateKey, publishes_what_openssl_publishes) {
  EXPECT_EQ(base64::encode(PrivateKey::from_pem(fixture("rsa2048-pkcs1.pem"))->public_octets()),
            fixture_line("rsa2048-public.txt"));
  EXPECT_EQ(base64::encode(PrivateKey::from_pem(fixture("ed25519.pem"))->public_octets()),
            fixture_line("ed25519-public.txt"));
}

TEST(PrivateKey, takes_the_first_key_of_a_file_that_holds_other_things_too) {
  const std::string text =
      "Some words.\n" + fixture("public-only.pem") + "\r\n" + fixture("ed25519.pem") + fixture("rsa2048-pkcs8.pem");
  const Result<PrivateKey> key = PrivateKey::from_pem(text);
  ASSERT_TRUE(key.ok()) << key.error().text;
  EXPECT_EQ(key->type(), KeyType::ed25519);
}

TEST(PrivateKey, loads_with_CRLF_line_ends) {
  std::string text;
  for (const char c : fixture("rsa2048-pkcs8.pem")) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  EXPECT_TRUE(PrivateKey::from_pem(text).ok());
}

struct Refusal {
  const char* file;
  const char* passphrase;
  Errc code;
  const char* says;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.file << ": " << refusal.says; }

class RefusesKey : public testing::TestWithParam<Refusal> {};

TEST_P(RefusesKey, with_a_reason_and_nothing_of_the_key) {
  const Refusal& given = GetParam();
  const std::string pem = fixture(given.file);
  const Result<PrivateKey> key = PrivateKey::from_pem(pem, given.passphrase);
  ASSERT_FALSE(key.ok());
  EXPECT_EQ(key.error().code, given.code) << key.error().text;
  EXPECT_NE(key.error().text.find(given.says), std::string::npos) << key.error().text;
  for (std::size_t i = 28; i + 12 < pem.size(); ++i)  // any twelve characters of the block's base64
    EXPECT_TRUE(pem.find('-', i) <= i + 12 || key.error().text.find(pem.substr(i, 12)) == std::string::npos);
  EXPECT_TRUE(*given.passphrase == '\0' || key.error().text.find(given.passphrase) == std::string::npos);
  EXPECT_EQ(ERR_peek_error(), 0U) << "an error of ours left in OpenSSL's queue would be read as one of TLS";
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, RefusesKey,
    testing::Values(Refusal{"rsa512.pem", "", Errc::unsupported, "512 bits"},
                    Refusal{"rsa1016.pem", "", Errc::unsupported, "1016 bits"},
                    Refusal{"rsa8192.pem", "", Errc::unsupported, "8192 bits"},
                    Refusal{"rsa2048-encrypted.pem", "", Errc::crypto, "no passphrase"},
                    Refusal{"rsa2048-encrypted.pem", "open-sesames", Errc::crypto, "passphrase is wrong"},
                    Refusal{"ed25519-encrypted.pem", "sesame", Errc::crypto, "passphrase is wrong"},
                    Refusal{"rsa2048-pkcs1-encrypted.pem", "open-sesame", Errc::unsupported, "obsolete"},
                    Refusal{"rsa2048-mixed.pem", "", Errc::crypto, "damaged"},
                    Refusal{"rsa-pss.pem", "", Errc::unsupported, "RSA or Ed25519"},
                    Refusal{"ec-pkcs8.pem", "", Errc::unsupported, "RSA or Ed25519"},
                    Refusal{"ec-sec1.pem", "", Errc::unsupported, "RSA or Ed25519"},
                    Refusal{"x25519.pem", "", Errc::unsupported, "RSA or Ed25519"},
                    Refusal{"public-only.pem", "", Errc::syntax, "holds none"}));

TEST(PrivateKey, refuses_garbage) {
  const std::string whole = fixture("rsa2048-pkcs8.pem");
  std::string wrong_label = fixture("ed25519.pem");
  for (std::size_t at = 0; (at = wrong_label.find("PRIVATE", at)) != std::string::npos; at += 11)
    wrong_label.insert(at, "RSA ");
  for (const std::string& text : {std::string(), std::string("hello"), std::string(3, '\0'),
                                  std::string("-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"),
                                  std::string("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
                                  std::string("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"
                                              "-----END ENCRYPTED PRIVATE KEY-----\n"),
                                  wrong_label}) {
    const Result<PrivateKey> key = PrivateKey::from_pem(text, passphrase);
    ASSERT_FALSE(key.ok()) << text;
    EXPECT_EQ(key.error().code, Errc::syntax) << key.error().text;
  }
  for (std::size_t size = 0; size + 1 < whole.size(); size += 37)
    EXPECT_FALSE(PrivateKey::from_pem(whole.substr(0, size)).ok()) << size;
  std::string padded = whole;
  padded.resize(65'536, '\n');
  EXPECT_TRUE(PrivateKey::from_pem(padded, passphrase).ok());
  EXPECT_EQ(PrivateKey::from_pem(padded + "\n").error().code, Errc::limit_exceeded);
}

TEST(PrivateKey, survives_every_damaged_octet) {
  const std::string whole = fixture("rsa1024.pem");
  for (std::size_t at = 0; at < whole.size(); at += 7) {
    std::string damaged = whole;
    damaged[at] = damaged[at] == 'A' ? 'B' : 'A';
    const Result<PrivateKey> key = PrivateKey::from_pem(damaged);  // must end in a value or an error, nothing else
    EXPECT_TRUE(key.ok() || !key.error().text.empty());
  }
}

TEST(PrivateKey, refuses_to_generate_outside_the_limits) {
  for (const unsigned bits : {0U, 512U, 1023U, 4097U, 100'000U})
    EXPECT_EQ(PrivateKey::generate(KeyType::rsa, bits).error().code, Errc::invalid_argument) << bits;
}

class WrittenKey : public testing::TestWithParam<KeyType> {};

TEST_P(WrittenKey, is_the_same_when_read_back) {
  const Result<PrivateKey> made = PrivateKey::generate(GetParam(), 1024);
  ASSERT_TRUE(made.ok());
  const std::string plain = made->to_pem().value();
  EXPECT_TRUE(plain.starts_with("-----BEGIN PRIVATE KEY-----\n"));
  EXPECT_EQ(PrivateKey::from_pem(plain)->public_octets(), made->public_octets());

  const std::string encrypted = made->to_pem("käse\x01 and spaces").value();
  EXPECT_TRUE(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
  EXPECT_EQ(PrivateKey::from_pem(encrypted, "käse\x01 and spaces")->public_octets(), made->public_octets());
  EXPECT_EQ(PrivateKey::from_pem(encrypted, "k").error().code, Errc::crypto);
  EXPECT_NE(made->to_pem("x").value(), made->to_pem("x").value()) << "a salt each";
}

INSTANTIATE_TEST_SUITE_P(Types, WrittenKey, testing::Values(KeyType::rsa, KeyType::ed25519));

TEST(PrivateKey, signs_in_many_threads_at_once_and_copies_share_the_key) {
  for (const char* file : {"rsa1024.pem", "ed25519.pem"}) {
    const PrivateKey key = PrivateKey::from_pem(fixture(file)).value();
    const Sha256 digest = sha256("shared");
    const std::string expected = key.sign_digest(digest).value();
    std::atomic<int> wrong = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
      threads.emplace_back([&wrong, &expected, &digest, copy = key] {
        for (int round = 0; round < 100; ++round)
          if (*copy.sign_digest(digest) != expected) ++wrong;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, 0) << file;
  }
}

}  // namespace
}  // namespace sendconn::crypto
