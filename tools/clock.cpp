#include "tools/clock.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>

namespace sendconn::tools {
namespace {

constexpr std::size_t max_digits = 12;                        // as RFC 6376 section 3.5 bounds the times of signatures
constexpr UnixTime last{std::chrono::seconds(253402300799)};  // 9999-12-31T23:59:59Z

/// The digits of `text` as a number; -1 if there is anything else.
std::int64_t number(std::string_view text) {
  std::int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return text.empty() ? -1 : value;
}

}  // namespace

std::string format_time(UnixTime time) {
  if (time < UnixTime{} || time > last) return std::to_string(time.time_since_epoch().count());
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return text.data();
}

Result<UnixTime> parse_time(std::string_view text) {
  if (text.empty()) return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (text.size() <= max_digits && number(text) >= 0) return UnixTime(std::chrono::seconds(number(text)));
  if (text.size() == 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T' && text[13] == ':' && text[16] == ':' &&
      text[19] == 'Z') {
    const auto part = [text](std::size_t start, std::size_t size) {
      return static_cast<int>(number(text.substr(start, size)));
    };
    const int month = part(5, 2);
    const int day = part(8, 2);
    const std::chrono::year_month_day date{std::chrono::year(part(0, 4)),
                                           std::chrono::month(static_cast<unsigned>(month < 0 ? 0 : month)),
                                           std::chrono::day(static_cast<unsigned>(day < 0 ? 0 : day))};
    const int hour = part(11, 2);
    const int minute = part(14, 2);
    const int second = part(17, 2);
    if (date.ok() && part(0, 4) >= 1970 && hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 &&
        second < 60)
      return UnixTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
             std::chrono::seconds(second);
  }
  return Error{Errc::invalid_argument,
               "'" + std::string(text) + "' is no time; 2026-11-22T15:02:50Z or seconds since 1970 are required"};
}

}  // namespace sendconn::tools
