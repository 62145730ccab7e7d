// The rotation, phase by phase: what happens, and above all what does not.
#include <gtest/gtest.h>

#include <random>

#include <sendconn/dkim_rotation.hpp>

namespace sendconn::dkim {
namespace {

using enum RotationPhase;
using enum RecordSeen;

const Selector& old_one() {
  static const Selector selector = Selector::parse("old").value();
  return selector;
}
const Selector& new_one() {
  static const Selector selector = Selector::parse("new").value();
  return selector;
}

UnixTime at(int hours) { return UnixTime(std::chrono::hours(500'000 + hours)); }

/// Settles in 24 h, keeps for 168 h, forgets after 6 h.
Rotation begun() {
  Rotation rotation(old_one());
  EXPECT_TRUE(rotation.begin(new_one(), at(0)).ok());
  return rotation;
}

void watch(Rotation& rotation, int from, int to, RecordSeen next, RecordSeen current = matches) {
  for (int hour = from; hour <= to; hour += 3) {
    rotation.observe(old_one(), current, at(hour));
    rotation.observe(new_one(), next, at(hour));
  }
}

Rotation switched_over() {
  Rotation rotation = begun();
  watch(rotation, 1, 25, matches);
  EXPECT_EQ(rotation.state().phase, switched);
  return rotation;
}

TEST(Rotation, goes_from_one_key_to_the_next_without_a_gap) {
  Rotation rotation(old_one());
  EXPECT_EQ(rotation.signing(), "old");
  EXPECT_FALSE(rotation.next_time().has_value());
  ASSERT_TRUE(rotation.begin(new_one(), at(0)).ok());
  EXPECT_EQ(rotation.state().phase, prepared);
  rotation.observe(new_one(), absent, at(1));
  EXPECT_EQ(rotation.state().phase, prepared);
  EXPECT_NE(rotation.advice(at(1)).find("publish the record of new"), std::string::npos);
  rotation.observe(new_one(), matches, at(2));
  EXPECT_EQ(rotation.state().phase, settling);
  EXPECT_EQ(rotation.signing(), "old") << "others may not see it yet";
  watch(rotation, 5, 23, matches);
  EXPECT_EQ(rotation.next_time(), at(26));
  EXPECT_EQ(rotation.signing(), "old");
  rotation.on_time(at(26));
  EXPECT_EQ(rotation.state().phase, switched);
  EXPECT_EQ(rotation.signing(), "new");
  EXPECT_EQ(rotation.state().other, "old");
  EXPECT_EQ(rotation.next_time(), at(26 + 168));
  watch(rotation, 28, 26 + 167, matches);
  EXPECT_EQ(rotation.state().phase, switched) << "mail signed with the old key may be on its way";
  watch(rotation, 26 + 168, 26 + 168, matches);
  EXPECT_EQ(rotation.state().phase, retiring);
  EXPECT_NE(rotation.advice(at(200)).find("remove the record of old"), std::string::npos);
  rotation.observe(old_one(), matches, at(200));
  EXPECT_EQ(rotation.state().phase, retiring);
  rotation.observe(old_one(), revoked, at(201));
  EXPECT_EQ(rotation.state().phase, steady);
  EXPECT_EQ(rotation.signing(), "new");
  EXPECT_TRUE(rotation.state().other.empty());
  EXPECT_TRUE(rotation.begin(old_one(), at(300)).ok()) << "and another one may begin";
}

TEST(Rotation, never_signs_with_a_key_that_nobody_can_see) {
  for (const RecordSeen seen : {unknown, absent, revoked, other}) {
    Rotation rotation = begun();
    watch(rotation, 1, 1'000, seen);
    EXPECT_EQ(rotation.state().phase, prepared) << format(seen);
    EXPECT_EQ(rotation.signing(), "old");
  }
}

TEST(Rotation, counts_the_settling_from_anew_when_the_record_goes) {
  for (const RecordSeen seen : {absent, revoked, other}) {
    Rotation rotation = begun();
    watch(rotation, 1, 22, matches);
    rotation.observe(new_one(), seen, at(23));
    EXPECT_EQ(rotation.state().phase, prepared);
    watch(rotation, 24, 45, matches);
    EXPECT_EQ(rotation.state().phase, settling);
    EXPECT_EQ(rotation.signing(), "old");
    watch(rotation, 48, 48, matches);
    EXPECT_EQ(rotation.signing(), "new");
  }
}

TEST(Rotation, bears_a_resolver_that_fails_for_a_while_but_not_forever) {
  Rotation rotation = begun();
  rotation.observe(new_one(), matches, at(1));
  rotation.observe(new_one(), unknown, at(4));
  rotation.observe(new_one(), unknown, at(7));
  EXPECT_EQ(rotation.state().phase, settling) << "6 h are the limit";
  EXPECT_EQ(rotation.next_time(), at(7) + std::chrono::seconds(1));
  rotation.on_time(at(7) + std::chrono::seconds(1));
  EXPECT_EQ(rotation.state().phase, prepared);
}

TEST(Rotation, goes_back_when_the_new_record_vanishes_and_the_old_one_is_there) {
  Rotation rotation = switched_over();
  rotation.observe(old_one(), matches, at(30));
  rotation.observe(new_one(), unknown, at(30));
  EXPECT_EQ(rotation.signing(), "new") << "a resolver that fails shows nothing";
  rotation.observe(new_one(), absent, at(31));
  EXPECT_EQ(rotation.signing(), "old");
  EXPECT_EQ(rotation.state().phase, prepared);
  EXPECT_EQ(rotation.state().other, "new");
}

TEST(Rotation, stays_with_the_new_key_when_neither_record_is_there) {
  Rotation rotation = switched_over();
  rotation.observe(old_one(), absent, at(30));
  rotation.observe(new_one(), absent, at(31));
  EXPECT_EQ(rotation.signing(), "new");
}

TEST(Rotation, does_not_retire_the_old_key_unless_the_new_one_is_seen) {
  Rotation rotation = switched_over();
  rotation.on_time(at(1'000));
  EXPECT_EQ(rotation.state().phase, switched);
  rotation.observe(new_one(), matches, at(1'001));
  EXPECT_EQ(rotation.state().phase, retiring);
}

TEST(Rotation, allows_one_at_a_time_and_to_give_up_before_the_switch) {
  Rotation rotation(old_one());
  EXPECT_EQ(rotation.begin(old_one(), at(0)).error().code, Errc::conflict);
  EXPECT_EQ(rotation.cancel(at(0)).error().code, Errc::wrong_state);
  ASSERT_TRUE(rotation.begin(new_one(), at(0)).ok());
  EXPECT_EQ(rotation.begin(Selector::parse("third").value(), at(0)).error().code, Errc::conflict);
  ASSERT_TRUE(rotation.cancel(at(1)).ok());
  EXPECT_EQ(rotation.state().phase, steady);
  EXPECT_EQ(rotation.signing(), "old");
  EXPECT_EQ(switched_over().cancel(at(30)).error().code, Errc::wrong_state);
}

TEST(Rotation, goes_on_where_it_was_after_a_restart) {
  Rotation rotation = begun();
  for (int hour = 1; hour < 300; hour += 3) {
    rotation = Rotation::restore(rotation.state()).value();
    watch(rotation, hour, hour, matches);
  }
  EXPECT_EQ(rotation.state().phase, retiring);
  RotationState bad = rotation.state();
  bad.other = bad.signing;
  EXPECT_EQ(Rotation::restore(bad).error().code, Errc::invalid_argument);
  bad.other.clear();
  EXPECT_FALSE(Rotation::restore(bad).ok());
  bad = rotation.state();
  bad.signing = "not a selector";
  EXPECT_FALSE(Rotation::restore(bad).ok());
  bad = rotation.state();
  bad.phase = static_cast<RotationPhase>(9);
  EXPECT_FALSE(Rotation::restore(bad).ok());
}

/// Whatever is seen and whenever: a key signs only if its record was seen without a break, or if it signed before.
TEST(Rotation, keeps_its_promise_in_random_histories) {
  std::mt19937 random(6376);
  for (int history = 0; history < 500; ++history) {
    Rotation rotation = begun();
    std::optional<int> seen_since;
    std::string before = rotation.signing();
    for (int hour = 1; hour < 400; hour += 1 + static_cast<int>(random() % 4)) {
      const RecordSeen seen = random() % 40 == 0 ? static_cast<RecordSeen>(random() % 5) : matches;
      if (random() % 2 == 0) rotation.observe(old_one(), matches, at(hour));
      rotation.observe(new_one(), seen, at(hour));
      if (seen == matches && !seen_since) seen_since = hour;
      if (seen != matches && seen != unknown) seen_since.reset();
      if (rotation.signing() != before && rotation.signing() == "new") {
        ASSERT_TRUE(seen_since && hour - *seen_since >= 24) << "history " << history << ", hour " << hour;
      }
      before = rotation.signing();
      if (rotation.state().phase == retiring) break;
    }
  }
}

TEST(RecordSeen, comes_from_a_key_and_an_answer) {
  const auto key = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  const auto strange = crypto::PrivateKey::generate(crypto::KeyType::ed25519).value();
  const auto look = [&](const std::vector<std::string>& texts, dns::Status status = dns::Status::no_error) {
    dns::Answer answer;
    answer.status = status;
    for (const std::string& text : texts) answer.records.emplace_back().text = text;
    return look_at_record(key, answer);
  };
  EXPECT_EQ(look({format_key_record(key)}), matches);
  EXPECT_EQ(look({format_key_record(strange)}), other);
  EXPECT_EQ(look({"v=DKIM1; k=ed25519; p="}), revoked);
  EXPECT_EQ(look({"v=spf1 -all"}), other);
  EXPECT_EQ(look({format_key_record(key), format_key_record(strange)}), other) << "verifiers may take either";
  EXPECT_EQ(look({}), absent);
  EXPECT_EQ(look({}, dns::Status::no_such_name), absent);
  EXPECT_EQ(look({}, dns::Status::no_data), absent);
  for (const auto status : {dns::Status::timeout, dns::Status::server_failure, dns::Status::malformed})
    EXPECT_EQ(look({}, status), unknown);
}

}  // namespace
}  // namespace sendconn::dkim
