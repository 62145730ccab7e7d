// Bounds of SPF that no RFC sets, each at its value and one past it, and the most that hostile records and zones cost:
// questions and memory at their peak, as docs/spf.md states them. The RFC's own limits are in check_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/spf_edit.hpp>
#include <sendconn/spf_received.hpp>

#include "lib/spf/macro.hpp"
#include "tests/heap/heap.hpp"
#include "tests/spf/answers.hpp"

namespace sendconn::spf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const IpAddress client = IpAddress::v4({192, 0, 2, 1});

struct Cost {
  Outcome outcome;
  std::size_t questions = 0;
  long octets = 0;  ///< of the heap, at its peak, without the answers
};

Cost check(const test::Answers& answers, const Options& options = {}, std::string_view sender = "joe@example.org") {
  Cost cost;
  std::map<dns::Question, dns::Answer> known;  // so that answers are not counted, and only made once
  {
    const auto warm = make_check(options);
    warm->start({client, "mail.example.org", sender, Identity::mail_from, {}});
    test::drive(*warm, [&](const dns::Question& question) { return known[question] = answers.lookup(question); });
  }
  sendconn::test::begin_heap_peak();
  const long before = sendconn::test::heap_octets();
  const auto check = make_check(options);
  check->start({client, "mail.example.org", sender, Identity::mail_from, {}});
  while (const dns::Question* question = check->next_question()) {
    ++cost.questions;
    check->answer(*question, known.at(*question));
  }
  EXPECT_TRUE(check->done());
  cost.octets = sendconn::test::heap_peak_octets() - before;
  cost.outcome = check->outcome();
  return cost;
}

void add_txt(test::Answers& answers, const std::string& name, std::string text) {
  answers.at(name).sets[dns::RecordType::txt].push_back({{}, 0, std::move(text)});
}

// ---------------------------------------------------------------- bounds

