#include "relay/log/format.hpp"

#include <algorithm>
#include <array>

namespace sendconn::relay {
namespace {

void put_digits(std::string& out, std::uint64_t value, int width) {
  std::array<char, 20> digits{};
  for (int i = width - 1; i >= 0; --i) {
    digits[static_cast<std::size_t>(i)] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  out.append(digits.data(), static_cast<std::size_t>(width));
}

void put_time(std::string& out, std::chrono::system_clock::time_point time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(std::chrono::floor<std::chrono::milliseconds>(time - day));
  put_digits(out, static_cast<std::uint64_t>(static_cast<int>(date.year())), 4);
  out += '-';
  put_digits(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  put_digits(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  put_digits(out, static_cast<std::uint64_t>(clock.hours().count()), 2);
  out += ':';
  put_digits(out, static_cast<std::uint64_t>(clock.minutes().count()), 2);
  out += ':';
  put_digits(out, static_cast<std::uint64_t>(clock.seconds().count()), 2);
  out += '.';
  put_digits(out, static_cast<std::uint64_t>(clock.subseconds().count()), 3);
  out += 'Z';
}

/// How many octets the character beyond ASCII at the start of `text` has; 0 if it is not UTF-8 (RFC 3629 section 4).
std::size_t character_octets(std::string_view text) {
  const auto at = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&at](std::size_t i) { return (at(i) & 0xc0U) == 0x80U; };
  const unsigned first = at(0);
  const unsigned second = at(1);
  if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return continues(1) && continues(2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool beyond = first == 0xf4 && second > 0x8f;
    return continues(1) && continues(2) && continues(3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void put_escaped(std::string& out, unsigned octet) {
  constexpr std::string_view hex = "0123456789abcdef";
  out += "\\u00";
  out += hex[octet >> 4U];
  out += hex[octet & 0x0fU];
}

void put_quoted(std::string& out, std::string_view text) {
  out += '"';
  while (!text.empty()) {
    const auto octet = static_cast<unsigned char>(text.front());
    std::size_t taken = 1;
    if (octet == '"' || octet == '\\') {
      out += '\\';
      out += text.front();
    } else if (octet < 0x20 || octet == 0x7f) {
      put_escaped(out, octet);
    } else if (octet < 0x80) {
      out += text.front();
    } else if (taken = character_octets(text); taken == 0) {
      taken = 1;
      out += "\\ufffd";
    } else if (octet == 0xc2 && static_cast<unsigned char>(text[1]) < 0xa0) {
      put_escaped(out, static_cast<unsigned char>(text[1]));  // C1 controls: a terminal may obey them
    } else {
      out += text.substr(0, taken);
    }
    text.remove_prefix(taken);
  }
  out += '"';
}

/// What needs no quotes in the text form.
bool is_plain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const auto octet = static_cast<unsigned char>(c);
    return octet > 0x20 && octet < 0x7f && c != '"' && c != '\\' && c != '=';
  });
}

constexpr std::size_t usual_line = 240;

}  // namespace

std::string_view name_of(Level level) {
  switch (level) {
    case Level::debug:
      return "debug";
    case Level::info:
      return "info";
    case Level::warn:
      return "warn";
    case Level::error:
      return "error";
  }
  return "error";
}

std::string format_text(std::chrono::system_clock::time_point time, Level level, std::string_view event,
                        std::initializer_list<Log::Field> fields) {
  std::string out;
  out.reserve(usual_line);
  put_time(out, time);
  (out += ' ') += name_of(level);
  (out += ' ') += event;
  for (const Log::Field& field : fields) {
    (out += ' ') += field.name;
    out += '=';
    if (field.is_number) {
      out += std::to_string(field.number);
    } else if (is_plain(field.text)) {
      out += field.text;
    } else {
      put_quoted(out, field.text);
    }
  }
  out += '\n';
  return out;
}

std::string format_json(std::chrono::system_clock::time_point time, Level level, std::string_view event,
                        std::initializer_list<Log::Field> fields) {
  std::string out;
  out.reserve(usual_line);
  out += R"({"time":")";
  put_time(out, time);
  out += R"(","level":")";
  out += name_of(level);
  out += R"(","event":)";
  put_quoted(out, event);
  for (const Log::Field& field : fields) {
    out += ',';
    put_quoted(out, field.name);
    out += ':';
    if (field.is_number) {
      out += std::to_string(field.number);
    } else {
      put_quoted(out, field.text);
    }
  }
  out += "}\n";
  return out;
}

}  // namespace sendconn::relay
