// The contract of the spool: what every implementation promises, on a real disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <random>
#include <set>
#include <thread>

#include "tests/relay/spool_fixture.hpp"

namespace sendconn::relay::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// An implementation under test, and how to harm what it keeps on the disk.
struct Form {
  const char* name;
  Result<std::unique_ptr<Spool>> (*open)(const SpoolOptions&);
  void (*make_newer)(const std::string& folder);
  void (*damage)(const std::string& folder);
};

class SpoolContract : public ::testing::TestWithParam<Form> {
 protected:
  SpoolContract() {
    options_.folder = folder_.path("spool");
    options_.min_free_octets = 0;
  }
  std::unique_ptr<Spool> open() {
    auto spool = GetParam().open(options_);
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
  std::vector<std::string> large_files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(options_.folder + "/large")) {
      names.push_back(entry.path().string());
    }
    return names;
  }

  TemporaryFolder folder_;
  SpoolOptions options_;
};

TEST_P(SpoolContract, AStoredMessageStandsAfterARestartWithEveryField) {
  auto spool = open();
  QueuedMessage queued = message(spool->next_id(), 3);
  queued.smtputf8 = true;
  queued.report_failures = false;
  queued.domains = {"example.org", "other.example.org"};
  queued.recipients[1].attempts = 4;
  queued.recipients[1].next_attempt = UnixTime(std::chrono::seconds(1'790'000'600));
  queued.recipients[1].last_reply = "450 4.2.0 try later";
  const QueueId id = queued.id;
  const std::string content = content_of(id);
  ASSERT_TRUE(store(*spool, queued, content).ok());

  spool = reopen(std::move(spool));
  auto loaded = spool->load();
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->size(), 1U);
  const QueuedMessage& found = loaded->front();
  EXPECT_EQ(found.id, id);
  EXPECT_EQ(found.accepted, queued.accepted);
  EXPECT_EQ(found.account, "acme");
  EXPECT_EQ(found.connector, "server-1");
  EXPECT_EQ(found.reverse_path, "sender@example.org");
  EXPECT_TRUE(found.eight_bit);
  EXPECT_TRUE(found.smtputf8);
  EXPECT_FALSE(found.report_failures);
  EXPECT_EQ(found.domains, queued.domains);
  EXPECT_EQ(found.prefix_octets, prefix_of(id).size());
  EXPECT_EQ(found.content_octets, content.size());
  ASSERT_EQ(found.recipients.size(), 3U);
  EXPECT_EQ(found.recipients[1].index, 1U);
  EXPECT_EQ(found.recipients[1].address, "to1@example.net");
  EXPECT_EQ(found.recipients[1].attempts, 4U);
  EXPECT_EQ(found.recipients[1].next_attempt, queued.recipients[1].next_attempt);
  EXPECT_EQ(found.recipients[1].last_reply, "450 4.2.0 try later");

  auto octets = spool->open(id);
  ASSERT_TRUE(octets.ok()) << octets.error().text;
  EXPECT_EQ(octets->prefix, prefix_of(id));
  EXPECT_EQ(read_all(*octets->content), content);
}

TEST_P(SpoolContract, TheNullReversePathAndAnEmptyContentAreKept) {
  auto spool = open();
  QueuedMessage queued = message(spool->next_id());
  queued.reverse_path.clear();
  queued.account.clear();
  const QueueId id = queued.id;
  ASSERT_TRUE(store(*spool, queued, "").ok());
  spool = reopen(std::move(spool));
  auto loaded = spool->load();
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->size(), 1U);
  EXPECT_EQ(loaded->front().reverse_path, "");
  auto octets = spool->open(id);
  ASSERT_TRUE(octets.ok());
  EXPECT_EQ(octets->content->size(), 0U);
}

TEST_P(SpoolContract, AMessageCanBeReadBackWithoutARestart) {
  auto spool = open();
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4096}, std::size_t{3'000'000}}) {
    const QueueId id = spool->next_id();
    ASSERT_TRUE(store(*spool, id, size).ok());
    auto octets = spool->open(id);
    ASSERT_TRUE(octets.ok()) << octets.error().text;
    EXPECT_EQ(octets->prefix, prefix_of(id));
    EXPECT_EQ(read_all(*octets->content), content_of(id, size));
  }
}

