// The journal's own promises: small segments that come and go, compaction, a disk that fills, start after start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <set>

#include "relay/spool/segment.hpp"
#include "tests/relay/full_disk.hpp"
#include "tests/relay/spool_fixture.hpp"

namespace sendconn::relay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class JournalTest : public ::testing::Test {
 protected:
  JournalTest() {
    options_.folder = folder_.path("spool");
    options_.min_free_octets = 0;
    options_.segment_octets = segment_octets;
  }
  std::unique_ptr<Spool> open() {
    auto spool = open_spool(options_);
    if (!spool) {
      ADD_FAILURE() << spool.error().text;
      std::abort();
    }
    return std::move(*spool);
  }
  std::unique_ptr<Spool> reopen(std::unique_ptr<Spool> spool) {
    spool.reset();
    return open();
  }
  [[nodiscard]] std::vector<std::string> segments() const {
    std::vector<std::string> paths;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder + "/journal")) {
      if (entry.path().filename().string().rfind("spare-", 0) != 0) paths.push_back(entry.path().string());
    }
    std::sort(paths.begin(), paths.end());
    return paths;
  }

  /// Begins a settle; the next store takes it along. All of them are waited for by finish().
  void begin_settle(Spool& spool, QueueId id, std::vector<Settlement> settlements) {
    settling_.emplace_back();
    spool.settle(id, std::move(settlements), std::nullopt, settling_.back().callback());
  }
  void finish() {
    for (Waiter& waiter : settling_) {
      const auto result = waiter.wait();
      EXPECT_TRUE(result.ok()) << result.error().text;
    }
    settling_.clear();
  }

  static constexpr std::uint64_t segment_octets = 128 * 1024;
  std::vector<Waiter> settling_;
  TemporaryFolder folder_;
  SpoolOptions options_;
};

