// Received-SPF: written for hostile values, and read back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/spf_received.hpp>

namespace sendconn::spf {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

ReceivedSpf read_back(const std::string& field) {
  auto parsed = parse_received(std::string_view(field).substr(std::string_view("Received-SPF:").size()));
  EXPECT_TRUE(parsed.ok()) << field << (parsed ? "" : parsed.error().text);
  return parsed ? *parsed : ReceivedSpf{};
}

TEST(ReceivedSpf, IsWrittenAndReadBack) {
  Outcome outcome;
  outcome.verdict = Verdict::pass;
  outcome.reason = Reason::matched;
  outcome.sender = "myname@example.com";
  outcome.text = "ip6:2001:db8::/32 in the record of example.com matches 2001:db8::1";
  outcome.path = {{"example.com", "+include:a.example", 7}, {"a.example", "?ip6:2001:db8::/32", 7}};
  const ReceivedSpf received =
      to_received(outcome, IpAddress::parse("2001:db8::1").value(), "foo.example.com", "mybox.example.org");
  const std::string field = format(received);
  EXPECT_EQ(
      field,
      "Received-SPF: pass (mybox.example.org: ip6:2001:db8::/32 in the record of example.com matches 2001:db8::1)\r\n"
      "\treceiver=mybox.example.org;\r\n\tclient-ip=\"2001:db8::1\";\r\n\tenvelope-from=\"myname@example.com\";\r\n"
      "\thelo=foo.example.com;\r\n\tidentity=mailfrom;\r\n\tmechanism=ip6\r\n");
  const ReceivedSpf read = read_back(field);
  EXPECT_EQ(format(read), field);
  EXPECT_EQ(read.comment, received.comment);
  EXPECT_EQ(read.envelope_from, "myname@example.com");
}

TEST(ReceivedSpf, NamesTheProblem) {
  Outcome outcome;
  outcome.verdict = Verdict::permerror;
  outcome.reason = Reason::void_lookup_limit;
  EXPECT_THAT(format(to_received(outcome, IpAddress(), "h", "r")), HasSubstr("problem=void-lookup-limit\r\n"));
  outcome.verdict = Verdict::neutral;
  outcome.reason = Reason::no_match;
  EXPECT_THAT(format(to_received(outcome, IpAddress(), "h", "r")), HasSubstr("mechanism=default\r\n"));
}

TEST(ReceivedSpf, SurvivesHostileValues) {
  for (const char* hostile : {"a\r\nX-Injected: yes", "\"; identity=\"x", "a) b (c", "\\", "\xc3\xbc\x1b[0m", "x;y",
                              ".", "a..b", "((((((", "\\\"\\"}) {
    ReceivedSpf received;
    received.verdict = Verdict::fail;
    received.comment = received.helo = received.envelope_from = received.receiver = hostile;
    received.identity = "mailfrom";
    const std::string field = format(received);
    EXPECT_THAT(field, Not(HasSubstr("\nX-Injected"))) << field;
    const ReceivedSpf read = read_back(field);
    EXPECT_EQ(read.verdict, Verdict::fail);
    EXPECT_EQ(read.identity, "mailfrom");
    EXPECT_EQ(read.helo, read.receiver);
    EXPECT_EQ(read.helo, read.comment);
    EXPECT_EQ(read.helo.size(), std::string_view(hostile).size());
    EXPECT_TRUE(read.others.empty());
  }
}

TEST(ReceivedSpf, KeepsItsLinesShort) {
  ReceivedSpf received;
  received.helo = std::string(5000, '"');
  received.comment = std::string(5000, '(');
  std::size_t line = 0;
  for (const char c : format(received)) {
    line = c == '\n' ? 0 : line + 1;
    EXPECT_LE(line, 998U);
  }
}

TEST(ReceivedSpf, IsReadAsOthersWriteIt) {
  const auto parsed = parse_received(
      " Pass (mailfrom) (second (nested) one) identity=mailfrom; client-ip=192.0.2.1;\r\n helo = h.example ;"
      " envelope-from=joe@example.org; x-Software=\"a \\\"b\\\"\"; ");
  ASSERT_TRUE(parsed.ok()) << parsed.error().text;
  EXPECT_EQ(parsed->verdict, Verdict::pass);
  EXPECT_EQ(parsed->comment, "mailfrom");
  EXPECT_EQ(parsed->helo, "h.example");
  EXPECT_EQ(parsed->envelope_from, "joe@example.org");
  ASSERT_EQ(parsed->others.size(), 1U);
  EXPECT_EQ(parsed->others[0], (std::pair<std::string, std::string>("x-software", "a \"b\"")));
}

TEST(ReceivedSpf, RefusesWhatIsNone) {
  for (const char* value : {"", "great", "pass;", "pass (open", "pass helo", "pass helo=", "pass helo=\"open",
                            "pass =x", "pass a=b c=d", "pass 1a=b"})
    EXPECT_EQ(parse_received(value).error().code, Errc::syntax) << value;
  EXPECT_EQ(parse_received("pass (" + std::string(40, '(') + std::string(41, ')')).error().code, Errc::syntax);
  EXPECT_TRUE(parse_received("pass " + std::string(32, '(') + std::string(32, ')')).ok());
  EXPECT_EQ(parse_received("pass" + std::string(max_received_octets, ' ')).error().code, Errc::limit_exceeded);
  EXPECT_TRUE(parse_received("pass" + std::string(max_received_octets - 4, ' ')).ok());
}

}  // namespace
}  // namespace sendconn::spf
