// The cache in front of a resolver: what is asked, how often, and who is told.
#include <gtest/gtest.h>

#include <deque>

#include <sendconn/resolver.hpp>

namespace sendconn::io {
namespace {

using std::chrono::seconds;

/// Answers when told to.
class Slow final : public Resolver {
 public:
  void resolve(const dns::Question& question, Done done) override { asked.emplace_back(question, std::move(done)); }
  void answer(dns::Status status, seconds ttl) {
    auto [question, done] = std::move(asked.front());
    asked.pop_front();
    dns::Answer answer;
    answer.status = status;
    answer.ttl = ttl;
    done(answer);
  }
  std::deque<std::pair<dns::Question, Done>> asked;
};

const dns::Question question{"example.com", dns::RecordType::mx};

TEST(CachedResolver, AsksOnceForAllWhoWaitAndNotAgainWhileItKnows) {
  Slow slow;
  const auto resolver = cached(slow, std::make_shared<dns::Cache>());
  int answered = 0;
  const auto count = [&](const dns::Answer& answer) { answered += answer.status == dns::Status::no_data ? 1 : 0; };
  for (int i = 0; i < 3; ++i) resolver->resolve(question, count);
  EXPECT_EQ(slow.asked.size(), 1U);
  EXPECT_EQ(answered, 0);
  resolver->resolve({"example.com", dns::RecordType::a}, count);
  EXPECT_EQ(slow.asked.size(), 2U) << "another question";
  slow.answer(dns::Status::no_data, seconds(60));
  EXPECT_EQ(answered, 3);
  resolver->resolve(question, count);
  EXPECT_EQ(answered, 4) << "inside resolve()";
  EXPECT_EQ(slow.asked.size(), 1U);
}

TEST(CachedResolver, AsksAgainForWhatMayNotBeKept) {
  Slow slow;
  const auto resolver = cached(slow, std::make_shared<dns::Cache>());
  resolver->resolve(question, [](const dns::Answer&) {});
  slow.answer(dns::Status::no_error, seconds(0));
  resolver->resolve(question, [](const dns::Answer&) {});
  EXPECT_EQ(slow.asked.size(), 1U);
}

TEST(CachedResolver, MayBeAskedFromInsideAnAnswer) {
  Slow slow;
  const auto resolver = cached(slow, std::make_shared<dns::Cache>());
  int answered = 0;
  resolver->resolve(question,
                    [&](const dns::Answer&) { resolver->resolve(question, [&](const dns::Answer&) { ++answered; }); });
  slow.answer(dns::Status::no_error, seconds(0));
  slow.answer(dns::Status::no_error, seconds(0));
  EXPECT_EQ(answered, 1);
}

TEST(CachedResolver, CallsNobodyOnceDestroyed) {
  Slow slow;
  auto resolver = cached(slow, std::make_shared<dns::Cache>());
  int answered = 0;
  resolver->resolve(question, [&](const dns::Answer&) {
    ++answered;
    resolver.reset();
  });
  resolver->resolve(question, [&](const dns::Answer&) { ++answered; });
  resolver->resolve({"other.example", dns::RecordType::a}, [&](const dns::Answer&) { ++answered; });
  slow.answer(dns::Status::no_error, seconds(60));
  slow.answer(dns::Status::no_error, seconds(60));
  EXPECT_EQ(answered, 1);
}

TEST(CachedResolver, TheCacheMayBeShared) {
  Slow slow;
  const auto cache = std::make_shared<dns::Cache>();
  const auto one = cached(slow, cache);
  const auto other = cached(slow, cache);
  one->resolve(question, [](const dns::Answer&) {});
  slow.answer(dns::Status::no_such_name, seconds(60));
  int answered = 0;
  other->resolve(question, [&](const dns::Answer&) { ++answered; });
  EXPECT_EQ(answered, 1);
}

}  // namespace
}  // namespace sendconn::io
