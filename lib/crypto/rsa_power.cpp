#include "lib/crypto/rsa_power.hpp"

#if defined(SENDCONN_RSA_AVX512)

#include <algorithm>
#include <cstring>

#include <immintrin.h>

#include "lib/base/words.hpp"

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

constexpr unsigned digit_bits = 52;
constexpr std::uint64_t digit_mask = (std::uint64_t{1} << digit_bits) - 1;
constexpr std::uint64_t top_digit_mask = (std::uint64_t{1} << 20U) - 1;  // of the 2048 bits, the last digit has 20
constexpr std::string_view fermat_4{"\x01\x00\x01", 3};                  // 65537, in all keys but a few
constexpr unsigned exponent_squarings = 16;                              // 65537 = 2^16 + 1

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

  /// Digit i begins at octet `octet_of(i)` from the end, and at the upper half of it for every other digit.
  static constexpr std::size_t octet_of(std::size_t i) noexcept { return i * digit_bits / 8; }
  static constexpr unsigned bit_of(std::size_t i) noexcept { return i * digit_bits % 8; }
  static constexpr std::size_t padding = (digits - 1) * digit_bits / 8 + words::octets - modulus_octets;

  static Number from_octets(const Octets& big_endian) noexcept {
    std::array<char, padding + modulus_octets> padded{};
    std::memcpy(padded.data() + padding, big_endian.data(), modulus_octets);
    const char* const last = padded.data() + padded.size() - words::octets;
    Number number;
    for (std::size_t i = 0; i < digits; ++i)
      number.digit[i] = words::in_order(words::load(last - octet_of(i))) >> bit_of(i) & digit_mask;
    return number;
  }
  static Octets to_octets(const Number& number) noexcept {
    std::array<char, padding + modulus_octets> padded{};
    char* const last = padded.data() + padded.size() - words::octets;
    std::uint64_t above = 0;  // what the digit before left of the octet that two of them share
    for (std::size_t i = 0; i < digits; ++i) {
      const std::uint64_t word = number.digit[i] << bit_of(i) | above;
      words::store(last - octet_of(i), words::in_order(word));
      above = bit_of(i) == 0 ? word >> (digit_bits - digit_bits % 8) : 0;
    }
    Octets big_endian;
    std::memcpy(big_endian.data(), padded.data() + padding, modulus_octets);
    return big_endian;
  }

  /// a - b mod 2^2080.
  static Number difference(const Number& a, const Number& b) noexcept {
    Number result;
    std::uint64_t borrow = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const std::uint64_t wide = a.digit[i] - b.digit[i] - borrow;
      result.digit[i] = wide & digit_mask;
      borrow = wide >> 63U;
    }
    return result;
  }
  /// Of a number below twice the modulus.
  static Number reduced(const Number& number, const Number& modulus) noexcept {
    const bool is_below = std::lexicographical_compare(number.digit.rbegin(), number.digit.rend(),
                                                       modulus.digit.rbegin(), modulus.digit.rend());
    return is_below ? number : difference(number, modulus);
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

  /// The lowest but one of a vector's digits.
  SENDCONN_IFMA static std::uint64_t second_of(__m512i value) noexcept {
    return static_cast<std::uint64_t>(_mm_extract_epi64(_mm512_castsi512_si128(value), 1));
  }

  /// a * b / 2^2080 mod n, or n more than that: below n + 2^2020 for factors below 2^2050, since a multiple of n below
  /// n * 2^2080 is added before the division. That is below 2 n, and so a factor again, as is what shift() makes. The
  /// lowest digit of the sum decides what multiple of n makes it divisible by 2^52. It is kept apart, in a scalar, and
  /// the one above it is summed up there as well, so that finding the multiple waits for no vector. A lane takes in
  /// less than 4 * 2^52 for each of 40 digits, and the scalar less than 2^54 more: all stay below 2^60.
  SENDCONN_IFMA static Vectors multiply(const Vectors& a, const Number& b, const Vectors& n,
                                        std::uint64_t negated_inverse) noexcept {
    __extension__ using Wide = unsigned __int128;
    const __m512i zero = _mm512_setzero_si512();
    const auto a_first = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(a[0])));
    const auto n_first = static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(n[0])));
    const std::uint64_t a_second = second_of(a[0]);
    const std::uint64_t n_second = second_of(n[0]);
    Vectors sum;
    for (__m512i& vector : sum.vector) vector = zero;
    std::uint64_t lowest = 0;
    for (std::size_t digit = 0; digit < digits; ++digit) {
      const std::uint64_t factor = b.digit[digit];
      const Wide with_a = static_cast<Wide>(a_first) * factor + lowest;
      const std::uint64_t multiple = static_cast<std::uint64_t>(with_a) * negated_inverse & digit_mask;
      lowest = static_cast<std::uint64_t>((with_a + static_cast<Wide>(n_first) * multiple) >> digit_bits) +
               second_of(sum[0]) + (a_second * factor & digit_mask) + (n_second * multiple & digit_mask);

      const __m512i b_digit = _mm512_set1_epi64(static_cast<long long>(factor));
      const __m512i n_times = _mm512_set1_epi64(static_cast<long long>(multiple));
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52lo_epu64(sum[i], a[i], b_digit);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52lo_epu64(sum[i], n[i], n_times);
      for (std::size_t i = 0; i < vectors; ++i)  // all lanes one down: divided by 2^52
        sum[i] = _mm512_alignr_epi64(i + 1 < vectors ? sum[i + 1] : zero, sum[i], 1);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52hi_epu64(sum[i], a[i], b_digit);
      for (std::size_t i = 0; i < vectors; ++i) sum[i] = _mm512_madd52hi_epu64(sum[i], n[i], n_times);
    }
    sum[0] = _mm512_mask_set1_epi64(sum[0], 1, static_cast<long long>(lowest));
    carry(sum);
    return sum;
  }

  /// What 2^2080 - n times a quotient takes off a number, in arithmetic modulo 2^2080; and what finds the quotient.
  struct Divisor {
    Vectors complement;
    double inverse_of_top;  // of the two highest digits, which hold 72 bits of a modulus
  };

  SENDCONN_IFMA static double top_of(const Number& number) noexcept {
    return static_cast<double>(number.digit[digits - 1]) * static_cast<double>(digit_mask + 1) +
           static_cast<double>(number.digit[digits - 2]);
  }

  /// value * 2^bits, less n times a quotient that is at most two too small and never too large: below 3 n, if `value`
  /// is. With 48 bits or fewer the quotient stays below 2^50. The digits left out change it by less than 2^-20; each of
  /// the five roundings on the way, by at most 2^-53 of it, or 2^-52 where the program has set another direction than
  /// to the nearest. So doubles find it with an error below one, which the one taken off makes an error downwards.
  SENDCONN_IFMA static Vectors shift(const Vectors& value, unsigned bits, const Divisor& n) noexcept {
    const std::uint64_t factor = std::uint64_t{1} << bits;
    const double quotient = top_of(store(value)) * n.inverse_of_top * static_cast<double>(factor) - 1;
    const __m512i times = _mm512_set1_epi64(quotient > 0 ? static_cast<long long>(quotient) : 0);
    const __m512i shifted = _mm512_set1_epi64(static_cast<long long>(factor));
    const __m512i zero = _mm512_setzero_si512();
    __m512i below = zero;
    Vectors made;
    for (std::size_t i = 0; i < vectors; ++i) {
      const __m512i low = _mm512_madd52lo_epu64(_mm512_madd52lo_epu64(zero, value[i], shifted), n.complement[i], times);
      const __m512i high =
          _mm512_madd52hi_epu64(_mm512_madd52hi_epu64(zero, value[i], shifted), n.complement[i], times);
      made[i] = _mm512_add_epi64(low, _mm512_alignr_epi64(high, below, lanes - 1));
      below = high;
    }
    carry(made);
    return made;
  }

  /// 2^4160 mod n: from 2^2048 - n, which is 2^2048 mod n, to 2^3120, and that squared in Montgomery's form.
  SENDCONN_IFMA static Number square_of_radix(const Number& modulus, std::uint64_t negated_inverse) noexcept {
    constexpr unsigned step = 48;
    constexpr unsigned distance = 3 * digits * digit_bits / 2 - modulus_octets * 8;
    Number complement = difference({}, modulus);
    const Divisor n{load(complement), 1 / top_of(modulus)};
    complement.digit[digits - 1] &= top_digit_mask;  // from 2^2080 - n to 2^2048 - n
    Vectors value = load(complement);
    for (unsigned i = 0; i < distance / step; ++i) value = shift(value, step, n);
    value = shift(value, distance % step, n);
    return store(multiply(value, store(value), load(modulus), negated_inverse));
  }

  /// The last product is with the base as it came, not in Montgomery's form: so it leaves that form.
  SENDCONN_IFMA static Number power(const Number& base, const RsaPower& key) noexcept {
    const Vectors n = load(key.modulus_);
    Vectors value = multiply(load(base), key.square_of_radix_, n, key.negated_inverse_);
    for (unsigned i = 0; i < exponent_squarings; ++i) value = multiply(value, store(value), n, key.negated_inverse_);
    return store(multiply(value, base, n, key.negated_inverse_));
  }
};

