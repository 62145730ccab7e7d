#include "lib/base/ascii.hpp"

#include <algorithm>
#include <cstring>

#include "lib/base/words.hpp"

namespace sendconn::ascii {
namespace {

using words::each;
using words::high;
using words::load;
constexpr std::size_t word_octets = words::octets;

/// Four to seven octets; those in the middle are there twice.
std::uint64_t load_some(std::string_view text) noexcept {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::memcpy(&first, text.data(), sizeof first);
  std::memcpy(&last, text.data() + text.size() - sizeof last, sizeof last);
  return std::uint64_t{first} << 32U | last;
}

/// The top bit of each octet that is a visible character.
std::uint64_t vchars_word(std::uint64_t word) noexcept {
  const std::uint64_t low = word & ~high;
  return (low + (0x7f - ' ') * each) & ~(low + each) & ~word & high;
}

/// The top bit of each octet that is_control() would be true for.
std::uint64_t control_word(std::uint64_t word) noexcept {
  const std::uint64_t low = word & ~high;
  return (~(low + (0x80 - ' ') * each) | (low + each)) & ~word & high;
}

/// Whether `in_word` finds anything in a word, or `in_octet` in a shorter text. The last word may overlap the one
/// before.
template <class InWord, class InOctet>
bool any(std::string_view text, InWord in_word, InOctet in_octet) noexcept {
  if (text.size() < word_octets) return std::any_of(text.begin(), text.end(), in_octet);
  const std::size_t last = text.size() - word_octets;
  for (std::size_t at = 0;; at = std::min(at + word_octets, last)) {
    if (in_word(load(text.data() + at)) != 0) return true;
    if (at == last) return false;
  }
}

}  // namespace

bool equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  if (a.size() < sizeof(std::uint32_t))
    return std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
  if (a.size() < word_octets) return words::lower(load_some(a)) == words::lower(load_some(b));
  // The last word may overlap the one before it.
  const std::size_t last = a.size() - word_octets;
  for (std::size_t at = 0;; at = std::min(at + word_octets, last)) {
    const std::uint64_t x = load(a.data() + at);
    const std::uint64_t y = load(b.data() + at);
    if (x != y && words::lower(x) != words::lower(y)) return false;
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
  out.resize(text.size());
  if (text.size() < word_octets) {
    std::transform(text.begin(), text.end(), out.begin(), lower);
    return;
  }
  const std::size_t last = text.size() - word_octets;
  for (std::size_t at = 0;; at = std::min(at + word_octets, last)) {
    const std::uint64_t word = words::lower(load(text.data() + at));
    std::memcpy(out.data() + at, &word, word_octets);
    if (at == last) return;
  }
}

void append_harmless(std::string& out, std::string_view text) {
  const auto start = static_cast<std::ptrdiff_t>(out.size());
  out.append(text);
  std::replace_if(out.begin() + start, out.end(), is_control, ' ');
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_fws(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_fws(text.back())) text.remove_suffix(1);
  return text;
}

bool has_8bit(std::string_view text) noexcept {
  return any(
      text, [](std::uint64_t word) { return word & high; }, is_8bit);
}

bool is_printable(std::string_view text) noexcept {
  return !any(
      text, [](std::uint64_t word) { return control_word(word) | (word & high); },
      [](char c) { return !is_vchar(c) && c != ' '; });
}

std::size_t count_vchars(std::string_view text) noexcept {
  std::size_t count = 0;
  for (; count + word_octets <= text.size(); count += word_octets)
    if (vchars_word(load(text.data() + count)) != high) break;
  while (count < text.size() && is_vchar(text[count])) ++count;
  return count;
}

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
