// The table: all or nothing, bounded, and exact under many threads.
#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <sendconn/limit.hpp>

namespace sendconn::limit {
namespace {

using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using Demand = Table::Demand;

const Instant start{hours(1000)};

Table::Verdict take(Table& table, std::vector<Demand> demands, Instant now) { return table.take(demands, now); }

TEST(Table, GrantsAllOrNothing) {
  Table table;
  const Rate wide{100, seconds(60), 100};
  const Rate narrow{1, seconds(60), 1};
  ASSERT_TRUE(take(table, {{"connector", wide}, {"account", narrow}}, start).granted);
  const auto refused = take(table, {{"connector", wide}, {"account", narrow}}, start);
  EXPECT_FALSE(refused.granted);
  EXPECT_EQ(refused.refused_by, 1U);
  EXPECT_EQ(refused.wait, seconds(60));
  EXPECT_TRUE(take(table, {{"connector", wide, 99}}, start).granted) << "the refusal took nothing";
  EXPECT_FALSE(take(table, {{"connector", wide}}, start).granted);
}

TEST(Table, NamesTheDemandThatWaitsLongest) {
  Table table;
  const std::vector<Demand> demands{{"a", {1, seconds(1), 1}}, {"b", {1, seconds(60), 1}}, {"c", {1, seconds(10), 1}}};
  const auto granted = table.take(demands, start);
  EXPECT_TRUE(granted.granted);
  EXPECT_EQ(granted.wait, Duration::zero());
  const auto refused = table.take(demands, start);
  EXPECT_EQ(refused.refused_by, 1U);
  EXPECT_EQ(refused.wait, seconds(60));
  const auto never =
      take(table, {{"a", {1, seconds(1), 1}}, {"c", {1, seconds(10), 1}, 2}, {"b", {1, seconds(60), 1}}}, start);
  EXPECT_EQ(never.refused_by, 1U) << "never is longer than any wait";
  EXPECT_EQ(never.wait, std::nullopt);
}

TEST(Table, AKeyNamedTwiceMustGiveTheSum) {
  Table table;
  const Rate rate{1, seconds(1), 3};
  EXPECT_FALSE(take(table, {{"a", rate, 2}, {"a", rate, 2}}, start).granted);
  EXPECT_EQ(take(table, {{"a", rate, 2}, {"a", rate, 2}}, start).wait, std::nullopt);
  ASSERT_TRUE(take(table, {{"a", rate, 2}, {"a", rate, 1}}, start).granted);
  const auto refused = take(table, {{"a", rate, 1}, {"a", rate, 1}}, start);
  EXPECT_EQ(refused.wait, seconds(2));
  EXPECT_EQ(take(table, {{"a", rate, ~std::uint64_t{0}}, {"a", rate, 2}}, start).wait, std::nullopt);
}

TEST(Table, NothingDemandedIsGranted) {
  Table table;
  EXPECT_TRUE(table.take({}, start).granted);
  EXPECT_TRUE(take(table, {{"a", {1, seconds(1), 1}, 0}}, start).granted);
}

TEST(Table, GivesBack) {
  Table table;
  const std::vector<Demand> demands{{"a", {1, seconds(60), 1}}, {"b", {1, seconds(60), 1}}};
  ASSERT_TRUE(table.take(demands, start).granted);
  ASSERT_FALSE(table.take(demands, start).granted);
  table.give_back(demands);
  EXPECT_TRUE(table.take(demands, start).granted);
  const std::vector<Demand> unknown{{"unknown", {1, seconds(60), 1}}};
  table.give_back(unknown);
  EXPECT_EQ(table.size(), 2U);
}

TEST(Table, AChangedRateAppliesAtOnce) {
  Table table;
  ASSERT_TRUE(take(table, {{"a", {1, hours(1), 10}, 8}}, start).granted);
  EXPECT_EQ(take(table, {{"a", {1, seconds(1), 10}, 3}}, start).wait, seconds(1));
  EXPECT_FALSE(take(table, {{"a", {1, hours(1), 8}, 1}}, start).granted);
  EXPECT_TRUE(take(table, {{"a", {1, hours(1), 20}, 12}}, start).granted) << "8 of 20 are used up";
  EXPECT_FALSE(take(table, {{"a", {1, hours(1), 20}, 1}}, start).granted);
}

TEST(Table, ARefusalOfNewKeysKeepsNothing) {
  Table table;
  EXPECT_FALSE(take(table, {{"a", {1, seconds(1), 1}, 2}}, start).granted);
  EXPECT_EQ(table.size(), 0U);
}

TEST(Table, StaysBoundedAndForgetsWhatIsFullFirst) {
  Table table(2);
  const Rate slow{1, hours(1), 10};
  const Rate fast{1, seconds(1), 10};
  ASSERT_TRUE(take(table, {{"slow", slow, 10}}, start).granted);
  ASSERT_TRUE(take(table, {{"fast", fast, 1}}, start + seconds(1)).granted);
  // Both places are taken; "fast" is full again, "slow", though older, is not.
  ASSERT_TRUE(take(table, {{"new", slow, 10}}, start + seconds(3)).granted);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_FALSE(take(table, {{"slow", slow}}, start + seconds(3)).granted) << "what is used up is remembered";
  // Neither is full: the one that will be first goes.
  ASSERT_TRUE(take(table, {{"third", slow, 1}}, start + seconds(4)).granted);
  EXPECT_EQ(table.size(), 2U);
  EXPECT_FALSE(take(table, {{"new", slow}}, start + seconds(4)).granted);
}

TEST(Table, AFloodOfKeysStaysWithinTheBound) {
  constexpr std::size_t most = 5'000;
  Table table(most);
  const Rate rate{1, hours(1), 1};
  for (int i = 0; i < 50'000; ++i) {
    const std::string key = "client " + std::to_string(i);
    ASSERT_TRUE(take(table, {{key, rate}}, start + microseconds(i)).granted);
    ASSERT_LE(table.size(), most);
  }
  EXPECT_GT(table.size(), most * 9 / 10);
}

TEST(Table, KeysOfOneCallDoNotPushEachOtherOut) {
  Table table(1);
  const std::vector<Demand> demands{{"a", {1, hours(1), 1}}, {"b", {1, hours(1), 1}}, {"c", {1, hours(1), 1}}};
  ASSERT_TRUE(table.take(demands, start).granted);
  for (const Demand& demand : demands) EXPECT_FALSE(take(table, {demand}, start).granted) << demand.key;
  ASSERT_TRUE(take(table, {{"d", {1, hours(1), 1}}}, start).granted);
  EXPECT_EQ(table.size(), 1U) << "the bound holds again";
}

/// Time that all threads share: each call to now() is later than every one before.
class SharedClock {
 public:
  Instant now() { return start + nanoseconds(passed_.fetch_add(step.count()) + step.count()); }
  [[nodiscard]] Duration passed() const { return nanoseconds(passed_.load()); }

