// Authentication-Results as servers write it, as the grammar allows it, and as nobody should.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sendconn/authres.hpp>

namespace sendconn::authres {
namespace {

using ::testing::HasSubstr;

Results one(std::string id, Statement statement) { return {std::move(id), 1, {std::move(statement)}}; }

TEST(Parse, ReadsWhatTheGrammarAllows) {
  struct Case {
    std::string_view value;
    Results results;
  };
  const Case cases[] = {
      {" example.org; none", {"example.org", 1, {}}},
      {" example.org 1; none\r\n", {"example.org", 1, {}}},
      {"example.org 2;none", {"example.org", 2, {}}},
      {" (foo) example.org (bar) 1 (baz) ; (qux) none (end)", {"example.org", 1, {}}},
      {" \"mail exchanger\\\"1\"; none", {"mail exchanger\"1", 1, {}}},
      {" example.com; spf=pass smtp.mailfrom=example.net",
       one("example.com", {"spf", 1, "pass", "", "", {{"smtp", "mailfrom", "example.net"}}})},
      {" example.com;\r\n\tSPF=Pass SMTP.MailFrom=Example.Net",
       one("example.com", {"spf", 1, "pass", "", "", {{"smtp", "mailfrom", "Example.Net"}}})},
      {" example.com; dkim=pass (good (really) \\) signature) header.i=@mail-router.example.net",
       one("example.com",
           {"dkim", 1, "pass", "good (really) ) signature", "", {{"header", "i", "@mail-router.example.net"}}})},
      {" e.com; dkim = fail (a) (b) reason = \"bad \\\"sig\\\"; x=y\" header . d = e.net",
       one("e.com", {"dkim", 1, "fail", "a b", "bad \"sig\"; x=y", {{"header", "d", "e.net"}}})},
      {" e.com; dkim/2=pass header.b=\"ab/c+\"", one("e.com", {"dkim", 2, "pass", "", "", {{"header", "b", "ab/c+"}}})},
      {" e.com; dkim (c) / (c) 2 (c) = (c) pass (kept)", one("e.com", {"dkim", 2, "pass", "kept", "", {}})},
      {" e.com; auth=pass smtp.auth=\"odd local\"@e.net smtp.mailfrom=bob@e.org",
       one("e.com",
           {"auth", 1, "pass", "", "", {{"smtp", "auth", "\"odd local\"@e.net"}, {"smtp", "mailfrom", "bob@e.org"}}})},
      {" e.com; x=pass policy.y=\"folded\r\n value\"",
       one("e.com", {"x", 1, "pass", "", "", {{"policy", "y", "folded value"}}})},
      {" \xc3\xbc.example; spf=pass smtp.mailfrom=gr\xc3\xbc\xc3\x9f\x65@\xc3\xbc.example",
       one("\xc3\xbc.example",
           {"spf", 1, "pass", "", "", {{"smtp", "mailfrom", "gr\xc3\xbc\xc3\x9f\x65@\xc3\xbc.example"}}})},
  };
  for (const Case& c : cases) {
    const auto results = parse(c.value);
    ASSERT_TRUE(results.ok()) << c.value << ": " << results.error().text;
    EXPECT_EQ(*results, c.results) << c.value;
  }
}

TEST(Parse, ReadsWhatLargeProvidersWrite) {
  const auto several = parse(
      " mx.example;\r\n"
      "       dkim=pass header.i=@example.com header.s=s1 header.b=\"a/b+c=\";\r\n"
      "       dkim=neutral (body hash did not verify) header.b=Zz/+9;\r\n"
      "       spf=softfail (mx.example: domain of transitioning a@b.example does not designate 2001:db8::1 as "
      "permitted\r\n"
      "        sender) smtp.mailfrom=a@b.example;\r\n"
      "       dmarc=fail (p=NONE sp=NONE dis=NONE) header.from=example.com;\r\n"
      "       compauth=fail reason=601; x-tls=pass policy.iprev=2001:db8::1 action=none;");
  ASSERT_TRUE(several.ok()) << several.error().text;
  ASSERT_EQ(several->statements.size(), 6U);
  EXPECT_EQ(*several->statements[1].find("HEADER", "B"), "Zz/+9");
  EXPECT_EQ(several->statements[3].comment, "p=NONE sp=NONE dis=NONE");
  EXPECT_EQ(several->statements[4].reason, "601");
  EXPECT_EQ(*several->statements[5].find("policy", "iprev"), "2001:db8::1");
  EXPECT_EQ(*several->statements[5].find("", "action"), "none");
  EXPECT_EQ(several->statements[5].find("policy", "x"), nullptr);
}

TEST(Parse, RefusesWithThePosition) {
  struct Case {
    std::string_view value;
    std::size_t position;
    std::string_view text;
  };
  const Case cases[] = {
      {"", 0, "token"},
      {"  ", 2, "token"},
      {" ; none", 1, "token"},
      {" \"\"; none", 3, "empty id"},
      {" example.org", 12, "a semicolon and a result"},
      {" example.org;", 13, "a method"},
      {" example.org 1x; none", 14, "semicolon"},
      {" example.org 1234567890; none", 13, "one to nine digits"},
      {" example.org spf=pass", 13, "semicolon"},
      {" spf=pass smtp.mailfrom=x", 4, "semicolon"},
      {" e.org; none; spf=pass", 17, "the end"},
      {" e.org; spf=pass; none", 22, "\"=\""},
      {" e.org; spf", 11, "\"=\""},
      {" e.org; spf=", 12, "a result"},
      {" e.org; spf=;", 12, "a result"},
      {" e.org; spf=pass smtp", 21, "\"=\""},
      {" e.org; spf=pass smtp.=x", 22, "name of a property"},
      {" e.org; spf=pass (open", 17, "closing parenthesis"},
      {" e.org; spf=pass smtp.x=\"open", 24, "closing quote"},
      {" e.org; spf=pass smtp.x=a\"b\"", 25, "a property"},
      {" e.org; spf/x=pass", 12, "digits"},
      {" e.org; spf=pass\nX: y", 16, "control character"},
      {" e.org; spf=pass smtp.x=\"a\r\nb\"", 26, "control character"},
  };
  for (const Case& c : cases) {
    const auto results = parse(c.value);
    ASSERT_FALSE(results.ok()) << c.value;
    EXPECT_EQ(results.error().code, Errc::syntax) << c.value;
    EXPECT_EQ(results.error().position, c.position) << c.value << ": " << results.error().text;
    EXPECT_THAT(results.error().text, HasSubstr(c.text)) << c.value;
  }
}

TEST(Parse, KeepsItsBounds) {
  const auto statements = [](std::size_t count) {
    std::string value = "e.org";
    for (std::size_t i = 0; i < count; ++i) value += "; a=b";
    return parse(value);
  };
  EXPECT_TRUE(statements(max_statements).ok());
  EXPECT_EQ(statements(max_statements + 1).error().code, Errc::limit_exceeded);
  const auto properties = [](std::size_t count) {
    std::string value = "e.org; a=b";
    for (std::size_t i = 0; i < count; ++i) value += " c.d=e";
    return parse(value);
  };
  EXPECT_TRUE(properties(max_properties).ok());
  EXPECT_EQ(properties(max_properties + 1).error().code, Errc::limit_exceeded);
  const auto octets = [](std::size_t count) {
    return parse("e.org; none (" + std::string(count - std::string_view("e.org; none ()").size(), 'x') + ")");
  };
  EXPECT_TRUE(octets(max_field_octets).ok());
  EXPECT_EQ(octets(max_field_octets + 1).error().code, Errc::limit_exceeded);
  // A version has nine digits, so that any number fits.
  EXPECT_EQ(parse("e.org 123456789; none")->version, 123456789U);
  EXPECT_FALSE(parse("e.org 1234567890; none").ok());
}

}  // namespace
}  // namespace sendconn::authres
