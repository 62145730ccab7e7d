// Dates of header fields (RFC 5322 section 3.3).
#include <sendconn/message.hpp>

#include <array>
#include <chrono>
#include <string>

namespace sendconn::mail {
namespace {

constexpr std::array<const char*, 7> days = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

std::string padded(long long number, std::size_t width) {
  std::string digits = std::to_string(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

}  // namespace

std::string format_date(UnixTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<std::chrono::seconds> clock(time - day);
  return std::string(days[std::chrono::weekday(day).c_encoding()]) + ", " +
         padded(static_cast<unsigned>(date.day()), 2) + " " + months[static_cast<unsigned>(date.month()) - 1] + " " +
         padded(static_cast<int>(date.year()), 4) + " " + padded(clock.hours().count(), 2) + ":" +
         padded(clock.minutes().count(), 2) + ":" + padded(clock.seconds().count(), 2) + " +0000";
}

}  // namespace sendconn::mail
