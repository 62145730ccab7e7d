// Records: what counts in them, what is passed over, and what a person is told.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/dmarc.hpp>

namespace sendconn::dmarc {
namespace {

using ::testing::HasSubstr;

TEST(Record, IsWhatBeginsWithItsVersion) {
  for (const std::string_view text : {"v=DMARC1", "v=DMARC1;", "V = DMARC1 ; p=none", "v=DMARC1;;",
                                      "v=DMARC1; nonsense", "v=DMARC1 ;p=reject", "v\t=\tDMARC1"}) {
    EXPECT_TRUE(is_record(text)) << text;
    EXPECT_TRUE(parse(text).ok()) << text;
  }
  struct Case {
    std::string_view text;
    std::size_t position;
  };
  for (const Case& c : {Case{"", 0},
                        {" v=DMARC1", 0},
                        {"v=DMARC", 2},
                        {"v=dmarc1; p=none", 2},
                        {"v=DMARC12", 8},
                        {"v=DMARC1 p=none", 9},
                        {"p=none; v=DMARC1", 0},
                        {"v=spf1 -all", 2},
                        {"v:DMARC1", 1},
                        {"v=DMARC1,p=none", 8},
                        {"\"v=DMARC1\"", 0}}) {
    EXPECT_FALSE(is_record(c.text)) << c.text;
    const auto record = parse(c.text);
    ASSERT_FALSE(record.ok()) << c.text;
    EXPECT_EQ(record.error().code, Errc::syntax);
    EXPECT_EQ(record.error().position, c.position) << c.text << ": " << record.error().text;
  }
}

TEST(Record, ReadsEachTag) {
  const auto record = parse(
      "v=DMARC1; p=reject; sp=quarantine; np=none; psd=n; t=y; adkim=s; aspf=S; fo=1:d:s; "
      "rua=mailto:a@example.org,https://r.example:8443/x; ruf=mailto:f%2Bg@example.net!10m");
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->p, Policy::reject);
  EXPECT_EQ(record->sp, Policy::quarantine);
  EXPECT_EQ(record->np, Policy::none);
  EXPECT_EQ(record->psd, Psd::no);
  EXPECT_TRUE(record->testing);
  EXPECT_EQ(record->adkim, Mode::strict);
  EXPECT_EQ(record->aspf, Mode::strict);
  EXPECT_EQ(record->fo, (FailureOptions{true, true, true}));
  ASSERT_EQ(record->rua.size(), 2U);
  EXPECT_EQ(record->rua[0].mailbox->format(), "a@example.org");
  EXPECT_EQ(record->rua[1].host->text(), "r.example");
  ASSERT_EQ(record->ruf.size(), 1U);
  EXPECT_EQ(record->ruf[0].text, "mailto:f%2Bg@example.net");
  EXPECT_FALSE(record->policy_faulty);
  EXPECT_EQ(*parse("v=DMARC1;p=none"), *parse("v = DMARC1 ; P = None ; ; x=y ; pct=50"));
}

TEST(Record, KnowsWhenItsPolicyIsNotValid) {
  struct Case {
    std::string_view text;
    bool faulty;
  };
  for (const Case& c : {Case{"v=DMARC1; p=none", false},
                        {"v=DMARC1", true},
                        {"v=DMARC1; p=", true},
                        {"v=DMARC1; p=refuse", true},
                        {"v=DMARC1; p=reject; sp=x", true},
                        {"v=DMARC1; p=reject; np=", true},
                        {"v=DMARC1; sp=reject", true},
                        {"v=DMARC1; p=reject; adkim=x; psd=?; fo=9", false},
                        {"v=DMARC1; p=no\xc3\xbc", true},
                        {"v=DMARC1; p=reject; p=none; p=x", false}}) {
    EXPECT_EQ(parse(c.text)->policy_faulty, c.faulty) << c.text;
  }
  EXPECT_EQ(parse("v=DMARC1; p=reject; p=none")->p, Policy::reject);  // the first counts
}

TEST(Record, PassesOverFaultyValues) {
  const Record defaults = *parse("v=DMARC1; p=reject");
  for (const std::string_view tag : {"adkim=x",
                                     "adkim=",
                                     "aspf=relaxed",
                                     "t=1",
                                     "psd=maybe",
                                     "fo=0:1",
                                     "fo=d:d",
                                     "fo=x",
                                     "fo=",
                                     "fo=1:",
                                     "fo=1 d",
                                     "rua=",
                                     "rua=nobody",
                                     "rua=mailto:",
                                     "rua=mailto:a@b@c",
                                     "ruf=mailto:a%zz@example.org",
                                     "rua=mailto:a b@c.de",
                                     "x=y",
                                     "=y",
                                     "adkim s",
                                     "aspf",
                                     "t=y\x01",
                                     "v=DMARC1",
                                     "psd=\xe2\x80\x9cy\xe2\x80\x9d",
                                     "\"p=none\""}) {
    EXPECT_EQ(*parse("v=DMARC1; p=reject; " + std::string(tag)), defaults) << tag;
  }
  EXPECT_EQ(parse("v=DMARC1; p=none; fo=s:1:d")->fo, (FailureOptions{true, true, true}));
  EXPECT_EQ(parse("v=DMARC1; p=none; fo= d : s ")->fo, (FailureOptions{false, true, true}));
  EXPECT_EQ(parse("v=DMARC1; p=none; rua=x,mailto:a@example.org,y")->rua.size(), 1U);
}

TEST(Record, KeepsItsBounds) {
  std::string text = "v=DMARC1; p=none; x=";
  text.append(Record::max_octets - text.size(), 'x');
  EXPECT_TRUE(parse(text).ok());
  EXPECT_EQ(parse(text + "x").error().code, Errc::limit_exceeded);
  std::string uris = "v=DMARC1; p=none; rua=mailto:a@example.org";
  for (std::size_t i = 1; i < Record::max_uris; ++i) uris += ",mailto:a@example.org";
  EXPECT_EQ(parse(uris)->rua.size(), Record::max_uris);
  EXPECT_EQ(parse(uris + ",mailto:a@example.org")->rua.size(), Record::max_uris);
  EXPECT_THAT(lint(uris + ",mailto:a@example.org").back().text, HasSubstr("more than 50"));
}

TEST(Record, IsWrittenAsItIsRead) {
  for (const std::string_view text :
       {"v=DMARC1; p=none",
        "v=DMARC1; p=reject; sp=none; np=quarantine; psd=y; t=y; adkim=s; aspf=s; fo=1:d:s; "
        "rua=mailto:a@example.org,mailto:b@example.org; ruf=mailto:c@example.org",
        "v=DMARC1; p=none; psd=n; fo=0:d"}) {
    EXPECT_EQ(format(*parse(text)), text);
  }
  for (const std::string_view text : {"v=DMARC1", "v=DMARC1; sp=reject", "v=DMARC1; p=reject; sp=x",
                                      "v=DMARC1; p=reject; sp=none; np=x", "v=DMARC1; p=x; rua=mailto:a@b.de!1k"}) {
    EXPECT_EQ(*parse(format(*parse(text))), *parse(text)) << text;
  }
}

TEST(ReportUri, NamesAMailboxOrAHost) {
  struct Case {
    std::string_view text;
    std::string_view mailbox;
    std::string_view host;
  };
  for (const Case& c : {Case{"mailto:a@Example.ORG", "a@example.org", "example.org"},
                        {"MAILTO:a@example.org?subject=x", "a@example.org", "example.org"},
                        {"mailto:a%40b@example.org", "", ""},
                        {"mailto:%22a%40b%22@example.org", "\"a@b\"@example.org", "example.org"},
                        {"mailto:a@example.org!50", "a@example.org", "example.org"},
                        {"https://user@r.example:8443/path?q", "", "r.example"},
                        {"https://[2001:db8::1]/", "", ""},
                        {"urn:x", "", ""}}) {
    const auto uri = parse_report_uri(c.text);
    if (c.text.find("a%40b@") != std::string_view::npos) {
      EXPECT_FALSE(uri.ok());
      continue;
    }
    ASSERT_TRUE(uri.ok()) << c.text << ": " << uri.error().text;
    EXPECT_EQ(uri->mailbox ? uri->mailbox->format() : "", c.mailbox) << c.text;
    EXPECT_EQ(uri->host ? uri->host->text() : "", c.host) << c.text;
  }
  struct Bad {
    std::string_view text;
    std::size_t position;
  };
  for (const Bad& c : {Bad{"", 0},
                       {"a@example.org", 1},
                       {"mailto", 6},
                       {":x", 0},
                       {"1x:y", 2},
                       {"mailto:", 7},
                       {"mailto:a,b@example.org", 8},
                       {"mailto:a%4@example.org", 8},
                       {"mailto:a@b!10x", 10},
                       {"mailto:a@b c", 10},
                       {"mailto:a@example..org", 7},
                       {"mailto:%0d%0aBcc@example.org", 7}}) {
    const auto uri = parse_report_uri(c.text);
    ASSERT_FALSE(uri.ok()) << c.text;
    EXPECT_EQ(uri.error().position, c.position) << c.text << ": " << uri.error().text;
  }
}

TEST(Lint, MarksThePlace) {
  struct Case {
    std::string_view text;
    Severity severity;
    std::string_view marked;  // empty: something is missing at the end
    std::string_view says;
  };
  const Case cases[] = {
      {"v=DMARC1; p=refuse; rua=mailto:a@b.de", Severity::error, "refuse", "none, quarantine or reject"},
      {"v=DMARC1; rua=mailto:a@b.de", Severity::error, "", "no \"p=\""},
      {"v=DMARC1; p=none; p=reject; rua=mailto:a@b.de", Severity::error, "p", "second"},
      {"v=DMARC1; p=none; pct=50; rua=mailto:a@b.de", Severity::warning, "pct", "removed"},
      {"v=DMARC1; p=none; foo=1; rua=mailto:a@b.de", Severity::warning, "foo", "unknown"},
      {"v=DMARC1; p=none; aspf; rua=mailto:a@b.de", Severity::error, "aspf", "name=value"},
      {"v=DMARC1; p=none;; rua=mailto:a@b.de", Severity::error, "", "empty tag"},
      {"v=DMARC1; p=none; fo=0:1; rua=mailto:a@b.de; ruf=mailto:a@b.de", Severity::error, "0:1", "0 or 1"},
      {"v=DMARC1; p=none; fo=1; rua=mailto:a@b.de", Severity::warning, "fo=1", "ignored without"},
      {"v=DMARC1; p=none; rua=a@b.de", Severity::error, "@b.de", "no scheme"},
      {"v=DMARC1; p=none; rua=mailto:a@b.de, mailto:c", Severity::error, "c", "report address"},
      {"v=DMARC1; p=none; rua=mailto:a@b.de!10m", Severity::note, "!10m", "obsolete"},
      {"v=DMARC1; p=none; rua=https://b.de/x", Severity::warning, "https", "mailto:"},
      {"v=DMARC1; p=reject; sp=none; rua=mailto:a@b.de", Severity::warning, "sp=none", "weaker"},
      {"v=DMARC1; p=reject; np=none; rua=mailto:a@b.de", Severity::warning, "np=none", "invents"},
      {"v=DMARC1; p=reject", Severity::warning, "", "rua"},
      {"v=DMARC1; p=none; t=y; rua=mailto:a@b.de", Severity::note, "t=y", "no effect"},
      {"v=DMARC1; p=reject; t=y; rua=mailto:a@b.de", Severity::note, "t=y", "one level"},
      {"v=DMARC1; p=reject; psd=y; rua=mailto:a@b.de", Severity::warning, "psd=y", "registries"},
      {"v=DMARC1; p=\xe2\x80\x9dreject; rua=mailto:a@b.de", Severity::error, "\xe2\x80\x9dreject", "printable"},
      {" v=DMARC1; p=none", Severity::error, " ", "white space"},
      {"v=dmarc1; p=none", Severity::error, "dmarc1", "capitals"},
      {"v=spf1 -all", Severity::error, "v=spf1 -all", "SPF"},
      {"hello", Severity::error, "", "no DMARC record"},
  };
  for (const Case& c : cases) {
    const auto findings = lint(c.text);
    const bool found = std::any_of(findings.begin(), findings.end(), [&](const Finding& finding) {
      return finding.severity == c.severity && finding.text.find(c.says) != std::string::npos &&
             c.text.substr(finding.position, finding.length) == c.marked;
    });
    std::string all;
    for (const Finding& finding : findings)
      all += "\n" + std::to_string(finding.position) + "+" + std::to_string(finding.length) + " " + finding.text;
    EXPECT_TRUE(found) << c.text << all;
  }
  EXPECT_TRUE(lint("v=DMARC1; p=reject; rua=mailto:a@example.org; ruf=mailto:b@example.org; fo=1").empty());
}

TEST(Lint, LooksAtWhatTheDnsSays) {
  const Domain domain = *Domain::parse("example.org");
  const auto say = [&](std::vector<std::string> texts, dns::Status status = dns::Status::no_error) {
    dns::Answer answer;
    answer.status = status;
    for (std::string& text : texts) answer.records.push_back({{}, 0, std::move(text)});
    std::string all;
    for (const Finding& finding : lint(domain, answer)) all += finding.text + "\n";
    return all;
  };
  const std::string good = "v=DMARC1; p=reject; rua=mailto:a@example.org";
  EXPECT_EQ(say({good}), "");
  EXPECT_THAT(say({}, dns::Status::no_such_name), HasSubstr("no DMARC record at _dmarc.example.org"));
  EXPECT_THAT(say({}, dns::Status::server_failure), HasSubstr("did not answer"));
  EXPECT_THAT(say({good, good}), HasSubstr("2 DMARC records"));
  EXPECT_THAT(say({good, "v=spf1 -all"}), HasSubstr("does not count: an SPF record"));
  EXPECT_THAT(say({" " + good}), HasSubstr("white space"));
}

}  // namespace
}  // namespace sendconn::dmarc