TEST(Bounds, AMacroKeepsAtMost1024PartsHoweverManyItAsksFor) {
  std::string local = "first";
  for (unsigned part = 0; part < 1024; ++part) local += ".p";  // 1,025 parts
  MacroValues values;
  values.local = local;
  const auto expand = [&values](std::string_view text) {
    std::string out;
    expand_text(text, values, 10'000, out);
    return out;
  };
  const std::string last = local.substr(6);
  EXPECT_EQ(expand("%{l1023}"), last.substr(2));
  for (const char* text : {"%{l1024}", "%{l1025}", "%{l99999999999999999999}"}) EXPECT_EQ(expand(text), last) << text;
}

TEST(Bounds, ANameThatGrowsBeyond4096OctetsKeepsItsEnd) {
  const std::string local(512, 'x');
  MacroValues values;
  values.local = local;
  std::string text;
  for (unsigned i = 0; i < 8; ++i) text += "%{l}";
  std::string name;
  expand_name(text, values, name);
  EXPECT_EQ(name, std::string(4096, 'x'));
  name.clear();
  expand_name(text + "y", values, name);
  EXPECT_EQ(name, std::string(511, 'x') + "y");
}

TEST(Bounds, NamesOfAnMxMayBeAHundredHoweverManyAreConfigured) {
  for (const unsigned names : {100U, 101U}) {
    test::Answers answers;
    add_txt(answers, "example.org", "v=spf1 mx -all");
    for (unsigned i = 0; i < names; ++i) {
      const std::string host = "h" + std::to_string(i) + ".example.org";
      answers.at("example.org").sets[dns::RecordType::mx].push_back({{}, static_cast<std::uint16_t>(i), host});
      answers.at(host).sets[dns::RecordType::a].push_back({i == 99 ? client : IpAddress::v4({192, 0, 2, 2}), 0, {}});
    }
    Options options;
    options.limits.mx_names = 1000;
    const Cost cost = check(answers, options);
    EXPECT_EQ(cost.outcome.verdict, names == 100 ? Verdict::pass : Verdict::permerror) << cost.outcome.text;
    EXPECT_LE(cost.questions, 102U);
    options.limits.mx_names = 99;
    EXPECT_EQ(check(answers, options).outcome.reason, Reason::mx_limit);
  }
}

TEST(Bounds, NamesOfAClientMayBeAHundredHoweverManyAreConfigured) {
  for (const unsigned names : {100U, 101U}) {
    test::Answers answers;
    add_txt(answers, "example.org", "v=spf1 ptr -all");
    for (unsigned i = 0; i < names; ++i) {
      const std::string host = "h" + std::to_string(i) + (i + 1 == names ? ".example.org" : ".example.net");
      answers.at("1.2.0.192.in-addr.arpa").sets[dns::RecordType::ptr].push_back({{}, 0, host});
      answers.at(host).sets[dns::RecordType::a].push_back({client, 0, {}});
    }
    Options options;
    options.limits.ptr_names = 1000;
    EXPECT_EQ(check(answers, options).outcome.verdict, names == 100 ? Verdict::pass : Verdict::fail);
    options.limits.ptr_names = 99;
    EXPECT_EQ(check(answers, options).outcome.verdict, Verdict::fail);
  }
}

TEST(Bounds, OfTheCacheOfRecordsAreTheirNumberAndTheirSize) {
  for (const std::size_t octets : {RecordCache::max_kept_octets, RecordCache::max_kept_octets + 1}) {
    RecordCache cache;
    std::string text = "v=spf1 x=";
    text.resize(octets, 'y');
    const auto first = cache.parse(text);
    EXPECT_EQ(cache.parse(text) == first, octets == RecordCache::max_kept_octets) << octets;
  }
  RecordCache cache;
  for (std::size_t i = 0; i < 3 * RecordCache::default_records; ++i) {
    cache.parse("v=spf1 x=" + std::to_string(i));
    // Two halves, each rounded up.
    ASSERT_LE(cache.size(), RecordCache::default_records + 2);
  }
  EXPECT_GE(cache.size(), RecordCache::default_records / 2);
}

TEST(Bounds, OfReceivedSpfAreItsValuesAndComment) {
  ReceivedSpf received;
  received.helo = std::string(max_received_value_octets, 'h');
  received.comment = std::string(max_received_value_octets, 'c');
  EXPECT_THAT(format(received), HasSubstr("helo=" + received.helo));
  EXPECT_THAT(format(received), HasSubstr("(" + received.comment + ")"));
  const std::string helo = received.helo;
  const std::string comment = received.comment;
  received.helo += 'h';
  received.comment += 'c';
  EXPECT_THAT(format(received), Not(HasSubstr(received.helo)));
  EXPECT_THAT(format(received), HasSubstr(helo));
  EXPECT_THAT(format(received), HasSubstr("(" + comment + ")"));
}

TEST(Bounds, OfNetworksThatAreComparedAre500) {
  const auto record = [](std::size_t before) {
    std::string text = "v=spf1";
    for (std::size_t i = 0; i < before; ++i)
      text += " ip4:10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".0/24";
    const std::size_t last = before - 1;
    return text + " ip4:10." + std::to_string(last / 256) + "." + std::to_string(last % 256) + ".7 -all";
  };
  const auto overlaps = [](const std::string& text) {
    const auto findings = lint(text);
    return std::any_of(findings.begin(), findings.end(),
                       [](const Finding& finding) { return finding.code == "overlapping-network"; });
  };
  EXPECT_TRUE(overlaps(record(500)));
  EXPECT_FALSE(overlaps(record(501))) << "the 501st is not remembered";
}

// ---------------------------------------------------------------- cost

/// As docs/spf.md states them.
constexpr long most_octets_for_64_kilobytes = 4'000'000;
constexpr long most_octets_for_a_wide_tree = 1'000'000;

TEST(Costs, ARecordOf64KilobytesTakesBoundedMemoryAtItsPeak) {
  const auto fill = [](std::string text, const std::string& with) {
    while (text.size() + with.size() <= Record::max_octets) text += with;
    return text;
  };
  long most = 0;
  for (const std::string& record :
       {fill("v=spf1", " a"), fill("v=spf1", " all"), fill("v=spf1", " x"), fill("v=spf1", " x=y"),
        fill("v=spf1 ", " "), fill("v=spf1", " ip4:198.51.100.1"), fill("v=spf1 exists:", "%{l1r-}"),
        fill("v=spf1 exists:", "%{S}"), fill("v=spf1 exists:", "a."), fill("v=spf1 include:", "%")}) {
    test::Answers answers;
    add_txt(answers, "example.org", record);
    answers.at("example.org").sets[dns::RecordType::a].push_back({IpAddress::v4({198, 51, 100, 7}), 0, {}});
    const Cost cost = check(answers, {}, std::string(900, '-') + "@example.org");
    EXPECT_LE(cost.questions, 12U) << record.substr(0, 30);
    EXPECT_LT(cost.octets, most_octets_for_64_kilobytes) << record.substr(0, 30);
    most = std::max(most, cost.octets);
  }
  RecordProperty("octets", static_cast<int>(most));
}

TEST(Costs, ATreeOfIncludesOfWidthAThousandTakesElevenQuestions) {
  // Each of the thousand includes all the others, so that the tree has no end either.
  std::string record = "v=spf1";
  for (int i = 0; i < 1000; ++i) record += " include:i" + std::to_string(i) + ".example";
  test::Answers answers;
  for (int i = 0; i < 1000; ++i) add_txt(answers, "i" + std::to_string(i) + ".example", record);
  add_txt(answers, "example.org", record + " -all");
  const Cost deep = check(answers);
  EXPECT_EQ(deep.outcome.reason, Reason::lookup_limit);
  EXPECT_EQ(deep.questions, 11U) << "the record itself, and ten includes";
  EXPECT_LT(deep.octets, most_octets_for_a_wide_tree) << "though each of eleven records has a thousand terms";

  // A thousand leaves that match nobody.
  test::Answers leaves;
  for (int i = 0; i < 1000; ++i) add_txt(leaves, "i" + std::to_string(i) + ".example", "v=spf1 ip4:198.51.100.1 -all");
  add_txt(leaves, "example.org", record + " -all");
  const Cost wide = check(leaves);
  EXPECT_EQ(wide.outcome.reason, Reason::lookup_limit);
  EXPECT_EQ(wide.questions, 11U);
  EXPECT_LT(wide.octets, most_octets_for_a_wide_tree);
  Options options;
  options.limits.lookups = 1000;
  const Cost all = check(leaves, options);
  EXPECT_EQ(all.outcome.verdict, Verdict::fail) << "whoever allows a thousand has a thousand";
  EXPECT_EQ(all.questions, 1001U);
  EXPECT_LT(all.octets, most_octets_for_a_wide_tree);
  RecordProperty("deep", static_cast<int>(deep.octets));
  RecordProperty("wide", static_cast<int>(wide.octets));
}

TEST(Costs, NoZoneMakesACheckAskMoreThanElevenQuestionsForATerm) {
  // Ten terms, each an mx of ten hosts.
  std::string record = "v=spf1";
  test::Answers answers;
  for (int i = 0; i < 10; ++i) {
    const std::string name = "m" + std::to_string(i) + ".example";
    record += " mx:" + name;
    for (int j = 0; j < 10; ++j) {
      const std::string host = "h" + std::to_string(j) + "." + name;
      answers.at(name).sets[dns::RecordType::mx].push_back({{}, 0, host});
      answers.at(host).sets[dns::RecordType::a].push_back({IpAddress::v4({198, 51, 100, 1}), 0, {}});
    }
  }
  add_txt(answers, "example.org", record + " -all");
  const Cost cost = check(answers);
  EXPECT_EQ(cost.outcome.verdict, Verdict::fail);
  EXPECT_EQ(cost.questions, 1 + 10 * 11U);
  EXPECT_LT(cost.octets, 100'000);
}

}  // namespace
}  // namespace sendconn::spf
