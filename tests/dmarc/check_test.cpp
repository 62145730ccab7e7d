// The check: discovery, alignment and policy, rule by rule (RFC 9989 sections 4.7, 4.10 and 5.3). Each case is driven
// with the answers in several orders, and the order never matters.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/dmarc/drive.hpp"

namespace sendconn::dmarc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

struct Ran {
  Outcome outcome;
  std::vector<std::string> asked;
  std::size_t walks = 0;
};

bool same(const Outcome& a, const Outcome& b) {
  return a.verdict == b.verdict && a.reason == b.reason && a.organizational_domain == b.organizational_domain &&
         a.policy_domain == b.policy_domain && a.tag == b.tag && a.source == b.source && a.policy == b.policy &&
         a.spf == b.spf && a.dkim == b.dkim && a.notes == b.notes;
}

Ran run(const Facts& facts, const LittleDns& dns, const Options& options = {}) {
  Ran first;
  for (const Order order : orders) {
    Check check(facts, options);
    Ran ran;
    for (const dns::Question& question : drive(check, dns, order)) ran.asked.push_back(question.name);
    if (!check.done()) return ran;
    ran.outcome = check.outcome();
    ran.walks = check.walks();
    EXPECT_EQ(check.questions_asked(), ran.asked.size());
    if (order == Order::forward) {
      first = std::move(ran);
    } else {
      EXPECT_TRUE(same(first.outcome, ran.outcome))
          << format(first.outcome.verdict) << " " << first.outcome.reason << "\n"
          << format(ran.outcome.verdict) << " " << ran.outcome.reason;
    }
  }
  return first;
}

Facts from(std::string_view author) {
  Facts facts;
  facts.authors = {domain(author)};
  return facts;
}
Facts with_spf(std::string_view author, std::string_view spf, Evidence evidence = Evidence::pass) {
  Facts facts = from(author);
  facts.spf = SpfFact{evidence, domain(spf)};
  return facts;
}
Facts with_dkim(std::string_view author, std::string_view signer, Evidence evidence = Evidence::pass) {
  Facts facts = from(author);
  facts.dkim = {{evidence, domain(signer)}};
  return facts;
}

std::string text(const std::optional<Domain>& name) { return name ? name->text() : ""; }

TEST(Discovery, AsksForAtMostEightNamesAtEveryDepth) {
  // Section 4.10, steps 3 and 4, from one label to twelve.
  const std::string labels[] = {"a1", "a2", "a3", "a4", "a5", "a6", "a7", "a8", "a9", "a10", "a11", "org"};
  std::string author;
  for (int depth = 1; depth <= 12; ++depth) {
    author = author.empty() ? labels[11] : labels[12 - depth] + "." + author;
    const Ran ran = run(from(author), {});
    std::vector<std::string> expected = {"_dmarc." + author};
    std::string name = author;
    for (int left = depth - 1; left > 0; --left) {
      name = name.substr(name.find('.') + 1);
      if (left <= 7) expected.push_back("_dmarc." + name);
    }
    EXPECT_EQ(ran.asked, expected) << author;
    EXPECT_LE(ran.asked.size(), 8U);
    EXPECT_EQ(ran.outcome.verdict, Verdict::none) << author;
    EXPECT_EQ(text(ran.outcome.organizational_domain), author) << "without any record the start is the organization";
    EXPECT_EQ(ran.walks, 1U);
  }
}

TEST(Discovery, FindsTheRecordAtEveryDepth) {
  // The record `up` labels above an author of `depth` labels; beyond the eighth name it is not seen.
  for (int depth = 1; depth <= 12; ++depth) {
    std::string author = "top";
    for (int i = 2; i <= depth; ++i) author = "l" + std::to_string(i) + "." + author;
    for (int at = 1; at <= depth; ++at) {
      std::string name = author;
      for (int i = depth; i > at; --i) name = name.substr(name.find('.') + 1);
      LittleDns dns;
      dns.txt["_dmarc." + name] = {"v=DMARC1; p=reject"};
      const Ran ran = run(from(author), dns);
      const bool seen = at == depth || at <= 7;
      EXPECT_EQ(ran.outcome.verdict, seen ? Verdict::fail : Verdict::none) << author << " " << name;
      EXPECT_EQ(text(ran.outcome.policy_domain), seen ? name : "") << author;
      if (seen) {
        EXPECT_EQ(ran.outcome.source, at == depth ? PolicySource::author : PolicySource::organization);
      }
    }
  }
}