TEST_F(JournalTest, SegmentsAreUsedAgainWhenTheirMessagesAreGone) {
  options_.sync = false;  // what is looked at is where things are written
  auto spool = open();
  for (int i = 0; i < 500; ++i) {
    const QueueId id = spool->next_id();
    ASSERT_TRUE(store(*spool, id, 5'000).ok());
    begin_settle(*spool, id, {done(0)});
  }
  finish();
  EXPECT_LE(spool->status().disk_octets, 4 * segment_octets);
  spool->close();
  EXPECT_LE(segments().size(), 6U) << "5 MB went through";
}

TEST_F(JournalTest, OneOldMessageDoesNotHoldUpAllThatCameAfterIt) {
  options_.sync = false;  // what is looked at is where things are written
  auto spool = open();
  const QueueId old = spool->next_id();
  ASSERT_TRUE(store(*spool, message(old, 2), content_of(old)).ok());
  const Settlement later{1, false, 7, UnixTime(std::chrono::seconds(1'790'000'900)), "450 4.2.0 later"};
  ASSERT_TRUE(settle(*spool, old, {done(0), later}).ok());
  std::vector<QueueId> kept{old};
  for (int i = 0; i < 1'000; ++i) {
    const QueueId id = spool->next_id();
    ASSERT_TRUE(store(*spool, id, 4'000).ok());
    if (i % 100 == 0) {
      kept.push_back(id);
    } else {
      begin_settle(*spool, id, {done(0)});
    }
  }
  finish();
  EXPECT_LE(spool->status().disk_octets, 2 * spool->status().octets + 6 * segment_octets);
  for (int start = 0; start < 2; ++start) {
    for (const QueueId id : kept) {
      auto octets = spool->open(id);
      ASSERT_TRUE(octets.ok()) << octets.error().text;
      EXPECT_EQ(octets->prefix, prefix_of(id));
      EXPECT_EQ(read_all(*octets->content), content_of(id, id == old ? 4096 : 4'000));
    }
    auto loaded = spool->load();
    ASSERT_TRUE(loaded.ok());
    ASSERT_EQ(loaded->size(), kept.size());
    ASSERT_EQ(loaded->front().recipients.size(), 1U);
    EXPECT_EQ(loaded->front().recipients[0].index, 1U);
    EXPECT_EQ(loaded->front().recipients[0].attempts, 7U);
    EXPECT_EQ(loaded->front().recipients[0].last_reply, "450 4.2.0 later");
    spool = reopen(std::move(spool));
  }
}

TEST_F(JournalTest, ABacklogStaysWhileTrafficPassesAndTheDiskStaysBounded) {
  options_.sync = false;  // what is looked at is where things are written
  auto spool = open();
  std::vector<QueueId> backlog;
  for (int i = 0; i < 300; ++i) {
    backlog.push_back(spool->next_id());
    ASSERT_TRUE(store(*spool, backlog.back(), 4'000).ok());
  }
  for (int i = 0; i < 1'500; ++i) {
    const QueueId id = spool->next_id();
    ASSERT_TRUE(store(*spool, id, 4'000).ok());
    begin_settle(*spool, id, {done(0)});
    if (i % 10 == 0) begin_settle(*spool, backlog[static_cast<std::size_t>(i / 10)], {done(0)});
  }
  finish();
  backlog.erase(backlog.begin(), backlog.begin() + 150);
  EXPECT_LE(spool->status().disk_octets, 3 * spool->status().octets + 6 * segment_octets);
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), backlog);
}

// A life at random against a plain model, over many starts, with segments so small that they come and go all the time.
TEST_F(JournalTest, ARandomLifeIsTheSameAfterEveryStart) {
  options_.sync = false;  // what is looked at is where things are written
  struct Known {
    std::size_t size = 0;
    std::map<std::uint32_t, std::uint32_t> attempts;  // of the unsettled recipients
  };
  for (const unsigned seed : {1U, 2U, 3U}) {
    options_.folder = folder_.path("spool" + std::to_string(seed));
    std::mt19937 random(seed);
    const auto pick = [&random](std::size_t below) {
      return std::uniform_int_distribution<std::size_t>(0, below - 1)(random);
    };
    std::map<QueueId, Known> model;
    auto spool = open();
    for (int step = 0; step < 1'500; ++step) {
      const std::size_t what = pick(100);
      if (what < 45 || model.empty()) {
        const QueueId id = spool->next_id();
        Known known;
        known.size = pick(20) == 0 ? pick(60'000) : pick(6'000);
        const auto recipients = static_cast<std::uint32_t>(1 + (pick(10) == 0 ? pick(80) : pick(3)));
        for (std::uint32_t i = 0; i < recipients; ++i) known.attempts[i] = 0;
        ASSERT_TRUE(store(*spool, message(id, recipients), content_of(id, known.size)).ok());
        model[id] = known;
      } else if (what < 99) {
        // Mostly the newest; the others become the leftovers that compaction has to carry.
        auto place = model.begin();
        std::advance(
            place, pick(4) == 0 ? pick(model.size()) : model.size() - 1 - pick(std::min<std::size_t>(model.size(), 5)));
        auto& [id, known] = *place;
        std::vector<Settlement> settlements;
        for (auto recipient = known.attempts.begin(); recipient != known.attempts.end();) {
          const std::size_t fate = pick(10);
          if (fate < 6) {
            settlements.push_back(done(recipient->first));
            recipient = known.attempts.erase(recipient);
            continue;
          }
          if (fate < 8) {
            ++recipient->second;
            settlements.push_back(
                {recipient->first, false, recipient->second, {}, "450 try " + std::to_string(recipient->second)});
          }
          ++recipient;
        }
        begin_settle(*spool, id, settlements);
        if (known.attempts.empty()) model.erase(place);
      } else {
        finish();
        spool = reopen(std::move(spool));
      }
    }
    finish();
    spool = reopen(std::move(spool));
    auto loaded = spool->load();
    ASSERT_TRUE(loaded.ok()) << loaded.error().text;
    ASSERT_EQ(loaded->size(), model.size());
    for (const QueuedMessage& found : *loaded) {
      ASSERT_TRUE(model.contains(found.id)) << format_queue_id(found.id) << " came back";
      const Known& known = model[found.id];
      std::map<std::uint32_t, std::uint32_t> attempts;
      for (const QueuedRecipient& recipient : found.recipients) attempts[recipient.index] = recipient.attempts;
      EXPECT_EQ(attempts, known.attempts);
      auto octets = spool->open(found.id);
      ASSERT_TRUE(octets.ok()) << octets.error().text;
      EXPECT_EQ(read_all(*octets->content), content_of(found.id, known.size));
    }
  }
}

TEST_F(JournalTest, ManyStartsOfAnEmptySpoolTakeNoMoreDisk) {
  for (int i = 0; i < 30; ++i) open();
  EXPECT_LE(segments().size(), 4U);
}

TEST_F(JournalTest, ManyStartsWithAMessageTakeBoundedDisk) {
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, id).ok());
  for (int i = 0; i < 30; ++i) {
    spool = reopen(std::move(spool));
    ASSERT_TRUE(store(*spool, spool->next_id(), 100).ok());
  }
  EXPECT_EQ(spool->status().messages, 31U);
  EXPECT_LE(spool->status().disk_octets, 10 * segment_octets);
  EXPECT_EQ(ids(*spool).front(), id);
}

TEST_F(JournalTest, AContentTooLargeForASegmentGoesToAFile) {
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, id, 3 * segment_octets).ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(options_.folder + "/large"), {}), 1);
  spool = reopen(std::move(spool));
  auto octets = spool->open(id);
  ASSERT_TRUE(octets.ok()) << octets.error().text;
  EXPECT_EQ(read_all(*octets->content), content_of(id, 3 * segment_octets));
  ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
  octets->content.reset();
  spool->close();
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder + "/large"));
}

TEST_F(JournalTest, AnEnvelopeTooLargeForASegmentIsRefused) {
  auto spool = open();
  QueuedMessage queued = message(spool->next_id(), 8'000);
  EXPECT_EQ(store(*spool, queued, "x").error().code, Errc::limit_exceeded);
  EXPECT_TRUE(store(*spool, spool->next_id()).ok());
  EXPECT_EQ(spool->status().messages, 1U);
}

TEST_F(JournalTest, ASegmentSizeBelowTheBoundIsRefused) {
  options_.segment_octets = 4096;
  auto opened = open_spool(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::invalid_argument);
}

TEST_F(JournalTest, ADamagedMessageIsNamedWhenItIsRead) {
  auto spool = open();
  const QueueId good = spool->next_id();
  const QueueId bad = spool->next_id();
  ASSERT_TRUE(store(*spool, good, 3'000).ok());
  ASSERT_TRUE(store(*spool, bad, 3'000).ok());
  for (const std::string& path : segments()) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    std::string all((std::istreambuf_iterator<char>(file)), {});
    const std::size_t at = all.find(content_of(bad, 3'000));
    if (at == std::string::npos) continue;
    file.clear();
    file.seekp(static_cast<std::streamoff>(at + 2'000));
    file << "damage";
  }
  EXPECT_TRUE(spool->open(good).ok());
  auto read = spool->open(bad);
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::io);
  EXPECT_NE(read.error().text.find("damaged"), std::string::npos);
  // Its end can be recorded all the same.
  EXPECT_TRUE(settle(*spool, bad, {done(0)}).ok());
}

TEST_F(JournalTest, AForeignFileInTheJournalIsNamed) {
  open();
  std::ofstream(options_.folder + "/journal/readme") << "hello";
  auto opened = open_spool(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().text.find("/journal/readme"), std::string::npos);
}

// The smallest segments, and files that may be an octet smaller: no new one can be made, and those that are there take
// all but their last block.
constexpr rlim_t no_new_segment = min_segment_octets - 1;

TEST_F(JournalTest, OnAFullDiskStoresAreRefusedSettlesGoOnAndRoomIsFoundAgain) {
  options_.segment_octets = min_segment_octets;
  auto spool = open();
  std::vector<QueueId> stored;
  std::vector<QueueId> refused;
  {
    const FullDisk full(no_new_segment);
    for (int i = 0; i < 200 && refused.size() < 5; ++i) {
      const QueueId id = spool->next_id();
      const auto result = store(*spool, id, 4'000);
      if (result) {
        stored.push_back(id);
      } else {
        EXPECT_EQ(result.error().code, Errc::limit_exceeded) << result.error().text;
        refused.push_back(id);
      }
    }
    ASSERT_EQ(refused.size(), 5U) << "the disk did not become full";
    ASSERT_GE(stored.size(), 3U);
  }
  {
    const FullDisk full(no_new_segment);
    for (int i = 0; i < 2; ++i) {
      ASSERT_TRUE(settle(*spool, stored.back(), {done(0)}).ok()) << "the ends of messages must find their place";
      stored.pop_back();
    }
  }
  const QueueId again = spool->next_id();
  EXPECT_TRUE(store(*spool, again, 4'000).ok()) << "there is room again";
  stored.push_back(again);
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), stored) << "no refused message came back, none is lost";
}

TEST_F(JournalTest, ItStartsOnAFullDiskAndDelivers) {
  options_.segment_octets = min_segment_octets;
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, id).ok());
  spool.reset();
  {
    const FullDisk full(no_new_segment);
    spool = open();
    EXPECT_THAT(ids(*spool), ElementsAre(id));
    EXPECT_TRUE(spool->open(id).ok());
    EXPECT_EQ(store(*spool, spool->next_id()).error().code, Errc::limit_exceeded);
  }
  EXPECT_TRUE(settle(*spool, id, {done(0)}).ok());
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), IsEmpty());
}

TEST_F(JournalTest, ASmallSegmentOfAFullDiskIsLeftWhenThereIsRoomAgain) {
  options_.segment_octets = 16 * min_segment_octets;
  auto spool = open();
  const QueueId first = spool->next_id();
  ASSERT_TRUE(store(*spool, first, 200'000).ok());  // in the last group: a start has to write it anew
  // A kill, not an orderly end.
  std::filesystem::copy(options_.folder, folder_.path("killed"), std::filesystem::copy_options::recursive);
  spool.reset();
  options_.folder = folder_.path("killed");
  {
    const FullDisk full(min_segment_octets + 1);
    spool = open();
    EXPECT_EQ(store(*spool, spool->next_id()).error().code, Errc::limit_exceeded);
  }
  const QueueId second = spool->next_id();
  ASSERT_TRUE(store(*spool, second, 200'000).ok());
  spool = reopen(std::move(spool));
  {
    const FullDisk full(min_segment_octets + 1);
    (void)store(*spool, spool->next_id(), 200'000);
    EXPECT_EQ(store(*spool, spool->next_id(), 200'000).error().code, Errc::limit_exceeded);
  }
  const QueueId third = spool->next_id();
  ASSERT_TRUE(store(*spool, third, 200'000).ok()) << "not refused for the small segment that is under way";
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), ElementsAre(first, second, third));
}

TEST_F(JournalTest, ALargeMessageThatFindsNoRoomIsRefusedAlone) {
  auto spool = open();
  const QueueId large = spool->next_id();
  const QueueId small = spool->next_id();
  {
    const FullDisk full(200'000);
    EXPECT_EQ(store(*spool, large, 3'000'000).error().code, Errc::limit_exceeded);
    EXPECT_TRUE(store(*spool, small).ok());
  }
  spool->close();
  EXPECT_TRUE(std::filesystem::is_empty(options_.folder + "/large"));
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), ElementsAre(small));
}

}  // namespace
}  // namespace sendconn::relay::testing
