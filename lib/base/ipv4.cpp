// read_ipv4: one octet after the other, each looked at once.
#include "lib/base/ipv4.hpp"

namespace sendconn {

std::size_t read_ipv4(std::string_view text, std::uint32_t& number) noexcept {
  std::size_t at = 0;
  const auto digit = [&] {
    return at < text.size() ? static_cast<unsigned char>(text[at]) - unsigned{'0'} : 10U;
  };  // 10: none
  number = 0;
  for (unsigned part = 0;; ++part) {
    unsigned value = digit();
    if (value > 9) return 0;
    ++at;
    // A leading zero means octal to some readers and decimal to others, so it means nothing here.
    const bool ends = value == 0;
    for (unsigned next = digit(); next <= 9; next = digit()) {
      value = value * 10 + next;
      if (ends || value > 255) return 0;
      ++at;
    }
    number = number << 8U | value;
    if (part == 3) return at;
    if (at == text.size() || text[at] != '.') return 0;
    ++at;
  }
}

}  // namespace sendconn