struct DiscoveryCase {
  std::string_view what;
  std::string_view author;
  std::map<std::string, std::vector<std::string>> txt;
  std::string_view policy_domain;
  PolicySource source;
  std::string_view organization;  // "": not needed, so not known
};

TEST(Discovery, FollowsTheRulesOfOrganizationsAndPublicSuffixes) {
  const std::vector<std::string> plain = {"v=DMARC1; p=reject"};
  const std::vector<std::string> psd_n = {"v=DMARC1; p=reject; psd=n"};
  const std::vector<std::string> psd_y = {"v=DMARC1; p=reject; psd=y"};
  const std::vector<std::string> psd_u = {"v=DMARC1; p=reject; psd=u"};
  const DiscoveryCase cases[] = {
      {"own record",
       "a.mail.example.com",
       {{"_dmarc.a.mail.example.com", plain}},
       "a.mail.example.com",
       PolicySource::author,
       ""},
      {"the topmost record is the organization's",
       "a.mail.example.com",
       {{"_dmarc.mail.example.com", plain}, {"_dmarc.example.com", plain}},
       "example.com",
       PolicySource::organization,
       "example.com"},
      {"psd=n ends the walk",
       "a.mail.example.com",
       {{"_dmarc.mail.example.com", psd_n}, {"_dmarc.example.com", plain}},
       "mail.example.com",
       PolicySource::organization,
       "mail.example.com"},
      {"psd=u goes on",
       "a.mail.example.com",
       {{"_dmarc.mail.example.com", psd_u}, {"_dmarc.example.com", plain}},
       "example.com",
       PolicySource::organization,
       "example.com"},
      {"the suffix's record for an organization without one",
       "a.mail.example.com",
       {{"_dmarc.com", psd_y}},
       "com",
       PolicySource::public_suffix,
       "example.com"},
      {"the suffix's record does not replace the organization's",
       "a.mail.example.com",
       {{"_dmarc.example.com", plain}, {"_dmarc.com", psd_y}},
       "example.com",
       PolicySource::organization,
       "example.com"},
      {"nor does it reach below an organization that has none, if another record stands in between",
       "a.mail.example.com",
       {{"_dmarc.mail.example.com", plain}, {"_dmarc.com", psd_y}},
       "com",
       PolicySource::public_suffix,
       "example.com"},
      {"a suffix of two labels",
       "a.example.co.uk",
       {{"_dmarc.co.uk", psd_y}, {"_dmarc.uk", plain}},
       "co.uk",
       PolicySource::public_suffix,
       "example.co.uk"},
      {"an organization right below the suffix",
       "example.bank",
       {{"_dmarc.bank", psd_y}},
       "bank",
       PolicySource::public_suffix,
       "example.bank"},
      {"a suffix that writes mail itself", "bank", {{"_dmarc.bank", psd_y}}, "bank", PolicySource::author, ""},
      {"a record at the top without psd= makes the top the organization",
       "a.example.com",
       {{"_dmarc.com", plain}},
       "com",
       PolicySource::organization,
       "com"},
      {"several records are none",
       "a.example.com",
       {{"_dmarc.a.example.com", {"v=DMARC1; p=none", "v=DMARC1; p=none"}}, {"_dmarc.example.com", plain}},
       "example.com",
       PolicySource::organization,
       "example.com"},
      {"other texts beside the record do not count",
       "a.example.com",
       {{"_dmarc.a.example.com", {"v=spf1 -all", "v=DMARC1; p=none", " v=DMARC1; p=none"}}},
       "a.example.com",
       PolicySource::author,
       ""},
      {"texts that are no record are none",
       "a.example.com",
       {{"_dmarc.a.example.com", {"v=DMARC2; p=none"}}, {"_dmarc.example.com", plain}},
       "example.com",
       PolicySource::organization,
       "example.com"},
      {"psd=n seen in spite of several records below",
       "b.a.example.com",
       {{"_dmarc.b.a.example.com", {"v=DMARC1; psd=n; p=none", "v=DMARC1; psd=n; p=none"}},
        {"_dmarc.a.example.com", psd_n}},
       "a.example.com",
       PolicySource::organization,
       "a.example.com"},
      {"an organization in the gap that no query reaches has the suffix's record",
       "k.j.i.h.g.f.e.d.c.b.a.top",
       {{"_dmarc.f.e.d.c.b.a.top", psd_y}},
       "f.e.d.c.b.a.top",
       PolicySource::public_suffix,
       "g.f.e.d.c.b.a.top"},
      {"upper case and U-labels are the same names",
       "A.B\xc3\xbc\x63her.Example",
       {{"_dmarc.xn--bcher-kva.example", plain}},
       "xn--bcher-kva.example",
       PolicySource::organization,
       "xn--bcher-kva.example"},
  };
  for (const DiscoveryCase& c : cases) {
    LittleDns dns;
    dns.txt = c.txt;
    const Ran ran = run(from(c.author), dns);
    EXPECT_EQ(ran.outcome.verdict, Verdict::fail) << c.what;
    EXPECT_EQ(text(ran.outcome.policy_domain), c.policy_domain) << c.what;
    EXPECT_EQ(ran.outcome.source, c.source) << c.what;
    EXPECT_EQ(text(ran.outcome.organizational_domain), c.organization) << c.what;
  }
}

