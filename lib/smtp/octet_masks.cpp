#include "lib/smtp/octet_masks.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sendconn::smtp {
namespace {

constexpr std::uint64_t each(std::uint64_t octet) noexcept { return octet * 0x0101010101010101U; }

/// Bit n of the result is the top bit of octet n.
constexpr std::uint64_t gather_tops(std::uint64_t word) noexcept {
  return (((word & each(0x80)) >> 7) * 0x0102040810204080U) >> 56;
}

/// The octets of `word` that are zero; exact, without carries from one octet into the next.
constexpr std::uint64_t zero_octets(std::uint64_t word) noexcept {
  return gather_tops(~(((word & each(0x7f)) + each(0x7f)) | word));
}

}  // namespace

OctetMasks find_octets_portably(const char* octets) noexcept {
  OctetMasks masks;
  for (unsigned i = 0; i < OctetMasks::block; i += 8) {
    std::uint64_t word = 0;
    for (unsigned k = 0; k < 8; ++k) word |= std::uint64_t{static_cast<unsigned char>(octets[i + k])} << (8 * k);
    masks.cr |= zero_octets(word ^ each('\r')) << i;
    masks.lf |= zero_octets(word ^ each('\n')) << i;
    masks.dot |= zero_octets(word ^ each('.')) << i;
    masks.nul |= zero_octets(word) << i;
    masks.high |= gather_tops(word) << i;
  }
  return masks;
}

#if defined(__SSE2__)
namespace {

std::uint64_t tops(const __m128i (&part)[4]) noexcept {
  std::uint64_t mask = 0;
  for (int i = 3; i >= 0; --i) mask = (mask << 16) | static_cast<std::uint16_t>(_mm_movemask_epi8(part[i]));
  return mask;
}

std::uint64_t equals(const __m128i (&part)[4], char octet) noexcept {
  const __m128i wanted = _mm_set1_epi8(octet);
  const __m128i found[4] = {_mm_cmpeq_epi8(part[0], wanted), _mm_cmpeq_epi8(part[1], wanted),
                            _mm_cmpeq_epi8(part[2], wanted), _mm_cmpeq_epi8(part[3], wanted)};
  return tops(found);
}

}  // namespace

OctetMasks find_octets(const char* octets) noexcept {
  __m128i part[4];
  for (int i = 0; i < 4; ++i) part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets) + i);
  OctetMasks masks;
  masks.cr = equals(part, '\r');
  masks.lf = equals(part, '\n');
  masks.dot = equals(part, '.');
  // NUL and 8-bit octets are rare: one test for all 64 tells that there are none.
  const __m128i least = _mm_min_epu8(_mm_min_epu8(part[0], part[1]), _mm_min_epu8(part[2], part[3]));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0) masks.nul = equals(part, '\0');
  const __m128i any = _mm_or_si128(_mm_or_si128(part[0], part[1]), _mm_or_si128(part[2], part[3]));
  if (_mm_movemask_epi8(any) != 0) masks.high = tops(part);
  return masks;
}
#else
OctetMasks find_octets(const char* octets) noexcept { return find_octets_portably(octets); }
#endif

}  // namespace sendconn::smtp
