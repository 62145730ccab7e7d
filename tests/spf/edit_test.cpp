// Records as people keep them: what lint finds and where, what changing one leaves, how long ones are split.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/spf_edit.hpp>

namespace sendconn::spf {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Mistake {
  const char* record;
  const char* code;
  Severity severity;
  std::size_t position;
  const char* text;
};

class Lint : public ::testing::TestWithParam<Mistake> {};

TEST_P(Lint, NamesTheMistakeAndItsPlace) {
  const Mistake& mistake = GetParam();
  const std::vector<Finding> findings = lint(mistake.record);
  std::string codes;
  const Finding* found = nullptr;
  for (const Finding& finding : findings) {
    codes += std::string(finding.code) + " ";
    if (found == nullptr && finding.code == mistake.code) found = &finding;
  }
  ASSERT_NE(found, nullptr) << mistake.record << ": " << codes;
  EXPECT_EQ(found->severity, mistake.severity);
  EXPECT_EQ(found->position, mistake.position) << found->text;
  EXPECT_LE(found->position + found->octets, std::string_view(mistake.record).size() + 1) << found->text;
  EXPECT_THAT(found->text, HasSubstr(mistake.text));
}

INSTANTIATE_TEST_SUITE_P(
    Records, Lint,
    ::testing::Values(
        Mistake{"v=spf1 ip4:123.4.5.678/90 ~all", "syntax", Severity::error, 11, "is no IPv4 address"},
        Mistake{"v=spf1 include:a.example -all\xe2\x80\x9d", "typographic-quote", Severity::error, 29, "plain ASCII"},
        Mistake{"v=spf1 a \xe2\x80\x93"
                "all",
                "typographic-dash", Severity::error, 9, "plain ASCII"},
        Mistake{"v=spf1 a\xc2\xa0-all", "non-breaking-space", Severity::error, 8, "plain ASCII"},
        Mistake{"v=spf1 a:b\xc3\xbc.example -all", "not-ascii", Severity::error, 10, "A-labels"},
        Mistake{"v=spf1 a\t-all", "control-character", Severity::error, 8, "spaces alone"},
        Mistake{"v=spf1 ipv4:192.0.2.1 -all", "misspelled-mechanism", Severity::error, 7, "write ip4:192.0.2.1"},
        Mistake{"v=spf1 ip:192.0.2.1 -all", "misspelled-mechanism", Severity::error, 7, "write ip4:192.0.2.1"},
        Mistake{"v=spf1 192.0.2.0/24 -all", "bare-address", Severity::error, 7, "write ip4:192.0.2.0/24"},
        Mistake{"v=spf1 2001:db8::1 -all", "bare-address", Severity::error, 7, "write ip6:2001:db8::1"},
        Mistake{"v=spf1 ip4:2001:db8::1 -all", "wrong-family", Severity::error, 11, "write ip6:2001:db8::1"},
        Mistake{"v=spf1 ip6:192.0.2.1 -all", "wrong-family", Severity::error, 11, "write ip4:192.0.2.1"},
        Mistake{"v=spf1 a, mx -all", "comma", Severity::error, 8, "spaces alone"},
        Mistake{"v=spf1 include: a.example -all", "space-after-colon", Severity::error, 7, "without a space"},
        Mistake{"v=spf1 redirect:a.example", "modifier-with-colon", Severity::error, 7, "write an equals sign"},
        Mistake{"v=spf1 a/24/64 -all", "bad-prefix", Severity::error, 12, "two slashes"},
        Mistake{"v=spf1 exists:%(ir).example -all", "bad-macro", Severity::error, 14, "percent sign"},
        Mistake{"v=spf1 exp=a.example exp=b.example -all", "duplicate-modifier", Severity::error, 21, "keep one"},
        Mistake{"v=spf1 \"a -all\"", "quote", Severity::error, 7, "zone file"},
        Mistake{"v=spf10 -all", "not-spf", Severity::error, 0, "v=spf1"},
        Mistake{"", "not-spf", Severity::error, 0, "v=spf1"},
        Mistake{"spf2.0/pra -all", "sender-id", Severity::error, 0, "historic"},
        Mistake{"v=spf1 ip4=192.0.2.1 -all", "mechanism-with-equals", Severity::warning, 7, "takes a colon"},
        Mistake{"v=spf1 foo=bar -all", "unknown-modifier", Severity::advice, 7, "no standard"},
        Mistake{"v=spf1 -all ip4:192.0.2.1", "after-all", Severity::warning, 12, "never reached"},
        Mistake{"v=spf1 -all redirect=a.example", "redirect-ignored", Severity::warning, 12, "is ignored"},
        Mistake{"v=spf1 ptr -all", "ptr-used", Severity::warning, 7, "should not be published"},
        Mistake{"v=spf1 exists:%{p}.a.example -all", "ptr-used", Severity::warning, 7, "should not"},
        Mistake{"v=spf1 a a:1.x a:2.x a:3.x a:4.x a:5.x a:6.x a:7.x a:8.x a:9.x mx -all", "too-many-lookups",
                Severity::error, 63, "at most 10"},
        Mistake{"v=spf1 a mx A -all", "duplicate-term", Severity::warning, 12, "only the first"},
        Mistake{"v=spf1 ip4:192.0.2.1/24 -all", "host-bits", Severity::advice, 7, "192.0.2.0/24"},
        Mistake{"v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.128/25 -all", "overlapping-network", Severity::warning, 24,
                "ip4:192.0.2.0/24 covers it"},
        Mistake{"v=spf1 ip6:2001:db8::/32 ip6:2001:db8:1::1 -all", "overlapping-network", Severity::warning, 25,
                "covers"},
        Mistake{"v=spf1 ip4:0.0.0.0/0 -all", "broad-network", Severity::warning, 7, "strangers"},
        Mistake{"v=spf1 a", "no-all", Severity::warning, 8, "end it with"},
        Mistake{"v=spf1 a all", "pass-all", Severity::warning, 9, "everybody"},
        Mistake{"v=spf1 a ?all", "neutral-all", Severity::warning, 9, "says nothing"}));

TEST(LintOfARecord, FindsNothingInAGoodOne) {
  EXPECT_THAT(lint("v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.example.net mx ~all"), IsEmpty());
  EXPECT_THAT(lint("v=spf1 redirect=_spf.example.net"), IsEmpty());
}

TEST(LintOfARecord, MindsItsSize) {
  std::string record = "v=spf1";
  for (int i = 0; record.size() < 451 - 5; ++i) record += " ip4:192.0.2." + std::to_string(i);
  record.resize(450 - 5);
  record = record.substr(0, record.rfind(' '));
  record += std::string(450 - 5 - record.size(), ' ') + " -all";
  ASSERT_EQ(record.size(), 450U);
  EXPECT_THAT(lint(record), IsEmpty());
  EXPECT_EQ(lint(record + " ").back().code, "long-record");
}

TEST(LintOfARecord, CostsLittleForAHostileOne) {
  std::string record = "v=spf1";
  for (int i = 0; record.size() + 40 < Record::max_octets; ++i)
    record += " ip4:10." + std::to_string(i / 256) + "." + std::to_string(i % 256) + ".1";
  EXPECT_FALSE(lint(record).empty());
  EXPECT_FALSE(lint(std::string(Record::max_octets, '(')).empty());
  EXPECT_LE(lint("v=spf1 " + std::string(1000, ' ') + std::string(60'000, ',')).size(), 10U);
}

struct Change {
  const char* record;
  const char* term;
  const char* changed;  ///< null: refused
  Errc error = Errc::syntax;
};

TEST(AddTerm, PutsItWhereItCounts) {
  const Change changes[] = {
      {"v=spf1 mx -all", "include:a.example", "v=spf1 mx include:a.example -all"},
      {"v=spf1  mx   -all ", "include:a.example", "v=spf1 mx include:a.example -all"},
      {"v=spf1", "mx", "v=spf1 mx"},
      {"v=spf1 exp=b.example", "mx", "v=spf1 mx exp=b.example"},
      {"v=spf1 mx redirect=b.example", "a", "v=spf1 mx a redirect=b.example"},
      {"v=spf1 include:A.example -all", "+INCLUDE:a.example.", "v=spf1 include:A.example -all"},
      {"v=spf1 ip4:192.0.2.0/24 -all", "ip4:192.0.2.7/24", "v=spf1 ip4:192.0.2.0/24 -all"},
      {"v=spf1 a ?all", "-all", "v=spf1 a -all"},
      {"v=spf1 a", "~all", "v=spf1 a ~all"},
      {"v=spf1 a exp=x.example -all", "exp=y.example", "v=spf1 a exp=y.example -all"},
      {"v=spf1 -all", "x=y", "v=spf1 -all x=y"},
      {"v=spf1 -ip4:192.0.2.1 -all", "ip4:192.0.2.1", nullptr, Errc::conflict},
      {"v=spf1 a -all", "redirect=b.example", nullptr, Errc::conflict},
      {"v=spf1 a redirect=b.example", "-all", nullptr, Errc::conflict},
      {"v=spf1 a", "include:", nullptr},
      {"v=spf1 a", "mx ptr", nullptr},
      {"v=spf1 a", "", nullptr},
      {"v=spf1 foo", "mx", nullptr},
  };
  for (const Change& change : changes) {
    const auto changed = add_term(change.record, change.term);
    ASSERT_EQ(changed.ok(), change.changed != nullptr) << change.record << " + " << change.term;
    if (changed) {
      EXPECT_EQ(*changed, change.changed);
      EXPECT_EQ(*add_term(*changed, change.term), *changed) << "adding again changes nothing";
    } else {
      EXPECT_EQ(changed.error().code, change.error) << changed.error().text;
    }
  }
}

TEST(RemoveTerm, ComparesByMeaning) {
  const Change changes[] = {
      {"v=spf1 mx include:a.example -all", "include:A.example", "v=spf1 mx -all"},
      {"v=spf1 +mx -all", "mx", "v=spf1 -all"},
      {"v=spf1 mx/32//128 MX -all", "mx", "v=spf1 -all"},
      {"v=spf1 mx -all", "all", nullptr, Errc::not_found},
      {"v=spf1 exists:%{S}.a.example", "exists:%{s}.a.example", nullptr, Errc::not_found},
      {"v=spf1 mx", "a", nullptr, Errc::not_found},
  };
  for (const Change& change : changes) {
    const auto changed = remove_term(change.record, change.term);
    ASSERT_EQ(changed.ok(), change.changed != nullptr) << change.record << " - " << change.term;
    if (changed) {
      EXPECT_EQ(*changed, change.changed);
    } else {
      EXPECT_EQ(changed.error().code, change.error);
    }
  }
}

TEST(Merge, MakesOneRecordOutOfSeveral) {
  EXPECT_EQ(*merge({"v=spf1 mx include:a.example ~all", "v=spf1 include:b.example mx -all"}),
            "v=spf1 mx include:a.example include:b.example ~all");
  EXPECT_EQ(*merge({"v=spf1 mx", "v=spf1 a -all exp=x.example"}), "v=spf1 mx a -all exp=x.example");
  EXPECT_EQ(*merge({"v=spf1 a redirect=x.example", "v=spf1 mx redirect=x.example"}), "v=spf1 a mx redirect=x.example");
  EXPECT_EQ(merge({}).error().code, Errc::invalid_argument);
  EXPECT_EQ(merge({"v=spf1 a", "nonsense"}).error().code, Errc::syntax);
  EXPECT_EQ(merge({"v=spf1 exp=a.example", "v=spf1 exp=b.example"}).error().code, Errc::conflict);
  EXPECT_EQ(merge({"v=spf1 redirect=a.example", "v=spf1 a -all"}).error().code, Errc::conflict);
}

TEST(Strings, AreSplitAt255Octets) {
  EXPECT_EQ(split_strings(std::string(255, 'x')).size(), 1U);
  EXPECT_EQ(split_strings(std::string(256, 'x')).size(), 2U);
  EXPECT_EQ(split_strings("").size(), 1U);
  std::string record = "v=spf1";
  for (int i = 0; i < 60; ++i) record += " ip4:192.0.2." + std::to_string(i);
  std::string joined;
  for (const std::string& string : split_strings(record)) {
    EXPECT_LE(string.size(), 255U);
    if (joined.size() + string.size() < record.size()) {
      EXPECT_EQ(string.back(), ' ');
    }
    joined += string;
  }
  EXPECT_EQ(joined, record);
  EXPECT_EQ(format_txt("a\"b\\c\xff"), "\"a\\\"b\\\\c\\255\"");
}

}  // namespace
}  // namespace sendconn::spf