TEST(Discovery, EndsWithoutAPolicy) {
  struct Case {
    std::string_view what;
    std::map<std::string, std::vector<std::string>> txt;
  };
  for (const Case& c : {Case{"nothing anywhere", {}},
                        Case{"no valid policy, nobody to report to",
                             {{"_dmarc.a.example.com", {"v=DMARC1"}}, {"_dmarc.example.com", {"v=DMARC1; p=reject"}}}},
                        Case{"a faulty sp=", {{"_dmarc.example.com", {"v=DMARC1; p=reject; sp=x"}}}},
                        Case{"a faulty report address", {{"_dmarc.example.com", {"v=DMARC1; rua=nobody"}}}}}) {
    LittleDns dns;
    dns.txt = c.txt;
    const Ran ran = run(with_spf("a.example.com", "a.example.com"), dns);
    EXPECT_EQ(ran.outcome.verdict, Verdict::none) << c.what;
    EXPECT_FALSE(ran.outcome.record.has_value()) << c.what;
  }
}

TEST(Discovery, TakesAFaultyPolicyWithAReportAddressForNone) {
  for (const std::string_view record : {"v=DMARC1; rua=mailto:a@example.com", "v=DMARC1; p=x; rua=mailto:a@example.com",
                                        "v=DMARC1; p=reject; sp=x; rua=mailto:a@example.com",
                                        "v=DMARC1; p=reject; np=x; sp=reject; rua=mailto:a@example.com"}) {
    LittleDns dns;
    dns.txt["_dmarc.example.com"] = {std::string(record)};
    for (const std::string_view author : {"example.com", "a.example.com"}) {
      const Ran ran = run(from(author), dns);
      EXPECT_EQ(ran.outcome.verdict, Verdict::fail) << record;
      EXPECT_EQ(ran.outcome.policy, Policy::none) << record;
      EXPECT_EQ(ran.outcome.tag, PolicyTag::none) << record;
      EXPECT_THAT(ran.outcome.notes, ElementsAre("the record at example.com has no valid policy"));
    }
  }
}

TEST(Discovery, NamesWhatTheDnsDidNotSay) {
  const std::string names[] = {"_dmarc.a.b.example.com", "_dmarc.b.example.com", "_dmarc.example.com", "_dmarc.com"};
  for (const dns::Status status : {dns::Status::timeout, dns::Status::server_failure, dns::Status::malformed}) {
    for (const std::string& failing : names) {
      LittleDns dns;
      dns.failing[failing] = status;
      const Ran ran = run(from("a.b.example.com"), dns);
      EXPECT_EQ(ran.outcome.verdict, Verdict::temporary_error) << failing;
      EXPECT_THAT(ran.outcome.reason, HasSubstr(failing));
      EXPECT_THAT(ran.outcome.reason, HasSubstr(std::string(dns::format(status))));
    }
  }
}

TEST(Discovery, NeedsOnlyWhatDecides) {
  // A failure above psd=n or psd=y, or above the author's own record with identical names, changes nothing.
  for (const std::string_view record : {"v=DMARC1; p=reject; psd=n", "v=DMARC1; p=reject; psd=y"}) {
    LittleDns dns;
    dns.txt["_dmarc.example.com"] = {std::string(record)};
    dns.failing["_dmarc.com"] = dns::Status::timeout;
    EXPECT_EQ(run(from("a.b.example.com"), dns).outcome.verdict, Verdict::fail) << record;
  }
  LittleDns dns;
  dns.txt["_dmarc.a.example.com"] = {"v=DMARC1; p=reject"};
  dns.failing["_dmarc.example.com"] = dns::Status::timeout;
  EXPECT_EQ(run(with_spf("a.example.com", "a.example.com"), dns).outcome.verdict, Verdict::pass);
  EXPECT_EQ(run(with_spf("a.example.com", "other.test"), dns).outcome.verdict, Verdict::fail);
  Check check(with_spf("a.example.com", "a.example.com"));
  check.questions();
  const dns::Question own{"_dmarc.a.example.com", dns::RecordType::txt};
  check.answer(own, dns.ask(own));
  EXPECT_TRUE(check.done()) << "one answer decides";
}

