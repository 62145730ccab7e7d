#include "lib/crypto/rsa_power.hpp"

#if defined(SENDCONN_RSA_AVX512)

#include <algorithm>
#include <cstring>

#include <immintrin.h>
#include <openssl/bn.h>

#include "lib/crypto/openssl.hpp"

// g++ 12 takes its own headers' "undefined" vectors for a fault of ours (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

// The rest of the library is for any processor: these functions alone are compiled for one, and supported() guards
// them.
#define SENDCONN_IFMA [[gnu::target("avx512f,avx512ifma,bmi2")]]

namespace sendconn::crypto {
namespace {

using Bignum = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using BignumContext = std::unique_ptr<BN_CTX, Deleter<BN_CTX_free>>;

constexpr unsigned digit_bits = 52;
constexpr std::uint64_t digit_mask = (std::uint64_t{1} << digit_bits) - 1;
constexpr std::string_view fermat_4{"\x01\x00\x01", 3};  // 65537, in all keys but a few
constexpr unsigned exponent_squarings = 16;              // 65537 = 2^16 + 1

/// 1/odd mod 2^64, by Newton's iteration: each step doubles the bits that are right, and 3 are at the start.
std::uint64_t inverse(std::uint64_t odd) noexcept {
  std::uint64_t found = odd;
  for (int right_bits = 3; right_bits < 64; right_bits *= 2) found *= 2 - odd * found;
  return found;
}

}  // namespace

/// A vector holds eight digits, the lowest first. A lane may hold more than 52 bits while sums grow in it: the
/// multiplication looks at the lowest 52 of its factors alone.
struct RsaPower::Arithmetic {
  static constexpr std::size_t lanes = 8;
  static constexpr std::size_t vectors = digits / lanes;
  static_assert(vectors * lanes == digits);
  struct Vectors {  // std::array would drop the alignment that its element has by an attribute
    __m512i vector[vectors];
    __m512i& operator[](std::size_t i) noexcept { return vector[i]; }
    const __m512i& operator[](std::size_t i) const noexcept { return vector[i]; }
  };

  static Number from_octets(const std::uint8_t* big_endian) noexcept {
    std::array<std::uint8_t, digits * digit_bits / 8 + sizeof(std::uint64_t)> little_endian{};
    std::reverse_copy(big_endian, big_endian + modulus_octets, little_endian.begin());
    Number number;
    for (std::size_t i = 0; i < digits; ++i) {
      std::uint64_t octets = 0;
      std::memcpy(&octets, little_endian.data() + i * digit_bits / 8, sizeof octets);
      number.digit[i] = octets >> (i * digit_bits % 8) & digit_mask;
    }
    return number;
  }
  static Octets to_octets(const Number& number) noexcept {
    std::array<std::uint8_t, digits * digit_bits / 8 + sizeof(std::uint64_t)> little_endian{};
    for (std::size_t i = 0; i < digits; ++i) {
      std::uint64_t octets = 0;
      std::memcpy(&octets, little_endian.data() + i * digit_bits / 8, sizeof octets);
      octets |= number.digit[i] << (i * digit_bits % 8);
      std::memcpy(little_endian.data() + i * digit_bits / 8, &octets, sizeof octets);
    }
    Octets big_endian;
    std::reverse_copy(little_endian.begin(), little_endian.begin() + modulus_octets, big_endian.begin());
    return big_endian;
  }

  SENDCONN_IFMA static Vectors load(const Number& number) noexcept {
    Vectors loaded;
    for (std::size_t i = 0; i < vectors; ++i) loaded[i] = _mm512_loadu_si512(&number.digit[i * lanes]);
    return loaded;
  }
  SENDCONN_IFMA static Number store(const Vectors& value) noexcept {
    Number stored;
    for (std::size_t i = 0; i < vectors; ++i) _mm512_storeu_si512(&stored.digit[i * lanes], value[i]);
    return stored;
  }

  /// Leaves 52 bits in each lane. What is above them goes to the next lane, after which one more may be left over: that
  /// ripples through lanes of ones, as it does through the bits of an addition, and so one addition of all lanes' masks
  /// finds out where it ends.
  SENDCONN_IFMA static void carry(Vectors& value) noexcept {
    const __m512i mask = _mm512_set1_epi64(digit_mask);
    __m512i below = _mm512_setzero_si512();
    std::uint64_t above_mask = 0;
    std::uint64_t at_mask = 0;
    for (std::size_t i = 0; i < vectors; ++i) {
      const __m512i high = _mm512_srli_epi64(value[i], digit_bits);
      value[i] = _mm512_add_epi64(_mm512_and_si512(value[i], mask), _mm512_alignr_epi64(high, below, lanes - 1));
      below = high;
      above_mask |= std::uint64_t{_mm512_cmpgt_epu64_mask(value[i], mask)} << (lanes * i);
      at_mask |= std::uint64_t{_mm512_cmpeq_epu64_mask(value[i], mask)} << (lanes * i);
    }
    const std::uint64_t carried = ((above_mask << 1U) + at_mask) ^ at_mask;
    const __m512i one = _mm512_set1_epi64(1);
    for (std::size_t i = 0; i < vectors; ++i) {
      const auto here = static_cast<__mmask8>(carried >> (lanes * i));
      value[i] = _mm512_and_si512(_mm512_mask_add_epi64(value[i], here, value[i], one), mask);
    }
  }

