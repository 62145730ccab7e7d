// What hostile facts and records cost DMARC at their peak, as docs/dmarc.md states it, and bounds that the other tests
// do not meet.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/dmarc/drive.hpp"
#include "tests/heap/heap.hpp"

namespace sendconn::dmarc {
namespace {

struct Cost {
  Outcome outcome;
  std::size_t questions = 0;
  long octets = 0;  ///< of the heap, at its peak, without facts and answers
};

Cost check(const Facts& facts, const LittleDns& dns, const Options& options = {}) {
  Cost cost;
  std::map<dns::Question, dns::Answer> known;
  Facts copy = facts;
  {
    Check warm(facts, options);
    for (const dns::Question& question : drive(warm, dns, Order::forward)) known[question] = dns.ask(question);
  }
  const auto began = std::chrono::steady_clock::now();
  const long before = test::heap_octets();
  test::begin_heap_peak();
  Check check(std::move(copy), options);
  while (!check.done()) {
    for (const dns::Question& question : check.questions()) {
      ++cost.questions;
      const auto answer = known.find(question);
      check.answer(question, answer != known.end() ? answer->second : dns.ask(question));
    }
  }
  cost.octets = test::heap_peak_octets() - before;
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
  cost.outcome = check.outcome();
  return cost;
}

TEST(Costs, AThousandSignaturesTakeTwentyWalksAndAMegabyte) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  Facts facts;
  facts.authors = {domain("a.b.c.d.e.f.g.example.com")};
  // Twelve labels each, and no two with a name in common below the seventh.
  for (int i = 0; i < 1000; ++i)
    facts.dkim.push_back({Evidence::pass, domain("a.b.c.d.e.f.g.h.x" + std::to_string(i) + ".y.example.com")});
  const Cost cost = check(facts, dns);
  EXPECT_EQ(cost.outcome.verdict, Verdict::pass);
  EXPECT_LE(cost.questions, Options{}.max_walks * Options::max_queries_of_walk);
  EXPECT_LT(cost.octets, 1'000'000);
  RecordProperty("questions", static_cast<int>(cost.questions));
  RecordProperty("octets", static_cast<int>(cost.octets));
}

TEST(Costs, ARecordOf64KilobytesTakesAMegabyte) {
  const auto fill = [](std::string text, const std::string& with) {
    while (text.size() + with.size() <= Record::max_octets) text += with;
    return text;
  };
  long most = 0;
  for (const std::string& record :
       {fill("v=DMARC1; p=reject; rua=", "mailto:a@example.com,"), fill("v=DMARC1; p=reject; rua=", ","),
        fill("v=DMARC1; p=reject", ";x=y"), fill("v=DMARC1; p=reject", ";"), fill("v=DMARC1; p=reject; fo=", "1:"),
        fill("v=DMARC1; p=reject; rua=mailto:", "%41"), fill("v=DMARC1; p=reject; ", "p=none;")}) {
    LittleDns dns;
    dns.txt["_dmarc.example.com"] = {record};
    Facts facts;
    facts.authors = {domain("example.com")};
    const Cost cost = check(facts, dns);
    EXPECT_EQ(cost.outcome.verdict, Verdict::fail) << record.substr(0, 40);
    EXPECT_LE(cost.questions, 2U);
    EXPECT_LT(cost.octets, 1'000'000) << record.substr(0, 40);
    most = std::max(most, cost.octets);
  }
  RecordProperty("octets", static_cast<int>(most));
}

TEST(Costs, ANameOf127LabelsTakesEightQuestions) {
  std::string name = "x";
  while (name.size() + 2 <= Domain::max_octets) name = "x." + name;
  ASSERT_EQ(name.size(), Domain::max_octets);  // 127 labels
  LittleDns dns;
  dns.txt["_dmarc.x.x"] = {"v=DMARC1; p=reject"};
  Facts facts;
  facts.authors = {domain(name)};
  facts.spf = SpfFact{Evidence::pass, domain(name.substr(2))};
  const Cost cost = check(facts, dns);
  EXPECT_EQ(cost.outcome.verdict, Verdict::pass) << cost.outcome.reason;
  EXPECT_LE(cost.questions, 8U) << "of two names that are too long one is not asked for, and seven are shared";
  EXPECT_FALSE(Domain::parse("x." + name).ok());
}

TEST(Bounds, WalksAreAtLeastOneForEachAuthor) {
  Facts facts;
  for (int i = 0; i < 3; ++i) facts.authors.push_back(domain("a" + std::to_string(i) + ".example"));
  Options options;
  options.several_authors = SeveralAuthors::check_each;
  options.max_walks = 3;
  EXPECT_EQ(check(facts, {}, options).outcome.verdict, Verdict::none);
  options.max_walks = 2;
  Check refused(facts, options);
  ASSERT_TRUE(refused.done());
  EXPECT_EQ(refused.outcome().verdict, Verdict::permanent_error);
  EXPECT_EQ(refused.questions_asked(), 0U);
}

}  // namespace
}  // namespace sendconn::dmarc
