// The form of the journal on the disk: what is read back, what a crash may leave, what nobody can forge.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <random>

#include "relay/spool/checksum.hpp"
#include "relay/spool/message_index.hpp"
#include "relay/spool/record.hpp"
#include "relay/spool/segment.hpp"

namespace sendconn::relay::testing {
namespace {

constexpr std::uint64_t segment_octets = 64 * 1024;

SegmentIdentity identity(std::uint64_t number, char salt) {
  SegmentIdentity made;
  made.number = number;
  made.size = segment_octets;
  made.salt.fill(salt);
  return made;
}

/// A segment in memory that groups are appended to.
struct Paper {
  explicit Paper(const SegmentIdentity& identity) : who(identity), octets(segment_octets, '\0') {
    octets.replace(0, block_octets, format_segment_header(who));
  }
  /// A group of records with these heads, each with a body of `body` octets; returns where it begins.
  std::size_t add(const std::vector<std::string>& heads, std::size_t body = 10) {
    builder.start(who);
    for (const std::string& head : heads) {
      builder.start_record(RecordKind::message, head);
      builder.buffer().append(body, 'b');
      builder.finish_record();
    }
    const std::string_view group = builder.finish(groups++);
    const std::size_t at = end;
    octets.replace(at, group.size(), group);
    end += group.size();
    return at;
  }
  /// The heads found, or the error.
  Result<std::vector<std::string>> read(std::uint32_t limit = no_limit, std::uint32_t sure = 0) const {
    std::vector<std::string> heads;
    auto scanned = scan_segment(who, octets, limit, sure, "paper", [&](const RecordView& record) {
      heads.emplace_back(record.head);
      return true;
    });
    if (!scanned) return scanned.error();
    return heads;
  }

