// Aggregate reports: read, written, packed, summarized; hostile ones refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include <sendconn/dmarc_report.hpp>

#include "tests/dmarc/sample_report.hpp"

namespace sendconn::dmarc {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view old_report = R"(<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>Receiver</org_name>
    <email>noreply@receiver.example</email>
    <extra_contact_info>https://receiver.example/help</extra_contact_info>
    <report_id>0815</report_id>
    <date_range><begin>1700000000</begin><end>1700086399</end></date_range>
    <error>first</error><error>second</error>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain><adkim>r</adkim><aspf>r</aspf><p>none</p><sp>none</sp><pct>100</pct><fo>0</fo>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.1</source_ip><count>2</count>
      <policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>pass</spf>
        <reason><type>forwarded</type><comment>a &amp; b</comment></reason>
        <reason><type>sampled_out</type></reason></policy_evaluated>
    </row>
    <identifiers><envelope_from></envelope_from><header_from> example.com </header_from></identifiers>
    <auth_results>
      <dkim><domain>example.com</domain><result>fail</result><human_result>expired</human_result></dkim>
      <spf><domain>example.com</domain><scope>mfrom</scope><result>pass</result></spf>
      <spf><domain>mail.example.com</domain><scope>helo</scope><result>none</result></spf>
    </auth_results>
  </record>
</feedback>)";

TEST(Report, ReadsTheOldForm) {
  const auto report = parse_report(old_report);
  ASSERT_TRUE(report.ok()) << report.error().text;
  EXPECT_EQ(report->form, ReportForm::rfc7489);
  EXPECT_EQ(report->org_name, "Receiver");
  EXPECT_EQ(report->begin, 1700000000);
  EXPECT_EQ(report->errors.size(), 2U);
  EXPECT_EQ(report->policy.pct, "100");
  EXPECT_EQ(report->policy.np, std::nullopt);
  ASSERT_EQ(report->rows.size(), 1U);
  const ReportRow& row = report->rows[0];
  EXPECT_EQ(row.count, 2U);
  EXPECT_EQ(row.reasons[0].comment->text, "a & b");
  EXPECT_EQ(row.reasons[1].comment, std::nullopt);
  EXPECT_EQ(row.envelope_from, "") << "a null reverse-path, not an absent element";
  EXPECT_EQ(row.envelope_to, std::nullopt);
  EXPECT_EQ(row.header_from, "example.com");
  EXPECT_EQ(row.dkim_results[0].selector, std::nullopt);
  EXPECT_EQ(row.spf_results[1].scope, "helo");
  EXPECT_THAT(check_report(*report), IsEmpty());
  const auto written = format_report(*report);
  ASSERT_TRUE(written.ok()) << written.error().text;
  EXPECT_EQ(*parse_report(*written), *report);
}

TEST(Report, ReadsEveryNamespaceThatIsInUse) {
  for (const std::string_view space :
       {"", " xmlns=\"http://dmarc.org/dmarc-xml/0.1\"", " xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\""}) {
    std::string xml(old_report);
    xml.insert(xml.find("<feedback") + 9, space);
    const auto report = parse_report(xml);
    ASSERT_TRUE(report.ok()) << report.error().text;
    EXPECT_EQ(report->rows.size(), 1U);
    EXPECT_EQ(report->form, ReportForm::rfc7489);
  }
}

TEST(Report, LosesNothingInARoundTrip) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    const AggregateReport report = sample_report(seed);
    const auto xml = format_report(report);
    ASSERT_TRUE(xml.ok()) << seed << ": " << xml.error().text;
    const auto again = parse_report(*xml);
    ASSERT_TRUE(again.ok()) << again.error().text;
    ASSERT_EQ(*again, report) << seed << "\n" << *xml;
    const auto packed = pack_report(*xml);
    ASSERT_TRUE(packed.ok());
    EXPECT_EQ(*unpack_report(*packed), *xml);
    EXPECT_EQ(*unpack_report(*xml), *xml);
  }
}

TEST(Report, WritesWhatXmlCannotHoldAsQuestionMarks) {
  AggregateReport report = sample_report(1);
  report.org_name = std::string("a\0b\x1b<c>&\"d\" \xff \xef\xbf\xbe \xc3\xbc", 20);
  const auto xml = format_report(report);
  ASSERT_TRUE(xml.ok());
  EXPECT_THAT(*xml, HasSubstr("<org_name>a?b?&lt;c&gt;&amp;&quot;d&quot; ? ? \xc3\xbc</org_name>"));
  EXPECT_EQ(parse_report(*xml)->org_name, "a?b?<c>&\"d\" ? ? \xc3\xbc");
}