struct AlignmentCase {
  std::string_view what;
  std::string_view author;
  std::string_view authenticated;
  std::map<std::string, std::vector<std::string>> txt;
  Alignment alignment;
};

TEST(Alignment, ComparesOrganizationalDomains) {
  const std::vector<std::string> plain = {"v=DMARC1; p=reject"};
  const std::vector<std::string> strict = {"v=DMARC1; p=reject; adkim=s; aspf=s"};
  const std::vector<std::string> psd_n = {"v=DMARC1; p=reject; psd=n"};
  const std::vector<std::string> psd_y = {"v=DMARC1; p=reject; psd=y"};
  const AlignmentCase cases[] = {
      {"identical", "news.example.com", "news.example.com", {{"_dmarc.example.com", plain}}, Alignment::strict},
      {"identical, own record",
       "news.example.com",
       "news.example.com",
       {{"_dmarc.news.example.com", plain}},
       Alignment::strict},
      {"siblings", "news.example.com", "foo.example.com", {{"_dmarc.example.com", plain}}, Alignment::relaxed},
      {"parent", "news.example.com", "example.com", {{"_dmarc.example.com", plain}}, Alignment::relaxed},
      {"child", "example.com", "bounce.news.example.com", {{"_dmarc.example.com", plain}}, Alignment::relaxed},
      {"another domain",
       "news.example.com",
       "foo.example.net",
       {{"_dmarc.example.com", plain}, {"_dmarc.example.net", plain}},
       Alignment::none},
      {"a name that ends alike",
       "example.com",
       "badexample.com",
       {{"_dmarc.example.com", plain}, {"_dmarc.badexample.com", plain}},
       Alignment::none},
      {"two domains under one suffix without a record", "a.com", "b.com", {{"_dmarc.a.com", plain}}, Alignment::none},
      {"two domains under one suffix with psd=y", "a.bank", "b.bank", {{"_dmarc.bank", psd_y}}, Alignment::none},
      {"below the same organization under a suffix",
       "x.a.bank",
       "y.a.bank",
       {{"_dmarc.bank", psd_y}},
       Alignment::relaxed},
      {"the suffix itself does not align with those below",
       "a.bank",
       "bank",
       {{"_dmarc.bank", psd_y}},
       Alignment::none},
      {"nor they with it", "bank", "a.bank", {{"_dmarc.bank", psd_y}}, Alignment::none},
      {"psd=n cuts a part of the organization off",
       "mail.example.com",
       "example.com",
       {{"_dmarc.mail.example.com", psd_n}, {"_dmarc.example.com", plain}},
       Alignment::none},
      {"also seen from above",
       "example.com",
       "mail.example.com",
       {{"_dmarc.mail.example.com", psd_n}, {"_dmarc.example.com", plain}},
       Alignment::none},
      {"within the part that was cut off",
       "a.mail.example.com",
       "b.mail.example.com",
       {{"_dmarc.mail.example.com", psd_n}, {"_dmarc.example.com", plain}},
       Alignment::relaxed},
      {"an own record does not cut off",
       "mail.example.com",
       "example.com",
       {{"_dmarc.mail.example.com", plain}, {"_dmarc.example.com", plain}},
       Alignment::relaxed},
      {"strict, identical", "example.com", "example.com", {{"_dmarc.example.com", strict}}, Alignment::strict},
      {"strict, child", "example.com", "mail.example.com", {{"_dmarc.example.com", strict}}, Alignment::none},
      {"strict at the organization, siblings",
       "a.example.com",
       "b.example.com",
       {{"_dmarc.example.com", strict}},
       Alignment::none},
      {"the author's record decides on strictness",
       "a.example.com",
       "b.example.com",
       {{"_dmarc.a.example.com", strict}, {"_dmarc.example.com", plain}},
       Alignment::none},
      {"not the authenticated domain's",
       "a.example.com",
       "b.example.com",
       {{"_dmarc.b.example.com", strict}, {"_dmarc.example.com", plain}},
       Alignment::relaxed},
      {"twelve labels deep",
       "k.j.i.h.g.f.e.d.c.b.a.top",
       "x.j.i.h.g.f.e.d.c.b.a.top",
       {{"_dmarc.a.top", plain}},
       Alignment::relaxed},
      {"an organization nobody asks for",
       "k.j.i.h.g.f.e.d.c.b.a.top",
       "x.j.i.h.g.f.e.d.c.b.a.top",
       {{"_dmarc.k.j.i.h.g.f.e.d.c.b.a.top", plain}, {"_dmarc.i.h.g.f.e.d.c.b.a.top", plain}},
       Alignment::none},
  };
  for (const AlignmentCase& c : cases) {
    LittleDns dns;
    dns.txt = c.txt;
    const Outcome spf = run(with_spf(c.author, c.authenticated), dns).outcome;
    EXPECT_EQ(spf.spf, c.alignment) << "SPF: " << c.what << ": " << spf.reason;
    const Outcome dkim = run(with_dkim(c.author, c.authenticated), dns).outcome;
    EXPECT_EQ(dkim.dkim.front(), c.alignment) << "DKIM: " << c.what << ": " << dkim.reason;
    const Verdict verdict = c.alignment == Alignment::none ? Verdict::fail : Verdict::pass;
    EXPECT_EQ(spf.verdict, verdict) << c.what;
    EXPECT_EQ(dkim.verdict, verdict) << c.what;
    EXPECT_EQ(spf.spf_aligned(), verdict == Verdict::pass);
    EXPECT_EQ(dkim.dkim_aligned(), verdict == Verdict::pass);
    // What did not pass proves nothing.
    EXPECT_EQ(run(with_spf(c.author, c.authenticated, Evidence::fail), dns).outcome.verdict, Verdict::fail) << c.what;
    EXPECT_EQ(run(with_dkim(c.author, c.authenticated, Evidence::fail), dns).outcome.verdict, Verdict::fail) << c.what;
  }
}