  SegmentIdentity who;
  std::string octets;
  std::size_t end = block_octets;
  std::uint32_t groups = 0;
  GroupBuilder builder;
};

using Heads = std::vector<std::string>;

Heads heads_of(const Result<Heads>& read) {
  if (read) return *read;
  ADD_FAILURE() << read.error().text;
  return {};
}

TEST(Segment, GroupsAreReadBackInOrder) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  paper.add({"two", "three"}, 9'000);
  paper.add({}, 0);
  paper.add({"four"}, 0);
  EXPECT_EQ(heads_of(paper.read()), (Heads{"one", "two", "three", "four"}));
  EXPECT_EQ(paper.end % block_octets, 0U);
}

TEST(Segment, ATornGroupEndsTheSegmentAtEveryOctet) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  const std::size_t begin = paper.add({"two"}, 5'000);
  const std::string whole = paper.octets;
  const std::size_t used = paper.end - begin;
  for (std::size_t kept = 0; kept < used; kept += kept < 300 || kept > 4'900 ? 1 : 97) {
    std::fill(paper.octets.begin() + static_cast<std::ptrdiff_t>(begin + kept), paper.octets.end(), '\0');
    const Heads found = heads_of(paper.read());
    // The padding at the end of the group may be missing: it is zero either way.
    EXPECT_TRUE(found == Heads{"one"} || (kept > 5'000 && found == Heads({"one", "two"}))) << kept;
    paper.octets = whole;
  }
}

TEST(Segment, BlocksThatCameOutOfOrderDoNotMakeAGroup) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  const std::size_t begin = paper.add({"two"}, 20'000);
  const std::string whole = paper.octets;
  for (std::size_t missing = begin; missing < paper.end; missing += block_octets) {
    std::fill_n(paper.octets.begin() + static_cast<std::ptrdiff_t>(missing), block_octets, '\0');
    EXPECT_EQ(heads_of(paper.read()), Heads{"one"}) << missing;
    paper.octets = whole;
  }
}

TEST(Segment, EveryFlippedBitOfAGroupIsFound) {
  Paper paper(identity(7, 's'));
  const std::size_t begin = paper.add({"the head of a message"}, 300);
  const std::size_t used = 64 + record_header_octets + 21 + 300;
  for (std::size_t bit = 0; bit < used * 8; ++bit) {
    char& octet = paper.octets[begin + bit / 8];
    const char before = octet;
    octet = static_cast<char>(octet ^ (1 << bit % 8));
    EXPECT_EQ(heads_of(paper.read()), Heads{}) << "bit " << bit;
    octet = before;
  }
}

TEST(Segment, AnEarlierLifeOfTheFileIsNotReadAgain) {
  Paper before(identity(7, 'o'));
  for (int i = 0; i < 5; ++i) before.add({"old"});
  Paper after(identity(8, 'n'));
  after.octets.replace(block_octets, std::string::npos, before.octets.substr(block_octets));
  EXPECT_EQ(heads_of(after.read()), Heads{});
  after.add({"new"});
  EXPECT_EQ(heads_of(after.read()), Heads{"new"});
}

TEST(Segment, AGroupWithAnotherPlaceOrNumberIsNotRead) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  paper.add({"two"});
  // The same salt with another number: as if a salt had been drawn twice.
  Paper other(identity(8, 's'));
  other.octets.replace(block_octets, std::string::npos, paper.octets.substr(block_octets));
  EXPECT_EQ(heads_of(other.read()), Heads{});
  // The second group where the first should be.
  paper.octets.replace(block_octets, block_octets, paper.octets.substr(2 * block_octets, block_octets));
  paper.octets.replace(2 * block_octets, block_octets, block_octets, '\0');
  EXPECT_FALSE(paper.read().ok()) << "the first is missing, and the second says that it was there";
}

// Who sends a message knows everything but the salt: the number, the place, the form. Its text comes to lie at the
// start of a block, where after a crash the next group would be looked for.
TEST(Segment, AGroupSmuggledInAsTheTextOfAMessageIsNotRead) {
  Paper forger(identity(7, '\0'));
  forger.groups = 1;
  const std::size_t made = forger.add({"forged"});
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  paper.octets.replace(paper.end, block_octets, forger.octets.substr(made, block_octets));
  EXPECT_EQ(heads_of(paper.read()), Heads{"one"});
}

TEST(Segment, DamageInTheMiddleIsToldFromATornTail) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  const std::size_t second = paper.add({"two"});
  paper.add({"three"});
  paper.octets[second + 100] = 'X';
  const auto read = paper.read();
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, Errc::io);
  EXPECT_NE(read.error().text.find("paper is damaged at octet " + std::to_string(second)), std::string::npos)
      << read.error().text;
}

TEST(Segment, ASealCutsOffWhatWasRefusedAndAsksForWhatWasConfirmed) {
  Paper paper(identity(7, 's'));
  paper.add({"one"});
  paper.add({"two"});
  paper.add({"refused"});
  EXPECT_EQ(heads_of(paper.read(2, 2)), (Heads{"one", "two"}));
  EXPECT_EQ(heads_of(paper.read(0, 0)), Heads{});
  const auto more = paper.read(4, 4);
  ASSERT_FALSE(more.ok());
  EXPECT_EQ(more.error().code, Errc::io);
  EXPECT_EQ(heads_of(paper.read(4, 3)), (Heads{"one", "two", "refused"})) << "the last may have been lost";
}

TEST(Segment, ADroppedRecordLeavesNoTrace) {
  GroupBuilder builder;
  builder.start(identity(3, 'x'));
  builder.start_record(RecordKind::message, "kept");
  builder.finish_record();
  builder.start_record(RecordKind::message, "dropped");
  builder.buffer().append(10'000, 'x');
  builder.drop_record();
  GroupBuilder other;
  other.start(identity(3, 'x'));
  other.start_record(RecordKind::message, "kept");
  other.finish_record();
  EXPECT_EQ(builder.finish(0), other.finish(0));
}

TEST(SegmentHeader, IsReadBack) {
  SegmentIdentity who = identity(77, 'q');
  who.id_floor = 123;
  const auto read = parse_segment_header(format_segment_header(who), "paper");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->number, 77U);
  EXPECT_EQ(read->size, segment_octets);
  EXPECT_EQ(read->id_floor, 123U);
  EXPECT_EQ(read->salt, who.salt);
}

TEST(SegmentHeader, ANewerVersionIsNamedAsSuchAndAnyOtherChangeAsDamage) {
  const std::string good = format_segment_header(identity(77, 'q'));
  for (std::size_t at = 0; at < 64; ++at) {
    std::string changed = good;
    changed[at] = static_cast<char>(changed[at] + 1);
    const auto read = parse_segment_header(changed, "paper");
    ASSERT_FALSE(read.ok()) << at;
    EXPECT_EQ(read.error().code, at >= 8 && at < 12 ? Errc::unsupported : Errc::io) << at;
  }
  EXPECT_FALSE(parse_segment_header(good.substr(0, 4095), "paper").ok());
  EXPECT_FALSE(parse_segment_header("", "paper").ok());
}

TEST(Checksum, DependsOnEveryBitTheLengthAndTheSeed) {
  std::mt19937 random(5);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string octets(size, '\0');
    for (char& octet : octets) octet = static_cast<char>(random());
    const std::uint64_t sum = checksum(octets, 1);
    EXPECT_EQ(checksum(octets, 1), sum);
    EXPECT_NE(checksum(octets, 2), sum);
    EXPECT_NE(checksum(octets + '\0', 1), sum);
    for (std::size_t bit = 0; bit < size * 8; ++bit) {
      std::string changed = octets;
      changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << bit % 8));
      EXPECT_NE(checksum(changed, 1), sum) << size << " octets, bit " << bit;
    }
  }
}

