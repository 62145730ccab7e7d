#include "lib/base/ascii.hpp"

#include <algorithm>

namespace sendconn::ascii {

bool equal(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

bool starts_with(std::string_view text, std::string_view prefix) noexcept {
  return text.size() >= prefix.size() && equal(text.substr(0, prefix.size()), prefix);
}

std::string to_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
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