TEST(Alignment, KeepsTheTwoModesApart) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject; adkim=s; aspf=r"};
  EXPECT_EQ(run(with_spf("example.com", "a.example.com"), dns).outcome.verdict, Verdict::pass);
  EXPECT_EQ(run(with_dkim("example.com", "a.example.com"), dns).outcome.verdict, Verdict::fail);
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject; adkim=r; aspf=s"};
  EXPECT_EQ(run(with_spf("example.com", "a.example.com"), dns).outcome.verdict, Verdict::fail);
  EXPECT_EQ(run(with_dkim("example.com", "a.example.com"), dns).outcome.verdict, Verdict::pass);
}

TEST(Alignment, IsEnoughOnce) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  Facts facts = with_spf("example.com", "other.test");
  facts.dkim = {{Evidence::fail, domain("example.com")},
                {Evidence::pass, domain("list.test")},
                {Evidence::pass, domain("a.example.com")}};
  const Outcome outcome = run(facts, dns).outcome;
  EXPECT_EQ(outcome.verdict, Verdict::pass);
  EXPECT_EQ(outcome.spf, Alignment::none);
  EXPECT_THAT(outcome.dkim, ElementsAre(Alignment::none, Alignment::none, Alignment::relaxed));
  EXPECT_THAT(outcome.reason, HasSubstr("DKIM passed for a.example.com"));
}