TEST_P(SpoolContract, ContentsThatCameInPiecesAreStoredWhole) {
  class Pieces final : public Content {
   public:
    explicit Pieces(std::string octets) : octets_(std::move(octets)) {}
    [[nodiscard]] std::uint64_t size() const noexcept override { return octets_.size(); }
    Result<std::string_view> read(std::uint64_t offset, std::size_t max, std::string& buffer) const override {
      buffer = octets_.substr(offset, std::min<std::size_t>(max, 1000));
      return std::string_view(buffer);
    }

   private:
    std::string octets_;
  };
  auto spool = open();
  const QueueId id = spool->next_id();
  Waiter waiter;
  spool->store(message(id), "", std::make_shared<Pieces>(content_of(id, 12'345)), waiter.callback());
  ASSERT_TRUE(waiter.wait().ok());
  spool = reopen(std::move(spool));
  auto octets = spool->open(id);
  ASSERT_TRUE(octets.ok()) << octets.error().text;
  EXPECT_EQ(read_all(*octets->content), content_of(id, 12'345));
}

TEST_P(SpoolContract, MessagesAreLoadedInTheOrderOfAcceptance) {
  auto spool = open();
  std::vector<QueueId> stored;
  for (int i = 0; i < 50; ++i) {
    stored.push_back(spool->next_id());
    ASSERT_TRUE(store(*spool, stored.back(), 100).ok());
  }
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), stored);
}

TEST_P(SpoolContract, ASettledMessageIsGoneForGood) {
  auto spool = open();
  const QueueId gone = spool->next_id();
  const QueueId kept = spool->next_id();
  ASSERT_TRUE(store(*spool, gone).ok());
  ASSERT_TRUE(store(*spool, kept).ok());
  ASSERT_TRUE(settle(*spool, gone, {done(0)}).ok());
  EXPECT_EQ(spool->open(gone).error().code, Errc::not_found);
  EXPECT_EQ(spool->status().messages, 1U);
  for (int i = 0; i < 2; ++i) {
    spool = reopen(std::move(spool));
    EXPECT_THAT(ids(*spool), ElementsAre(kept));
  }
}

TEST_P(SpoolContract, RecipientsAreSettledOneByOne) {
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, message(id, 100), content_of(id)).ok());
  Settlement later{2, false, 1, UnixTime(std::chrono::seconds(1'790'000'900)), "450 4.2.1 mailbox busy"};
  ASSERT_TRUE(settle(*spool, id, {done(0), later}).ok());
  later.attempts = 2;
  ASSERT_TRUE(settle(*spool, id, {later, done(99)}).ok());

  spool = reopen(std::move(spool));
  auto loaded = spool->load();
  ASSERT_TRUE(loaded.ok());
  ASSERT_EQ(loaded->size(), 1U);
  const auto& recipients = loaded->front().recipients;
  ASSERT_EQ(recipients.size(), 98U);
  EXPECT_EQ(recipients[0].index, 1U);
  EXPECT_EQ(recipients[0].attempts, 0U);
  EXPECT_EQ(recipients[1].index, 2U);
  EXPECT_EQ(recipients[1].attempts, 2U);
  EXPECT_EQ(recipients[1].next_attempt, later.next_attempt);
  EXPECT_EQ(recipients[1].last_reply, later.last_reply);

  std::vector<Settlement> rest;
  for (std::uint32_t i = 1; i < 99; ++i) rest.push_back(done(i));
  ASSERT_TRUE(settle(*spool, id, rest).ok());
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), IsEmpty());
}

TEST_P(SpoolContract, ASettleThatNamesWhatIsNotThereIsRefusedWhole) {
  auto spool = open();
  const QueueId id = spool->next_id();
  EXPECT_EQ(settle(*spool, id, {done(0)}).error().code, Errc::not_found);
  ASSERT_TRUE(store(*spool, message(id, 2), content_of(id)).ok());
  EXPECT_EQ(settle(*spool, id, {done(0), done(2)}).error().code, Errc::not_found);
  ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
  EXPECT_EQ(settle(*spool, id, {done(0)}).error().code, Errc::not_found);
  spool = reopen(std::move(spool));
  EXPECT_EQ(settle(*spool, id, {done(0)}).error().code, Errc::not_found);
  EXPECT_TRUE(settle(*spool, id, {done(1)}).ok());
}

TEST_P(SpoolContract, ABounceIsStoredWithTheEndOfItsMessage) {
  auto spool = open();
  const QueueId failed = spool->next_id();
  const QueueId bounce = spool->next_id();
  ASSERT_TRUE(store(*spool, failed).ok());
  Waiter waiter;
  spool->settle(failed, {done(0)},
                Spool::NewMessage{message(bounce), prefix_of(bounce), make_content(content_of(bounce))},
                waiter.callback());
  ASSERT_TRUE(waiter.wait().ok());
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), ElementsAre(bounce));
  auto octets = spool->open(bounce);
  ASSERT_TRUE(octets.ok()) << octets.error().text;
  EXPECT_EQ(read_all(*octets->content), content_of(bounce));
}

