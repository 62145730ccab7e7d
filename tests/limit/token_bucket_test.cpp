// The bucket against the rule itself, reckoned in 128 bits: over every span, at most burst + rate * time.
#include <random>
#include <vector>

#include <gtest/gtest.h>

#include <sendconn/limit.hpp>

namespace sendconn::limit {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
__extension__ using Wide = __int128;

constexpr Wide billion = 1'000'000'000;
const Instant start{hours(1000)};

Wide period_of(const Rate& rate) { return Wide(rate.period.count()) * billion; }

/// The rule, written down once more in the plainest way: parts of 1/(period in nanoseconds), `count` for each
/// nanosecond.
class Model {
 public:
  Model(const Rate& rate, Instant now) : rate_(rate), at_(now), parts_(Wide(rate.burst) * period_of(rate)) {}
  bool take(std::uint64_t tokens, Instant now) {
    if (now > at_) {
      parts_ += Wide(nanoseconds(now - at_).count()) * rate_.count;
      parts_ = std::min(parts_, Wide(rate_.burst) * period_of(rate_));
      at_ = now;
    }
    if (Wide(tokens) * period_of(rate_) > parts_) return false;
    parts_ -= Wide(tokens) * period_of(rate_);
    return true;
  }

 private:
  Rate rate_;
  Instant at_;
  Wide parts_;
};

Rate random_rate(std::mt19937_64& random) {
  static constexpr seconds periods[] = {seconds(1), seconds(60), seconds(3600), seconds(86400)};
  const auto magnitude = [&random] {
    const std::uint64_t top = std::uint64_t{1} << (random() % 31);
    return std::clamp<std::uint64_t>(random() % (2 * top), 1, Rate::max_count);
  };
  return {magnitude(), periods[random() % 4], magnitude()};
}

/// From nanoseconds to weeks.
nanoseconds random_step(std::mt19937_64& random) {
  return nanoseconds(static_cast<std::int64_t>(random() >> (14 + random() % 50)));
}

TEST(TokenBucket, StartsFullAndRefillsByTheNanosecond) {
  TokenBucket bucket({10, seconds(1), 3}, start);
  EXPECT_TRUE(bucket.is_full(start));
  EXPECT_EQ(bucket.full_at(), start);
  EXPECT_TRUE(bucket.take(3, start));
  EXPECT_FALSE(bucket.take(1, start));
  EXPECT_EQ(bucket.wait(1, start), milliseconds(100));
  EXPECT_EQ(bucket.full_at(), start + milliseconds(300));
  EXPECT_FALSE(bucket.take(1, start + milliseconds(100) - nanoseconds(1)));
  EXPECT_EQ(bucket.wait(1, start + milliseconds(100) - nanoseconds(1)), nanoseconds(1));
  EXPECT_TRUE(bucket.take(1, start + milliseconds(100)));
  EXPECT_EQ(bucket.available(start + hours(1)), 3U);
  EXPECT_TRUE(bucket.is_full(start + hours(1)));
}

TEST(TokenBucket, MoreThanTheBurstNeverSucceeds) {
  TokenBucket bucket({10, seconds(1), 3}, start);
  EXPECT_FALSE(bucket.take(4, start));
  EXPECT_EQ(bucket.wait(4, start), std::nullopt);
  EXPECT_FALSE(bucket.take(std::numeric_limits<std::uint64_t>::max(), start + hours(10)));
  EXPECT_EQ(bucket.available(start), 3U) << "a refusal takes nothing";
  EXPECT_TRUE(bucket.take(0, start));
}

TEST(TokenBucket, ABackwardClockGivesNothingAndTakesNothing) {
  TokenBucket bucket({1, seconds(1), 2}, start);
  ASSERT_TRUE(bucket.take(2, start));
  EXPECT_EQ(bucket.available(start - hours(1)), 0U);
  EXPECT_FALSE(bucket.take(1, start - hours(1)));
  EXPECT_EQ(bucket.wait(1, start - hours(1)), hours(1) + seconds(1)) << "the clock must catch up first";
  EXPECT_EQ(bucket.wait(1, start), seconds(1)) << "the backward look cost nothing";
  EXPECT_FALSE(bucket.take(1, start + milliseconds(999)));
  EXPECT_TRUE(bucket.take(1, start + seconds(1)));
  EXPECT_FALSE(bucket.take(1, Instant::min()));
  EXPECT_EQ(bucket.wait(1, Instant::min()), Duration::max());
}

TEST(TokenBucket, GivesBackExactlyWhatWasTaken) {
  TokenBucket bucket({1, seconds(10), 5}, start);
  ASSERT_TRUE(bucket.take(4, start));
  const auto before = bucket.wait(2, start + seconds(3));
  ASSERT_EQ(before, seconds(7));
  ASSERT_TRUE(bucket.take(1, start + seconds(3)));
  bucket.give_back(1);
  EXPECT_EQ(bucket.wait(2, start + seconds(3)), before) << "the begun token is not lost";
  bucket.give_back(std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(bucket.available(start + seconds(3)), 5U) << "never above the burst";
  EXPECT_TRUE(bucket.is_full(start + seconds(3)));
}

TEST(TokenBucket, AChangedRateKeepsWhatIsUsedUp) {
  TokenBucket bucket({60, seconds(60), 20}, start);
  ASSERT_TRUE(bucket.take(15, start));
  bucket.set_rate({60, seconds(60), 30}, start + milliseconds(500));
  EXPECT_EQ(bucket.available(start + milliseconds(500)), 15U);
  EXPECT_EQ(bucket.wait(16, start + milliseconds(500)), milliseconds(500)) << "the begun token goes along";
  bucket.set_rate({3600, seconds(3600), 30}, start + milliseconds(500));
  EXPECT_EQ(bucket.wait(16, start + milliseconds(500)), milliseconds(500));
  bucket.set_rate({1, seconds(1), 10}, start + milliseconds(500));
  EXPECT_EQ(bucket.available(start + milliseconds(500)), 0U) << "15 are used of 10";
  TokenBucket full({60, seconds(60), 20}, start);
  full.set_rate({1, seconds(1), 7}, start);
  EXPECT_EQ(full.available(start), 7U);
  EXPECT_TRUE(full.is_full(start));
}

TEST(TokenBucket, HoldsAtTheEdgesOfItsRanges) {
  const Rate fastest{Rate::max_count, seconds(1), Rate::max_count};
  TokenBucket fast(fastest, start);
  ASSERT_TRUE(fast.take(Rate::max_count, start));
  EXPECT_EQ(fast.wait(1, start), nanoseconds(1));
  EXPECT_EQ(fast.wait(Rate::max_count, start), seconds(1));
  EXPECT_EQ(fast.available(start + nanoseconds(7)), 7U);

  const Rate slowest{1, hours(24), Rate::max_count};
  TokenBucket slow(slowest, start);
  ASSERT_TRUE(slow.take(Rate::max_count, start));
  EXPECT_EQ(slow.wait(1, start), hours(24));
  EXPECT_EQ(slow.wait(106'751, start), hours(24) * 106'751) << "292 years: the last that a Duration holds";
  EXPECT_EQ(slow.wait(106'752, start), Duration::max());
  EXPECT_EQ(slow.full_at(), Instant::max());
  EXPECT_EQ(slow.available(Instant::max()), (nanoseconds::max() - start.time_since_epoch()) / hours(24));

  TokenBucket aeons({Rate::max_count, seconds(1), Rate::max_count}, Instant::min());
  ASSERT_TRUE(aeons.take(Rate::max_count, Instant::min()));
  EXPECT_EQ(aeons.available(Instant::max()), Rate::max_count) << "the longest span there is";
  TokenBucket old({1, hours(24), Rate::max_count}, Instant::min());
  ASSERT_TRUE(old.take(Rate::max_count, Instant::min()));
  EXPECT_EQ(old.available(Instant::max()), 213'503U);
}

TEST(TokenBucket, RatesOutsideTheRangesAreTakenAsTheNearest) {
  TokenBucket never({0, seconds(60), 2}, start);
  ASSERT_TRUE(never.take(2, start));
  EXPECT_FALSE(never.take(1, Instant::max()));
  EXPECT_EQ(never.wait(1, start), std::nullopt);
  TokenBucket much({~std::uint64_t{0}, seconds(0), ~std::uint64_t{0}}, start);
  EXPECT_EQ(much.rate(), (Rate{Rate::max_count, seconds(1), Rate::max_count}));
}

TEST(TokenBucket, AgreesWithTheRuleAtRandomTimes) {
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rate = random_rate(random);
    Instant now = start;
    TokenBucket bucket(rate, now);
    Model model(rate, now);
    for (int step = 0; step < 400; ++step) {
      now += random_step(random);
      if (random() % 16 == 0) now -= random_step(random);
      const std::uint64_t tokens = random() % 3 == 0 ? 1 + random() % rate.burst : 1 + random() % 3;
      ASSERT_EQ(bucket.take(tokens, now), model.take(tokens, now)) << "seed " << seed << ", step " << step;
    }
  }
}

TEST(TokenBucket, NeverGivesMoreThanBurstPlusRateTimesTimeOverAnySpan) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rate = random_rate(random);
    TokenBucket bucket(rate, start);
    std::vector<std::pair<Instant, std::uint64_t>> taken;
    Instant now = start;
    while (taken.size() < 200) {
      // A greedy client: whatever there is, or waits for a little.
      std::uint64_t tokens = bucket.available(now);
      if (random() % 2 == 0) tokens = std::min<std::uint64_t>(tokens, 1 + random() % 5);
      if (tokens > 0) {
        ASSERT_TRUE(bucket.take(tokens, now));
        taken.emplace_back(now, tokens);
      }
      const auto wait = bucket.wait(1 + random() % rate.burst, now);
      ASSERT_TRUE(wait);
      if (*wait > hours(24 * 365)) break;
      now += *wait > Duration::zero() ? *wait : nanoseconds(1);
    }
    for (std::size_t first = 0; first < taken.size(); ++first) {
      Wide sum = 0;
      for (std::size_t last = first; last < taken.size(); ++last) {
        sum += taken[last].second;
        const Wide span = nanoseconds(taken[last].first - taken[first].first).count();
        ASSERT_LE(sum * period_of(rate), Wide(rate.burst) * period_of(rate) + span * rate.count) << "seed " << seed;
      }
    }
  }
}

TEST(TokenBucket, WaitIsTheShortestThatSucceeds) {
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    std::mt19937_64 random(seed);
    const Rate rate = random_rate(random);
    Instant now = start;
    TokenBucket bucket(rate, now);
    for (int step = 0; step < 50; ++step) {
      const std::uint64_t tokens = 1 + random() % rate.burst;
      const auto wait = bucket.wait(tokens, now);
      ASSERT_TRUE(wait);
      if (*wait > hours(24 * 365 * 5)) break;  // 50 such waits stay within 292 years
      if (*wait > Duration::zero()) {
        TokenBucket early = bucket;
        ASSERT_FALSE(early.take(tokens, now + *wait - nanoseconds(1))) << "seed " << seed << ", step " << step;
      }
      now += *wait;
      ASSERT_TRUE(bucket.take(tokens, now)) << "seed " << seed << ", step " << step;
      now += nanoseconds(static_cast<std::int64_t>(random() % 1'000'000'000));
    }
  }
}

}  // namespace
}  // namespace sendconn::limit