TEST(Policy, IsTakenFromTheRightTag) {
  struct Case {
    std::string_view record;
    std::string_view author;
    bool exists;
    PolicyTag tag;
    Policy policy;
  };
  const Case cases[] = {
      {"p=reject", "example.com", true, PolicyTag::p, Policy::reject},
      {"p=reject; sp=none; np=quarantine", "example.com", true, PolicyTag::p, Policy::reject},
      {"p=reject", "a.example.com", true, PolicyTag::p, Policy::reject},
      {"p=none; sp=reject", "a.example.com", true, PolicyTag::sp, Policy::reject},
      {"p=none; sp=reject", "a.example.com", false, PolicyTag::sp, Policy::reject},
      {"p=none; np=reject", "a.example.com", true, PolicyTag::p, Policy::none},
      {"p=none; np=reject", "a.example.com", false, PolicyTag::np, Policy::reject},
      {"p=none; sp=quarantine; np=reject", "a.example.com", true, PolicyTag::sp, Policy::quarantine},
      {"p=none; sp=quarantine; np=reject", "a.example.com", false, PolicyTag::np, Policy::reject},
      {"p=reject; t=y", "example.com", true, PolicyTag::p, Policy::quarantine},
      {"p=quarantine; t=y", "example.com", true, PolicyTag::p, Policy::none},
      {"p=none; t=y", "example.com", true, PolicyTag::p, Policy::none},
      {"p=reject; t=n", "example.com", true, PolicyTag::p, Policy::reject},
      {"p=none; sp=reject; t=y", "a.example.com", true, PolicyTag::sp, Policy::quarantine},
      {"p=none; np=quarantine; t=y", "a.example.com", false, PolicyTag::np, Policy::none},
      {"p=none; np=reject; psd=y", "a.b.example.com", false, PolicyTag::np, Policy::reject},
  };
  for (const Case& c : cases) {
    LittleDns dns;
    dns.txt["_dmarc.example.com"] = {"v=DMARC1; " + std::string(c.record)};
    if (c.exists) dns.existing = {std::string(c.author)};
    const Ran ran = run(from(c.author), dns);
    EXPECT_EQ(ran.outcome.verdict, Verdict::fail) << c.record;
    EXPECT_EQ(ran.outcome.tag, c.tag) << c.record;
    EXPECT_EQ(ran.outcome.policy, c.policy) << c.record;
  }
}

TEST(Policy, AsksWhetherTheAuthorExistsOnlyIfThatDecides) {
  const auto asks = [](std::string_view record, std::string_view author, const LittleDns& base = {}) {
    LittleDns dns = base;
    dns.txt["_dmarc.example.com"] = {"v=DMARC1; " + std::string(record)};
    const Ran ran = run(from(author), dns);
    return std::find(ran.asked.begin(), ran.asked.end(), author) != ran.asked.end();
  };
  EXPECT_TRUE(asks("p=none; np=reject", "a.example.com"));
  EXPECT_FALSE(asks("p=none; np=reject", "example.com"));
  EXPECT_FALSE(asks("p=reject; np=reject", "a.example.com"));
  EXPECT_FALSE(asks("p=none; sp=reject; np=reject", "a.example.com"));
  EXPECT_FALSE(asks("p=none; sp=reject", "a.example.com"));
  LittleDns below;  // where _dmarc.a.example.com exists, a.example.com does
  below.txt["x._dmarc.a.example.com"] = {"x"};
  EXPECT_FALSE(asks("p=none; np=reject", "a.example.com", below));
}

TEST(Policy, IsUnknownIfNobodySaysWhetherTheAuthorExists) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=none; np=reject"};
  dns.failing["a.example.com"] = dns::Status::server_failure;
  EXPECT_EQ(run(from("a.example.com"), dns).outcome.verdict, Verdict::temporary_error);
  EXPECT_EQ(run(with_spf("a.example.com", "example.com"), dns).outcome.verdict, Verdict::pass);
}

TEST(TemporaryErrors, DecideOnlyWhereTheyCould) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  struct Case {
    std::string_view what;
    Facts facts;
    Verdict verdict;
  };
  Facts both = with_spf("example.com", "example.com", Evidence::temporary_failure);
  both.dkim = {{Evidence::pass, domain("a.example.com")}};
  const Case cases[] = {
      {"SPF of the author", with_spf("example.com", "example.com", Evidence::temporary_failure),
       Verdict::temporary_error},
      {"SPF of a relative", with_spf("example.com", "a.example.com", Evidence::temporary_failure),
       Verdict::temporary_error},
      {"SPF of a stranger", with_spf("example.com", "example.net", Evidence::temporary_failure), Verdict::fail},
      {"DKIM of the author", with_dkim("example.com", "example.com", Evidence::temporary_failure),
       Verdict::temporary_error},
      {"DKIM of a neighbour", with_dkim("example.com", "example2.com", Evidence::temporary_failure), Verdict::fail},
      {"another one passed", both, Verdict::pass},
  };
  for (const Case& c : cases) EXPECT_EQ(run(c.facts, dns).outcome.verdict, c.verdict) << c.what;
}

