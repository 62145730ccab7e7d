#include "lib/base/ascii.hpp"

#include <algorithm>
#include <cstring>

namespace sendconn::ascii {
namespace {

constexpr std::size_t word_octets = 8;

std::uint64_t load(const char* at) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, at, word_octets);
  return word;
}

/// lower() of eight octets at once: the sums carry into an octet's high bit where it is at least 'A', or above 'Z'.
std::uint64_t lower_word(std::uint64_t word) noexcept {
  constexpr std::uint64_t each = 0x0101010101010101;
  const std::uint64_t low = word & (0x7f * each);
  const std::uint64_t from_a = low + (0x80 - 'A') * each;
  const std::uint64_t above_z = low + (0x7f - 'Z') * each;
  const std::uint64_t upper = (from_a ^ above_z) & ~word & (0x80 * each);
  return word | upper >> 2U;
}

}  // namespace

bool equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (a.size() < word_octets)
    return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
  // The last word may overlap the one before it.
  const std::size_t last = a.size() - word_octets;
  for (std::size_t at = 0;; at = std::min(at + word_octets, last)) {
    const std::uint64_t x = load(a.data() + at);
    const std::uint64_t y = load(b.data() + at);
    if (x != y && lower_word(x) != lower_word(y)) return false;
    if (at == last) return true;
  }
}

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal(text.substr(0, prefix.size()), prefix);
}

std::string to_lower(std::string_view text) {
  std::string out;
  assign_lower(out, text);
  return out;
}

void assign_lower(std::string& out, std::string_view text) {
  out.assign(text);
  if (text.size() < word_octets) {
    for (char& c : out) c = lower(c);
    return;
  }
  // Read from `text`: what was just stored in pieces of another size, a processor reads back slowly.
  const std::size_t last = text.size() - word_octets;
  for (std::size_t at = 0;; at = std::min(at + word_octets, last)) {
    const std::uint64_t word = lower_word(load(text.data() + at));
    std::memcpy(out.data() + at, &word, word_octets);
    if (at == last) return;
  }
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_fws(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_fws(text.back())) text.remove_suffix(1);
  return text;
}

bool has_8bit(std::string_view text) noexcept { return std::any_of(text.begin(), text.end(), is_8bit); }

std::string to_hex(std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  out.reserve(octets.size() * 2);
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    out.push_back(digits[octet >> 4U]);
    out.push_back(digits[octet & 0x0fU]);
  }
  return out;
}

std::string quote(std::string_view text, std::size_t max_octets) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size() && i < max_octets; ++i) {
    if (is_vchar(text[i]) || text[i] == ' ') {
      out.push_back(text[i]);
    } else {
      out.append("\\x").append(to_hex(text.substr(i, 1)));
    }
  }
  return out.append(text.size() > max_octets ? "...\"" : "\"");
}

}  // namespace sendconn::ascii
