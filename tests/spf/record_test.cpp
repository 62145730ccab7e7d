// Records as text: every term, every fault with its place, and the cache of parsed ones.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include <sendconn/spf_record.hpp>

namespace sendconn::spf {
namespace {

using ::testing::HasSubstr;

TEST(Record, IsSpfByItsVersionSectionAlone) {
  for (const char* text : {"v=spf1", "v=spf1 -all", "V=SPF1 ", "v=spf1 \xff"})
    EXPECT_TRUE(Record::is_spf(text)) << text;
  for (const char* text : {"", "v=spf", "v=spf10", "v=spf1-all", " v=spf1", "v=spf2.0/pra", "v=spf1\t-all"})
    EXPECT_FALSE(Record::is_spf(text)) << text;
}

TEST(Record, KnowsEachTermAndItsPlace) {
  const Record record = Record::parse(
      "v=spf1 +a:mail.example.org/24//64 ~IP4:192.0.2.0/25  -include:%{d2}.example ?ptr ip6:2001:db8::/32 mx//48 "
      "x-note=a:b/c exp=why.example.org redirect=%{p}.example.org ");
  ASSERT_TRUE(record.valid()) << record.faults()[0].text;
  ASSERT_EQ(record.terms().size(), 9U);
  const Term& a = record.terms()[0];
  EXPECT_EQ(a.kind, TermKind::a);
  EXPECT_EQ(a.position, 7U);
  EXPECT_EQ(record.text(a), "+a:mail.example.org/24//64");
  EXPECT_EQ(record.domain(a), "mail.example.org");
  EXPECT_EQ(a.prefix4, 24);
  EXPECT_EQ(a.prefix6, 64);
  const Term& ip4 = record.terms()[1];
  EXPECT_EQ(ip4.qualifier, Qualifier::softfail);
  EXPECT_EQ(ip4.address.format(), "192.0.2.0");
  EXPECT_EQ(ip4.prefix4, 25);
  const Term& include = record.terms()[2];
  EXPECT_EQ(include.qualifier, Qualifier::fail);
  EXPECT_TRUE(include.has_macros);
  EXPECT_EQ(record.domain(include), "%{d2}.example");
  EXPECT_EQ(record.terms()[3].qualifier, Qualifier::neutral);
  EXPECT_TRUE(record.domain(record.terms()[3]).empty());
  EXPECT_EQ(record.terms()[4].prefix6, 32);
  EXPECT_EQ(record.terms()[5].prefix4, 32);
  EXPECT_EQ(record.terms()[5].prefix6, 48);
  EXPECT_EQ(record.terms()[6].kind, TermKind::unknown_modifier);
  EXPECT_EQ(record.domain(record.terms()[6]), "a:b/c");
  EXPECT_EQ(record.find(TermKind::exp), &record.terms()[7]);
  EXPECT_TRUE(record.find(TermKind::redirect)->asks_ptr);
  EXPECT_EQ(record.find(TermKind::all), nullptr);
}

// Plain ip4 terms are read by a way of their own; a qualifier leads them the general way, which must say the same.
TEST(Record, ReadsAPlainIp4AsAnyOtherTerm) {
  std::vector<std::string> networks = {
      "",           "192.0.2",        "192.0.2.",          "192.0.2.1.", "192.0.2.1.1",     "192..2.1",
      "1.2.3.4x",   "01.2.3.4",       "1.2.3.04",          "0.0.0.0",    "255.255.255.255", "256.1.1.1",
      "1.1.1.256",  "1.2.3.1000",     "99999999999.1.1.1", ".1.2.3.4",   "1,2.3.4",         "1.2.3.4/",
      "1.2.3.4//8", "1.2.3.4/24//64", "1.2.3.4/x",         "1.2.3.4/8x", "1.2.3.4/00",      "1.2.3.4/-1",
      "::1",        "1.2.3.4\x01",    "1.2.3.4/8\xff",     "%{i}",       "1.2.3.4=",        "1.2.3.4/8 "};
  for (int prefix = 0; prefix <= 130; ++prefix) {
    networks.push_back("198.51.100.77/" + std::to_string(prefix));
    networks.push_back("198.51.100.77/0" + std::to_string(prefix));
  }
  for (const std::string& network : networks) {
    const Record plain = Record::parse("v=spf1 ip4:" + network + " a");
    const Record general = Record::parse("v=spf1 +ip4:" + network + " a");
    const Record upper = Record::parse("v=spf1 IP4:" + network + " a");
    ASSERT_EQ(plain.terms().size(), general.terms().size()) << network;
    ASSERT_EQ(plain.terms().size(), upper.terms().size()) << network;
    ASSERT_EQ(plain.faults().size(), general.faults().size()) << network;
    ASSERT_EQ(plain.faults().size(), upper.faults().size()) << network;
    for (std::size_t i = 0; i < plain.terms().size(); ++i) {
      const Term& term = plain.terms()[i];
      const Term& other = general.terms()[i];
      EXPECT_EQ(term.kind, other.kind) << network;
      EXPECT_EQ(term.address.format(), other.address.format()) << network;
      EXPECT_EQ(term.prefix4, other.prefix4) << network;
      EXPECT_EQ(term.network4, other.network4) << network;
      EXPECT_EQ(term.mask4, other.mask4) << network;
      EXPECT_EQ(plain.text(term), i == 0 && plain.valid() ? general.text(other).substr(1) : general.text(other));
    }
  }
}

struct BadTerm {
  const char* term;
  std::size_t position;  ///< in the term
  std::size_t octets;
  const char* text;
};

// Mechanisms without a target are read by a way of their own, too; "/32" leads an a or mx the general way.
TEST(Record, ReadsAPlainNameAsAnyOtherTerm) {
  for (const std::string qualifier : {"", "+", "-", "~", "?"})
    for (const std::string name : {"a", "A", "mx", "MX", "mX", "all", "All", "ALL"})
      for (const std::string rest : {"", " ", " ip4:192.0.2.1", "  -all"}) {
        const Record plain = Record::parse("v=spf1 " + qualifier + name + rest);
        ASSERT_TRUE(plain.valid()) << plain.text();
        const Term& term = plain.terms().front();
        EXPECT_EQ(plain.text(term), qualifier + name);
        EXPECT_EQ(format(term.qualifier), qualifier.empty() ? '+' : qualifier.front()) << plain.text();
        EXPECT_EQ(term.domain_size, 0U);
        if (term.kind == TermKind::all) {
          EXPECT_EQ(name.size(), 3U) << plain.text();
          continue;
        }
        const Record general = Record::parse("v=spf1 " + qualifier + name + "/32" + rest);
        const Term& other = general.terms().front();
        EXPECT_EQ(term.kind, other.kind);
        EXPECT_EQ(term.qualifier, other.qualifier);
        EXPECT_EQ(term.prefix4, other.prefix4);
        EXPECT_EQ(term.prefix6, other.prefix6);
        EXPECT_EQ(plain.terms().size(), general.terms().size());
      }
  for (const std::string bad :
       {"+", "-", "al", "m", "mxx", "allx", "all:", "all/8", "--all", "-+a", "a.", "a;", "mx\t", "mx\xe4"})
    EXPECT_FALSE(Record::parse("v=spf1 " + bad).valid()) << bad;
  for (const std::string argument : {"a:b.example", "mx:b.example/24", "a/24", "mx//64", "all=x", "a=x", "mx=%{d}"})
    EXPECT_TRUE(Record::parse("v=spf1 " + argument).valid()) << argument;
  EXPECT_EQ(Record::parse("v=spf1 all=x").terms().front().kind, TermKind::unknown_modifier);
}

class Faults : public ::testing::TestWithParam<BadTerm> {};

TEST_P(Faults, AreNamedWithTheirPlace) {
  const BadTerm& bad = GetParam();
  const Record record = Record::parse("v=spf1 a " + std::string(bad.term) + " -all");
  ASSERT_EQ(record.faults().size(), 1U) << bad.term;
  const Fault& fault = record.faults()[0];
  EXPECT_EQ(fault.position, 9 + bad.position) << fault.text;
  EXPECT_EQ(fault.octets, bad.octets) << fault.text;
  EXPECT_THAT(fault.text, HasSubstr(bad.text));
  EXPECT_THAT(fault.text, HasSubstr("RFC 7208"));
  EXPECT_EQ(record.terms().size(), 2U) << "the terms around it are read";
}

INSTANTIATE_TEST_SUITE_P(
    Terms, Faults,
    ::testing::Values(BadTerm{"ip4:123.4.5.678/90", 4, 11, "is no IPv4 address"},       // seeds: connectoor's example
                      BadTerm{"ip4:192.0.2.1/33", 14, 2, "0 to 32"},                    //
                      BadTerm{"ip4:192.0.2.1/032", 14, 3, "leading zeros"},             //
                      BadTerm{"ip4:192.0.2.1/", 14, 1, "no prefix length"},             //
                      BadTerm{"ip4:192.0.2.01", 4, 10, "without leading zeros"},        //
                      BadTerm{"ip4:2001:db8::1", 4, 11, "is no IPv4 address"},          //
                      BadTerm{"ip6:192.0.2.1", 4, 9, "is no IPv6 address"},             //
                      BadTerm{"ip6:2001:db8::/129", 15, 3, "0 to 128"},                 //
                      BadTerm{"ip4", 3, 1, "a colon and an address must follow"},       //
                      BadTerm{"ipv4:192.0.2.1", 0, 14, "is no mechanism"},              //
                      BadTerm{"192.0.2.1", 0, 9, "is no mechanism"},                    //
                      BadTerm{"-all.", 1, 4, "is no mechanism"},                        //
                      BadTerm{"-all:x", 4, 2, "nothing may follow all"},                //
                      BadTerm{"include", 7, 1, "a domain must follow"},                 //
                      BadTerm{"include:", 0, 8, "a domain must stand here"},            //
                      BadTerm{"include:com", 8, 3, "no complete domain"},               //
                      BadTerm{"include:a.example/24", 10, 10, "no top-level domain"},   //
                      BadTerm{"a:a.123", 4, 3, "no top-level domain"},                  //
                      BadTerm{"a:a.-x", 4, 2, "no top-level domain"},                   //
                      BadTerm{"a/24/64", 5, 2, "0 to 32"},                              //
                      BadTerm{"mx//129", 4, 3, "0 to 128"},                             //
                      BadTerm{"ptr/24", 3, 3, "only a colon and a domain"},             //
                      BadTerm{"exists:%{c}.a.example", 7, 4, "explanation"},            //
                      BadTerm{"exists:%{d0}.a.example", 7, 4, "must not be 0"},         //
                      BadTerm{"exists:%{x}.a.example", 7, 3, "is no macro"},            //
                      BadTerm{"exists:a%{d", 8, 3, "does not go on as a macro"},        //
                      BadTerm{"exists:a%", 8, 1, "must follow a percent sign"},         //
                      BadTerm{"exists:a%(ir).example", 8, 2, "must follow a percent"},  //
                      BadTerm{"exists:%{d}.", 11, 1, "no complete domain"},             //
                      BadTerm{"exists:%{d}x.", 11, 2, "no complete domain"},            //
                      BadTerm{"-exp=a.example", 0, 14, "takes no qualifier"},           //
                      BadTerm{"1x=y", 0, 4, "begins with a letter"},                    //
                      BadTerm{"=y", 0, 2, "begins with a letter"},                      //
                      BadTerm{"x=%y", 2, 2, "must follow a percent sign"},              //
                      BadTerm{"exp=", 0, 4, "a domain must stand here"},                //
                      BadTerm{"redirect:a.example", 0, 18, "is no mechanism"},          //
                      BadTerm{"a\tmx", 1, 1, "visible ASCII"},                          //
                      BadTerm{"-all\xe2\x80\x9d", 4, 3, "visible ASCII"}));             // a typographic quotation mark

TEST(Record, TellsEveryFaultAndNotOnlyTheFirst) {
  const Record record = Record::parse("v=spf1 foo ip4:1.2.3 mx redirect=a.example redirect=b.example bar");
  ASSERT_EQ(record.faults().size(), 4U);
  EXPECT_EQ(record.faults()[1].position, 15U);
  EXPECT_THAT(record.faults()[2].text, HasSubstr("once is allowed"));
  EXPECT_EQ(record.faults()[2].position, 43U);
  EXPECT_EQ(record.faults()[3].position, 62U);
}

TEST(Record, WithoutAVersionHasThatFaultAlone) {
  const Record record = Record::parse("v=spf10 -all");
  ASSERT_EQ(record.faults().size(), 1U);
  EXPECT_EQ(record.faults()[0].position, 0U);
  EXPECT_THAT(record.faults()[0].text, HasSubstr("v=spf1 and a space"));
  EXPECT_FALSE(Record::parse("").valid());
}

TEST(Record, StopsAtTheLimitOfFaults) {
  std::string text = "v=spf1";
  for (std::size_t i = 0; i < Record::max_faults + 1; ++i) text += " x";
  EXPECT_EQ(Record::parse(text).faults().size(), Record::max_faults);
  EXPECT_EQ(Record::parse(text.substr(0, text.size() - 4)).faults().size(), Record::max_faults - 1);
}

TEST(Record, HasAtMost65535Octets) {
  std::string text = "v=spf1 x=";
  text.resize(Record::max_octets, 'y');
  EXPECT_TRUE(Record::parse(text).valid());
  text += 'y';
  const Record record = Record::parse(text);
  ASSERT_FALSE(record.valid());
  EXPECT_THAT(record.faults()[0].text, HasSubstr("65536 octets"));
}

TEST(RecordCache, KeepsWhatIsAskedForAndForgetsTheRest) {
  RecordCache cache(8);
  const auto first = cache.parse("v=spf1 -all");
  EXPECT_EQ(cache.parse("v=spf1 -all"), first);
  for (int i = 0; i < 1000; ++i) {
    cache.parse("v=spf1 ip4:192.0.2." + std::to_string(i % 256) + " x=" + std::to_string(i));
    EXPECT_EQ(cache.parse("v=spf1 -all"), first) << "asked for all the time";
    EXPECT_LE(cache.size(), 10U);
  }
  std::string large = "v=spf1 x=";
  large.resize(RecordCache::max_kept_octets + 1, 'y');
  EXPECT_NE(cache.parse(large), cache.parse(large)) << "too large to be kept";
}

}  // namespace
}  // namespace sendconn::spf
