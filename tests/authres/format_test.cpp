// Authentication-Results as we write it: whatever a value holds, nothing gets out of it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/authres.hpp>
#include <sendconn/message.hpp>

namespace sendconn::authres {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Results with_value(std::string value) {
  return {"mx.example", 1, {{"x", 1, "pass", "", "", {{"policy", "y", std::move(value)}}}}};
}

/// The value of the one field that `field` must be.
std::string value_of(const std::string& field) {
  const auto header = mail::Header::parse(field);
  EXPECT_TRUE(header.ok()) << field;
  EXPECT_EQ(header->fields().size(), 1U) << field;
  EXPECT_EQ(header->fields().front().name, "Authentication-Results");
  return std::string(header->fields().front().value);
}

TEST(Format, WritesAFieldForEveryReader) {
  const Results results{"mx.example",
                        1,
                        {{"spf", 1, "pass", "", "", {{"smtp", "mailfrom", "bounce@example.com"}}},
                         {"dkim",
                          1,
                          "pass",
                          "2048-bit key",
                          "",
                          {{"header", "d", "example.com"}, {"header", "s", "s1"}, {"header", "b", "ab/c"}}},
                         {"dmarc", 1, "fail", "", "no aligned identifier", {{"header", "from", "example.com"}}}}};
  EXPECT_EQ(*format(results),
            "Authentication-Results: mx.example;\r\n"
            " spf=pass smtp.mailfrom=bounce@example.com;\r\n"
            " dkim=pass (2048-bit key) header.d=example.com header.s=s1 header.b=\"ab/c\";\r\n"
            " dmarc=fail reason=\"no aligned identifier\" header.from=example.com\r\n");
  EXPECT_EQ(*format({"mx.example", 1, {}}), "Authentication-Results: mx.example; none\r\n");
  EXPECT_EQ(*format({"mail exchanger", 2, {}}), "Authentication-Results: \"mail exchanger\" 2; none\r\n");
}

TEST(Format, QuotesWhatIsNoTokenAndNoAddress) {
  struct Case {
    std::string_view value;
    std::string_view written;
  };
  const Case cases[] = {
      {"example.com", "example.com"},
      {"a@example.com", "a@example.com"},
      {"@example.com", "@example.com"},
      {"a+b=c@example.com", "a+b=c@example.com"},
      {"\"a b\"@example.com", "\"a b\"@example.com"},
      {"\"a;b\"@example.com", "\"a;b\"@example.com"},
      {"a b@example.com", "\"a b@example.com\""},
      {"a@b@example.com", "\"a@b@example.com\""},
      {"\"a\"b\"@example.com", "\"\\\"a\\\"b\\\"@example.com\""},
      {"a@", "\"a@\""},
      {"", "\"\""},
      {"2001:db8::1", "\"2001:db8::1\""},
      {"a;b", "\"a;b\""},
      {"a\"; dkim=pass header.d=bank.example; x=\"", "\"a\\\"; dkim=pass header.d=bank.example; x=\\\"\""},
      {"a\\", "\"a\\\\\""},
      {"(comment)", "\"(comment)\""},
      {"a\r\nBcc: b", "\"a??Bcc: b\""},
      {std::string_view("a\0b", 3), "\"a?b\""},
      {"a\x7f\x1b[2J", "\"a??[2J\""},
      {"\xff\xfe", "\"??\""},
      {"gr\xc3\xbc\xc3\x9f\x65", "\"gr??e\""},
      {"\xc3\xbc.example", "xn--tda.example"},
      {"a@\xc3\xbc.example", "a@xn--tda.example"},
      {"\xc3\xbc@\xc3\xbc.example", "\"?@?.example\""},
  };
  for (const Case& c : cases) {
    const auto field = format(with_value(std::string(c.value)));
    ASSERT_TRUE(field.ok());
    EXPECT_EQ(*field, "Authentication-Results: mx.example;\r\n x=pass policy.y=" + std::string(c.written) + "\r\n")
        << c.value;
  }
  EXPECT_THAT(*format(with_value("\xc3\xbc@\xc3\xbc.example"), {true, 78}),
              HasSubstr("policy.y=\xc3\xbc@\xc3\xbc.example\r\n"));
  EXPECT_THAT(*format(with_value("\xc3\xbc \xff"), {true, 78}), HasSubstr("policy.y=\"\xc3\xbc ?\"\r\n"));
}

TEST(Format, LetsNothingOutOfReasonsAndComments) {
  Results results = with_value("v");
  for (const std::string hostile :
       {") header.d=bank.example (", "\\) x=y", "(((((((((((((((((((((", "\r\n\r\nbody", "\"; x=y"}) {
    results.statements[0].comment = hostile;
    results.statements[0].reason = hostile;
    const auto back = parse(value_of(*format(results)));
    ASSERT_TRUE(back.ok()) << back.error().text;
    ASSERT_EQ(back->statements.size(), 1U) << hostile;
    EXPECT_EQ(back->statements[0].properties, results.statements[0].properties) << hostile;
  }
}

TEST(Format, KeepsEachLineWithinTheLimitOfMail) {
  Results results{std::string(max_value_octets, 'i'), 123456789, {}};
  for (int i = 0; i < 20; ++i) {
    Statement statement{"method", 9, "result", std::string(500, '('), std::string(2000, '"'), {}};
    statement.properties = {{"policy", "fits", std::string(max_value_octets, 'v')},
                            {"policy", "long", std::string(max_value_octets + 1, 'v')},
                            {"policy", "doubled", std::string(max_value_octets / 2, '"')}};
    results.statements.push_back(statement);
  }
  const auto field = format(results);
  ASSERT_TRUE(field.ok());
  EXPECT_THAT(*field, HasSubstr("policy.fits="));
  EXPECT_THAT(*field, Not(HasSubstr("policy.long=")));     // a value cut short would be another value
  EXPECT_THAT(*field, Not(HasSubstr("policy.doubled=")));  // its quotes take it past the limit
  for (std::size_t start = 0; start < field->size();) {
    const std::size_t end = field->find("\r\n", start);
    EXPECT_LE(end - start, 998U);
    start = end + 2;
  }
  EXPECT_TRUE(parse(value_of(*field)).ok());
}

TEST(Format, RefusesNamesThatAreNone) {
  const auto refused = [](const Results& results) {
    const auto field = format(results);
    return !field.ok() && field.error().code == Errc::invalid_argument;
  };
  for (const std::string bad : {"", "a b", "a;b", "a=b", "a\r\nb", "\xc3\xbc", "(x)"}) {
    EXPECT_TRUE(refused({"e", 1, {{bad, 1, "pass", "", "", {}}}})) << bad;
    EXPECT_TRUE(refused({"e", 1, {{"spf", 1, bad, "", "", {}}}})) << bad;
    EXPECT_TRUE(refused({"e", 1, {{"spf", 1, "pass", "", "", {{"smtp", bad, "v"}}}}})) << bad;
    if (!bad.empty()) {
      EXPECT_TRUE(refused({"e", 1, {{"spf", 1, "pass", "", "", {{bad, "x", "v"}}}}})) << bad;
    }
  }
  EXPECT_TRUE(refused({"e", 1, {{std::string(81, 'm'), 1, "pass", "", "", {}}}}));
  EXPECT_TRUE(refused({"", 1, {}}));
  EXPECT_TRUE(refused({std::string(max_value_octets + 1, 'i'), 1, {}}));
  EXPECT_FALSE(refused({std::string(max_value_octets, 'i'), 1, {}}));
  EXPECT_FALSE(refused({"e", 1, {{std::string(80, 'm'), 1, "pass", "", "", {}}}}));
}

TEST(Format, CutsCommentsAndReasonsAtTheirBounds) {
  constexpr std::size_t max_comment_octets = 200;
  for (const std::size_t octets : {max_comment_octets, max_comment_octets + 1}) {
    const auto field = format({"e", 1, {{"spf", 1, "pass", std::string(octets, 'c'), "", {}}}});
    const auto back = parse(value_of(*field));
    ASSERT_TRUE(back.ok());
    const std::string& comment = back->statements[0].comment;
    EXPECT_EQ(comment == std::string(octets, 'c'), octets == max_comment_octets) << comment;
    EXPECT_LE(comment.size(), max_comment_octets + 3);
  }
}

TEST(Format, KeepsItsBounds) {
  Results results{"e", 1, std::vector<Statement>(max_statements, Statement{"a", 1, "b", "", "", {}})};
  EXPECT_TRUE(format(results).ok());
  results.statements.push_back(results.statements.front());
  EXPECT_EQ(format(results).error().code, Errc::limit_exceeded);
  results.statements.resize(1);
  results.statements[0].properties.assign(max_properties, Property{"a", "b", "c"});
  EXPECT_TRUE(format(results).ok());
  results.statements[0].properties.push_back({"a", "b", "c"});
  EXPECT_EQ(format(results).error().code, Errc::limit_exceeded);
}

TEST(Format, GivesBackWhatWasRead) {
  const std::string_view values[] = {
      " example.org; none",
      " \"a b\" 3; none",
      " e.com; dkim/2=pass (c) reason=\"r s\" header.i=@x.example header.b=\"a/b\"; spf=fail smtp.mailfrom=\"a "
      "b\"@x.example",
      " e.com; x=y a.b=\"\" c=d e.f=\"\\\"\\\\;()\"",
      " e.com; x=y (a \\( b \\\\) policy.p=2001:db8::1",
  };
  for (const std::string_view value : values) {
    const auto read = parse(value);
    ASSERT_TRUE(read.ok()) << read.error().text;
    const auto again = parse(value_of(*format(*read)));
    ASSERT_TRUE(again.ok()) << again.error().text;
    EXPECT_EQ(*again, *read) << value;
  }
}

}  // namespace
}  // namespace sendconn::authres
