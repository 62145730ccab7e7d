// Digests, HMAC, PBKDF2 and randomness against published vectors.
#include <sendconn/crypto.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "lib/base/ascii.hpp"

namespace sendconn::crypto {
namespace {

std::string hex(const Sha256& digest) { return ascii::to_hex(view(digest)); }

TEST(Sha256, follows_the_vectors_of_FIPS_180_4) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha256(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Stream, gives_the_same_wherever_the_pieces_are_cut_and_starts_anew) {
  const std::string text = "The quick brown fox jumps over the lazy dog, and then some more to pass sixty-four octets.";
  const Sha256 whole = sha256(text);
  Sha256Stream stream;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    stream.update(std::string_view(text).substr(0, cut));
    stream.update(std::string_view(text).substr(cut));
    EXPECT_EQ(stream.finish(), whole) << "cut at " << cut;
  }
  EXPECT_EQ(stream.finish(), sha256(""));
}

TEST(Sha256Stream, moves) {
  Sha256Stream first;
  first.update("a");
  Sha256Stream second = std::move(first);
  second.update("bc");
  EXPECT_EQ(second.finish(), sha256("abc"));
}

TEST(Hmac, follows_RFC_4231) {
  EXPECT_EQ(hex(hmac_sha256(std::string(20, '\x0b'), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_sha256(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First")),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(hmac_sha256("", "")), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, an_empty_key_never_means_the_key_of_the_last_call) {
  const Sha256 expected = hmac_sha256("", "x");
  EXPECT_NE(hmac_sha256("secret", "x"), expected);
  EXPECT_EQ(hmac_sha256({}, "x"), expected);
}

TEST(Pbkdf2, follows_the_vectors_of_RFC_7914) {
  // RFC 7914 section 11 prints 64 octets; PBKDF2's first block is their first half.
  EXPECT_EQ(hex(pbkdf2_sha256("passwd", "salt", 1)),
            "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
  EXPECT_EQ(hex(pbkdf2_sha256("Password", "NaCl", 80'000)),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
}

TEST(Pbkdf2, takes_what_a_peer_may_choose) {
  EXPECT_EQ(pbkdf2_sha256("p", "", 0), pbkdf2_sha256("p", "", 1));
  EXPECT_NE(pbkdf2_sha256("", "s", 1), pbkdf2_sha256("p", "s", 1));
}

TEST(Secrets, are_compared_by_value_and_size) {
  EXPECT_TRUE(equal_secret("", {}));
  EXPECT_TRUE(equal_secret("abc", "abc"));
  EXPECT_FALSE(equal_secret("abc", "abd"));
  EXPECT_FALSE(equal_secret("abc", "ab"));
}

TEST(Secrets, are_wiped_with_what_stood_behind_their_end) {
  std::string secret = "a longer secret than the small-string buffer holds";
  const std::size_t capacity = secret.capacity();
  const char* memory = secret.data();
  secret.resize(1);
  wipe(secret);
  EXPECT_TRUE(secret.empty());
  ASSERT_EQ(secret.capacity(), capacity);  // so the memory is still the string's
  EXPECT_EQ(std::string(memory, capacity), std::string(capacity, '\0'));
}

TEST(Random, differs_and_has_the_size_asked_for) {
  EXPECT_TRUE(random_octets(0).empty());
  EXPECT_EQ(random_octets(20).size(), 20U);
  EXPECT_NE(random_octets(20), random_octets(20));
  const std::string large = random_octets(3U << 20U);
  EXPECT_EQ(large.size(), 3U << 20U);
  EXPECT_NE(large.substr(0, 64), large.substr((3U << 20U) - 64));
}

TEST(Digests, run_in_many_threads_at_once) {
  const Sha256 expected = sha256("abc");
  const Sha256 mac = hmac_sha256("k", "abc");
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int& count : wrong)
    threads.emplace_back([&] {
      for (int round = 0; round < 2'000; ++round)
        count += static_cast<int>(sha256("abc") != expected || hmac_sha256("k", "abc") != mac);
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace sendconn::crypto