TEST(TemporaryErrors, InAWalkLeaveTheAlignmentUnknown) {
  LittleDns dns;
  dns.txt["_dmarc.a.example.com"] = {"v=DMARC1; p=reject"};
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=none"};
  const std::string_view failing[] = {"_dmarc.b.example.com", "_dmarc.com"};
  for (const std::string_view name : failing) {
    LittleDns broken = dns;
    broken.failing[std::string(name)] = dns::Status::timeout;
    const Outcome outcome = run(with_spf("a.example.com", "b.example.com"), broken).outcome;
    EXPECT_EQ(outcome.spf, Alignment::unknown) << name;
    EXPECT_EQ(outcome.verdict, Verdict::temporary_error) << name;
  }
  // The name that failed can make the domains' organizations differ, but never bring strangers together.
  dns.failing["_dmarc.example.com"] = dns::Status::timeout;
  dns.txt.erase("_dmarc.example.com");
  dns.txt["_dmarc.com"] = {"v=DMARC1; p=none; psd=y"};
  EXPECT_EQ(run(with_spf("a.example.com", "b.example.com"), dns).outcome.verdict, Verdict::temporary_error);
  EXPECT_EQ(run(with_spf("a.example.com", "b.other.com"), dns).outcome.verdict, Verdict::fail);
}

TEST(Authors, MustBeOneUnlessEachIsToBeChecked) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=quarantine"};
  dns.txt["_dmarc.example.net"] = {"v=DMARC1; p=reject"};
  dns.txt["_dmarc.example.org"] = {"v=DMARC1; p=none"};
  Facts facts;
  EXPECT_EQ(run(facts, dns).outcome.verdict, Verdict::permanent_error);
  facts.authors = {domain("example.com"), domain("example.net")};
  EXPECT_EQ(run(facts, dns).outcome.verdict, Verdict::permanent_error);

  Options each;
  each.several_authors = SeveralAuthors::check_each;
  Ran ran = run(facts, dns, each);
  EXPECT_EQ(ran.outcome.verdict, Verdict::fail);
  EXPECT_EQ(text(ran.outcome.author), "example.net") << "the strictest of those that fail";
  facts.spf = SpfFact{Evidence::pass, domain("example.net")};
  ran = run(facts, dns, each);
  EXPECT_EQ(text(ran.outcome.author), "example.com") << "a pass for one is none for the other";
  EXPECT_EQ(ran.outcome.policy, Policy::quarantine);
  facts.dkim = {{Evidence::pass, domain("example.com")}};
  EXPECT_EQ(run(facts, dns, each).outcome.verdict, Verdict::pass);
  facts.authors.push_back(domain("nowhere.test"));
  EXPECT_EQ(run(facts, dns, each).outcome.verdict, Verdict::none) << "not every author passed";

  facts.authors.clear();
  for (std::size_t i = 0; i < each.max_authors; ++i) facts.authors.push_back(domain("a" + std::to_string(i) + ".test"));
  EXPECT_EQ(run(facts, dns, each).outcome.verdict, Verdict::none);
  facts.authors.push_back(domain("one.too.many"));
  EXPECT_EQ(run(facts, dns, each).outcome.verdict, Verdict::permanent_error);
}

TEST(Authors, AreReadFromTheOneFromField) {
  const auto read = [](std::string_view header) {
    const auto parsed = mail::Header::parse(header);
    const auto domains = author_domains(*parsed);
    std::string out;
    if (!domains) return "! " + domains.error().text;
    for (const Domain& domain : *domains) out += domain.text() + " ";
    return out;
  };
  EXPECT_EQ(read("From: A <a@Example.com>\r\n"), "example.com ");
  EXPECT_EQ(read("From: a@example.com, b@example.com, c@example.net\r\n"), "example.com example.net ");
  EXPECT_EQ(read("From: a@b\xc3\xbc\x63her.example\r\n"), "xn--bcher-kva.example ");
  EXPECT_THAT(read("To: a@example.com\r\n"), HasSubstr("! 0 From fields"));
  EXPECT_THAT(read("From: a@example.com\r\nFROM: b@example.net\r\n"), HasSubstr("! 2 From fields"));
  EXPECT_THAT(read("From: nobody\r\n"), HasSubstr("! the From field cannot be read"));
  EXPECT_THAT(read("From: undisclosed:;\r\n"), HasSubstr("! the From field has no address"));
}