bool RsaPower::supported() noexcept {
  static const bool can = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512ifma") != 0 &&
                          __builtin_cpu_supports("bmi2") != 0;
  return can;
}

std::optional<RsaPower> RsaPower::create(const RsaNumbers& numbers) noexcept {
  if (!supported() || numbers.modulus.size() != modulus_octets || numbers.exponent != fermat_4) return std::nullopt;
  const auto first = static_cast<unsigned char>(numbers.modulus.front());
  const auto last = static_cast<unsigned char>(numbers.modulus.back());
  if ((first & 0x80U) == 0 || (last & 1U) == 0) return std::nullopt;
  RsaPower made;
  std::copy(numbers.modulus.begin(), numbers.modulus.end(), made.modulus_octets_.begin());
  made.modulus_ = Arithmetic::from_octets(made.modulus_octets_);
  made.negated_inverse_ = (0 - inverse(made.modulus_.digit[0])) & digit_mask;
  made.square_of_radix_ = Arithmetic::square_of_radix(made.modulus_, made.negated_inverse_);
  return made;
}

RsaNumbers RsaPower::numbers() const noexcept {
  return {{reinterpret_cast<const char*>(modulus_octets_.data()), modulus_octets_.size()}, fermat_4};
}

std::optional<RsaPower::Octets> RsaPower::of(std::string_view base) const noexcept {
  if (base.size() != modulus_octets || std::memcmp(base.data(), modulus_octets_.data(), modulus_octets) >= 0)
    return std::nullopt;
  Octets octets;
  std::copy(base.begin(), base.end(), octets.begin());
  return Arithmetic::to_octets(
      Arithmetic::reduced(Arithmetic::power(Arithmetic::from_octets(octets), *this), modulus_));
}

}  // namespace sendconn::crypto

#else  // create() never makes one

namespace sendconn::crypto {

bool RsaPower::supported() noexcept { return false; }
std::optional<RsaPower> RsaPower::create(const RsaNumbers& /*numbers*/) noexcept { return std::nullopt; }
RsaNumbers RsaPower::numbers() const noexcept { return {}; }
std::optional<RsaPower::Octets> RsaPower::of(std::string_view /*base*/) const noexcept { return std::nullopt; }

}  // namespace sendconn::crypto

#endif