 private:
  static constexpr nanoseconds step{50'000};
  std::atomic<std::int64_t> passed_{0};
};

TEST(Table, NeverGivesMoreThanBurstPlusRateTimesTimeToManyThreads) {
  constexpr int threads = 8;
  constexpr int calls = 20'000;
  // Each thread uses the common bucket and one of three others, named in either order: a wrong lock order would hang.
  const Rate common{1'000, seconds(1), 50};
  const Rate own{300, seconds(1), 7};
  Table table(100'000);
  SharedClock clock;
  std::atomic<std::uint64_t> granted{0};
  std::array<std::atomic<std::uint64_t>, 3> granted_own{};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < threads; ++worker)
    workers.emplace_back([&, worker] {
      std::mt19937 random(static_cast<unsigned>(worker));
      for (int i = 0; i < calls; ++i) {
        const std::size_t which = random() % 3;
        const std::string key = "own " + std::to_string(which);
        const std::uint64_t tokens = 1 + random() % 3;
        std::vector<Demand> demands{{"common", common, tokens}, {key, own, tokens}};
        if (random() % 2 == 0) std::swap(demands[0], demands[1]);
        if (!table.take(demands, clock.now()).granted) continue;
        if (random() % 10 == 0) {
          table.give_back(demands);
          continue;
        }
        granted += tokens;
        granted_own[which] += tokens;
      }
    });
  for (std::thread& worker : workers) worker.join();
  const auto most = [&](const Rate& rate) {
    return rate.burst + static_cast<std::uint64_t>(clock.passed() / nanoseconds(1)) * rate.count / 1'000'000'000;
  };
  // The span begins at the first instant that was asked about, with full buckets.
  EXPECT_LE(granted, most(common));
  std::uint64_t sum = 0;
  for (const auto& each : granted_own) {
    EXPECT_LE(each, most(own));
    sum += each;
  }
  EXPECT_EQ(sum, granted);
  EXPECT_GT(granted, most(own)) << "and it is not that nothing was granted";
}

TEST(Table, ThreadsThatWaitAsToldGetEverythingThereIs) {
  constexpr int threads = 6;
  constexpr int each = 500;
  const Rate rate{1'000, seconds(1), 10};
  Table table;
  std::atomic<std::int64_t> latest{0};
  std::vector<std::thread> workers;
  for (int worker = 0; worker < threads; ++worker)
    workers.emplace_back([&] {
      // A clock of its own, as of one machine: it is never behind what another thread has seen by more than its wait.
      Instant now = start;
      const std::vector<Demand> demands{{"common", rate}};
      for (int got = 0; got < each;) {
        const auto verdict = table.take(demands, now);
        if (verdict.granted) {
          ++got;
          std::int64_t seen = latest.load();
          const std::int64_t mine = (now - start) / nanoseconds(1);
          while (seen < mine && !latest.compare_exchange_weak(seen, mine)) {
          }
        } else {
          ASSERT_TRUE(verdict.wait);
          ASSERT_GT(*verdict.wait, Duration::zero());
          now += *verdict.wait;
        }
      }
    });
  for (std::thread& worker : workers) worker.join();
  // All tokens but the burst had to be waited for, and nobody waited longer than the rate makes necessary.
  EXPECT_EQ(nanoseconds(latest.load()), milliseconds(threads * each - 10));
}

TEST(Table, AClientThatWaitsAsToldSucceedsAtTheFirstTry) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    std::mt19937_64 random(seed);
    Table table;
    const std::vector<Demand> kinds{
        {"a", {7, seconds(1), 3}, 1}, {"b", {100, seconds(60), 20}, 5}, {"c", {50, hours(1), 2}, 1}};
    Instant now = start;
    for (int i = 0; i < 100; ++i) {
      std::vector<Demand> demands;
      for (const Demand& kind : kinds)
        if (random() % 2 == 0) demands.push_back(kind);
      auto verdict = table.take(demands, now);
      if (verdict.granted) continue;
      ASSERT_TRUE(verdict.wait);
      ASSERT_FALSE(table.take(demands, now + *verdict.wait - nanoseconds(1)).granted);
      now += *verdict.wait;
      ASSERT_TRUE(table.take(demands, now).granted) << "seed " << seed << ", step " << i;
    }
  }
}

}  // namespace
}  // namespace sendconn::limit
