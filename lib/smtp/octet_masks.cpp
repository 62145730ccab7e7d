#include "lib/smtp/octet_masks.hpp"

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

}  // namespace sendconn::smtp
