#include "lib/base/base64.hpp"

#include <array>
#include <cstdint>

#include "lib/base/ascii.hpp"

namespace sendconn::base64 {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::int8_t invalid = -1;

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(invalid);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    values[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return values;
}

constexpr auto values = make_values();

Error fault(std::size_t position, const char* what) {
  return {Errc::syntax, std::string("base64: ") + what + " (RFC 4648 section 4)", position};
}

Result<std::string> decode_with(std::string_view text, bool skip_white_space) {
  std::string out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  unsigned digits = 0;
  unsigned padding = 0;
  const auto value_at = [text](std::size_t i) {
    return static_cast<std::uint32_t>(values[static_cast<unsigned char>(text[i])]);
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    // Whole groups, of which nearly all of a text consists.
    for (; digits == 0 && padding == 0 && text.size() - i >= 4; i += 4) {
      const std::uint32_t four = value_at(i) << 18U | value_at(i + 1) << 12U | value_at(i + 2) << 6U | value_at(i + 3);
      if (four >= 1U << 24U) break;  // one of them is invalid, which is -1: all its bits are set
      const char octets[] = {static_cast<char>(four >> 16U), static_cast<char>(four >> 8U), static_cast<char>(four)};
      out.append(octets, sizeof octets);
    }
    if (i == text.size()) break;
    const char c = text[i];
    if (skip_white_space && ascii::is_fws(c)) continue;
    if (c == '=') {
      if (digits < 2 || digits + ++padding > 4) return fault(i, "padding in the wrong place");
      continue;
    }
    const std::int8_t value = values[static_cast<unsigned char>(c)];
    if (value == invalid) return fault(i, "a character outside the alphabet");
    if (padding != 0) return fault(i, "data behind the padding");
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (++digits == 4) {
      out.push_back(static_cast<char>(group >> 16U));
      out.push_back(static_cast<char>(group >> 8U));
      out.push_back(static_cast<char>(group));
      group = 0;
      digits = 0;
    }
  }
  if (digits == 0) return out;
  if (digits + padding != 4) return fault(text.size(), "it ends inside a group of four");
  const unsigned unused = digits == 2 ? 4 : 2;
  if ((group & ((1U << unused) - 1)) != 0) return fault(text.size(), "unused bits are not zero");
  group >>= unused;
  if (digits == 3) out.push_back(static_cast<char>(group >> 8U));
  out.push_back(static_cast<char>(group));
  return out;
}

}  // namespace

std::size_t encode_to(char* out, std::string_view octets) noexcept {
  char* const start = out;
  const auto octet = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(octets[i])); };
  const auto put = [&](std::uint32_t group, unsigned digits) {
    for (unsigned i = 0; i < 4; ++i) *out++ = i < digits ? alphabet[group >> (18 - 6 * i) & 0x3fU] : '=';
  };
  std::size_t i = 0;
  for (; i + 3 <= octets.size(); i += 3) put(octet(i) << 16U | octet(i + 1) << 8U | octet(i + 2), 4);
  if (octets.size() - i == 1) put(octet(i) << 16U, 2);
  if (octets.size() - i == 2) put(octet(i) << 16U | octet(i + 1) << 8U, 3);
  return static_cast<std::size_t>(out - start);
}

std::string encode(std::string_view octets) {
  std::string out(encoded_octets(octets.size()), '\0');
  encode_to(out.data(), octets);
  return out;
}

Result<std::string> decode(std::string_view text) { return decode_with(text, false); }
Result<std::string> decode_folded(std::string_view text) { return decode_with(text, true); }

}  // namespace sendconn::base64