TEST(Report, RefusesToWriteWhatTheSchemaRefuses) {
  const auto fault = [](auto&& change) {
    AggregateReport report = sample_report(0);
    report.rows.resize(1);
    change(report);
    const auto faults = check_report(report);
    EXPECT_EQ(format_report(report).ok(), faults.empty());
    return faults.empty() ? std::string() : faults.front();
  };
  EXPECT_EQ(fault([](AggregateReport&) {}), "");
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows.clear(); }), HasSubstr("<record>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.policy.p = "maybe"; }), HasSubstr("<p> is \"maybe\""));
  EXPECT_THAT(fault([](AggregateReport& r) { r.policy.np = ""; }), HasSubstr("<np>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.policy.pct = "50"; }), HasSubstr("<pct>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.policy.domain = ""; }), HasSubstr("<domain>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.version = "1.x"; }), HasSubstr("<version>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.end = r.begin - 1; }), HasSubstr("period"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.errors = {{"a", ""}, {"b", ""}}; }), HasSubstr("<error>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.errors = {{"a", "not a language"}}; }), HasSubstr("lang="));
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows[0].source_ip = "1.2.3"; }), HasSubstr("record 1: <source_ip>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows[0].disposition = "defer"; }), HasSubstr("<disposition>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows[0].spf = "softfail"; }), HasSubstr("<spf>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows[0].header_from = ""; }), HasSubstr("<header_from>"));
  EXPECT_THAT(fault([](AggregateReport& r) { r.rows[0].reasons = {{"forwarded", {}}}; }), HasSubstr("<type>"));
  EXPECT_THAT(fault([](AggregateReport& r) {
                r.rows[0].dkim_results = {{"d", {}, "pass", {}}};
              }),
              HasSubstr("<selector>"));
  EXPECT_THAT(fault([](AggregateReport& r) {
                r.rows[0].spf_results.assign(2, {"d", {}, "pass", {}});
              }),
              HasSubstr("more than one <spf>"));
  EXPECT_THAT(fault([](AggregateReport& r) {
                r.rows[0].spf_results = {{"d", "helo", "pass", {}}};
              }),
              HasSubstr("<scope>"));
  EXPECT_THAT(fault([](AggregateReport& r) {
                r.rows[0].extensions = {{"", "x", {}, "", {}}};
              }),
              HasSubstr("namespace"));
}

TEST(Report, NamesAtMostAHundredFaults) {
  AggregateReport report = sample_report(0);
  ReportRow faulty = report.rows.front();
  faulty.source_ip = "1.2.3";
  for (const std::size_t rows : {std::size_t{99}, std::size_t{100}, std::size_t{101}}) {
    report.rows.assign(rows, faulty);
    EXPECT_EQ(check_report(report).size(), std::min<std::size_t>(rows, 100)) << rows;
  }
}

std::string replaced(std::string_view what, std::string_view with) {
  std::string xml(old_report);
  return xml.replace(xml.find(what), what.size(), with);
}

