// The power against OpenSSL's, on numbers chosen so that carries run far, and on random ones.
#include <algorithm>
#include <cfenv>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <openssl/bn.h>

#include <sendconn/crypto.hpp>

#include "lib/crypto/openssl.hpp"
#include "lib/crypto/rsa_power.hpp"

namespace sendconn::crypto {
namespace {

using Bignum = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using BignumContext = std::unique_ptr<BN_CTX, Deleter<BN_CTX_free>>;

constexpr std::string_view fermat_4{"\x01\x00\x01", 3};
constexpr std::size_t octets = RsaPower::modulus_octets;

Bignum number(std::string_view big_endian) {
  return Bignum(BN_bin2bn(reinterpret_cast<const unsigned char*>(big_endian.data()),
                          static_cast<int>(big_endian.size()), nullptr));
}
std::string text(const BIGNUM& number) {
  std::string octets_of(octets, '\0');
  EXPECT_EQ(BN_bn2binpad(&number, reinterpret_cast<unsigned char*>(octets_of.data()), octets), int{octets});
  return octets_of;
}
std::string text(const RsaPower::Octets& power) { return {power.begin(), power.end()}; }

std::string expected(std::string_view base, std::string_view modulus) {
  const BignumContext context(BN_CTX_new());
  const Bignum power(BN_new());
  EXPECT_EQ(BN_mod_exp(power.get(), number(base).get(), number(fermat_4).get(), number(modulus).get(), context.get()),
            1);
  return text(*power);
}

/// 2^2048 - `below`, which is small.
std::string below_the_top(unsigned below) {
  const Bignum value(BN_new());
  BN_set_bit(value.get(), octets * 8);
  BN_sub_word(value.get(), below);
  return text(*value);
}

/// Runs of ones and zeros, and noise: what sums and carries find hard, and what they meet in practice.
std::string random_number(std::mt19937_64& random) {
  std::string made(octets, '\0');
  std::size_t filled = 0;
  while (filled < octets) {
    const std::size_t run = std::min<std::size_t>(octets - filled, 1 + random() % 40);
    const auto kind = random() % 4;
    std::generate_n(made.begin() + static_cast<std::ptrdiff_t>(filled), run, [&] {
      return kind == 0 ? '\0' : kind == 1 ? '\xff' : static_cast<char>(random());
    });
    filled += run;
  }
  return made;
}

class RsaPowerTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!RsaPower::supported()) GTEST_SKIP() << "the processor has no AVX-512 IFMA, or it was built without";
  }
};

TEST_F(RsaPowerTest, is_OpenSSLs_at_the_edges) {
  std::string smallest(octets, '\0');
  smallest.front() = '\x80';
  smallest.back() = '\x01';
  for (const std::string& modulus : {below_the_top(1), below_the_top(3), smallest}) {
    const auto key = RsaPower::create({modulus, fermat_4});
    ASSERT_TRUE(key.has_value());
    for (const unsigned below : {1U, 2U, 3U}) {
      const Bignum base = number(modulus);
      BN_sub_word(base.get(), below);
      EXPECT_EQ(text(key->of(text(*base)).value()), expected(text(*base), modulus));
    }
    for (const unsigned small : {0U, 1U, 2U, 3U}) {
      const Bignum base(BN_new());
      BN_set_word(base.get(), small);
      EXPECT_EQ(text(key->of(text(*base)).value()), expected(text(*base), modulus));
    }
    for (int bit = 0; bit < 2047; ++bit) {
      const Bignum base(BN_new());
      BN_set_bit(base.get(), bit);
      ASSERT_EQ(text(key->of(text(*base)).value()), expected(text(*base), modulus)) << bit;
    }
  }
}

TEST_F(RsaPowerTest, is_OpenSSLs_for_random_numbers) {
  std::mt19937_64 random(20481);
  for (int i = 0; i < 5000; ++i) {
    std::string modulus = random_number(random);
    modulus.front() = static_cast<char>(modulus.front() | '\x80');
    modulus.back() = static_cast<char>(modulus.back() | '\x01');
    const auto key = RsaPower::create({modulus, fermat_4});
    ASSERT_TRUE(key.has_value());
    std::string base = random_number(random);
    if (base >= modulus) base.front() = '\0';  // as octets they compare as the numbers do: char_traits are unsigned
    ASSERT_EQ(text(key->of(base).value()), expected(base, modulus)) << i;
  }
}

