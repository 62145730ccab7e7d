// The written form of a rate.
#include <array>

#include <sendconn/limit.hpp>

#include "lib/base/cursor.hpp"

namespace sendconn::limit {
namespace {

struct Unit {
  std::string_view name;
  std::chrono::seconds period;
};
constexpr std::array<Unit, 4> units{{{"s", std::chrono::seconds(1)},
                                     {"min", std::chrono::minutes(1)},
                                     {"h", std::chrono::hours(1)},
                                     {"d", std::chrono::hours(24)}}};
constexpr std::string_view form = R"("<count>/<s, min, h or d>, burst <count>", such as "100/min, burst 20")";

Error fault(const Cursor& at, std::string_view what) {
  return {Errc::syntax, "rate: " + std::string(what) + " is required here; a rate is " + std::string(form),
          at.position()};
}

void skip_spaces(Cursor& text) { text.take_while(ascii::is_wsp); }

Result<std::uint64_t> take_count(Cursor& text) {
  const std::size_t start = text.position();
  const std::string_view digits = text.take_while(ascii::is_digit);
  if (digits.empty()) return fault(text, "a number");
  const auto count = ascii::to_number<std::uint64_t>(digits);
  if (count && *count >= 1 && *count <= Rate::max_count) return *count;
  return Error{Errc::limit_exceeded,
               "rate: " + std::string(digits.substr(0, 24)) + " is not within 1 to " + std::to_string(Rate::max_count),
               start};
}

Result<std::chrono::seconds> take_period(Cursor& text) {
  const Cursor start = text;
  const std::string_view word = text.take_while(ascii::is_alpha);
  for (const Unit& unit : units)
    if (ascii::equal(word, unit.name)) return unit.period;
  return fault(start, "\"s\", \"min\", \"h\" or \"d\"");
}

}  // namespace

Result<Rate> Rate::parse(std::string_view text) {
  Cursor at(text);
  Rate rate;
  skip_spaces(at);
  const auto count = take_count(at);
  if (!count) return count.error();
  rate.count = rate.burst = *count;
  skip_spaces(at);
  if (!at.take('/')) return fault(at, "\"/\"");
  skip_spaces(at);
  const auto period = take_period(at);
  if (!period) return period.error();
  rate.period = *period;
  skip_spaces(at);
  if (at.take(',')) {
    skip_spaces(at);
    const Cursor word = at;
    if (!ascii::equal(at.take_while(ascii::is_alpha), "burst")) return fault(word, "\"burst\"");
    skip_spaces(at);
    const auto burst = take_count(at);
    if (!burst) return burst.error();
    rate.burst = *burst;
    skip_spaces(at);
  }
  if (!at.at_end()) return fault(at, "the end");
  return rate;
}

std::string Rate::format() const {
  std::string text = std::to_string(count) + "/";
  for (const Unit& unit : units)
    if (unit.period == period) text += unit.name;
  if (text.back() == '/') text += std::to_string(period.count()) + "s";  // outside the documented periods: for a log
  if (burst != count) text += ", burst " + std::to_string(burst);
  return text;
}

}  // namespace sendconn::limit
