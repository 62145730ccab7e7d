// The power of RSA by AVX-512 against OpenSSL's: 256 octets of modulus, the rest a base. On other processors there is
// nothing to compare.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <openssl/bn.h>

#include "fuzz/check.hpp"
#include "lib/crypto/openssl.hpp"
#include "lib/crypto/rsa_power.hpp"

using namespace sendconn;

namespace {

using Bignum = std::unique_ptr<BIGNUM, crypto::Deleter<BN_free>>;

Bignum number(std::string_view big_endian) {
  return Bignum(BN_bin2bn(reinterpret_cast<const unsigned char*>(big_endian.data()),
                          static_cast<int>(big_endian.size()), nullptr));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using crypto::RsaPower;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (size <= RsaPower::modulus_octets || !RsaPower::supported()) return 0;
  std::string modulus(input.substr(0, RsaPower::modulus_octets));
  modulus.front() = static_cast<char>(modulus.front() | '\x80');
  modulus.back() = static_cast<char>(modulus.back() | '\x01');
  const auto key = RsaPower::create({modulus, {"\x01\x00\x01", 3}});
  fuzz::check(key.has_value(), "an odd number of 2048 bits is a modulus");
  const std::string_view base = input.substr(RsaPower::modulus_octets);
  const auto power = key->of(base);
  const Bignum n = number(modulus);
  const Bignum s = number(base);
  fuzz::check(power.has_value() == (base.size() == RsaPower::modulus_octets && BN_cmp(s.get(), n.get()) < 0),
              "a base below the modulus, in as many octets, has a power");
  if (!power) return 0;
  const std::unique_ptr<BN_CTX, crypto::Deleter<BN_CTX_free>> context(BN_CTX_new());
  const Bignum exponent = number({"\x01\x00\x01", 3});
  const Bignum expected(BN_new());
  fuzz::check(BN_mod_exp(expected.get(), s.get(), exponent.get(), n.get(), context.get()) == 1, "OpenSSL has a power");
  RsaPower::Octets octets;
  fuzz::check(BN_bn2binpad(expected.get(), octets.data(), static_cast<int>(octets.size())) > 0, "it has 256 octets");
  fuzz::check(*power == octets, "the power is OpenSSL's");
  return 0;
}