TEST(Report, RefusesWhatIsNoReport) {
  struct Case {
    std::string_view what;
    std::string xml;
    std::string_view says;
  };
  const Case cases[] = {
      {"nothing", "", "well-formed"},
      {"cut off", std::string(old_report.substr(0, old_report.size() / 2)), "well-formed"},
      {"not closed", replaced("</row>", ""), "mismatched"},
      {"another document", "<html/>", "\"feedback\" is required"},
      {"two documents", std::string(old_report) + "<feedback/>", "junk after"},
      {"no metadata", "<feedback><policy_published/></feedback>", "<report_metadata>"},
      {"no policy", replaced("policy_published", "x").replace(0, 0, ""), ""},
      {"no period", replaced("date_range", "dates"), ""},
      {"no count", replaced("<count>2</count>", ""), "<count>"},
      {"a negative count", replaced("<count>2</count>", "<count>-2</count>"), "\"-2\""},
      {"too great a count", replaced("<count>2</count>", "<count>99999999999999999999</count>"), "whole number"},
      {"entities", replaced("<feedback>", "<!DOCTYPE f [<!ENTITY a \"b\">]><feedback>"), "document type"},
      {"a bomb of entities",
       replaced("<feedback>", "<!DOCTYPE f [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]><feedback>&b;"),
       "document type"},
      {"a file of ours", replaced("<feedback>", "<!DOCTYPE f SYSTEM \"file:///etc/passwd\"><feedback>"),
       "document type"},
      {"an unknown entity", replaced("a &amp; b", "&x;"), "undefined entity"},
      {"an unknown charset", replaced("UTF-8", "EBCDIC-X"), "encoding"},
      {"broken UTF-8", replaced("Receiver", "\xff"), "well-formed"},
      {"NUL", replaced("Receiver", std::string_view("\0", 1)), "well-formed"},
  };
  for (const Case& c : cases) {
    const auto report = parse_report(c.xml);
    ASSERT_FALSE(report.ok()) << c.what;
    EXPECT_EQ(report.error().code, Errc::syntax) << c.what;
    EXPECT_THAT(report.error().text, HasSubstr(std::string(c.says))) << c.what;
  }
}

TEST(Report, KeepsItsBounds) {
  const auto code = [](const std::string& xml, const ReportLimits& limits) {
    const auto report = parse_report(xml, limits);
    return report ? Errc{} : report.error().code;
  };
  const std::string xml(old_report);
  ReportLimits limits;
  limits.max_xml_octets = xml.size();
  EXPECT_EQ(code(xml, limits), Errc{});
  limits.max_xml_octets = xml.size() - 1;
  EXPECT_EQ(code(xml, limits), Errc::limit_exceeded);
  limits = {};
  const std::size_t start = xml.find("  <record>");
  const std::string record = xml.substr(start, xml.find("</feedback>") - start);
  limits.max_records = 1;
  EXPECT_EQ(code(xml, limits), Errc{});
  EXPECT_EQ(code(replaced("</feedback>", record + "</feedback>"), limits), Errc::limit_exceeded);
  limits = {};
  const auto elements = static_cast<std::size_t>(std::count(xml.begin(), xml.end(), '<')) / 2;  // less the declaration
  limits.max_elements = elements;
  EXPECT_EQ(code(xml, limits), Errc{});
  limits.max_elements = elements - 1;
  EXPECT_EQ(code(xml, limits), Errc::limit_exceeded);
  limits = {};
  limits.max_depth = 6;  // feedback, record, row, policy_evaluated, reason, type
  EXPECT_EQ(code(xml, limits), Errc{});
  limits.max_depth = 5;
  EXPECT_EQ(code(xml, limits), Errc::limit_exceeded);
  limits = {};
  EXPECT_EQ(code(replaced("Receiver", std::string(limits.max_text_octets, 'x')), limits), Errc{});
  EXPECT_EQ(code(replaced("Receiver", std::string(limits.max_text_octets + 1, 'x')), limits), Errc::limit_exceeded);
  EXPECT_EQ(code(replaced("<error>", "<error lang=\"" + std::string(limits.max_text_octets + 1, 'x') + "\">"), limits),
            Errc::limit_exceeded);
}