TEST_P(SpoolContract, ABounceOfARefusedSettleIsNotStored) {
  auto spool = open();
  const QueueId bounce = spool->next_id();
  Waiter waiter;
  spool->settle(12345, {done(0)}, Spool::NewMessage{message(bounce), "", make_content("x")}, waiter.callback());
  EXPECT_EQ(waiter.wait().error().code, Errc::not_found);
  EXPECT_EQ(spool->open(bounce).error().code, Errc::not_found);
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), IsEmpty());
}

TEST_P(SpoolContract, AMessageWithoutIdRecipientOrContentIsRefused) {
  auto spool = open();
  QueuedMessage queued = message(spool->next_id());
  queued.recipients.clear();
  EXPECT_EQ(store(*spool, queued, "x").error().code, Errc::invalid_argument);
  EXPECT_EQ(store(*spool, message(0), "x").error().code, Errc::invalid_argument);
  Waiter waiter;
  spool->store(message(spool->next_id()), "", nullptr, waiter.callback());
  EXPECT_EQ(waiter.wait().error().code, Errc::invalid_argument);
  EXPECT_EQ(spool->status().messages, 0U);
}

TEST_P(SpoolContract, AnIdIsStoredOnce) {
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, message(id), "first").ok());
  EXPECT_EQ(store(*spool, message(id), "second").error().code, Errc::conflict);
  auto octets = spool->open(id);
  ASSERT_TRUE(octets.ok());
  EXPECT_EQ(read_all(*octets->content), "first");
}

TEST_P(SpoolContract, IdsAreNeverHandedOutTwice) {
  std::set<QueueId> seen;
  QueueId highest = 0;
  for (int restart = 0; restart < 4; ++restart) {
    auto spool = open();
    for (int i = 0; i < 100; ++i) {
      const QueueId id = spool->next_id();
      EXPECT_TRUE(seen.insert(id).second);
      EXPECT_GT(id, highest);
      highest = id;
    }
  }
}

TEST_P(SpoolContract, ALargeMessageIsAFileUntilItIsSettled) {
  auto spool = open();
  const QueueId id = spool->next_id();
  const std::string octets = content_of(id, 5'000'001);
  auto content = large_content(*spool, octets);
  ASSERT_TRUE(content.ok()) << content.error().text;
  EXPECT_EQ(read_all(**content), octets);
  Waiter waiter;
  spool->store(message(id), prefix_of(id), *content, waiter.callback());
  ASSERT_TRUE(waiter.wait().ok());
  EXPECT_EQ(large_files().size(), 1U);
  content->reset();

  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), ElementsAre(id));
  auto found = spool->open(id);
  ASSERT_TRUE(found.ok()) << found.error().text;
  EXPECT_EQ(found->prefix, prefix_of(id));
  EXPECT_EQ(read_all(*found->content), octets);
  ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
  EXPECT_EQ(read_all(*found->content), octets) << "a delivery under way still reads it";
  found->content.reset();
  spool->close();
  EXPECT_THAT(large_files(), IsEmpty());
}

