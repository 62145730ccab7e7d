// Where the octets that matter to a message's framing stand, for 64 octets at a time: one bit an octet, the lowest
// first. Framing then is arithmetic on bits ("an LF behind a CR" is lf & cr << 1), and costs the same for any line
// length.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace sendconn::smtp {

struct OctetMasks {
  static constexpr std::size_t block = 64;

  std::uint64_t cr = 0;
  std::uint64_t lf = 0;
  std::uint64_t dot = 0;
  std::uint64_t nul = 0;
  std::uint64_t high = 0;  ///< above 0x7f

  friend bool operator==(const OctetMasks&, const OctetMasks&) = default;
};

/// Reads 64 octets, eight at a time; for any target.
OctetMasks find_octets_portably(const char* octets) noexcept;

#if defined(__SSE2__)
namespace sse2 {

inline std::uint64_t tops(const __m128i (&part)[4]) noexcept {
  std::uint64_t mask = 0;
  for (int i = 3; i >= 0; --i) mask = (mask << 16) | static_cast<std::uint16_t>(_mm_movemask_epi8(part[i]));
  return mask;
}

inline std::uint64_t equals(const __m128i (&part)[4], char octet) noexcept {
  const __m128i wanted = _mm_set1_epi8(octet);
  const __m128i found[4] = {_mm_cmpeq_epi8(part[0], wanted), _mm_cmpeq_epi8(part[1], wanted),
                            _mm_cmpeq_epi8(part[2], wanted), _mm_cmpeq_epi8(part[3], wanted)};
  return tops(found);
}

}  // namespace sse2

/// The same for processors with SSE2. Inline, so that a caller pays only for the masks it looks at.
inline OctetMasks find_octets(const char* octets) noexcept {
  __m128i part[4];
  for (int i = 0; i < 4; ++i) part[i] = _mm_loadu_si128(reinterpret_cast<const __m128i*>(octets) + i);
  OctetMasks masks;
  masks.cr = sse2::equals(part, '\r');
  masks.lf = sse2::equals(part, '\n');
  masks.dot = sse2::equals(part, '.');
  // NUL and 8-bit octets are rare: one test for all 64 tells that there are none.
  const __m128i least = _mm_min_epu8(_mm_min_epu8(part[0], part[1]), _mm_min_epu8(part[2], part[3]));
  if (_mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0) masks.nul = sse2::equals(part, '\0');
  const __m128i any = _mm_or_si128(_mm_or_si128(part[0], part[1]), _mm_or_si128(part[2], part[3]));
  if (_mm_movemask_epi8(any) != 0) masks.high = sse2::tops(part);
  return masks;
}
#else
inline OctetMasks find_octets(const char* octets) noexcept { return find_octets_portably(octets); }
#endif

}  // namespace sendconn::smtp
