// Checks of our own engine: each limit at its value and one past it, macros, identities, what the outcome tells, and
// what hostile records cost. The published suite runs in tests/spf/conformance.py.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include <sendconn/spf.hpp>
#include <sendconn/zone.hpp>

#include "tests/heap/heap.hpp"
#include "tests/spf/answers.hpp"

namespace sendconn::spf {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

IpAddress ip(std::string_view text) { return IpAddress::parse(text).value(); }

dns::Zone zone(const std::string& text) {
  auto parsed = dns::Zone::parse(text);
  EXPECT_TRUE(parsed.ok()) << (parsed ? "" : parsed.error().text);
  return *parsed;
}

struct Asked {
  Options options;
  std::string client = "192.0.2.1";
  std::string helo = "mail.example.org";
  std::string mail_from = "joe@example.org";
  Identity identity = Identity::mail_from;
};

/// The outcome, which the blocking drive and any order of answers agree upon.
Outcome check(const dns::Zone& dns, const Asked& asked = {}) {
  const auto lookup = [&dns](const dns::Question& question) { return dns.lookup(question); };
  const Request request{ip(asked.client), asked.helo, asked.mail_from, asked.identity,
                        UnixTime(std::chrono::seconds(1700000000))};
  const auto check = make_check(asked.options);
  check->start(request);
  test::drive(*check, lookup);
  EXPECT_TRUE(check->done());
  Outcome outcome = check->outcome();
  std::mt19937 random(1);
  for (int i = 0; i < 5; ++i) {
    check->start(request);
    test::drive_shuffled(*check, lookup, random);
    const Outcome other = check->outcome();
    EXPECT_EQ(other.verdict, outcome.verdict);
    EXPECT_EQ(other.text, outcome.text);
    EXPECT_EQ(other.lookups, outcome.lookups);
    EXPECT_EQ(other.void_lookups, outcome.void_lookups);
    EXPECT_EQ(other.explanation, outcome.explanation);
  }
  return outcome;
}

std::string txt(const std::string& name, const std::string& text) {
  std::string quoted;
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  std::string out = name + ". TXT";
  for (std::size_t at = 0; at < quoted.size(); at += 200) out += " \"" + quoted.substr(at, 200) + "\"";
  return out + "\n";
}

std::string repeat(const std::string& text, int times) {
  std::string out;
  for (int i = 0; i < times; ++i) out += text;
  return out;
}

// ------------------------------------------------------------------------------------------------ limits

TEST(Limits, TenLookupsPassAndElevenDoNot) {
  const std::string address = "example.org. A 198.51.100.1\n";
  const Outcome at = check(zone(address + txt("example.org", "v=spf1" + repeat(" a", 10) + " ip4:192.0.2.1 -all")));
  EXPECT_EQ(at.verdict, Verdict::pass);
  EXPECT_EQ(at.lookups, 10U);
  const Outcome past = check(zone(address + txt("example.org", "v=spf1" + repeat(" a", 11) + " ip4:192.0.2.1 -all")));
  EXPECT_EQ(past.verdict, Verdict::permerror);
  EXPECT_EQ(past.reason, Reason::lookup_limit);
  EXPECT_THAT(past.text, HasSubstr("requires 11 of at most 10 DNS lookups (RFC 7208 section 4.6.4)"));
}

TEST(Limits, AMatchBeforeTheEleventhLookupCounts) {
  const auto dns = zone("example.org. A 198.51.100.1\n" +
                        txt("example.org", "v=spf1" + repeat(" a", 10) + " ip4:192.0.2.1 a a a -all"));
  EXPECT_EQ(check(dns).verdict, Verdict::pass);
}

TEST(Limits, LookupsAreCountedThroughIncludesAndRedirects) {
  for (const bool past : {false, true}) {
    // 1 include + 4 in it + 1 redirect + 4 (5) behind it.
    const auto dns = zone("example.org. A 198.51.100.1\n" +
                          txt("example.org", "v=spf1 include:i.example.org redirect=r.example.org") +
                          txt("i.example.org", "v=spf1 a:example.org a:example.org a:example.org a:example.org") +
                          txt("r.example.org", "v=spf1" + repeat(" exists:example.net", 0) +
                                                   repeat(" a:example.org", past ? 5 : 4) + " ip4:192.0.2.1 -all"));
    const Outcome outcome = check(dns);
    EXPECT_EQ(outcome.verdict, past ? Verdict::permerror : Verdict::pass) << outcome.text;
  }
}

TEST(Limits, TheNumberOfLookupsCanBeConfigured) {
  const auto dns = zone("example.org. A 198.51.100.1\n" + txt("example.org", "v=spf1 a a a -all"));
  Asked asked;
  asked.options.limits.lookups = 3;
  EXPECT_EQ(check(dns, asked).verdict, Verdict::fail);
  asked.options.limits.lookups = 2;
  EXPECT_EQ(check(dns, asked).reason, Reason::lookup_limit);
}

TEST(Limits, TheClientsNameCostsALookupOnce) {
  const std::string ptr = "1.2.0.192.in-addr.arpa. PTR mail.example.net.\nmail.example.net. A 192.0.2.1\n";
  const std::string hit = "mail.example.net.yes.example.org. A 127.0.0.2\nexample.org. A 198.51.100.1\n";
  const std::string tail = " exists:%{p}.no.example.org exists:%{p}.yes.example.org -all";
  const Outcome at = check(zone(ptr + hit + txt("example.org", "v=spf1" + repeat(" a", 7) + tail)));
  EXPECT_EQ(at.verdict, Verdict::pass) << at.text;
  EXPECT_EQ(at.lookups, 10U);
  EXPECT_EQ(check(zone(ptr + hit + txt("example.org", "v=spf1" + repeat(" a", 8) + tail))).reason,
            Reason::lookup_limit);
}

TEST(Limits, TwoVoidLookupsPassAndThreeDoNot) {
  const Outcome at = check(zone(txt("example.org", "v=spf1 a:x.example.org mx:y.example.org ip4:192.0.2.1 -all")));
  EXPECT_EQ(at.verdict, Verdict::pass);
  EXPECT_EQ(at.void_lookups, 2U);
  const Outcome past = check(
      zone(txt("example.org", "v=spf1 a:x.example.org mx:y.example.org exists:z.example.org ip4:192.0.2.1 -all")));
  EXPECT_EQ(past.verdict, Verdict::permerror);
  EXPECT_EQ(past.reason, Reason::void_lookup_limit);
  EXPECT_THAT(past.text, HasSubstr("exists:z.example.org in the record of example.org requires 3 of at most 2"));
}

TEST(Limits, VoidLookupsAreCountedThroughIncludes) {
  const auto dns = zone(txt("example.org", "v=spf1 include:i.example.org include:j.example.org ip4:192.0.2.1 -all") +
                        txt("i.example.org", "v=spf1 a:x.example.org a:y.example.org") +
                        txt("j.example.org", "v=spf1 a:z.example.org"));
  EXPECT_EQ(check(dns).reason, Reason::void_lookup_limit);
}

TEST(Limits, NoDataIsAVoidLookupAsWell) {
  const auto dns = zone("x.example.org. MX 0 x.example.org.\n" +
                        txt("example.org", "v=spf1 a:x.example.org a:x.example.org a:x.example.org ip4:192.0.2.1"));
  EXPECT_EQ(check(dns).reason, Reason::void_lookup_limit);
}

// The case of pyspf's issue 40: a client with IPv6, and hosts without.
TEST(Limits, ATermIsVoidOnceHoweverManyOfItsHostsAre) {
  std::string text = txt("example.org", "v=spf1 a mx ip6:2001:db8::1 -all") + "example.org. A 198.51.100.1\n";
  for (const char* host : {"m1", "m2", "m3", "m4"})
    text += std::string("example.org. MX 10 ") + host + ".example.org.\n" + host + ".example.org. A 198.51.100.9\n";
  Asked asked;
  asked.client = "2001:db8::1";
  const Outcome by_term = check(zone(text), asked);
  EXPECT_EQ(by_term.verdict, Verdict::pass) << by_term.text;
  EXPECT_EQ(by_term.void_lookups, 2U);
  asked.options.limits.void_counting = VoidCounting::by_question;
  EXPECT_EQ(check(zone(text), asked).reason, Reason::void_lookup_limit);
}

TEST(Limits, TenMxNamesPassAndElevenDoNot) {
  for (const int names : {10, 11}) {
    std::string text = txt("example.org", "v=spf1 mx -all");
    for (int i = 0; i < names; ++i) {
      const std::string host = "m" + std::to_string(i) + ".example.org.";
      text += "example.org. MX " + std::to_string(i) + " " + host + "\n" + host + " A 192.0.2." +
              std::to_string(i == 9 ? 1 : 100 + i) + "\n";
    }
    const Outcome outcome = check(zone(text));
    EXPECT_EQ(outcome.verdict, names == 10 ? Verdict::pass : Verdict::permerror) << outcome.text;
    EXPECT_EQ(outcome.lookups, 1U) << "the addresses of MX names are not counted";
    if (names == 11) {
      EXPECT_THAT(outcome.text, HasSubstr("requires 11 of at most 10 MX names"));
    }
  }
}

TEST(Limits, OfTheClientsNamesTheFirstTenAreUsed) {
  for (const int names : {10, 11}) {
    std::string text = txt("example.org", "v=spf1 ptr -all");
    for (int i = 0; i < names; ++i) {
      const std::string host = "h" + std::to_string(i) + (i == names - 1 ? ".example.org." : ".example.net.");
      text += "1.2.0.192.in-addr.arpa. PTR " + host + "\n" + host + " A 192.0.2.1\n";
    }
    EXPECT_EQ(check(zone(text)).verdict, names == 10 ? Verdict::pass : Verdict::fail);
  }
}

TEST(Limits, AnExplanationIsCutOff) {
  const std::string long_text(300, 'x');
  const auto dns = zone(txt("example.org", "v=spf1 -all exp=why.example.org") + txt("why.example.org", long_text));
  Asked asked;
  asked.options.limits.explanation_octets = 300;
  EXPECT_EQ(check(dns, asked).explanation, long_text);
  asked.options.limits.explanation_octets = 299;
  EXPECT_EQ(check(dns, asked).explanation, long_text.substr(1));
}

TEST(Limits, AnIdentityHasAtMostAThousandOctets) {
  const auto dns = zone(txt("example.org", "v=spf1 +all"));
  Asked asked;
  asked.mail_from = std::string(max_identity_octets - 12, 'x') + "@example.org";
  EXPECT_EQ(check(dns, asked).verdict, Verdict::pass);
  asked.mail_from = "x" + asked.mail_from;
  EXPECT_EQ(check(dns, asked).reason, Reason::unusable_identity);
}

// ------------------------------------------------------------------------------------------------ identities

TEST(Identities, HeloAndMailFromAreCheckedApart) {
  const auto dns = zone(txt("example.org", "v=spf1 -all") + txt("mail.example.org", "v=spf1 ip4:192.0.2.1 -all"));
  Asked asked;
  EXPECT_EQ(check(dns, asked).verdict, Verdict::fail);
  asked.identity = Identity::helo;
  const Outcome helo = check(dns, asked);
  EXPECT_EQ(helo.verdict, Verdict::pass);
  EXPECT_EQ(helo.identity, Identity::helo);
  EXPECT_EQ(helo.domain, "mail.example.org");
  EXPECT_EQ(helo.sender, "postmaster@mail.example.org");
  asked.identity = Identity::mail_from;
  asked.mail_from = "";  // section 2.4
  const Outcome null_path = check(dns, asked);
  EXPECT_EQ(null_path.verdict, Verdict::pass);
  EXPECT_EQ(null_path.identity, Identity::mail_from);
}

TEST(Identities, WithoutAUsableDomainThereIsNothingToCheck) {
  const auto dns = zone(txt("example.org", "v=spf1 +all"));
  for (const char* sender : {"joe@localhost", "joe@", "joe@.", "joe@[192.0.2.1]", "joe@a..example.org",
                             "joe@exa\rmple.org", "joe@\xff.example.org", "joe@.example.org"}) {
    Asked asked;
    asked.mail_from = sender;
    const Outcome outcome = check(dns, asked);
    EXPECT_EQ(outcome.verdict, Verdict::none) << sender;
    EXPECT_EQ(outcome.reason, Reason::unusable_identity) << sender;
    EXPECT_THAT(outcome.path, IsEmpty());
  }
}

TEST(Identities, DomainsAreAskedForInALabels) {
  const auto dns = zone(txt("xn--bcher-kva.example", "v=spf1 exists:%{o}.x.example -all") +
                        "xn--bcher-kva.example.x.example. A 127.0.0.2\n");
  Asked asked;
  asked.mail_from =
      "joe@b\xc3\xbc"
      "cher.example";
  EXPECT_EQ(check(dns, asked).verdict, Verdict::pass);
  asked.mail_from = "joe@XN--BCHER-KVA.example.";
  EXPECT_EQ(check(dns, asked).verdict, Verdict::pass);
}

TEST(Identities, MappedAddressesAreIPv4) {
  const auto dns = zone(txt("example.org", "v=spf1 -ip6::: -ip6:::ffff:192.0.2.1 ip4:192.0.2.1 -all"));
  Asked asked;
  asked.client = "::ffff:192.0.2.1";
  EXPECT_EQ(check(dns, asked).verdict, Verdict::pass);
}

// ------------------------------------------------------------------------------------------------ macros

struct Expansion {
  const char* macro;
  const char* client;
  const char* expansion;
};

class Macros : public ::testing::TestWithParam<Expansion> {};

/// The question that exists: asks shows what the macro became.
TEST_P(Macros, Expand) {
  const Expansion& expected = GetParam();
  const auto dns = zone(txt("email.example.com", "v=spf1 exists:" + std::string(expected.macro) + ".x.example") +
                        "3.2.0.192.in-addr.arpa. PTR mx.example.org.\nmx.example.org. A 192.0.2.3\n");
  const auto check = make_check();
  check->start({ip(expected.client), "HELO name", "strong-bad@email.example.com", Identity::mail_from, {}});
  std::string asked;
  while (!check->done()) {
    const dns::Question question = *check->next_question();
    if (question.name.ends_with(".x.example")) asked = question.name.substr(0, question.name.size() - 10);
    check->answer(question, dns.lookup(question));
  }
  EXPECT_EQ(asked, expected.expansion) << expected.macro;
}

INSTANTIATE_TEST_SUITE_P(
    Section74, Macros,
    ::testing::Values(
        Expansion{"%{s}", "192.0.2.3", "strong-bad@email.example.com"},
        Expansion{"%{o}", "192.0.2.3", "email.example.com"}, Expansion{"%{d}", "192.0.2.3", "email.example.com"},
        Expansion{"%{d4}", "192.0.2.3", "email.example.com"}, Expansion{"%{d3}", "192.0.2.3", "email.example.com"},
        Expansion{"%{d2}", "192.0.2.3", "example.com"}, Expansion{"%{d1}", "192.0.2.3", "com"},
        Expansion{"%{dr}", "192.0.2.3", "com.example.email"}, Expansion{"%{d2r}", "192.0.2.3", "example.email"},
        Expansion{"%{l}", "192.0.2.3", "strong-bad"}, Expansion{"%{l-}", "192.0.2.3", "strong.bad"},
        Expansion{"%{lr}", "192.0.2.3", "strong-bad"}, Expansion{"%{lr-}", "192.0.2.3", "bad.strong"},
        Expansion{"%{l1r-}", "192.0.2.3", "strong"},
        Expansion{"%{ir}.%{v}._spf.%{d2}", "192.0.2.3", "3.2.0.192.in-addr._spf.example.com"},
        Expansion{"%{lr-}.lp._spf.%{d2}", "192.0.2.3", "bad.strong.lp._spf.example.com"},
        Expansion{"%{p}", "192.0.2.3", "mx.example.org"}, Expansion{"%{p}", "192.0.2.4", "unknown"},
        Expansion{"%{ir}.%{v}", "2001:db8::cb01",
                  "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6"},
        Expansion{"%{i}", "2001:db8::cb01", "2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1"},
        Expansion{"%{h}", "192.0.2.3", "helo name"}, Expansion{"%{H}", "192.0.2.3", "helo%20name"},
        Expansion{"%{S}", "192.0.2.3", "strong-bad%40email.example.com"}, Expansion{"%%%_%-", "192.0.2.3", "% %20"},
        Expansion{"%{d127}", "192.0.2.3", "email.example.com"},
        Expansion{"%{d99999999999999999999}", "192.0.2.3", "email.example.com"},
        Expansion{"%{s1@}", "192.0.2.3", ""},  // no delimiter: a syntax error
        Expansion{"%{l1r+-}", "192.0.2.3", "strong"}, Expansion{"%{d2R}", "192.0.2.3", "example.email"}));

TEST(Macros, SplitWithoutSpecialTreatmentOfEmptyParts) {
  const auto dns = zone(txt("example.org", "v=spf1 exists:%{l3r+}.x.example exists:%{l2+}.x.example -all"));
  Asked asked;
  asked.mail_from = "+a++b+@example.org";  // parts: "", a, "", b, ""; no DNS name has an empty label
  const Outcome outcome = check(dns, asked);
  EXPECT_EQ(outcome.verdict, Verdict::fail);
  EXPECT_EQ(outcome.void_lookups, 0U) << "what cannot be asked for is not asked for";
}

TEST(Macros, LongNamesLoseLabelsOnTheLeft) {
  const std::string label(60, 'a');
  const std::string kept = label + "." + label + "." + label + "." + label;  // 243 octets
  const auto dns = zone(txt("example.org", "v=spf1 exists:left." + kept + ".%{l} -all") + label + "." + label + "." +
                        label + "." + label + ".bcdefghi. A 127.0.0.2\n" + "left." + label + ".b. A 127.0.0.2\n");
  Asked asked;
  asked.mail_from = "bcdefghi@example.org";
  EXPECT_EQ(check(dns, asked).verdict, Verdict::pass);
}

TEST(Macros, LocalPartsMayHoldAnything) {
  for (const char* local : {"a b", "\"quoted@local\"", "\x01\x02", "\xc3\xbc", "%{d}", ".."}) {
    const auto dns = zone(txt("example.org", "v=spf1 exists:%{l}.x.example ?all"));
    Asked asked;
    asked.mail_from = std::string(local) + "@example.org";
    EXPECT_EQ(check(dns, asked).verdict, Verdict::neutral) << local;
  }
}

// ------------------------------------------------------------------------------------------------ explanations

TEST(Explanations, AreExpandedAndTheDomains) {
  const auto dns = zone(txt("example.org", "v=spf1 -all exp=why.%{d}") +
                        txt("why.example.org", "%{i} (%{c}) is not %{d}'s; %{t} %{r} %{S}"));
  Asked asked;
  asked.options.receiver = "mx.example.net";
  const Outcome outcome = check(dns, asked);
  EXPECT_TRUE(outcome.explained);
  EXPECT_EQ(outcome.explanation,
            "192.0.2.1 (192.0.2.1) is not example.org's; 1700000000 mx.example.net joe%40example.org");
}

TEST(Explanations, CostNothingOfTheLimits) {
  const auto dns = zone("example.org. A 198.51.100.1\n" +
                        txt("example.org", "v=spf1" + repeat(" a", 10) + " -all exp=%{p}.example.org"));
  const Outcome outcome = check(dns);
  EXPECT_EQ(outcome.verdict, Verdict::fail);
  EXPECT_EQ(outcome.void_lookups, 0U);
  EXPECT_EQ(outcome.lookups, 10U);
}

TEST(Explanations, OfTheClientsNameAreAskedForWhenTheTextSaysSo) {
  const auto dns = zone(txt("example.org", "v=spf1 -all exp=why.example.org") + txt("why.example.org", "not %{p}") +
                        "1.2.0.192.in-addr.arpa. PTR client.example.net.\nclient.example.net. A 192.0.2.1\n");
  EXPECT_EQ(check(dns).explanation, "not client.example.net");
}

TEST(Explanations, ThatAReplyCouldNotCarryAreIgnored) {
  const auto dns = zone(txt("example.org", "v=spf1 -all exp=why.example.org") + txt("why.example.org", "you are %{h}"));
  Asked asked;
  asked.options.default_explanation = "see our policy";
  EXPECT_EQ(check(dns, asked).explanation, "you are mail.example.org");
  for (const char* helo : {"a\r\nRCPT TO:<x>", "b\xc3\xbc", "\x1b[2J"}) {
    asked.helo = helo;
    const Outcome outcome = check(dns, asked);
    EXPECT_FALSE(outcome.explained);
    EXPECT_EQ(outcome.explanation, "see our policy");
  }
}

TEST(Explanations, CanBeLeftOut) {
  const auto dns = zone(txt("example.org", "v=spf1 -all exp=why.example.org") + txt("why.example.org", "because"));
  Asked asked;
  asked.options.explanation = false;
  const auto check = make_check(asked.options);
  check->start({ip("192.0.2.1"), "h", "joe@example.org", Identity::mail_from, {}});
  EXPECT_THAT(check->questions(), ElementsAre(dns::Question{"example.org", dns::RecordType::txt}));
  check->answer({"example.org", dns::RecordType::txt}, dns.lookup({"example.org", dns::RecordType::txt}));
  EXPECT_TRUE(check->done());
}

// ------------------------------------------------------------------------------------------------ failures of the DNS

TEST(Failures, AreTemporaryWhereTheRecordNeedsTheAnswer) {
  for (const char* failure : {"timeout", "servfail", "malformed"}) {
    const std::string fail = std::string(" ANY ") + failure + "\n";
    EXPECT_EQ(check(zone("$FAIL example.org." + fail)).verdict, Verdict::temperror);
    for (const char* term : {"a:x.example", "mx:x.example", "exists:x.example", "include:x.example", "mx"}) {
      const Outcome outcome = check(zone("$FAIL x.example." + fail + "example.org. MX 5 x.example.\n" +
                                         txt("example.org", std::string("v=spf1 ") + term + " +all")));
      EXPECT_EQ(outcome.verdict, Verdict::temperror) << term;
      EXPECT_EQ(outcome.reason, Reason::dns_failure);
      EXPECT_THAT(outcome.text, HasSubstr(" at x.example"));
    }
    EXPECT_EQ(check(zone("$FAIL x.example." + fail + txt("example.org", "v=spf1 redirect=x.example"))).verdict,
              Verdict::temperror);
  }
}

TEST(Failures, OfTheClientsNamesAreNone) {
  const std::string record = txt("example.org", "v=spf1 ptr ?all");
  EXPECT_EQ(check(zone("$FAIL 1.2.0.192.in-addr.arpa. ANY timeout\n" + record)).verdict, Verdict::neutral);
  EXPECT_EQ(check(zone("1.2.0.192.in-addr.arpa. PTR x.example.\n1.2.0.192.in-addr.arpa. PTR y.example.org.\n"
                       "$FAIL x.example. ANY servfail\ny.example.org. A 192.0.2.1\n" +
                       record))
                .verdict,
            Verdict::pass);
}

TEST(Failures, OfAHostBehindTheMatchAreNotSeen) {
  const std::string record = txt("example.org", "v=spf1 mx -all");
  const std::string fail = "$FAIL x.example. ANY timeout\n";
  EXPECT_EQ(check(zone(record + fail +
                       "example.org. MX 5 m.example.\nexample.org. MX 9 x.example.\n"
                       "m.example. A 192.0.2.1\n"))
                .verdict,
            Verdict::pass);
  EXPECT_EQ(check(zone(record + fail +
                       "example.org. MX 9 m.example.\nexample.org. MX 5 x.example.\n"
                       "m.example. A 192.0.2.1\n"))
                .verdict,
            Verdict::temperror);
}

// ------------------------------------------------------------------------------------------------ records

TEST(Records, IncludeAndRedirectNeedOne) {
  const Outcome include = check(zone(txt("example.org", "v=spf1 include:gone.example +all")));
  EXPECT_EQ(include.reason, Reason::include_without_record);
  EXPECT_EQ(
      include.text,
      "include:gone.example in the record of example.org: \"gone.example\" has no SPF record (RFC 7208 section 5.2)");
  EXPECT_EQ(check(zone(txt("example.org", "v=spf1 redirect=gone.example"))).reason, Reason::redirect_without_record);
  EXPECT_EQ(check(zone("example.org. A 192.0.2.1\n")).reason, Reason::no_record);
  EXPECT_EQ(check(zone("")).verdict, Verdict::none);
}

TEST(Records, SeveralOrMalformedOnesAreAPermanentError) {
  const Outcome several = check(zone(txt("example.org", "v=spf1 +all") + txt("example.org", "v=spf1 -all") +
                                     txt("example.org", "v=spf10") + txt("example.org", "other")));
  EXPECT_EQ(several.reason, Reason::several_records);
  EXPECT_THAT(several.text, HasSubstr("2 SPF records"));
  const Outcome nested =
      check(zone(txt("example.org", "v=spf1 include:i.example -all") + txt("i.example", "v=spf1 +all ip4:1.2.3")));
  EXPECT_EQ(nested.reason, Reason::syntax);
  EXPECT_EQ(
      nested.text,
      "the record of i.example is malformed: \"1.2.3\" is no IPv4 address: four numbers of 0 to 255 between dots, "
      "without leading zeros (RFC 7208 section 5.6), reached from example.org by include");
}

TEST(Outcomes, TellTheWayToTheTermThatDecided) {
  const auto dns =
      zone(txt("example.org", "v=spf1 include:a.example -include:b.example redirect=c.example") +
           txt("a.example", "v=spf1 include:b.example -all") + txt("b.example", "v=spf1 ?ip4:192.0.2.1") +
           txt("c.example", "v=spf1 a:mail.c.example ~ip4:192.0.2.0/24") + "mail.c.example. A 198.51.100.1\n");
  Asked asked;
  asked.options.trace = true;
  const Outcome outcome = check(dns, asked);
  EXPECT_EQ(outcome.verdict, Verdict::softfail);
  ASSERT_EQ(outcome.path.size(), 2U);
  EXPECT_EQ(outcome.path[0].domain, "example.org");
  EXPECT_EQ(outcome.path[0].term, "redirect=c.example");
  EXPECT_EQ(outcome.path[0].position, 44U);
  EXPECT_EQ(outcome.path[1].domain, "c.example");
  EXPECT_EQ(outcome.path[1].term, "~ip4:192.0.2.0/24");
  EXPECT_EQ(outcome.text,
            "~ip4:192.0.2.0/24 in the record of c.example matches 192.0.2.1, reached from example.org by redirect");
  EXPECT_EQ(outcome.lookups, 5U);
  std::string trace;
  for (const TraceLine& line : outcome.trace) trace += std::string(2 * line.depth, '.') + line.text + "\n";
  EXPECT_EQ(trace,
            "example.org: v=spf1 include:a.example -include:b.example redirect=c.example\n"
            "  include:a.example\n"
            "..a.example: v=spf1 include:b.example -all\n"
            "..  include:b.example\n"
            "....b.example: v=spf1 ?ip4:192.0.2.1\n"
            "....  ?ip4:192.0.2.1  matches\n"
            "....  = neutral\n"
            "..  -all  matches\n"
            "..  = fail\n"
            "  -include:b.example\n"
            "..b.example: v=spf1 ?ip4:192.0.2.1\n"
            "..  ?ip4:192.0.2.1  matches\n"
            "..  = neutral\n"
            "  redirect=c.example\n"
            "..c.example: v=spf1 a:mail.c.example ~ip4:192.0.2.0/24\n"
            "..  a:mail.c.example  no match\n"
            "..  ~ip4:192.0.2.0/24  matches\n"
            "..  = softfail\n"
            "  = softfail\n");
}

TEST(Questions, ThatMayRunAtOnceComeAtOnceAndOnceEach) {
  const auto check = make_check();
  check->start({ip("2001:db8::1"), "h", "joe@example.org", Identity::mail_from, {}});
  dns::Answer record;
  record.records.push_back({{}, 0, "v=spf1 mx -all"});
  ASSERT_EQ(check->questions().size(), 1U);
  EXPECT_THAT(check->questions(), IsEmpty()) << "handed out already";
  check->answer({"example.org", dns::RecordType::txt}, record);
  ASSERT_EQ(check->questions().size(), 1U);
  dns::Answer hosts;
  for (const char* host : {"B.example.", "a.example", "b.example", ""}) hosts.records.push_back({{}, 1, host});
  check->answer({"example.org", dns::RecordType::mx}, hosts);
  EXPECT_THAT(check->questions(), ::testing::UnorderedElementsAre(dns::Question{"a.example", dns::RecordType::aaaa},
                                                                  dns::Question{"b.example", dns::RecordType::aaaa}));
}

// ------------------------------------------------------------------------------------------------ cost

TEST(Cost, AVerdictTakesNothingFromTheHeapOnceWarm) {
  const auto dns =
      zone(txt("example.org", "v=spf1 include:a.example mx exists:%{ir}.%{l1r-}.x.example -all") +
           txt("a.example", "v=spf1 ip4:198.51.100.0/24 ip6:2001:db8::/32 a:long.host.name.of.a.example") +
           "long.host.name.of.a.example. A 198.51.100.1\nexample.org. MX 5 m1.example.org.\n"
           "example.org. MX 5 m2.example.org.\nm1.example.org. A 198.51.100.2\nm2.example.org. A 198.51.100.3\n");
  for (const bool cached : {true, false}) {
    Options options;
    options.explanation = false;
    if (cached) options.records = std::make_shared<RecordCache>();
    const auto check = make_check(options);
    std::map<dns::Question, dns::Answer> answers;
    const auto lookup = [&](const dns::Question& question) -> const dns::Answer& {
      const auto known = answers.find(question);
      return known != answers.end() ? known->second : answers[question] = dns.lookup(question);
    };
    const Request request{ip("192.0.2.1"), "mail.example.org", "joe@example.org", Identity::mail_from, {}};
    for (int warm = 0; warm < 2; ++warm) {
      check->start(request);
      test::drive(*check, lookup);
    }
    const long before = sendconn::test::heap_allocations();
    for (int i = 0; i < 100; ++i) {
      check->start(request);
      test::drive(*check, lookup);
    }
    EXPECT_EQ(sendconn::test::heap_allocations(), before) << (cached ? "with" : "without") << " a cache of records";
    EXPECT_EQ(check->verdict(), Verdict::fail);
  }
}

/// A hostile record may cost as much as an honest one of its size, and no more.
TEST(Cost, RecordsOf64KilobytesAreBounded) {
  const auto fill = [](std::string text, const std::string& with) {
    while (text.size() + with.size() <= Record::max_octets) text += with;
    return text;
  };
  for (const std::string& record :
       {fill("v=spf1", " a"), fill("v=spf1", " ip4:198.51.100.1"), fill("v=spf1", " x"),
        fill("v=spf1 exists:", "%{l1r-}"), fill("v=spf1 exists:", "%{S}"), fill("v=spf1 exists:", "a."),
        fill("v=spf1 x=", "y"), fill("v=spf1 exists:%{l", "0"), fill("v=spf1 include:", "%"), fill("v=spf1 ", " "),
        fill("v=spf1 a", "/"), fill("v=spf1 a", "1")}) {
    test::Answers answers;
    answers.at("example.org").sets[dns::RecordType::txt].push_back({{}, 0, record});
    answers.at("example.org").sets[dns::RecordType::a].push_back({ip("198.51.100.7"), 0, {}});
    const long before = sendconn::test::heap_octets();
    const auto began = std::chrono::steady_clock::now();
    const auto check = make_check();
    const std::string sender = std::string(900, '-') + "@example.org";
    check->start({ip("192.0.2.1"), "mail.example.org", sender, Identity::mail_from, {}});
    test::drive(*check, [&](const dns::Question& question) { return answers.lookup(question); });
    EXPECT_TRUE(check->done());
    EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(1)) << record.substr(0, 30);
    EXPECT_LT(sendconn::test::heap_octets() - before, 4'000'000) << record.substr(0, 30);
  }
}