TEST_P(SpoolContract, ALargeMessageThatIsNotStoredLeavesNoFile) {
  auto spool = open();
  {
    auto writer = spool->open_writer();
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE((*writer)->write(std::string(1'000'000, 'x')).ok());
    EXPECT_EQ(large_files().size(), 1U);
  }
  auto dropped = large_content(*spool, std::string(1'000'000, 'x'));
  ASSERT_TRUE(dropped.ok());
  dropped->reset();
  auto refused = large_content(*spool, std::string(1'000'000, 'x'));
  ASSERT_TRUE(refused.ok());
  Waiter waiter;
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, id).ok());
  spool->store(message(id), "", *refused, waiter.callback());
  EXPECT_EQ(waiter.wait().error().code, Errc::conflict);
  refused->reset();
  spool->close();
  EXPECT_THAT(large_files(), IsEmpty());
}

TEST_P(SpoolContract, ALargeContentBelongsToOneMessage) {
  auto spool = open();
  auto content = large_content(*spool, std::string(400'000, 'x'));
  ASSERT_TRUE(content.ok());
  Waiter first;
  spool->store(message(spool->next_id()), "", *content, first.callback());
  ASSERT_TRUE(first.wait().ok());
  Waiter second;
  spool->store(message(spool->next_id()), "", *content, second.callback());
  EXPECT_EQ(second.wait().error().code, Errc::invalid_argument);
}

TEST_P(SpoolContract, OrphansOfACrashAreSweptAtTheNextStart) {
  auto spool = open();
  const QueueId id = spool->next_id();
  auto content = large_content(*spool, std::string(400'000, 'x'));
  ASSERT_TRUE(content.ok());
  Waiter waiter;
  spool->store(message(id), "", *content, waiter.callback());
  ASSERT_TRUE(waiter.wait().ok());
  spool->close();
  std::ofstream(options_.folder + "/large/" + format_queue_id(77)) << "left over";
  std::ofstream(options_.folder + "/large/nonsense") << "left over";
  spool = reopen(std::move(spool));
  EXPECT_EQ(large_files().size(), 1U);
  EXPECT_TRUE(spool->open(id).ok());
}

TEST_P(SpoolContract, AFinishedWriterTakesNoMore) {
  auto spool = open();
  auto writer = spool->open_writer();
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE((*writer)->finish().ok());
  EXPECT_EQ((*writer)->write("x").error().code, Errc::wrong_state);
  EXPECT_EQ((*writer)->finish().error().code, Errc::wrong_state);
}

TEST_P(SpoolContract, TheBoundOfTheSpoolHoldsAndEndsWithASettle) {
  options_.max_octets = 20'000;
  auto spool = open();
  const QueueId id = spool->next_id();
  EXPECT_TRUE(spool->check_room(15'000).ok());
  ASSERT_TRUE(store(*spool, id, 15'000).ok());
  EXPECT_EQ(spool->check_room(10'000).error().code, Errc::limit_exceeded);
  const QueueId refused = spool->next_id();
  EXPECT_EQ(store(*spool, refused, 10'000).error().code, Errc::limit_exceeded);
  EXPECT_EQ(spool->open(refused).error().code, Errc::not_found);
  ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
  EXPECT_TRUE(spool->check_room(10'000).ok());
  EXPECT_TRUE(store(*spool, refused, 10'000).ok());
  spool = reopen(std::move(spool));
  EXPECT_THAT(ids(*spool), ElementsAre(refused));
  EXPECT_EQ(spool->check_room(15'000).error().code, Errc::limit_exceeded);
}

TEST_P(SpoolContract, OneGroupCannotPassTheBound) {
  options_.max_octets = 50'000;
  auto spool = open();
  std::vector<Waiter> waiters(20);
  for (Waiter& waiter : waiters) {
    const QueueId id = spool->next_id();
    spool->store(message(id), "", make_content(content_of(id, 10'000)), waiter.callback());
  }
  const auto stored = std::count_if(waiters.begin(), waiters.end(), [](Waiter& w) { return w.wait().ok(); });
  EXPECT_EQ(stored, 5);
  EXPECT_LE(spool->status().octets, options_.max_octets);
}

TEST_P(SpoolContract, AFullDiskRefusesNewMailAndStillSettles) {
  auto spool = open();
  const QueueId id = spool->next_id();
  ASSERT_TRUE(store(*spool, id).ok());
  options_.min_free_octets = std::uint64_t{1} << 60;
  spool = reopen(std::move(spool));
  EXPECT_EQ(spool->check_room(1).error().code, Errc::limit_exceeded);
  EXPECT_EQ(store(*spool, spool->next_id()).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(settle(*spool, id, {done(0)}).ok());
}

TEST_P(SpoolContract, ASecondOpeningIsRefusedUntilTheFirstIsOver) {
  auto spool = open();
  auto second = GetParam().open(options_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, Errc::conflict);
  EXPECT_THAT(second.error().text, HasSubstr("in use by another relay (process " + std::to_string(::getpid()) + ")"));
  spool.reset();
  EXPECT_TRUE(GetParam().open(options_).ok());
}

TEST_P(SpoolContract, ASpoolOfANewerVersionIsLeftAlone) {
  auto spool = open();
  ASSERT_TRUE(store(*spool, spool->next_id()).ok());
  spool.reset();
  GetParam().make_newer(options_.folder);
  auto opened = GetParam().open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::unsupported);
  EXPECT_THAT(opened.error().text, HasSubstr("newer version"));
}

TEST_P(SpoolContract, ADamagedSpoolIsNamed) {
  auto spool = open();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(store(*spool, spool->next_id()).ok());
  spool.reset();
  GetParam().damage(options_.folder);
  auto opened = GetParam().open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_EQ(opened.error().code, Errc::io);
  EXPECT_THAT(opened.error().text, HasSubstr(options_.folder));
}

TEST_P(SpoolContract, AFolderThatCannotBeMadeIsNamed) {
  options_.folder = folder_.path("missing/spool");
  auto opened = GetParam().open(options_);
  ASSERT_FALSE(opened.ok());
  EXPECT_THAT(opened.error().text, HasSubstr(options_.folder));
}

TEST_P(SpoolContract, OnlyTheOwnerCanReadTheSpool) {
  const mode_t old_mask = ::umask(0);
  auto spool = open();
  ASSERT_TRUE(store(*spool, spool->next_id()).ok());
  auto content = large_content(*spool, std::string(400'000, 'x'));
  ASSERT_TRUE(content.ok());
  Waiter waiter;
  spool->store(message(spool->next_id()), "", *content, waiter.callback());
  ASSERT_TRUE(waiter.wait().ok());
  ::umask(old_mask);
  struct stat info {};
  ASSERT_EQ(::stat(options_.folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
  int files = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(options_.folder)) {
    ASSERT_EQ(::stat(entry.path().c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, entry.is_directory() ? 0700U : 0600U) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 4);
}

TEST_P(SpoolContract, AReadableFolderIsMadePrivate) {
  std::filesystem::create_directory(options_.folder);
  ASSERT_EQ(::chmod(options_.folder.c_str(), 0755), 0);
  auto spool = open();
  struct stat info {};
  ASSERT_EQ(::stat(options_.folder.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700U);
}

TEST_P(SpoolContract, ClosingCommitsWhatWaitsAndRefusesWhatComesLater) {
  auto spool = open();
  std::vector<Waiter> waiters(200);
  std::vector<QueueId> stored;
  for (Waiter& waiter : waiters) {
    const QueueId id = spool->next_id();
    stored.push_back(id);
    spool->store(message(id), prefix_of(id), make_content(content_of(id)), waiter.callback());
  }
  auto content = large_content(*spool, std::string(2'000'000, 'x'));
  ASSERT_TRUE(content.ok());
  Waiter large;
  stored.push_back(spool->next_id());
  spool->store(message(stored.back()), "", *content, large.callback());
  spool->close();
  for (Waiter& waiter : waiters) EXPECT_TRUE(waiter.wait().ok());
  EXPECT_TRUE(large.wait().ok());
  EXPECT_EQ(store(*spool, spool->next_id()).error().code, Errc::wrong_state);
  EXPECT_EQ(settle(*spool, stored.front(), {done(0)}).error().code, Errc::wrong_state);
  spool->close();
  content->reset();
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), stored);
}

TEST_P(SpoolContract, ACallbackMayStoreAndSettle) {
  auto spool = open();
  const QueueId first = spool->next_id();
  const QueueId second = spool->next_id();
  Waiter settled;
  Waiter stored;
  spool->store(message(first), "", make_content("x"), [&](Result<void> result) {
    ASSERT_TRUE(result.ok());
    spool->settle(first, {done(0)}, std::nullopt, settled.callback());
    spool->store(message(second), "", make_content("y"), stored.callback());
  });
  EXPECT_TRUE(settled.wait().ok());
  EXPECT_TRUE(stored.wait().ok());
  EXPECT_THAT(ids(*spool), ElementsAre(second));
}

TEST_P(SpoolContract, AGroupEndsWithOneCall) {
  std::atomic<int> callbacks{0};
  std::atomic<int> seen{0};
  options_.after_group = [&] { seen = callbacks.load(); };
  auto spool = open();
  for (int i = 0; i < 20; ++i) {
    spool->store(message(spool->next_id()), "", make_content("x"), [&](const Result<void>&) { ++callbacks; });
  }
  spool->close();
  EXPECT_EQ(callbacks, 20);
  EXPECT_EQ(seen, 20) << "the last call came before the last callback";
}

TEST_P(SpoolContract, EightThreadsStoreSettleAndReadAtOnce) {
  auto spool = open();
  constexpr int threads = 8;
  constexpr int each = 100;
  std::mutex mutex;
  std::vector<QueueId> kept;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        const QueueId id = spool->next_id();
        const std::size_t size = static_cast<std::size_t>(t * 997 + i * 131);
        ASSERT_TRUE(store(*spool, message(id, 2), content_of(id, size)).ok());
        auto octets = spool->open(id);
        ASSERT_TRUE(octets.ok()) << octets.error().text;
        ASSERT_EQ(read_all(*octets->content), content_of(id, size));
        ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
        if (i % 3 == 0) {
          const std::lock_guard lock(mutex);
          kept.push_back(id);
        } else {
          ASSERT_TRUE(settle(*spool, id, {done(1)}).ok());
        }
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  const SpoolStatus status = spool->status();
  EXPECT_EQ(status.messages, kept.size());
  EXPECT_EQ(status.stored, static_cast<std::uint64_t>(threads * each));
  std::sort(kept.begin(), kept.end());
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), kept);
  EXPECT_EQ(spool->status().octets, status.octets);
}

TEST_P(SpoolContract, AMessageCanBeReadWhileItIsMovedToMakeRoom) {
  auto spool = open();
  std::vector<QueueId> kept;
  const auto fill = [&](int messages) {
    for (int i = 0; i < messages; ++i) {
      const QueueId id = spool->next_id();
      ASSERT_TRUE(store(*spool, id, 8'000).ok());
      if (i % 10 == 0) {
        kept.push_back(id);
      } else {
        ASSERT_TRUE(settle(*spool, id, {done(0)}).ok());
      }
    }
  };
  fill(100);
  std::atomic<bool> stop{false};
  std::thread reader([&, old = kept] {
    while (!stop) {
      for (const QueueId id : old) {
        auto octets = spool->open(id);
        if (!octets) {
          ADD_FAILURE() << octets.error().text;
          return;
        }
        EXPECT_EQ(read_all(*octets->content), content_of(id, 8'000));
      }
      auto loaded = spool->load();
      if (!loaded) {
        ADD_FAILURE() << loaded.error().text;
        return;
      }
    }
  });
  fill(400);
  stop = true;
  reader.join();
  spool = reopen(std::move(spool));
  EXPECT_EQ(ids(*spool), kept);
}

// A child stores and settles as fast as it can and reports each step through a pipe; it is killed at a random instant.
// What was stored is there unless its settle had begun; what was settled is not.
enum Step : std::uint64_t { step_stored, step_settling, step_settled };

TEST_P(SpoolContract, NothingReportedIsLostByKill) {
  std::mt19937 random(20'260'917);
  std::set<QueueId> stored;
  std::set<QueueId> settling;
  std::set<QueueId> settled;
  for (int round = 0; round < 5; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      auto spool = GetParam().open(options_);
      if (!spool) ::_exit(1);
      std::vector<std::thread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&spool, out = ends[1]] {
          for (int i = 0;; ++i) {
            const QueueId id = (*spool)->next_id();
            const auto report = [&](Step step) {
              const std::uint64_t line[2] = {id, step};
              if (::write(out, line, sizeof line) != static_cast<ssize_t>(sizeof line)) ::_exit(1);
            };
            if (!store(**spool, id, 5'000).ok()) ::_exit(1);
            report(step_stored);
            if (i % 2 != 0) continue;
            report(step_settling);
            if (!settle(**spool, id, {done(0)}).ok()) ::_exit(1);
            report(step_settled);
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
      ::_exit(1);
    }
    ::close(ends[1]);
    std::uniform_int_distribution<int> reports(1, 400);
    int left = reports(random);
    std::uint64_t line[2];
    while (::read(ends[0], line, sizeof line) == static_cast<ssize_t>(sizeof line)) {
      (line[1] == step_stored ? stored : line[1] == step_settling ? settling : settled).insert(line[0]);
      if (left-- == 0) {
        ASSERT_EQ(::kill(child, SIGKILL), 0);
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself";

    auto spool = open();
    const std::vector<QueueId> found = ids(*spool);
    for (const QueueId id : stored) {
      const bool there = std::binary_search(found.begin(), found.end(), id);
      if (settled.contains(id)) {
        EXPECT_FALSE(there) << format_queue_id(id) << " came back";
      } else if (!settling.contains(id)) {
        EXPECT_TRUE(there) << format_queue_id(id) << " is lost";
      }
    }
    for (const QueueId id : found) {
      auto octets = spool->open(id);
      ASSERT_TRUE(octets.ok()) << octets.error().text;
      EXPECT_EQ(read_all(*octets->content), content_of(id, 5'000));
    }
  }
}

void write_at(const std::string& path, std::uint64_t offset, std::string_view octets) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(offset));
  file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
}

std::string first_segment(const std::string& folder) {
  std::string first;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/journal")) {
    const std::string path = entry.path().string();
    if (path.find("spare-") == std::string::npos && (first.empty() || path < first)) first = path;
  }
  return first;
}

const Form forms[] = {
    {"Journal", open_spool,
     [](const std::string& folder) { write_at(first_segment(folder), 8, std::string_view("\x63", 1)); },
     [](const std::string& folder) { write_at(first_segment(folder), 10 * 4096 + 700, "xyz"); }},
    // Segments so small that every test sees several.
    {"JournalOfSmallSegments",
     [](const SpoolOptions& options) {
       SpoolOptions small = options;
       small.segment_octets = 96 * 1024;
       return open_spool(small);
     },
     [](const std::string& folder) { write_at(first_segment(folder), 8, std::string_view("\x63", 1)); },
     [](const std::string& folder) { write_at(first_segment(folder), 2 * 4096 + 700, "xyz"); }},
};

INSTANTIATE_TEST_SUITE_P(Forms, SpoolContract, ::testing::ValuesIn(forms),
                         [](const auto& form) { return std::string(form.param.name); });

struct IdText {
  const char* text;
  bool valid;
};

TEST(QueueIdText, SortsAsItCountsAndComesBack) {
  std::string last;
  for (const QueueId id :
       {QueueId{0}, QueueId{1}, QueueId{31}, QueueId{32}, QueueId{1'790'000'000} << 30, ~QueueId{0}}) {
    const std::string text = format_queue_id(id);
    EXPECT_EQ(text.size(), 13U);
    EXPECT_GT(text, last);
    last = text;
    auto parsed = parse_queue_id(text);
    ASSERT_TRUE(parsed.ok()) << parsed.error().text;
    EXPECT_EQ(*parsed, id);
  }
}

TEST(QueueIdText, AnythingElseIsRefused) {
  for (const IdText& row :
       {IdText{"0000000000001", true}, IdText{"000000000000z", true}, IdText{"", false}, IdText{"000000000001", false},
        IdText{"00000000000001", false}, IdText{"000000000000A", false}, IdText{"000000000000/", false},
        IdText{"H000000000000", false}, IdText{"G000000000000", true}}) {
    EXPECT_EQ(parse_queue_id(row.text).ok(), row.valid) << row.text;
  }
}

}  // namespace
}  // namespace sendconn::relay::testing