// A zip file of one or more entries as zip programs write them; made by hand, so that each field can be wrong.
void put(std::string& out, std::uint32_t value, int octets) {
  for (int i = 0; i < octets; ++i) out += static_cast<char>(value >> (8 * i) & 0xffU);
}
struct ZipFile {
  std::string name = "r.xml";
  std::string data = "<feedback/>";
  std::uint32_t crc = 0xc0f6e2d4;  // filled in by make_zip() unless `damaged`
  bool damaged = false;
  std::uint32_t flags = 0;
  std::uint32_t method = 0;
  std::uint32_t size_offset = 0;  // added to the size in the directory
};
std::uint32_t crc32_of(std::string_view data) {
  std::uint32_t crc = 0xffffffff;
  for (const char c : data) {
    crc ^= static_cast<unsigned char>(c);
    for (int i = 0; i < 8; ++i) crc = (crc >> 1U) ^ (crc & 1U ? 0xedb88320U : 0U);
  }
  return ~crc;
}
std::string make_zip(const std::vector<ZipFile>& files) {
  std::string out;
  std::string directory;
  for (const ZipFile& file : files) {
    const std::size_t at = out.size();
    const std::uint32_t crc = crc32_of(file.data) + (file.damaged ? 1 : 0);
    const auto octets = static_cast<std::uint32_t>(file.data.size());
    std::string common;
    put(common, 20, 2);
    put(common, file.flags, 2);
    put(common, file.method, 2);
    put(common, 0, 4);
    put(common, crc, 4);
    put(common, octets, 4);
    put(common, octets + file.size_offset, 4);
    put(common, static_cast<std::uint32_t>(file.name.size()), 2);
    put(common, 0, 2);
    out += "PK\x03\x04" + common + file.name + file.data;
    directory += "PK\x01\x02";
    put(directory, 20, 2);
    directory += common;
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, 0, 2);
    put(directory, 0, 4);
    put(directory, static_cast<std::uint32_t>(at), 4);
    directory += file.name;
  }
  const std::size_t at = out.size();
  out += directory + "PK\x05\x06";
  put(out, 0, 4);
  put(out, static_cast<std::uint32_t>(files.size()), 2);
  put(out, static_cast<std::uint32_t>(files.size()), 2);
  put(out, static_cast<std::uint32_t>(directory.size()), 4);
  put(out, static_cast<std::uint32_t>(at), 4);
  put(out, 0, 2);
  return out;
}

TEST(Archive, UnpacksZipFiles) {
  EXPECT_EQ(*unpack_report(make_zip({{}})), "<feedback/>");
  EXPECT_EQ(*unpack_report(make_zip({ZipFile{"report"}})), "<feedback/>");  // one file, whatever its name
  EXPECT_EQ(*unpack_report(make_zip({ZipFile{"readme.txt", "hello"}, {"a/R.XML"}})), "<feedback/>");
  struct Case {
    std::string_view what;
    std::vector<ZipFile> files;
    Errc code;
  };
  ZipFile damaged;
  damaged.damaged = true;
  ZipFile encrypted;
  encrypted.flags = 1;
  ZipFile strange;
  strange.method = 12;
  ZipFile not_deflated;
  not_deflated.method = 8;
  ZipFile lying;
  lying.size_offset = 1;
  for (const Case& c :
       {Case{"two reports", {{}, {}}, Errc::syntax}, Case{"none", {}, Errc::syntax},
        Case{"no XML", {ZipFile{"a"}, ZipFile{"b"}}, Errc::syntax}, Case{"damaged", {damaged}, Errc::syntax},
        Case{"encrypted", {encrypted}, Errc::unsupported}, Case{"a strange method", {strange}, Errc::unsupported},
        Case{"nothing deflated", {not_deflated}, Errc::syntax}, Case{"a false size", {lying}, Errc::syntax},
        Case{"many files", std::vector<ZipFile>(17), Errc::limit_exceeded}}) {
    const auto xml = unpack_report(make_zip(c.files));
    ASSERT_FALSE(xml.ok()) << c.what;
    EXPECT_EQ(xml.error().code, c.code) << c.what << ": " << xml.error().text;
  }
  std::vector<ZipFile> sixteen(16, ZipFile{"readme.txt", "hello"});
  sixteen.back() = {};
  EXPECT_EQ(*unpack_report(make_zip(sixteen)), "<feedback/>") << "as many as are looked at";
  const std::string zip = make_zip({{}});
  for (std::size_t cut = 0; cut < zip.size(); ++cut) EXPECT_FALSE(unpack_report(zip.substr(0, cut)).ok()) << cut;
}

TEST(Archive, StopsABombAtTheLimit) {
  const std::string large(4 * 1024 * 1024, ' ');
  const auto packed = pack_report("<" + large);
  ASSERT_TRUE(packed.ok());
  EXPECT_LT(packed->size(), 8192U);
  ReportLimits limits;
  limits.max_xml_octets = large.size() + 1;
  EXPECT_TRUE(unpack_report(*packed, limits).ok());
  limits.max_xml_octets = large.size();
  EXPECT_EQ(unpack_report(*packed, limits).error().code, Errc::limit_exceeded);
  // Members one behind the other count together.
  limits.max_xml_octets = 2 * large.size() + 2;
  EXPECT_TRUE(unpack_report(*packed + *packed, limits).ok());
  limits.max_xml_octets -= 1;
  EXPECT_EQ(unpack_report(*packed + *packed, limits).error().code, Errc::limit_exceeded);
  limits.max_xml_octets = 10;
  EXPECT_EQ(unpack_report("<xxxxxxxxxx", limits).error().code, Errc::limit_exceeded);
}