TEST(Checksum, IsThePinnedOne) {
  // The form on the disk: a change here makes every spool unreadable.
  EXPECT_EQ(checksum("", 0), checksum(std::string_view(), 0));
  std::string octets;
  for (int i = 0; i < 77; ++i) octets.push_back(static_cast<char>(i));
  EXPECT_EQ(checksum(octets, 42), 0x4e920968f53c64b8);
}

QueuedMessage full_message() {
  QueuedMessage message;
  message.id = std::numeric_limits<QueueId>::max();
  message.accepted = UnixTime(std::chrono::seconds(1'790'000'000));
  message.account = "acme";
  message.connector = "server";
  message.reverse_path = "a@example.org";
  message.smtputf8 = true;
  message.prefix_octets = 300;
  message.content_octets = 5'000'000'000;
  for (std::uint32_t i = 0; i < 3; ++i) {
    message.recipients.push_back({i * 100, "to@example.net", i, message.accepted, "450 later"});
  }
  return message;
}

TEST(Record, AMessageCutAtEveryOctetIsRefused) {
  std::string octets;
  put_message(octets, full_message(), 9);
  RecordReader whole(octets);
  const MessageRecord read = get_message(whole);
  EXPECT_TRUE(whole.done());
  EXPECT_EQ(read.file, 9U);
  EXPECT_EQ(read.message.content_octets, 5'000'000'000U);
  EXPECT_EQ(read.message.recipients.at(2).index, 200U);
  for (std::size_t size = 0; size < octets.size(); ++size) {
    RecordReader cut(std::string_view(octets).substr(0, size));
    (void)get_message(cut);
    EXPECT_FALSE(cut.done()) << size;
  }
  const std::string one_more = octets + "x";
  RecordReader more(one_more);
  (void)get_message(more);
  EXPECT_FALSE(more.done());
}

TEST(Record, NumbersThatDoNotFitAreRefused) {
  const std::string too_long = std::string(10, '\xff') + '\x01';
  RecordReader overflow(too_long);
  EXPECT_EQ(overflow.number(), 0U);
  EXPECT_FALSE(overflow.ok());
  std::string huge;
  put_number(huge, std::uint64_t{1} << 32);
  RecordReader small(huge);
  (void)small.small_number();
  EXPECT_FALSE(small.ok());
  std::string text;
  put_number(text, std::numeric_limits<std::uint64_t>::max());
  text += "abc";
  RecordReader length(text);
  EXPECT_EQ(length.text(), "");
  EXPECT_FALSE(length.ok());
}

TEST(Record, ACountThatTheOctetsCannotHoldCostsNoMemory) {
  std::string octets;
  put_number(octets, std::uint64_t{1} << 60);
  RecordReader reader(octets);
  EXPECT_TRUE(get_settlements(reader).empty());
  EXPECT_FALSE(reader.ok());
}

TEST(RecipientSet, HoldsAnyIndices) {
  RecipientSet set;
  const std::vector<std::uint32_t> indices = {0, 5, 63, 64, 65, 1'000, 4'000'000'000U};
  for (auto index = indices.rbegin(); index != indices.rend(); ++index) set.add(*index);
  set.add(64);
  EXPECT_EQ(set.list(), indices);
  EXPECT_FALSE(set.contains(1));
  EXPECT_FALSE(set.contains(66));
  for (const std::uint32_t index : indices) {
    EXPECT_TRUE(set.contains(index));
    EXPECT_FALSE(set.empty());
    set.remove(index);
    EXPECT_FALSE(set.contains(index));
  }
  EXPECT_TRUE(set.empty());
}

TEST(MessageIndex, ChangesOfAGroupAreTakenBackInReverse) {
  MessageIndex index;
  index.change(1).length = 10;
  index.change(2).length = 20;
  index.keep();
  index.change(1).length = 11;
  index.remove(2);
  index.change(3).length = 30;
  index.change(1).length = 12;
  index.remove(3);
  index.change(2).length = 21;
  index.undo();
  ASSERT_NE(index.find(1), nullptr);
  EXPECT_EQ(index.find(1)->length, 10U);
  ASSERT_NE(index.find(2), nullptr);
  EXPECT_EQ(index.find(2)->length, 20U);
  EXPECT_EQ(index.find(3), nullptr);
  EXPECT_EQ(index.size(), 2U);
}

TEST(MessageIndex, AMovedRecordIsReadWhereItStoodUntilTheMoveIsKept) {
  MessageIndex index;
  IndexEntry& entry = index.change(1);
  entry.segment = 1;
  entry.offset = 4096;
  entry.length = 10;
  entry.states.push_back({0, false, 3, {}, "450 4.2.1 busy"});
  index.keep();

  index.move(1, 2, 8192, 12);
  EXPECT_EQ(index.find(1)->segment, 2U);
  EXPECT_EQ(index.find_readable(1)->segment, 1U);
  EXPECT_EQ(index.find_readable(1)->offset, 4096U);
  EXPECT_EQ(index.find_readable(1)->length, 10U);
  EXPECT_EQ(index.find_readable(1)->states.size(), 1U);
  index.undo();
  EXPECT_EQ(index.find_readable(1), index.find(1));
  EXPECT_EQ(index.find(1)->segment, 1U);

  index.move(1, 3, 12288, 12);
  index.keep();
  EXPECT_EQ(index.find_readable(1), index.find(1));
  EXPECT_EQ(index.find(1)->segment, 3U);
  EXPECT_EQ(index.find(1)->offset, 12288U);
  EXPECT_TRUE(index.find(1)->states.empty());
  EXPECT_EQ(index.find_readable(2), nullptr);
}

TEST(MessageIndex, ReadersSeeWhatWasKeptLast) {
  MessageIndex index;
  index.change(1).length = 10;
  index.change(2).length = 20;
  index.keep();
  index.change(1).length = 11;
  index.change(1).length = 12;
  index.remove(2);
  index.change(3).length = 30;
  ASSERT_NE(index.find_readable(1), nullptr);
  EXPECT_EQ(index.find_readable(1)->length, 10U);
  ASSERT_NE(index.find_readable(2), nullptr);
  EXPECT_EQ(index.find_readable(2)->length, 20U);
  EXPECT_EQ(index.find_readable(3), nullptr);
  std::map<QueueId, std::uint64_t> seen;
  index.each_readable([&](QueueId id, const IndexEntry& entry) { seen[id] = entry.length; });
  EXPECT_EQ(seen, (std::map<QueueId, std::uint64_t>{{1, 10}, {2, 20}}));
  index.keep();
  seen.clear();
  index.each_readable([&](QueueId id, const IndexEntry& entry) { seen[id] = entry.length; });
  EXPECT_EQ(seen, (std::map<QueueId, std::uint64_t>{{1, 12}, {3, 30}}));
}

}  // namespace
}  // namespace sendconn::relay::testing