  SENDCONN_IFMA static std::uint64_t lowest_of(__m512i value) noexcept {
    return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(value)));
  }

  /// a * b / 2^2080 mod n, though it may be n + 2^2020 too large (for factors that are at most as far off). The lowest
  /// digit of the sum decides what multiple of n makes it divisible by 2^52; it is kept apart, in a scalar, so that
  /// finding that multiple waits for no vector. A lane takes in less than 4 * 2^52 for each of at most 40 digits.
  SENDCONN_IFMA static Vectors multiply(const Vectors& a, const Number& b, const Vectors& n,
                                        std::uint64_t negated_inverse) noexcept {
    __extension__ using Wide = unsigned __int128;
    const __m512i zero = _mm512_setzero_si512();
    const std::uint64_t a_lowest = lowest_of(a[0]);
    const std::uint64_t n_lowest = lowest_of(n[0]);
    Vectors sum;
    for (__m512i& vector : sum.vector) vector = zero;
    std::uint64_t lowest = 0;
    for (std::size_t digit = 0; digit < digits; ++digit) {
      const Wide with_a = static_cast<Wide>(a_lowest) * b.digit[digit] + lowest;
      const std::uint64_t multiple = static_cast<std::uint64_t>(with_a) * negated_inverse & digit_mask;
      lowest = static_cast<std::uint64_t>((with_a + static_cast<Wide>(n_lowest) * multiple) >> digit_bits);

      const __m512i b_digit = _mm512_set1_epi64(static_cast<long long>(b.digit[digit]));
      const __m512i n_times = _mm512_set1_epi64(static_cast<long long>(multiple));
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52lo_epu64(sum[i], a[i], b_digit);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52lo_epu64(sum[i], n[i], n_times);
      for (std::size_t i = 0; i < vectors; ++i)  // all lanes one down: divided by 2^52
        sum[i] = _mm512_alignr_epi64(i + 1 < vectors ? sum[i + 1] : zero, sum[i], 1);
      lowest += lowest_of(sum[0]);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52hi_epu64(sum[i], a[i], b_digit);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52hi_epu64(sum[i], n[i], n_times);
    }
    sum[0] = _mm512_mask_set1_epi64(sum[0], 1, static_cast<long long>(lowest));
    carry(sum);
    return sum;
  }

  /// The last product is with the base as it came, not in Montgomery's form: so it leaves that form.
  SENDCONN_IFMA static Number power(const Number& base, const RsaPower& key) noexcept {
    const Vectors n = load(key.modulus_);
    Vectors value = multiply(load(base), key.square_of_radix_, n, key.negated_inverse_);
    for (unsigned i = 0; i < exponent_squarings; ++i) value = multiply(value, store(value), n, key.negated_inverse_);
    return store(multiply(value, base, n, key.negated_inverse_));
  }

  static void reduce(Number& number, const Number& modulus) noexcept {
    if (std::lexicographical_compare(number.digit.rbegin(), number.digit.rend(), modulus.digit.rbegin(),
                                     modulus.digit.rend()))
      return;
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const std::uint64_t difference = number.digit[i] - modulus.digit[i] - borrow;
      number.digit[i] = difference & digit_mask;
      borrow = difference >> 63U;
    }
  }
};

bool RsaPower::supported() noexcept {
  static const bool can = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512ifma") != 0 &&
                          __builtin_cpu_supports("bmi2") != 0;
  return can;
}

std::optional<RsaPower> RsaPower::create(const RsaNumbers& numbers) {
  const auto first = static_cast<unsigned char>(numbers.modulus.front());
  const auto last = static_cast<unsigned char>(numbers.modulus.back());
  if (!supported() || numbers.modulus.size() != modulus_octets || (first & 0x80U) == 0 || (last & 1U) == 0 ||
      numbers.exponent != fermat_4)
    return std::nullopt;
  RsaPower made;
  std::copy(numbers.modulus.begin(), numbers.modulus.end(), made.modulus_octets_.begin());
  made.modulus_ = Arithmetic::from_octets(made.modulus_octets_.data());
  made.negated_inverse_ = (0 - inverse(made.modulus_.digit[0])) & digit_mask;

  const BignumContext context(required(BN_CTX_new()));
  const Bignum modulus(required(BN_bin2bn(made.modulus_octets_.data(), static_cast<int>(modulus_octets), nullptr)));
  const Bignum square(required(BN_new()));
  must(BN_set_bit(square.get(), static_cast<int>(2 * digits * digit_bits)) == 1);
  must(BN_mod(square.get(), square.get(), modulus.get(), context.get()) == 1);
  Octets octets;
  must(BN_bn2binpad(square.get(), octets.data(), static_cast<int>(octets.size())) >= 0);
  made.square_of_radix_ = Arithmetic::from_octets(octets.data());
  return made;
}

std::optional<RsaPower::Octets> RsaPower::of(std::string_view base) const noexcept {
  if (base.size() != modulus_octets || std::memcmp(base.data(), modulus_octets_.data(), modulus_octets) >= 0)
    return std::nullopt;
  Number power = Arithmetic::power(Arithmetic::from_octets(reinterpret_cast<const std::uint8_t*>(base.data())), *this);
  Arithmetic::reduce(power, modulus_);
  return Arithmetic::to_octets(power);
}

}  // namespace sendconn::crypto

#else  // create() never makes one

namespace sendconn::crypto {

bool RsaPower::supported() noexcept { return false; }
std::optional<RsaPower> RsaPower::create(const RsaNumbers& /*numbers*/) { return std::nullopt; }
std::optional<RsaPower::Octets> RsaPower::of(std::string_view /*base*/) const noexcept { return std::nullopt; }

}  // namespace sendconn::crypto

#endif