TEST(Archive, RefusesDamage) {
  const std::string packed = *pack_report(std::string(old_report));
  for (std::size_t cut = 0; cut < packed.size(); ++cut)
    EXPECT_FALSE(unpack_report(std::string_view(packed).substr(0, cut)).ok()) << cut;
  std::string damaged = packed;
  damaged[packed.size() - 6] = static_cast<char>(damaged[packed.size() - 6] ^ 1);  // its checksum
  EXPECT_FALSE(unpack_report(damaged).ok());
  for (const std::string_view other : {"", " ", "hello", "%PDF", "BZh9", "\x1f"})
    EXPECT_FALSE(unpack_report(other).ok());
  EXPECT_TRUE(unpack_report("\xef\xbb\xbf <feedback/>").ok());
}

TEST(Report, NamesItsFileAndItsMessage) {
  AggregateReport report = sample_report(0);
  report.policy.domain = "example.com";
  report.begin = 1013662812;
  report.end = 1013749130;
  report.report_id = "2024-03-27_example.com@example.org";
  const Domain receiver = *Domain::parse("mail.receiver.example");
  EXPECT_EQ(report_file_name(receiver, report, true), "mail.receiver.example!example.com!1013662812!1013749130.xml.gz");
  EXPECT_EQ(report_subject(receiver, report),
            "Report Domain: example.com Submitter: mail.receiver.example Report-ID: "
            "<2024-03-27_example.com@example.org>");
  report.policy.domain = "../../etc";
  report.report_id = "x>\r\nBcc: y";
  EXPECT_EQ(report_file_name(receiver, report, false), "mail.receiver.example!unknown!1013662812!1013749130.xml");
  EXPECT_EQ(report_subject(receiver, report).find_first_of("\r\n"), std::string::npos);
}

TEST(Report, IsMadeFromOutcomes) {
  Outcome outcome;
  outcome.verdict = Verdict::fail;
  outcome.author = *Domain::parse("a.example.com");
  outcome.policy_domain = *Domain::parse("example.com");
  outcome.record = *parse("v=DMARC1; p=reject; t=y; fo=1; adkim=s");
  outcome.published = Policy::reject;
  outcome.policy = Policy::quarantine;
  outcome.dkim = {Alignment::none};
  AggregateReport report = sample_report(0);
  report.policy = reported_policy(outcome);
  EXPECT_EQ(report.policy.p, "reject");
  EXPECT_EQ(report.policy.sp, "reject");
  EXPECT_EQ(report.policy.np, "reject");
  EXPECT_EQ(report.policy.adkim, "s");
  EXPECT_EQ(report.policy.testing, "y");
  EXPECT_EQ(report.policy.fo, "1");
  report.rows.clear();
  const IpAddress source = *IpAddress::parse("2001:db8::1");
  add_row(report, report_row(outcome, source));
  add_row(report, report_row(outcome, source));
  outcome.verdict = Verdict::pass;
  outcome.spf = Alignment::relaxed;
  add_row(report, report_row(outcome, source));
  ASSERT_EQ(report.rows.size(), 2U);
  EXPECT_EQ(report.rows[0].count, 2U);
  EXPECT_EQ(report.rows[0].disposition, "quarantine");
  EXPECT_EQ(report.rows[0].reasons.front().type, "policy_test_mode");
  EXPECT_EQ(report.rows[1].disposition, "pass");
  EXPECT_EQ(report.rows[1].spf, "pass");
  EXPECT_TRUE(format_report(report).ok()) << format_report(report).error().text;
  outcome.record = *parse("v=DMARC1; p=reject; sp=x; rua=mailto:a@example.com");
  EXPECT_EQ(reported_policy(outcome).p, "none") << "a faulty record counts as none";
}

