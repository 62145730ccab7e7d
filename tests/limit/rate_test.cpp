// The written form of a rate, both ways.
#include <gtest/gtest.h>

#include <sendconn/limit.hpp>

namespace sendconn::limit {
namespace {

using std::chrono::seconds;

TEST(Rate, ParsesAndFormats) {
  const struct {
    std::string_view text;
    Rate rate;
    std::string_view formatted;
  } cases[] = {
      {"10/s", {10, seconds(1), 10}, "10/s"},
      {"100/min, burst 20", {100, seconds(60), 20}, "100/min, burst 20"},
      {"100/min,burst 100", {100, seconds(60), 100}, "100/min"},
      {"1000/h", {1000, seconds(3600), 1000}, "1000/h"},
      {"5000/d, burst 1", {5000, seconds(86400), 1}, "5000/d, burst 1"},
      {"  5 / MIN ,  Burst   9  ", {5, seconds(60), 9}, "5/min, burst 9"},
      {"1000000000/d, burst 1000000000", {1'000'000'000, seconds(86400), 1'000'000'000}, "1000000000/d"},
      {"1/s\t,\tburst 2", {1, seconds(1), 2}, "1/s, burst 2"},
  };
  for (const auto& c : cases) {
    const auto rate = Rate::parse(c.text);
    ASSERT_TRUE(rate) << c.text << ": " << rate.error().text;
    EXPECT_EQ(*rate, c.rate) << c.text;
    EXPECT_EQ(rate->format(), c.formatted);
    EXPECT_EQ(*Rate::parse(rate->format()), c.rate);
  }
}

TEST(Rate, RefusesWithThePosition) {
  const struct {
    std::string_view text;
    Errc code;
    std::size_t position;
  } cases[] = {
      {"", Errc::syntax, 0},
      {"/min", Errc::syntax, 0},
      {"-1/min", Errc::syntax, 0},
      {"100", Errc::syntax, 3},
      {"100/", Errc::syntax, 4},
      {"100/m", Errc::syntax, 4},
      {"100/minute", Errc::syntax, 4},
      {"100/60s", Errc::syntax, 4},
      {"1.5/s", Errc::syntax, 1},
      {"100/min burst 20", Errc::syntax, 8},
      {"100/min,", Errc::syntax, 8},
      {"100/min, 20", Errc::syntax, 9},
      {"100/min, burst", Errc::syntax, 14},
      {"100/min, burst 20 x", Errc::syntax, 18},
      {"100/min, burst 20, burst 30", Errc::syntax, 17},
      {std::string_view("1/s\0", 4), Errc::syntax, 3},
      {"0/min", Errc::limit_exceeded, 0},
      {"1/min, burst 0", Errc::limit_exceeded, 13},
      {"1000000001/s", Errc::limit_exceeded, 0},
      {"1/s, burst 1000000001", Errc::limit_exceeded, 11},
      {"99999999999999999999999999/s", Errc::limit_exceeded, 0},
  };
  for (const auto& c : cases) {
    const auto rate = Rate::parse(c.text);
    ASSERT_FALSE(rate) << c.text;
    EXPECT_EQ(rate.error().code, c.code) << c.text;
    EXPECT_EQ(rate.error().position, c.position) << c.text;
    EXPECT_FALSE(rate.error().text.empty());
  }
}

}  // namespace
}  // namespace sendconn::limit