// The quotients that prepare a key come from the modulus' two highest digits, as doubles: moduli whose digits below
// count the most, or whose highest ones have more bits than a double keeps.
TEST_F(RsaPowerTest, is_OpenSSLs_for_moduli_that_are_hard_to_divide_by) {
  constexpr std::size_t top_octets = 9;  // 72 bits
  std::mt19937_64 random(20482);
  for (int i = 0; i < 1500; ++i) {
    std::string modulus = random_number(random);
    const auto top_end = modulus.begin() + top_octets;
    std::fill(modulus.begin(), top_end, i % 2 == 0 ? '\0' : '\xff');
    if (i % 3 == 0) std::fill(top_end, modulus.end(), i % 4 < 2 ? '\xff' : '\0');
    if (i % 5 != 0) modulus[top_octets - 1 - random() % 3] = static_cast<char>(random());
    modulus.front() = static_cast<char>(modulus.front() | '\x80');
    modulus.back() = static_cast<char>(modulus.back() | '\x01');
    const auto key = RsaPower::create({modulus, fermat_4});
    ASSERT_TRUE(key.has_value());
    const Bignum near = number(modulus);
    BN_sub_word(near.get(), 1 + static_cast<BN_ULONG>(random() % 3));
    for (const std::string& base : {text(*near), '\0' + random_number(random).substr(1)})
      ASSERT_EQ(text(key->of(base).value()), expected(base, modulus)) << i;
  }
}

/// Programs may round otherwise than to the nearest, and verify meanwhile.
TEST_F(RsaPowerTest, is_the_same_in_every_direction_of_rounding) {
  const int before = std::fegetround();
  for (const int direction : {FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO}) {
    std::mt19937_64 random(20483);
    for (int i = 0; i < 300; ++i) {
      std::string modulus = i % 2 == 0 ? std::string(octets, '\xff') : random_number(random);
      modulus[2 + random() % 6] = static_cast<char>(random());
      modulus.front() = static_cast<char>(modulus.front() | '\x80');
      modulus.back() = static_cast<char>(modulus.back() | '\x01');
      const std::string base = '\0' + random_number(random).substr(1);
      ASSERT_EQ(std::fesetround(direction), 0);
      const auto key = RsaPower::create({modulus, fermat_4});
      const auto power = key ? key->of(base) : std::nullopt;
      std::fesetround(before);
      ASSERT_TRUE(power.has_value());
      ASSERT_EQ(text(*power), expected(base, modulus)) << direction << ' ' << i;
    }
  }
}

TEST_F(RsaPowerTest, refuses_what_represents_no_signature) {
  const std::string modulus = below_the_top(5);
  const auto key = RsaPower::create({modulus, fermat_4});
  ASSERT_TRUE(key.has_value());
  EXPECT_FALSE(key->of(modulus).has_value());
  EXPECT_FALSE(key->of(below_the_top(1)).has_value());
  EXPECT_FALSE(key->of("").has_value());
  EXPECT_FALSE(key->of(std::string(octets - 1, '\x01')).has_value());
  EXPECT_FALSE(key->of(std::string(octets + 1, '\0')).has_value());
}

TEST_F(RsaPowerTest, serves_odd_moduli_of_2048_bits_and_one_exponent) {
  const std::string modulus = below_the_top(1);
  EXPECT_TRUE(RsaPower::create({modulus, fermat_4}).has_value());
  EXPECT_FALSE(RsaPower::create({modulus, "\x03"}).has_value());
  EXPECT_FALSE(RsaPower::create({modulus, std::string_view("\x01\x00\x01\x00", 4)}).has_value());
  EXPECT_FALSE(RsaPower::create({below_the_top(2), fermat_4}).has_value());
  EXPECT_FALSE(RsaPower::create({"", fermat_4}).has_value());
  EXPECT_FALSE(RsaPower::create({modulus.substr(1), fermat_4}).has_value());
  EXPECT_FALSE(RsaPower::create({modulus + '\xff', fermat_4}).has_value());
  EXPECT_FALSE(RsaPower::create({'\x7f' + modulus.substr(1), fermat_4}).has_value());
}

TEST_F(RsaPowerTest, verifies_what_real_keys_signed) {
  for (int i = 0; i < 8; ++i) {
    const PrivateKey key = PrivateKey::generate(KeyType::rsa).value();
    const std::string der = key.public_octets();
    const auto numbers = parse_rsa_public_key(der).value();
    const auto power = RsaPower::create(numbers);
    ASSERT_TRUE(power.has_value());
    const std::string signature = key.sign_digest(sha256(std::to_string(i))).value();
    const std::string opened = text(power->of(signature).value());
    EXPECT_EQ(opened, expected(signature, numbers.modulus));
    EXPECT_EQ(opened.substr(0, 3), std::string("\x00\x01\xff", 3));
    EXPECT_EQ(opened.substr(octets - 32), view(sha256(std::to_string(i))));
  }
}

}  // namespace
}  // namespace sendconn::crypto