TEST(Cost, ATreeOfAThousandIncludesEndsAtTheLimit) {
  std::string record = "v=spf1";
  test::Answers answers;
  for (int i = 0; i < 1000; ++i) {
    const std::string name = "i" + std::to_string(i) + ".example";
    record += " include:" + name;
    answers.at(name).sets[dns::RecordType::txt].push_back({{}, 0, record});
  }
  answers.at("example.org").sets[dns::RecordType::txt].push_back({{}, 0, record + " -all"});
  std::size_t questions = 0;
  Options options;
  const auto run = [&] {
    questions = 0;
    const auto check = make_check(options);
    check->start({ip("192.0.2.1"), "h", "joe@example.org", Identity::mail_from, {}});
    test::drive(*check, [&](const dns::Question& question) {
      ++questions;
      return answers.lookup(question);
    });
    EXPECT_EQ(check->outcome().reason, Reason::lookup_limit);
  };
  run();
  EXPECT_EQ(questions, 11U) << "the record itself, and ten includes";
  // Whoever allows a thousand lookups gets a thousand, bounded all the same.
  options.limits.lookups = 1000;
  const long before = sendconn::test::heap_octets();
  run();
  EXPECT_EQ(questions, 1001U);
  EXPECT_LT(sendconn::test::heap_octets() - before, 1'000'000) << "given back with the check";
}

}  // namespace
}  // namespace sendconn::spf