TEST(Summary, CountsMessagesByTheirSource) {
  ReportSummary summary;
  AggregateReport report = *parse_report(old_report);
  summary.add(report);
  report.rows[0].spf = "fail";
  report.rows[0].disposition = "reject";
  report.rows[0].reasons.clear();
  report.rows[0].header_from = "EXAMPLE.com";
  report.begin -= 10;
  report.end += 10;
  summary.add(report);
  EXPECT_EQ(summary.reports, 2U);
  EXPECT_EQ(summary.total, (ReportSummary::Source{4, 2, 0, 2}));
  EXPECT_EQ(summary.rejected, 2U);
  EXPECT_EQ(summary.overridden, 2U);
  EXPECT_EQ(summary.begin, 1699999990);
  EXPECT_EQ(summary.end, 1700086409);
  EXPECT_EQ(summary.by_source.at("192.0.2.1").messages, 4U);
  EXPECT_EQ(summary.by_author.size(), 1U);
  report.rows[0].count = ~std::uint64_t{0};
  summary.add(report);
  EXPECT_EQ(summary.total.messages, ~std::uint64_t{0}) << "it saturates";
}

FailureReport failure() {
  FailureReport report{*Address::parse("dmarc@receiver.example"),
                       *Address::parse("ruf@example.com"),
                       UnixTime{},
                       "1@receiver.example",
                       "b0undary",
                       "sendconn/1",
                       *Domain::parse("mx.receiver.example"),
                       *Domain::parse("example.com"),
                       *IpAddress::parse("192.0.2.1")};
  report.dkim_failed = report.spf_failed = true;
  report.mail_from = "bounce@other.test";
  report.results = authres::Results{"mx.receiver.example", 1, {{"dmarc", 1, "fail", "", "", {}}}};
  report.original = "From: a@example.com\r\nSubject: x\r\n";
  return report;
}

TEST(FailureReport, IsAMessageOfThreeParts) {
  const auto message = format_failure_report(failure());
  ASSERT_TRUE(message.ok()) << message.error().text;
  EXPECT_THAT(*message,
              HasSubstr("Content-Type: multipart/report; report-type=feedback-report;\r\n boundary=\"b0undary\""));
  EXPECT_THAT(*message, HasSubstr("\r\nContent-Type: message/feedback-report\r\n"));
  for (const std::string_view line :
       {"Feedback-Type: auth-failure", "Version: 1", "User-Agent: sendconn/1", "Auth-Failure: dmarc",
        "Identity-Alignment: dkim, spf", "Reported-Domain: example.com", "Source-IP: 192.0.2.1",
        "Original-Mail-From: <bounce@other.test>", "Authentication-Results: mx.receiver.example;\r\n dmarc=fail",
        "Reporting-MTA: dns; mx.receiver.example"}) {
    EXPECT_THAT(*message, HasSubstr("\r\n" + std::string(line) + "\r\n"));
  }
  EXPECT_THAT(*message, HasSubstr("Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                                  "From: a@example.com\r\nSubject: x\r\n--b0undary--\r\n"));
}

TEST(FailureReport, LetsNothingOutOfItsValues) {
  FailureReport report = failure();
  report.mail_from = "x>\r\nBcc: victim@example.net\r\n\r\n--b0undary";
  report.dkim_selector = "s\r\n\r\n";
  report.reporter = std::string(2000, 'x');
  const auto message = format_failure_report(report);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(message->find("\r\nBcc"), std::string::npos);
  EXPECT_EQ(message->find("\r\n--b0undary", message->find("Original-Mail-From")),
            message->find("\r\n--b0undary\r\nContent-Type: text/rfc822-headers"));
  for (std::size_t start = 0; start < message->size();) {
    const std::size_t end = message->find("\r\n", start);
    EXPECT_LE(end - start, 998U);
    start = end + 2;
  }
}

TEST(FailureReport, IsRefusedIfItCannotBeRight) {
  const auto refused = [](auto&& change) {
    FailureReport report = failure();
    change(report);
    const auto message = format_failure_report(report);
    return !message.ok() && message.error().code == Errc::invalid_argument;
  };
  EXPECT_FALSE(refused([](FailureReport&) {}));
  EXPECT_TRUE(refused([](FailureReport& r) { r.boundary = ""; }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.boundary = "a b"; }));
  EXPECT_FALSE(refused([](FailureReport& r) { r.boundary = std::string(70, 'b'); }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.boundary = std::string(71, 'b'); }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.original += "--b0undary--\r\n"; }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.dkim_failed = r.spf_failed = false; }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.original += "a\nb\r\n"; }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.original += "a\r"; }));
  EXPECT_TRUE(refused([](FailureReport& r) { r.results->id = ""; }));
}

}  // namespace
}  // namespace sendconn::dmarc