TEST(Bounds, AThousandSignaturesCostNoMoreThanTheirWalks) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  Facts facts = from("example.com");
  for (int i = 0; i < 1000; ++i)
    facts.dkim.push_back({Evidence::pass, domain("a.b.c.d.e.f.s" + std::to_string(i) + ".example.com")});
  Options options;
  for (const std::size_t walks : {std::size_t{2}, std::size_t{20}}) {
    options.max_walks = walks;
    const Ran ran = run(facts, dns, options);
    EXPECT_EQ(ran.walks, walks);
    EXPECT_LE(ran.asked.size(), walks * Options::max_queries_of_walk);
    EXPECT_EQ(ran.outcome.verdict, Verdict::pass);
    EXPECT_EQ(std::count(ran.outcome.dkim.begin(), ran.outcome.dkim.end(), Alignment::unchecked),
              static_cast<std::ptrdiff_t>(1000 - (walks - 1)));
  }
  // One walk is the author's own; whether a signature aligns is then not found out.
  options.max_walks = 1;
  EXPECT_EQ(run(facts, dns, options).outcome.verdict, Verdict::fail);
  facts.dkim.back().domain = domain("example.com");  // identical names need no walk
  EXPECT_EQ(run(facts, dns, options).outcome.verdict, Verdict::pass);
}

TEST(Bounds, SeveralAuthorsShareTheWalksWhoeverIsAnsweredFirst) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  dns.txt["_dmarc.example.net"] = {"v=DMARC1; p=reject"};
  Facts facts;
  facts.authors = {domain("example.com"), domain("example.net")};
  for (int i = 0; i < 5; ++i) {
    facts.dkim.push_back({Evidence::pass, domain("s" + std::to_string(i) + ".example.com")});
    facts.dkim.push_back({Evidence::pass, domain("s" + std::to_string(i) + ".example.net")});
  }
  Options options;
  options.several_authors = SeveralAuthors::check_each;
  options.max_walks = 7;                     // two for the authors, two for the signatures of each
  const Ran ran = run(facts, dns, options);  // in each order of the answers
  EXPECT_EQ(ran.outcome.verdict, Verdict::pass);
  EXPECT_EQ(ran.walks, 6U);
  EXPECT_EQ(std::count(ran.outcome.dkim.begin(), ran.outcome.dkim.end(), Alignment::relaxed), 2);
  EXPECT_EQ(std::count(ran.outcome.dkim.begin(), ran.outcome.dkim.end(), Alignment::unchecked), 3);
}

TEST(Bounds, NamesTooLongForTheDnsHaveNoRecord) {
  std::string author;
  while (author.size() < 240) author += "abcdefghi.";
  author += "example.com";
  ASSERT_EQ(author.size(), 251U);
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject"};
  const Ran ran = run(from(author), dns);
  EXPECT_EQ(ran.asked.size(), 7U);
  EXPECT_EQ(ran.outcome.verdict, Verdict::fail);
  EXPECT_EQ(text(ran.outcome.policy_domain), "example.com");
}

TEST(Check, IgnoresAnswersThatNobodyAskedFor) {
  Check check(with_spf("example.com", "example.com"));
  dns::Answer answer;
  answer.records.push_back({{}, 0, "v=DMARC1; p=reject"});
  check.answer({"_dmarc.example.net", dns::RecordType::txt}, answer);
  check.answer({"_dmarc.example.com", dns::RecordType::a}, answer);
  EXPECT_FALSE(check.done());
  check.answer({"_DMARC.Example.Com", dns::RecordType::txt}, answer);  // a resolver may keep another case
  EXPECT_TRUE(check.done());
}

TEST(Statement, SaysTheResultForAuthenticationResults) {
  LittleDns dns;
  dns.txt["_dmarc.example.com"] = {"v=DMARC1; p=reject; sp=quarantine; t=y"};
  const auto field = [&](const Facts& facts) {
    return *authres::format({"mx.test", 1, {statement(run(facts, dns).outcome)}});
  };
  EXPECT_EQ(field(with_spf("a.example.com", "example.com")),
            "Authentication-Results: mx.test;\r\n"
            " dmarc=pass (sp=quarantine t=y at example.com) header.from=a.example.com\r\n"
            " policy.dmarc=none\r\n");
  EXPECT_THAT(field(from("example.com")), HasSubstr("dmarc=fail (p=reject t=y)\r\n reason=\""));
  EXPECT_THAT(field(from("example.com")), HasSubstr("policy.dmarc=quarantine"));
  EXPECT_THAT(field(from("nowhere.test")), HasSubstr("dmarc=none"));
  EXPECT_THAT(field({}), HasSubstr("dmarc=permerror"));
  dns.failing["_dmarc.example.com"] = dns::Status::timeout;
  EXPECT_THAT(field(from("example.com")), HasSubstr("dmarc=temperror"));
}

}  // namespace
}  // namespace sendconn::dmarc
