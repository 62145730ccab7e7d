// RSA's public operation, s^65537 mod n, for moduli of 2048 bits: what verifying nearly every DKIM signature costs.
//
// OpenSSL 3.0 multiplies 64 bits at a time here. Processors with AVX-512 IFMA multiply eight times 52 bits at once, and
// with them the power takes a third of the time. It is arithmetic on public numbers: nothing here needs to be
// independent of its input. PublicKey trusts a power that has all 2048 bits of what a good signature has, and asks
// OpenSSL about every other, so that an error in here could never fail a good signature.
//
// Montgomery multiplication with digits of 52 bits (S. Gueron, V. Krasnov: "Software implementation of modular
// exponentiation, using advanced vector instructions architectures", 2012), never quite reduced before the end.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "lib/crypto/rsa_der.hpp"

namespace sendconn::crypto {

/// One modulus, prepared. Immutable and thread-safe; 1 KB.
class RsaPower {
 public:
  static constexpr std::size_t modulus_octets = 256;
  using Octets = std::array<std::uint8_t, modulus_octets>;

  /// The processor can do it, and the library was built with it (-Drsa_avx512).
  static bool supported() noexcept;
  /// Nothing where it is not supported, and for numbers that it does not serve: another exponent than 65537, a modulus
  /// that is even or has more or fewer than 2048 bits. Takes about a microsecond.
  static std::optional<RsaPower> create(const RsaNumbers& numbers) noexcept;

  /// What create() was given; views into this object.
  [[nodiscard]] RsaNumbers numbers() const noexcept;

  /// `base` and the power are big-endian. Nothing for a base that has not exactly 256 octets or is not smaller than the
  /// modulus: it represents no signature (RFC 8017 section 5.2.2).
  [[nodiscard]] std::optional<Octets> of(std::string_view base) const noexcept;

 private:
  static constexpr std::size_t digits = 40;  // of 52 bits: 2080 bits, which leaves room for sums
  struct Number {
    std::array<std::uint64_t, digits> digit;
  };
  struct Arithmetic;

  RsaPower() = default;

  Number modulus_;
  Number square_of_radix_;         // (2^2080)^2 mod n: takes a number into Montgomery's form
  std::uint64_t negated_inverse_;  // -1/n mod 2^52
  Octets modulus_octets_;
};

}  // namespace sendconn::crypto
