// The cache of answers: time, bounds, and several threads.
#include <gtest/gtest.h>

#include <thread>

#include <sendconn/dns_cache.hpp>

namespace sendconn::dns {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

const Instant start{hours(1000)};
const Question question{"example.com", RecordType::txt};

Answer answer_of(Status status, seconds ttl, std::string text = "x") {
  Answer answer;
  answer.status = status;
  answer.ttl = ttl;
  if (answer.ok()) answer.records.push_back({{}, 0, std::move(text)});
  return answer;
}

TEST(Cache, KeepsAnAnswerForItsTtlAndCountsItDown) {
  Cache cache;
  EXPECT_FALSE(cache.find(question, start));
  Answer answer = answer_of(Status::no_error, seconds(60));
  answer.authenticated = true;
  answer.aliases = {"a", "b"};
  cache.put(question, answer, start);
  const auto at_once = cache.find(question, start);
  ASSERT_TRUE(at_once);
  EXPECT_EQ(at_once->records, answer.records);
  EXPECT_EQ(at_once->aliases, answer.aliases);
  EXPECT_TRUE(at_once->authenticated);
  EXPECT_EQ(at_once->ttl, seconds(60));
  EXPECT_EQ(cache.find(question, start + milliseconds(20'500))->ttl, seconds(40));
  EXPECT_EQ(cache.find(question, start + milliseconds(59'999))->ttl, seconds(1));
  EXPECT_FALSE(cache.find(question, start + seconds(60)));
  EXPECT_FALSE(cache.find(question, start)) << "expired means gone";
  EXPECT_EQ(cache.size(), 0U);
  EXPECT_EQ(cache.octets(), 0U);
}

TEST(Cache, HoldsTtlsWithinItsOptions) {
  const struct {
    Status status;
    seconds ttl;
    seconds kept;
  } cases[] = {
      {Status::no_error, hours(1000), hours(24)},     {Status::no_error, seconds(1), seconds(1)},
      {Status::no_such_name, hours(3), minutes(5)},   {Status::no_data, hours(3), minutes(5)},
      {Status::no_data, seconds(7), seconds(7)},      {Status::timeout, seconds(0), seconds(1)},
      {Status::server_failure, hours(9), seconds(1)}, {Status::malformed, seconds(0), seconds(1)},
      {Status::no_error, seconds(0), seconds(0)},     {Status::no_such_name, seconds(0), seconds(0)},
      {Status::no_error, seconds(-5), seconds(0)},
  };
  for (const auto& c : cases) {
    Cache cache;
    cache.put(question, answer_of(c.status, c.ttl), start);
    const auto found = cache.find(question, start);
    EXPECT_EQ(found ? found->ttl : seconds(0), c.kept) << format(c.status);
    if (found) {
      EXPECT_EQ(found->status, c.status);
      EXPECT_FALSE(cache.find(question, start + c.kept));
    }
  }
}

TEST(Cache, ANewAnswerReplacesTheOldOneAlsoIfItMayNotBeKept) {
  Cache cache;
  cache.put(question, answer_of(Status::no_such_name, minutes(5)), start);
  cache.put(question, answer_of(Status::no_error, seconds(60), "published"), start + seconds(1));
  EXPECT_EQ(cache.find(question, start + seconds(2))->records.at(0).text, "published");
  EXPECT_EQ(cache.size(), 1U);
  cache.put(question, answer_of(Status::no_error, seconds(0)), start + seconds(3));
  EXPECT_FALSE(cache.find(question, start + seconds(3)));
  cache.put(question, answer_of(Status::no_error, seconds(60)), start);
  cache.remove({"EXAMPLE.com.", RecordType::txt});
  EXPECT_FALSE(cache.find(question, start));
}

TEST(Cache, TellsTypesAndNamesApartButNotCase) {
  Cache cache;
  cache.put({"Example.COM.", RecordType::txt}, answer_of(Status::no_error, seconds(60)), start);
  EXPECT_TRUE(cache.find(question, start));
  EXPECT_FALSE(cache.find({"example.com", RecordType::mx}, start));
  EXPECT_FALSE(cache.find({"xample.com", RecordType::txt}, start));
}

TEST(Cache, AClockThatStandsBehindDoesNotLengthenAnAnswer) {
  Cache cache;
  cache.put(question, answer_of(Status::no_error, seconds(60)), start);
  EXPECT_EQ(cache.find(question, start - seconds(10))->ttl, seconds(60));
}

TEST(Cache, StaysWithinItsMemoryAndDropsTheLeastUsed) {
  CacheOptions options;
  options.shards = 1;
  options.max_octets = 100'000;
  Cache cache(options);
  const auto name = [](int i) { return Question{"n" + std::to_string(i) + ".example", RecordType::txt}; };
  for (int i = 0; i < 1000; ++i) {
    cache.put(name(i), answer_of(Status::no_error, hours(1), std::string(500, 'x')), start);
    EXPECT_TRUE(cache.find(name(0), start)) << "used again and again, so it stays: " << i;
    EXPECT_LE(cache.octets(), options.max_octets);
  }
  EXPECT_TRUE(cache.find(name(999), start));
  EXPECT_FALSE(cache.find(name(1), start));
  EXPECT_GT(cache.size(), 50U);
  cache.put(name(1), answer_of(Status::no_error, hours(1), std::string(200'000, 'x')), start);
  EXPECT_FALSE(cache.find(name(1), start)) << "larger than the cache";
  EXPECT_TRUE(cache.find(name(0), start)) << "and nothing makes room for it";
}

TEST(Cache, HasAtLeastOneShardAndAtMost1024) {
  // The room is shared among the shards: where each holds no answer, none is kept.
  for (const std::size_t shards : {std::size_t{0}, std::size_t{1}, std::size_t{1024}, std::size_t{1025}}) {
    CacheOptions options;
    options.shards = shards;
    options.max_octets = 1024 * 1000;
    Cache cache(options);
    cache.put(question, answer_of(Status::no_such_name, minutes(5)), start);
    EXPECT_EQ(cache.size(), 1U) << shards;
    EXPECT_LE(cache.octets(), 1000U);
  }
}

TEST(Cache, ServesSeveralThreads) {
  CacheOptions options;
  options.max_octets = 50'000;
  options.shards = 4;
  Cache cache(options);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&cache, t] {
      for (int i = 0; i < 5000; ++i) {
        const Question asked{"n" + std::to_string((i * 7 + t) % 300), RecordType::a};
        cache.put(asked, answer_of(Status::no_error, seconds(1 + i % 5), asked.name), start + seconds(i / 100));
        const auto found = cache.find(asked, start + seconds(i / 100));
        EXPECT_TRUE(!found || found->records.at(0).text == asked.name);
        if (i % 50 == 0) cache.remove(asked);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_LE(cache.octets(), options.max_octets);
}

}  // namespace
}  // namespace sendconn::dns
