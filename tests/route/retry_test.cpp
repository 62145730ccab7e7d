// When a message is tried again, and what a reply means for it.
#include <gtest/gtest.h>

#include <random>

#include <sendconn/route.hpp>

namespace sendconn::route {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr UnixTime accepted{seconds(1'800'000'000)};
constexpr std::uint32_t middle = 0x80000000U;

TEST(RetrySchedule, WaitsLongerEachTimeAndThenEvenly) {
  const RetrySchedule schedule;
  const seconds waits[] = {minutes(5), minutes(10), minutes(20), minutes(40), hours(1),
                           hours(2),   hours(4),    hours(4),    hours(4)};
  std::uint32_t attempts = 0;
  for (const seconds wait : waits)
    EXPECT_EQ(*schedule.next(accepted, ++attempts, accepted, middle), accepted + wait) << attempts;
  EXPECT_EQ(*schedule.next(accepted, 0xffffffffU, accepted, middle), accepted + hours(4));
  EXPECT_EQ(*schedule.next(accepted, 0, accepted, middle), accepted + minutes(5));
}

TEST(RetrySchedule, VariesExactlyByItsJitter) {
  RetrySchedule schedule;
  schedule.waits = {seconds(1000)};
  schedule.jitter_percent = 10;
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, 0), accepted + seconds(900));
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, middle), accepted + seconds(1000));
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, 0xffffffffU), accepted + seconds(1100));
  schedule.jitter_percent = 0;
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, 0xffffffffU), accepted + seconds(1000));
  schedule.jitter_percent = 4'000'000'000U;  // held to 100 %
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, 0), accepted + seconds(1));
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, 0xffffffffU), accepted + seconds(2000));
}

TEST(RetrySchedule, MakesItsLastTryWhenTheMessageIsTooOld) {
  const RetrySchedule schedule;
  const UnixTime end = accepted + hours(120);
  EXPECT_EQ(*schedule.next(accepted, 9, end - hours(1), middle), end);
  EXPECT_EQ(*schedule.next(accepted, 9, end - seconds(1), middle), end);
  EXPECT_FALSE(schedule.next(accepted, 9, end, middle));
  EXPECT_FALSE(schedule.next(accepted, 1, end + hours(1), middle));
}

TEST(RetrySchedule, SurvivesOddSettings) {
  RetrySchedule schedule;
  schedule.waits = {};
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, middle), accepted + minutes(30)) << "RFC 5321 section 4.5.4.1";
  schedule.waits = {seconds(-5)};
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, middle), accepted + seconds(1));
  schedule.waits = {seconds::max()};
  EXPECT_EQ(*schedule.next(accepted, 1, accepted, middle), accepted + schedule.max_age);
  schedule.max_age = seconds(0);
  EXPECT_FALSE(schedule.next(accepted, 1, accepted, middle));
}

TEST(RetrySchedule, AClockThatJumpsBackStillTriesInTime) {
  const RetrySchedule schedule;
  const UnixTime now = accepted - hours(1000);
  EXPECT_EQ(*schedule.next(accepted, 1, now, middle), now + minutes(5));
}

TEST(RetrySchedule, AlwaysGoesForwardAndEndsInTime) {
  std::mt19937 random(20261101);
  for (int round = 0; round < 2000; ++round) {
    RetrySchedule schedule;
    schedule.waits.clear();
    for (auto steps = random() % 6; steps != 0; --steps) schedule.waits.emplace_back(random() % 20000);
    schedule.max_age = seconds(random() % 500000);
    schedule.jitter_percent = static_cast<unsigned>(random() % 150);
    UnixTime now = accepted;
    std::uint32_t attempts = 0;
    while (const auto next = schedule.next(accepted, ++attempts, now, static_cast<std::uint32_t>(random()))) {
      ASSERT_GT(*next, now);
      ASSERT_LE(*next, accepted + schedule.max_age);
      now = *next;
      ASSERT_LE(attempts, 500001U);
    }
    ASSERT_EQ(now, accepted + schedule.max_age) << "a try is made when the time is up";
  }
}

TEST(RetrySchedule, ForOneRandomNumberItIsMonotone) {
  const RetrySchedule schedule;
  std::mt19937 numbers(7);
  for (int round = 0; round < 200; ++round) {
    const auto random = static_cast<std::uint32_t>(numbers());
    UnixTime before{};
    for (std::uint32_t attempts = 1; attempts < 12; ++attempts) {
      const UnixTime next = *schedule.next(accepted, attempts, accepted, random);
      EXPECT_GE(next, before);
      before = next;
    }
    for (seconds age(0); age < schedule.max_age; age += hours(1)) {
      const UnixTime next = *schedule.next(accepted, 3, accepted + age, random);
      EXPECT_GE(next, *schedule.next(accepted, 3, accepted + age - minutes(1), random));
    }
  }
}

TEST(Classify, TellsDeliveredDeferredAndFailed) {
  const struct {
    std::uint16_t code;
    EnhancedCode enhanced;
    Outcome outcome;
  } cases[] = {
      {250, {2, 0, 0}, Outcome::delivered}, {251, {}, Outcome::delivered},       {252, {}, Outcome::delivered},
      {354, {}, Outcome::deferred},         {421, {4, 3, 2}, Outcome::deferred}, {450, {}, Outcome::deferred},
      {452, {4, 5, 3}, Outcome::deferred},  {550, {5, 1, 1}, Outcome::failed},   {552, {5, 2, 2}, Outcome::failed},
      {552, {}, Outcome::failed},           {552, {5, 5, 3}, Outcome::deferred}, {554, {}, Outcome::failed},
      {556, {5, 1, 10}, Outcome::failed},   {450, {5, 0, 0}, Outcome::deferred}, {550, {4, 0, 0}, Outcome::failed},
      {0, {}, Outcome::deferred},           {199, {}, Outcome::deferred},        {600, {}, Outcome::deferred},
  };
  for (const auto& c : cases) EXPECT_EQ(classify({c.code, c.enhanced, ""}), c.outcome) << c.code;
}

}  // namespace
}  // namespace sendconn::route
